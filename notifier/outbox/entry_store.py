"""The entries of an outbox in one transaction: payloads for recipients, and audit events for the hub's log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import sqlalchemy as sa

from notifier.aio import backoff_ms
from notifier.outbox import queries, tables
from notifier.outbox.key_separation import OutboxCipher
from notifier.outbox.payloads import AuditEvent, Payload
from notifier.outbox.person_chain import entry_context
from notifier.outbox.persons import PersonRegistry
from notifier.outbox.states import (
    BACKOFF_INITIAL_MS,
    BACKOFF_MAX_MS,
    NO_KEY,
    UNDECIDED,
    EntryState,
    RecipientState,
)
from notifier.runtime import Runtime
from notifier.storage.integrity import Ledger

PARKED: Final = frozenset({EntryState.PARKED})

NewEntry = tuple[int | None, Payload | AuditEvent]
"""The row of a message (None: of none), and what is to be sealed."""


class EntryStore:
    """Stores, reads and settles entries, and with each the recipients that it carries a message to."""

    def __init__(self, connection: Ledger, cipher: OutboxCipher, runtime: Runtime, registry: PersonRegistry) -> None:
        self._connection = connection
        self._cipher = cipher
        self._runtime = runtime
        self._registry = registry

    def event_of(self, row: sa.Row[Any]) -> AuditEvent:
        """Return the audit event in a row of the entries. Raises `StorageError` (rows_changed)."""
        self._connection.check(tables.entries, row)
        return AuditEvent.from_document(row.event, self._opened(row))

    def payload_of(self, row: sa.Row[Any]) -> Payload:
        """Return the payload in a row of the entries. Raises `StorageError` (rows_changed)."""
        self._connection.check(tables.entries, row)
        return Payload.from_document(self._opened(row))

    def _opened(self, row: sa.Row[Any]) -> bytes:
        return self._cipher.open(entry_context(row.message), row.contents)

    async def rows(self, entries: Collection[int | None]) -> Sequence[sa.Row[Any]]:
        """Return the rows of these entries."""
        return (await self._connection.execute(queries.ENTRIES_BY_ROW, {"entries": list(entries)})).all()

    async def enqueue(self, new: Sequence[NewEntry], *, stands_for: int | None = None) -> dict[tuple[int, str], int]:
        """Store entries, due at once; return which entry carries which message to whom.

        An audit event is given the head of the chain of persons and rulings. `stands_for` is the entry whose place
        an event takes.
        """
        if any(isinstance(contents, AuditEvent) for _, contents in new):
            head = await self._registry.head()
            new = [(row, one.after(head) if isinstance(one, AuditEvent) else one) for row, one in new]
        now = self._runtime.clock()
        rows = [
            {
                "message": message,
                "event": contents.kind if isinstance(contents, AuditEvent) else None,
                "created": now,
                "state": EntryState.PENDING,
                "reason": None,
                "attempts": 0,
                "due": now,
                "updated": now,
                "contents": self._cipher.seal(entry_context(message), contents.document()),
                "stands_for": stands_for,
            }
            for message, contents in new
        ]
        ids = await self._connection.insert(tables.entries, rows)
        return {
            (message, name): entry
            for (message, contents), entry in zip(new, ids, strict=True)
            if isinstance(contents, Payload) and message is not None
            for name in contents.names
        }

    async def rewrite(self, entry: int, message: int, payload: Payload) -> None:
        """Store `payload` in place of what an entry had: for fewer recipients."""
        contents = self._cipher.seal(entry_context(message), payload.document())
        await self._connection.change(tables.entries, await self.rows([entry]), contents=contents)

    async def change(
        self, entries: Collection[int | None], *, only: Collection[str] = (), **values: int | str | None
    ) -> None:
        """Give columns of these entries other values, where their state is one of `only` (empty: any)."""
        if entries:
            rows = [row for row in await self.rows(entries) if not only or row.state in only]
            await self._connection.change(tables.entries, rows, **values, updated=self._runtime.clock())

    async def mark_sealed(self, entries: Collection[int | None]) -> None:
        """Note that envelopes of these entries were sealed; a missing key is no reason any more."""
        rows = await self.rows(entries)
        sealing = {"state": EntryState.SEALED, "updated": self._runtime.clock()}
        keyless = [row for row in rows if row.reason == NO_KEY]
        await self._connection.change(tables.entries, keyless, reason=None, **sealing)
        await self._connection.change(tables.entries, [row for row in rows if row.reason != NO_KEY], **sealing)

    async def reseal(self, entries: Collection[int]) -> None:
        """Make sealed entries pending again: their envelopes are void."""
        await self.change(entries, only=(EntryState.SEALED,), state=EntryState.PENDING)

    async def retry_now(self, entry: int) -> None:
        """Make an entry pending again, and due at once."""
        due = self._runtime.clock()
        await self.change([entry], only=UNDECIDED, state=EntryState.PENDING, reason=None, due=due)

    async def schedule_retry(self, entry: int, reason: str) -> None:
        """Make an entry pending again: due at once the first time, then after growing delays."""
        (row,) = await self.rows([entry])
        delay = backoff_ms(row.attempts - 1, BACKOFF_INITIAL_MS, BACKOFF_MAX_MS) if row.attempts else 0
        due = self._runtime.clock() + delay
        change = {"state": EntryState.PENDING, "reason": reason, "attempts": row.attempts + 1, "due": due}
        await self.change([entry], only=UNDECIDED, **change)

    async def retry_deferred(self, reasons: Collection[str]) -> None:
        """Make due at once what waits for one of `reasons`."""
        rows = (await self._connection.execute(queries.DEFERRED_ENTRIES, {"reasons": list(reasons)})).all()
        await self._connection.change(tables.entries, rows, due=self._runtime.clock(), attempts=0)

    async def accept(self, entries: Collection[int]) -> None:
        """Settle entries that the hub accepted. An acceptance always wins, whatever was stored before."""
        if entries:
            before = (RecipientState.WAITING, RecipientState.REJECTED)
            await self._change_recipients(entries, before, RecipientState.TOLD)
            await self.change(entries, state=EntryState.ROUTED, reason=None)

    async def reject(self, entries: Collection[int], reason: str, only: Collection[str] = UNDECIDED) -> None:
        """Settle entries that are not sent any more, where their state is one of `only`."""
        if entries:
            await self._change_recipients(entries, (RecipientState.WAITING,), RecipientState.REJECTED)
            await self.change(entries, only=only, state=EntryState.REJECTED, reason=reason)

    async def release(self, entries: Collection[int]) -> None:
        """Make parked entries pending."""
        change = {"state": EntryState.PENDING, "reason": None, "attempts": 0, "due": self._runtime.clock()}
        await self.change(entries, only=PARKED, **change)

    async def _change_recipients(
        self, entries: Collection[int], only: Collection[str], state: RecipientState
    ) -> None:
        found = await self._connection.execute(queries.RECIPIENTS_OF_ENTRIES, {"entries": list(entries)})
        rows = [row for row in found if row.state in only]
        await self._connection.change(tables.recipients, rows, state=state, since=self._runtime.clock())
