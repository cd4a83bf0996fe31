"""One transaction of the outbox: the stores that share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from notifier.outbox import queries, tables
from notifier.outbox.decisions import DecisionStore
from notifier.outbox.deferral import Deferral
from notifier.outbox.entry_store import EntryStore
from notifier.outbox.key_separation import OutboxCipher
from notifier.outbox.message_store import MessageStore
from notifier.outbox.persons import PersonRegistry
from notifier.outbox.restoration import Restoration
from notifier.outbox.sealer import SealedEnvelope, SealRequest
from notifier.outbox.states import SET_ASIDE
from notifier.outbox.stream import BARRED
from notifier.outbox.stream_store import StreamStore
from notifier.policy.plan import nothing
from notifier.runtime import Runtime
from notifier.storage.integrity import Ledger


class OutboxTransaction:
    """One transaction: of the lease-holder, or of a caller that stores or decides something.

    It does not decide who is told: `policy` makes plans, and they are stored here.
    """

    def __init__(self, connection: Ledger, cipher: OutboxCipher, runtime: Runtime) -> None:
        self.connection = connection
        self.registry = PersonRegistry(connection, cipher)
        self.entries = EntryStore(connection, cipher, runtime, self.registry)
        self.messages = MessageStore(connection, cipher, runtime, self.registry, self.entries)
        self.streams = StreamStore(connection, cipher, runtime)
        self.deferral = Deferral(self.entries, self.messages)
        self.restoration = Restoration(connection, runtime, self.registry, self.streams, self.entries, self.messages)
        self.decisions = DecisionStore(
            connection, runtime, self.streams, self.entries, self.messages, self.deferral, self.restoration
        )

    async def pending(self, limit: int, now: int, *, closing: bool = False) -> list[SealRequest]:
        """Return the next entries to be sealed, in order; while the stream is closing its closing event alone."""
        which = {"now": now, "limit": limit}
        if closing:
            rows = (await self.connection.execute(queries.DUE_CLOSING_EVENTS, which)).all()
            return [self._request(row, {}) for row in rows]
        first = (await self.connection.execute(queries.DUE_SUBSTITUTES, which)).all()
        ids = {row.id for row in first}
        found = (await self.connection.execute(queries.DUE_ENTRIES, which)).all()
        rows = [*first, *(row for row in found if row.id not in ids)][:limit]
        wanted = {row.message for row in rows if row.event is None}
        messages = {}
        if wanted:
            opened = await self.connection.execute(queries.MESSAGES_BY_ROW, {"messages": sorted(wanted)})
            messages = {row.id: row for row in opened}
        return [self._request(row, messages) for row in rows]

    def _request(self, row: sa.Row[Any], messages: Mapping[int, sa.Row[Any]]) -> SealRequest:
        if row.event is not None:
            event = self.entries.event_of(row)
            return SealRequest(row.id, event, row.message, event.id, nothing(0, 0), row.reason)
        message = messages[row.message]
        plan = self.messages.plan_of(message)
        payload = self.entries.payload_of(row)
        return SealRequest(row.id, payload, message.id, message.notification_id, plan, row.reason)

    async def mark_in_flight(self, sealed: Sequence[SealedEnvelope]) -> None:
        """Store the envelopes that were sealed of entries, before they are sent for the first time."""
        if sealed:
            await self.streams.add_in_flight(sealed)
            await self.entries.mark_sealed([one.placed.entry for one in sealed])

    async def note_reason(self, reason: str) -> None:
        """Store why nothing is sent, in every undecided entry that has no reason of its own to wait."""
        rows = (await self.connection.execute(queries.UNDECIDED_ENTRIES)).all()
        waiting = [row for row in rows if row.reason not in (*SET_ASIDE, BARRED)]
        await self.connection.change(tables.entries, waiting, reason=reason)
