"""Make the databases in this folder, by the code of the commit that they are named after.

Run once, with that commit's code in place of this one's (`git worktree add FOLDER daacc92`)::

    cd FOLDER && PYTHONPATH=.:tests python PATH/generate.py PATH

It writes the outbox of TUR/spoc and the inbox of DEU/spoc as SQL for SQLite and for PostgreSQL, and `expected.json`:
what that code read in them. Later code must find all of it (`tests/unit/storage/test_migrations.py`). A database is
made once: what is in use somewhere does not change when this script does.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from notifier.consumers.inbox import tables as inbox_tables
from notifier.crypto.keys import SigningKey
from notifier.notification import parse, to_json
from notifier.outbox import tables as outbox_tables
from notifier.outbox.outbox import Submission
from notifier.policy.case import planned
from notifier.policy.plan import NO_CASE
from notifier.storage.tables import BOOKKEEPING
from notifier.topics import INTAKE
from support.attack_harness import Stage
from support.samples import document
from support.world import PARTITIONS, build_world

ME, READER = "TUR/spoc", "DEU/spoc"
ADA, BEN, DAN = (SigningKey.from_secret(name.encode().ljust(32, b".")) for name in ("ada", "ben", "dan"))
LOCAL = document()["local"]
CHILD = document()["subject"] | {"age": "child"}
RISK = LOCAL | {"risk": {"torture": ["DEU"], "death_penalty": []}}
REFUGEE = LOCAL | {"refugee": {"status": "refugee", "feared": ["UTO"]}}
CLAIMED = document()["subject"] | {"nationalities": [{"state": "UTO", "status": "claimed"}]}


def flown(stage, known):
    """The next digest on intake that is not known yet."""
    from notifier.envelope.verifying import parse_envelope

    broker = stage.world.broker
    values = [one.value for number in range(PARTITIONS) for one in broker.records(INTAKE, number)]
    return [digest for digest in (parse_envelope(value).digest for value in values) if digest not in known]


async def routed(stage):
    """What the hub decides: told, held, released, refused, updated, forwarded."""
    ids = {}
    async with stage.publishing() as publisher:
        await publisher.add_person("ada", ADA.public, ["child_reviewer", "assurance"])
        await publisher.add_person("ben", BEN.public, ["release"])
        await publisher.add_person("dan", DAN.public, ["release"])
        await publisher.retire_person("dan")
    async with stage.routing(), stage.publishing() as publisher:

        async def publish(name, **change):
            made = await publisher.publish(document(narrative=name, **change), by="cem")
            ids[name] = made.id
            return made.id

        await publish("told")
        await publish("not told to all", local=REFUGEE)
        child = await publish("a child, approved", subject=CHILD)
        await publisher.approve(child, "child_review", by="ada", key=ADA)
        await publish("a child, waiting", subject=CHILD)
        risk = await publish("at risk, refused", local=RISK)
        await publisher.refuse(risk, "torture_or_death_risk", by="ada", key=ADA)
        claimed = await publish("claimed, updated", subject=CLAIMED)
        assert await publisher.drain(20) == []
        about = {"id": claimed, "digest": await publisher.digest(claimed)}
        await publish("the update", type="update", stage=None, about=about)
        received = document(
            originator="AUT/spoc",
            id="00000000-0000-7000-8000-000000000001",
            narrative="from AUT",
            handling={"codes": ["H1"], "text": None, "release_to": [], "not_to": []},
        )
        del received["local"]
        forwarded = await publisher.forward(parse(received), ["TUR/fiu"], by="cem")
        ids["from AUT, forwarded"] = forwarded.id
        assert await publisher.drain(20) == []
    return ids


async def unsettled(stage, ids):
    """What the hub refuses, asks for again, has not decided, and what nobody sealed yet."""
    known = set(flown(stage, ()))
    outbox = await stage.outbox()
    stage.world.stream = lambda name: stream  # the outbox has one of its own
    async with outbox._database.read() as connection:
        row = (await connection.execute(outbox_tables.streams.select())).one()
        stream, number = row.id, row.number
    await outbox.close()
    async with stage.publishing() as publisher:
        for name in ("rejected", "on its way"):
            ids[name] = (await publisher.publish(document(narrative=name), by="cem")).id
        await stage.world.until(lambda: len(flown(stage, known)) >= 2)
        first = flown(stage, known)[0]
        known.update(flown(stage, known))
        await stage.inject(ME, stage.decision(first, ME, number + 1, outcome="rejected", reason="not_permitted"))
        await publisher.wait(ids["rejected"], 20)
        await stage.world.until(lambda: len(flown(stage, known)) >= 1)
        again = flown(stage, known)[0]
        known.add(again)
        ids["asked for again"] = (await publisher.publish(document(narrative="asked for again"), by="cem")).id
        await stage.world.until(lambda: len(flown(stage, known)) >= 1)
        await stage.inject(ME, stage.decision(again, ME, number + 1, outcome="rejected", reason="feed_missing"))
        await stage.world.until(lambda: len(flown(stage, known)) >= 2)
    snapshot = stage.world.directory.snapshot()
    outbox = await stage.outbox()
    for name, change in (("not sealed", {}), ("of a child, not sealed", {"subject": CHILD})):
        made = parse(document(narrative=name, **change, id=f"00000000-0000-7000-8000-{len(ids):012}"))
        (stored,) = await outbox.add([Submission(made, planned(made, NO_CASE, snapshot), "cem")])
        ids[name] = stored.id
    await outbox.close()


async def received(stage):
    """What DEU gets besides: a conflict, a gap that stays and one that was filled, what is refused."""
    same = bytes(15) + b"\x07"
    await stage.route(
        stage.letter("AUT/spoc", "first of its id", notification_id=same),
        stage.letter("AUT/spoc", "second of its id", notification_id=same),
        stage.letter("AUT/spoc", "after a gap", sequences={READER: 5}),
        stage.letter("AUT/spoc", "late", sequences={READER: 3}),
    )
    spoilt = stage.forge("FRA/spoc", "refused")
    await stage.inject(READER, stage.delivery(spoilt.envelope, READER, signing=stage.signing("UTO/spoc")))
    await stage.inject(READER, b"no record at all")
    await stage.read(READER)
    inbox = await stage.inbox(READER)
    await inbox.handed("file", 2)
    await inbox.close()


async def expected(stage, ids):
    """What this code reads of it all."""
    outbox, inbox = await stage.outbox(), await stage.inbox(READER)
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
            "entries": list(plan.entries),
            "said": [one.said for one in await outbox.proofs(message_id)],
        }
    found = {
        "outbox": {
            "messages": messages,
            "persons": [
                {
                    "name": one.name,
                    "public": one.public.hex(),
                    "permissions": sorted(one.permissions),
                    "added": one.added,
                    "retired": one.retired,
                }
                for one in await outbox.persons()
            ],
            "acts": [one.said for one in await outbox.proofs(None)],
            "held": [one.message.held.notification_id for one in await outbox.held()],
            "waiting": await outbox.waiting(),
            "flying": [one.hex() for one in await outbox.in_flight()],
            "feed_offset": await outbox.feed_offset(),
            "secret": outbox.secret.hex(),
            "forwarded": [
                one.id for one in await outbox.made_from("AUT/spoc", "00000000-0000-7000-8000-000000000001")
            ],
        },
        "inbox": {
            "messages": [
                {
                    **{name: getattr(one, name) for name in ("row", "id", "originator", "stream", "seq", "envelope")},
                    **{name: getattr(one, name) for name in ("accepted_at", "received_at", "rules_version", "state")},
                    "notification": to_json(one.notification, local=False),
                }
                for one in await inbox.messages()
            ],
            "gaps": [asdict(one) for one in await inbox.gaps()],
            "refusals": await inbox.refusals(),
            "receipts": sorted(one.hex() for one in await inbox.receipts()),
            "offset": await inbox.offset(),
            "taken": await inbox.taken("file"),
        },
    }
    await outbox.close()
    await inbox.close()
    return found


def literal(value, dialect):
    """A value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'" if dialect == "sqlite" else f"'\\x{value.hex()}'"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def dumped(path, tables):
    """The database as SQL: (for SQLite, for PostgreSQL), with the tables as each was made there."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made = [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
    made = [sql for sql in made if "sqlite_sequence" not in sql]
    lite, server = [f"{' '.join(sql.split())};" for sql in made], []
    everything = [*BOOKKEEPING.sorted_tables, *tables.sorted_tables]
    for table in everything:
        server.append(f"{' '.join(str(CreateTable(table).compile(dialect=postgresql.dialect())).split())};")
        indexes = sorted(table.indexes, key=lambda one: str(one.name))
        server += [f"{CreateIndex(index).compile(dialect=postgresql.dialect())};" for index in indexes]
    for table in everything:
        names = [column.name for column in table.columns]
        quoted = ", ".join(f'"{name}"' for name in names)
        for row in connection.execute(f'SELECT {quoted} FROM "{table.name}" ORDER BY 1, 2'):
            for lines, dialect in ((lite, "sqlite"), (server, "postgresql")):
                values = ", ".join(literal(value, dialect) for value in row)
                lines.append(f'INSERT INTO "{table.name}" ({quoted}) VALUES ({values});')
        if "id" in names and table.columns["id"].autoincrement is True:
            last = connection.execute(f'SELECT max(id) FROM "{table.name}"').fetchone()[0]
            if last is not None:
                server.append(f"SELECT setval('{table.name}_id_seq', {last});")
    connection.close()
    return "\n".join(lite) + "\n", "\n".join(server) + "\n"


async def main(folder):
    with tempfile.TemporaryDirectory() as place:
        stage = Stage(build_world(), Path(place))
        ids = await routed(stage)
        await received(stage)
        await unsettled(stage, ids)
        for name, tables in (("TUR-spoc.outbox", outbox_tables), ("DEU-spoc.inbox", inbox_tables)):
            lite, server = dumped(Path(place) / name, tables.TABLES)
            (folder / f"{tables.SCHEMA}-{tables.VERSION}.sqlite.sql").write_text(lite)
            (folder / f"{tables.SCHEMA}-{tables.VERSION}.postgresql.sql").write_text(server)
        found = await expected(stage, ids)
        (folder / "expected.json").write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        print({name: found["outbox"]["messages"][one]["state"] for name, one in ids.items()})


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
