"""The recipients of messages, as they stand in the outbox: one reading for every reader."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from notifier.outbox import queries, tables
from notifier.outbox.states import INITIAL, RecipientState, is_set_aside, shown
from notifier.policy.decision import Entry, Outcome
from notifier.policy.plan import Plan
from notifier.storage.base import Connection
from notifier.storage.integrity import Ledger, tampered


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """One recipient: the authority (None: not known yet), its state, and since when (Unix milliseconds).

    `because` holds the reasons for which it is held or not told.
    """

    authority: str | None
    state: RecipientState
    since: int
    because: tuple[str, ...] = ()


async def states_of(connection: Connection, messages: Sequence[int]) -> dict[int, set[RecipientState]]:
    """Return the states of the recipients of each of these messages (row ids)."""
    found: dict[int, set[RecipientState]] = {message: set() for message in messages}
    for row in await rows_of(connection, messages):
        found[row.message].add(shown(row.state, row.entry_state, row.reason))
    return found


async def recipients_of(connection: Connection, message: int, entries: Sequence[Entry]) -> list[RecipientStatus]:
    """Return the recipients of a message (its row id), in the order of the entries of its plan."""
    rows = await rows_of(connection, [message])
    if len(rows) != len(entries):
        raise tampered("the number of recipients")
    return [
        RecipientStatus(
            entry.authority,
            shown(row.state, row.entry_state, row.reason),
            row.since,
            (*entry.because, *_aside(row)),
        )
        for entry, row in zip(entries, rows, strict=True)
    ]


def as_they_stand(entries: Sequence[Entry], recipients: Sequence[RecipientStatus]) -> tuple[Entry, ...]:
    """Return the entries of a plan, each with its recipient's state; one that cannot be reached yet is a hold."""
    return tuple(
        replace(entry, outcome=_outcome(entry, one), because=one.because, state=one.state)
        for entry, one in zip(entries, recipients, strict=True)
    )


def _outcome(entry: Entry, recipient: RecipientStatus) -> Outcome:
    return "hold" if entry.outcome == "send" and recipient.state is RecipientState.HELD else entry.outcome


def _aside(row: sa.Row[Any]) -> tuple[str, ...]:
    waits = row.state == RecipientState.WAITING and is_set_aside(row.entry_state, row.reason)
    return (row.reason,) if waits else ()


async def rows_of(connection: Connection, messages: Collection[int]) -> Sequence[sa.Row[Any]]:
    """Return the rows of the recipients of these messages, each with `entry_state` and `reason` of its entry.

    Raises `StorageError` (rows_changed) where one is not what was written. A reader with the key of decisions alone
    (oversight) cannot check.
    """
    if not messages:
        return ()
    rows = (await connection.execute(queries.RECIPIENTS_OF_MESSAGES, {"messages": list(messages)})).all()
    if isinstance(connection, Ledger):
        for row in rows:
            connection.check(tables.recipients, row)
            if row.entry is not None and row.entry_state is None:
                raise tampered("the number of entries")
    return rows


def recipient_rows(message: int, plan: Plan, now: int) -> list[dict[str, Any]]:
    """Return the rows of the entries of `plan` in their first state, with no outbox entry yet."""
    return [
        {"message": message, "place": place, "entry": None, "state": INITIAL[one.outcome], "since": now}
        for place, one in enumerate(plan.entries)
    ]
