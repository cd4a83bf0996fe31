"""Databases of former versions (tests/databases): put where a test wants them, and read by the code of today."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from notifier.consumers.inbox.inbox import Inbox
from notifier.notification import to_json
from notifier.outbox.outbox import Outbox

FOLDER = Path(__file__).parent.parent / "databases"
WORDS = {"submitted": "waiting", "routed": "told", "suppressed": "not_told"}
"""States in the words of today, by those of daacc92."""


def in_todays_words(value: Any) -> Any:
    """What the former code read, as it is said today; that nobody's feed is known to be missing is no reason more."""
    if isinstance(value, dict):
        return {name: in_todays_words(one) for name, one in value.items()}
    if isinstance(value, list):
        return [in_todays_words(one) for one in value]
    return None if value == "feed_missing" else WORDS.get(value, value) if isinstance(value, str) else value


FORMER = ("outbox-6", "outbox-14", "inbox-1", "inbox-4")
EXPECTED = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in FORMER}
"""All that was in each database, by name."""
EXPECTED |= {name: in_todays_words(EXPECTED[name]) for name in ("outbox-6", "inbox-1")}
for _message in EXPECTED["outbox-6"]["messages"].values():
    # A typed name signs nothing: what was submitted then was submitted by nobody, and no approval of it counts.
    _message |= {"submitted_by": None, "approvals": 0}
WRITER, READER = "TUR/spoc", "DEU/spoc"
FORWARDED = ("AUT/spoc", "00000000-0000-7000-8000-000000000001")


def put(path: Path, name: str) -> str:
    """Write the former database `name` to a file of SQLite; return its address."""
    connection = sqlite3.connect(path)
    connection.executescript((FOLDER / f"{name}.sqlite.sql").read_text())
    connection.close()
    return f"sqlite:///{path}"


async def put_on_server(address: str, name: str) -> None:
    """Write the former database `name` into an empty database of PostgreSQL."""
    import asyncpg

    connection = await asyncpg.connect(address.replace("+asyncpg", ""))
    try:
        await connection.execute((FOLDER / f"{name}.postgresql.sql").read_text())
    finally:
        await connection.close()


async def written(outbox: Outbox) -> dict[str, Any]:
    """Everything that can be read in an outbox, in the form of the stored JSON."""
    messages = {}
    async for message_id, notification, plan, approvals in outbox.messages():
        status, reviewed = await outbox.status(message_id), await outbox.reviewed(message_id)
        messages[message_id] = {
            "notification": to_json(notification, local=True),
            "submitted_by": reviewed.message.held.submitted_by,
            "submitted_at": status.submitted_at,
            "state": status.state,
            "reason": status.reason,
            "recipients": {str(one.authority): one.state for one in status.recipients},
            "acts": [[one.kind, one.at, one.state] for one in status.acts],
            "rulings": [one.document() for one in reviewed.rulings],
            "approvals": len(approvals),
            "entries": [entry.to_json() for entry in plan.entries],
            "said": [one.said for one in await outbox.proofs(message_id)],
        }
    persons = [
        {
            "name": one.name,
            "public": one.public.hex(),
            "permissions": sorted(one.permissions),
            "added": one.added,
            "retired": one.retired,
        }
        for one in await outbox.persons()
    ]
    return {
        "messages": messages,
        "persons": persons,
        "acts": [one.said for one in await outbox.proofs(None)],
        "held": [one.message.held.notification_id for one in await outbox.held()],
        "waiting": await outbox.waiting(),
        "in_flight": [one.hex() for one in await outbox.in_flight()],
        "feed_offset": await outbox.feed_offset(),
        "secret": outbox.secret.hex(),
        "forwarded": [one.id for one in await outbox.made_from(*FORWARDED)],
    }


async def received(inbox: Inbox) -> dict[str, Any]:
    """Everything that can be read in an inbox, in the form of the stored JSON."""
    names = ("row", "id", "originator", "stream", "seq", "envelope", "accepted_at", "received_at", "rules_version")
    return {
        "messages": [
            {name: getattr(one, name) for name in (*names, "state")}
            | {"notification": to_json(one.notification, local=False)}
            for one in await inbox.messages()
        ],
        "gaps": [
            {"originator": gap.originator, "stream": gap.stream, "sequence": number}
            for gap in await inbox.gaps()
            for number in range(gap.first, gap.last + 1)
        ],
        "refusals": [list(one) for one in await inbox.refusals()],
        "receipts": sorted(one.hex() for one in await inbox.receipts()),
        "offset": await inbox.offset(),
        "taken": await inbox.cursors.position("file"),
    }


def schema(connection: sa.Connection) -> dict[str, object]:
    """What a database's tables look like: columns, keys, indexes and constraints, whatever made them."""
    looked = sa.inspect(connection)
    return {
        table: {
            "columns": sorted((one["name"], str(one["type"]), one["nullable"]) for one in looked.get_columns(table)),
            "primary": looked.get_pk_constraint(table)["constrained_columns"],
            "foreign": sorted(
                (one["constrained_columns"], one["referred_table"], sorted(one["options"].items()))
                for one in looked.get_foreign_keys(table)
            ),
            "unique": sorted(one["column_names"] for one in looked.get_unique_constraints(table)),
            "indexes": sorted((one["name"], one["column_names"]) for one in looked.get_indexes(table)),
        }
        for table in sorted(looked.get_table_names())
    }
