"""The messages of an outbox in one transaction: each with its plan, its recipients and its approvals."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from notifier.envelope.format import notification_digest
from notifier.notification import Notification, restore
from notifier.notification.model import Approval
from notifier.outbox import queries, tables
from notifier.outbox.entry_store import EntryStore
from notifier.outbox.key_separation import OutboxCipher
from notifier.outbox.payloads import AuditEvent, hold_event, payloads_for
from notifier.outbox.persons import PersonRegistry
from notifier.outbox.recipients import recipient_rows, rows_of
from notifier.outbox.sealer import SealRequest
from notifier.outbox.states import INITIAL, EntryState, RecipientState
from notifier.persons.approvals import ReviewSubject, approvals_of
from notifier.persons.model import canonical
from notifier.persons.submissions import SignedSubmission, Submitter, submit
from notifier.policy.decision import Entry
from notifier.policy.plan import Plan
from notifier.policy.revision import with_told
from notifier.runtime import Runtime
from notifier.storage.integrity import Ledger, tampered


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message of the outbox: its row id, the notification, the subject of rulings on it, and its plan."""

    row: int
    notification: Notification
    held: ReviewSubject
    plan: Plan


class MessageStore:
    """Reads messages, and replaces their plans and recipients."""

    def __init__(
        self,
        connection: Ledger,
        cipher: OutboxCipher,
        runtime: Runtime,
        registry: PersonRegistry,
        entries: EntryStore,
    ) -> None:
        self._connection = connection
        self._cipher = cipher
        self._runtime = runtime
        self._registry = registry
        self._entries = entries

    async def by_row(self, row: int) -> StoredMessage:
        """Return the message in the row of that id."""
        return self.opened((await self._connection.execute(queries.MESSAGES_BY_ROW, {"messages": [row]})).one())

    def opened(self, row: sa.Row[Any]) -> StoredMessage:
        """Return the message in a row of the messages. Raises `StorageError` (rows_changed)."""
        plan = self.plan_of(row)
        content = self._open("content", row)
        notification = restore(content)
        signed = None if row.submission is None else read_submission(self._open("submission", row))
        held = review_subject_of(notification, content, signed, row.created)
        return StoredMessage(row.id, notification, held, plan)

    def plan_of(self, row: sa.Row[Any]) -> Plan:
        """Return the plan in a row of the messages. Raises `StorageError` (rows_changed)."""
        self._connection.check(tables.messages, row)
        return Plan.from_document(self._open("plan", row))

    def content_of(self, row: sa.Row[Any]) -> bytes:
        """Return the notification in a row of the messages as canonical JSON, with its local part."""
        self._connection.check(tables.messages, row)
        return self._open("content", row)

    async def sign(self, message: StoredMessage, submitter: Submitter) -> StoredMessage:
        """Sign a message that nobody had signed, in the name of a registered submitter; an audit event.

        Raises `RefusedError` as `submissions.submit`.
        """
        held = message.held
        named = (held.authority, held.notification_id, held.notification_digest)
        signed = submit(*named, submitter, await self._registry.persons(), self._runtime.clock())
        await self._store(message, submission=canonical(signed.document()))
        await self._entries.enqueue([(message.row, AuditEvent.of("submission", self._runtime, signed.document()))])
        return replace(message, held=replace(held, submission=signed))

    async def approvals(self, message: StoredMessage) -> list[Approval]:
        """Return the approvals of a message that count."""
        rulings = await self._registry.rulings(message.row)
        return approvals_of(rulings, message.held, await self._registry.persons())

    async def replace_plan(self, message: StoredMessage, plan: Plan) -> Plan:
        """Replace the plan of a message, and enqueue payloads for recipients that no entry carries it to yet.

        The state of each recipient stays. A new hold is an audit event. Returns the plan as it is stored.
        """
        stored = await self._replace_recipients(message, plan)
        await self._store(message, plan=stored.document())
        if added := [entry for entry in stored.holds if entry not in message.plan.holds]:
            await self.enqueue_hold(message, added)
        places = await self._connection.scalars(queries.UNASSIGNED_PLACES, {"message": message.row})
        free = [stored.entries[place] for place in places]
        names = [entry.authority for entry in free if entry.authority is not None and entry.outcome == "send"]
        if payloads := payloads_for(message.notification, names, stored.ties):
            carried = await self._entries.enqueue([(message.row, one) for one in payloads])
            await self.assign(message.row, stored, {name: entry for (_, name), entry in carried.items()})
        return stored

    async def assign(self, message: int, plan: Plan, entries: dict[str, int]) -> None:
        """Note by authority which entry carries a message to it."""
        places = {one.authority: place for place, one in enumerate(plan.entries)}
        for name, entry in entries.items():
            at = {"message": message, "place": places[name]}
            rows = (await self._connection.execute(queries.RECIPIENT_AT, at)).all()
            await self._connection.change(tables.recipients, rows, entry=entry)

    async def unassign(self, request: SealRequest) -> None:
        """Note that an entry does not carry its message any more to those whom the plan sends nothing now."""
        names = () if isinstance(request.contents, AuditEvent) else request.contents.names
        gone = set(names) - set(request.recipients)
        for place, entry in enumerate(request.plan.entries) if gone else ():
            if entry.authority in gone:
                at = {"message": request.message, "place": place}
                found = await self._connection.execute(queries.RECIPIENT_AT, at)
                rows = [row for row in found if row.entry == request.row]
                change = {"entry": None, "state": INITIAL[entry.outcome], "since": self._runtime.clock()}
                await self._connection.change(tables.recipients, rows, **change)

    async def enqueue_hold(self, message: StoredMessage, entries: Sequence[Entry]) -> None:
        """Enqueue the audit event that a message waits, for whom and why."""
        await self._entries.enqueue([(message.row, hold_event(message.held, entries, self._runtime))])

    async def _replace_recipients(self, message: StoredMessage, plan: Plan) -> Plan:
        """Replace a message's recipients by those of `plan` and all who were told; return that plan."""
        rows = await rows_of(self._connection, [message.row])
        if len(rows) != len(message.plan.entries):
            raise tampered("the number of recipients")
        before = list(zip(message.plan.entries, rows, strict=True))
        await self._connection.remove(tables.recipients, rows)
        # An envelope in flight may arrive, whatever the plan is now.
        told = [one for one, row in before if row.state == RecipientState.TOLD or _in_flight(row)]
        stored = with_told(plan, told)
        known = {one.authority: row for one, row in before if one.authority is not None}
        new = recipient_rows(message.row, stored, self._runtime.clock())
        for one, row in zip(stored.entries, new, strict=True):
            was = known.get(one.authority or "")
            if was is None or was.entry is None:
                continue
            row["entry"] = was.entry
            if was.state in (RecipientState.TOLD, RecipientState.REJECTED, row["state"]) or _in_flight(was):
                row |= {"state": was.state, "since": was.since}
        await self._connection.insert(tables.recipients, new)
        return stored

    async def _store(self, message: StoredMessage, **values: bytes) -> None:
        """Seal and store columns of a message."""
        rows = (await self._connection.execute(queries.MESSAGES_BY_ROW, {"messages": [message.row]})).all()
        notification_id = id_of(message.notification)
        sealed = {name: self._cipher.seal(message_context(name, notification_id), values[name]) for name in values}
        await self._connection.change(tables.messages, rows, **sealed)

    def _open(self, column: str, row: sa.Row[Any]) -> bytes:
        value: bytes = getattr(row, column)
        return self._cipher.open(message_context(column, row.notification_id), value)


def message_context(column: str, notification_id: bytes) -> bytes:
    """Return the associated data that binds a sealed column of a message to its row."""
    return f"message/{column}/".encode() + notification_id


def review_subject_of(
    notification: Notification, content: bytes, submission: SignedSubmission | None, submitted_at: int
) -> ReviewSubject:
    """Return the subject that a ruling on a notification must name; `content` is its canonical JSON."""
    return ReviewSubject(
        notification.originator,
        str(uuid.UUID(bytes=id_of(notification))),
        notification_digest(content).hex(),
        submitted_at,
        submission,
    )


def read_submission(stored: bytes) -> SignedSubmission:
    """Return the submission that was stored as canonical JSON."""
    return SignedSubmission.from_document(json.loads(stored))


def id_of(notification: Notification) -> bytes:
    """Return the id of a notification, which it has once it is stored."""
    if notification.id is None:
        raise ValueError("a notification has its id before it is stored")
    return notification.id


def _in_flight(recipient: sa.Row[Any]) -> bool:
    return bool(recipient.entry_state == EntryState.SEALED)
