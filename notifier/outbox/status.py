"""The status of messages: what became of each, of its recipients, and of the audit events about it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from notifier.errors import NotFoundError
from notifier.names import NotificationId
from notifier.outbox import queries, tables
from notifier.outbox.ids import parse_id
from notifier.outbox.key_separation import OutboxCipher
from notifier.outbox.payloads import AuditEvent
from notifier.outbox.person_chain import entry_context
from notifier.outbox.recipients import RecipientStatus, as_they_stand, recipients_of, states_of
from notifier.outbox.states import UNDECIDED, EntryState, LogState, RecipientState, is_set_aside, summed
from notifier.outbox.stream_store import slip_context
from notifier.outbox.transaction import OutboxTransaction
from notifier.policy.decision import Entry

MessageState = tuple[RecipientState, str | None]
"""The state of a message, and the hub's last reason against it."""


@dataclass(frozen=True, slots=True)
class AuditEventState:
    """One audit event: its kind, its time, and whether the hub's log has it."""

    kind: str
    at: int
    state: LogState


@dataclass(frozen=True, slots=True)
class AuditEventProof:
    """The document of an audit event (canonical JSON), and what shows that the log has it.

    Once it has: the digest of the event's envelope, which names the entry of the log, and the slip that it was sent
    with (`payloads.shows`).
    """

    state: AuditEventState
    said: str
    envelope: bytes | None
    slip: bytes | None


@dataclass(frozen=True, slots=True)
class Status:
    """One message of the outbox. `id` is the notification's, as UUID text; times in Unix milliseconds.

    `state` sums its recipients up; `reason` is the last one that the hub gave against it. `entries` are those of the
    decision, each with the state of its recipient.
    """

    id: str
    state: RecipientState
    reason: str | None
    rules_version: int
    entries: tuple[Entry, ...]
    recipients: tuple[RecipientStatus, ...]
    submitted_at: int
    acts: tuple[AuditEventState, ...] = ()
    exercise: bool = False

    @property
    def settled(self) -> bool:
        """Return whether the hub decided everything that could be sent."""
        return self.state is not RecipientState.WAITING


@dataclass(frozen=True, slots=True)
class Backlog:
    """The entries that the hub has not decided: their number, and when the oldest was enqueued.

    `oldest` is in Unix milliseconds, None where nothing waits; `set_aside` counts by reason the recipients that wait
    until they can be reached.
    """

    depth: int
    oldest: int | None
    set_aside: dict[str, int]


class StatusReader:
    """Reads the status of messages and of audit events, in one transaction."""

    def __init__(self, transaction: OutboxTransaction, cipher: OutboxCipher) -> None:
        self._transaction = transaction
        self._connection = transaction.connection
        self._cipher = cipher

    async def row(self, message_id: str) -> sa.Row[Any]:
        """Return the row of a notification (UUID text). Raises `NotFoundError`."""
        which = {"id": parse_id(message_id)}
        row = (await self._connection.execute(queries.MESSAGE_BY_NOTIFICATION, which)).one_or_none()
        if row is None:
            raise NotFoundError(detail=f"the outbox has no notification {message_id}")
        self._connection.check(tables.messages, row)
        return row

    async def status(self, message_id: str) -> Status:
        """Return the status of a notification (UUID text). Raises `NotFoundError`."""
        return await self.status_of(await self.row(message_id))

    async def status_of(self, row: sa.Row[Any]) -> Status:
        """Return the status of the message in a row of the messages."""
        plan = self._transaction.messages.plan_of(row)
        recipients = await recipients_of(self._connection, row.id, plan.entries)
        state = (await self.states([row.id]))[row.id]
        events = (await self._connection.execute(queries.EVENTS_OF_MESSAGE, {"message": row.id})).all()
        return Status(
            NotificationId(row.notification_id).text,
            *state,
            plan.rules_version,
            as_they_stand(plan.entries, recipients),
            tuple(recipients),
            row.created,
            tuple(AuditEventState(one.event, one.created, LogState.of(one.state)) for one in events),
            plan.exercise,
        )

    async def states(self, messages: Sequence[int]) -> dict[int, MessageState]:
        """Return the state of each of these messages (row ids): of its entries, and of its recipients."""
        entries: dict[int, list[sa.Row[Any]]] = {message: [] for message in messages}
        if messages:
            for row in await self._connection.execute(queries.ENTRIES_OF_MESSAGES, {"messages": messages}):
                self._connection.check(tables.entries, row)
                entries[row.message].append(row)
        recipients = await states_of(self._connection, messages)
        return {message: _state(rows, recipients[message]) for message, rows in entries.items()}

    async def proofs(self, message_id: str | None) -> list[AuditEventProof]:
        """Return the audit events about a notification, or about none (persons), in order."""
        if message_id is None:
            found = await self._connection.execute(queries.PROOFS_OF_NO_MESSAGE)
        else:
            row = await self.row(message_id)
            found = await self._connection.execute(queries.PROOFS_OF_MESSAGE, {"message": row.id})
        return [self._proof(row) for row in found.all()]

    def _proof(self, row: sa.Row[Any]) -> AuditEventProof:
        stored = self._cipher.open(entry_context(row.message), row.contents)
        said = AuditEvent.from_document(row.event, stored).said.decode()
        state = AuditEventState(row.event, row.created, LogState.of(row.state))
        slip = None if row.slip is None else self._cipher.open(slip_context(row.digest), row.slip)
        return AuditEventProof(state, said, row.digest, slip)

    async def waiting(self) -> list[str]:
        """Return the ids of what the hub has not decided, in the order of submission.

        An audit event about no message has its kind in place of an id.
        """
        found = (await self._connection.execute(queries.WAITING_ENTRIES)).all()
        named = (
            row.event if row.notification_id is None else NotificationId(row.notification_id).text for row in found
        )
        return list(dict.fromkeys(named))

    async def backlog(self) -> Backlog:
        """Return how much waits."""
        waiting = (await self._connection.execute(queries.BACKLOG)).one()
        counts = await self._connection.execute(queries.SET_ASIDE_COUNTS)
        return Backlog(waiting.depth, waiting.oldest, {row.reason: row.number for row in counts})

    async def unreachable(self) -> dict[str, list[str]]:
        """Return by reason the recipients that wait until they can be reached, each once and in order of name."""
        rows = (await self._connection.execute(queries.SET_ASIDE_ENTRIES)).all()
        names = [(row.reason, name) for row in rows for name in self._transaction.entries.payload_of(row).names]
        return {reason: sorted({name for why, name in names if why == reason}) for reason, _ in names}


def _state(entries: Sequence[sa.Row[Any]], recipients: Collection[RecipientState]) -> MessageState:
    """Return the state of a message: waiting while any entry is, rejected where any was; else its recipients' sum.

    The refusal of an entry that carried it to nobody counts where it has no other.
    """
    waiting = [one.reason for one in entries if one.state in UNDECIDED and not is_set_aside(one.state, one.reason)]
    refused = [one for one in entries if one.state == EntryState.REJECTED]
    rejected = [one.reason for one in refused if one.carries or len(entries) == len(refused)]
    state = summed(recipients, waiting=bool(waiting), rejected=bool(rejected))
    return state, next((one[-1] for one in (waiting, rejected) if one), None)
