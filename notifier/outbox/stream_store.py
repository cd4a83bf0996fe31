"""The stream and the envelopes of an outbox in one transaction: what `stream` computes is stored here."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from notifier.outbox import queries, tables
from notifier.outbox.key_separation import OutboxCipher
from notifier.outbox.sealer import SealedEnvelope
from notifier.outbox.states import EnvelopeState, StreamState
from notifier.outbox.stream import NO_DIGEST, InFlightEnvelope, StreamWindow
from notifier.runtime import Runtime
from notifier.storage.integrity import Ledger, tampered

MAX_REMEMBERED: Final = 5_000
"""The number of envelopes, as they were last read and checked, that a process remembers."""


class StreamStore:
    """Reads and stores the stream that is not closed, and its envelopes."""

    def __init__(self, connection: Ledger, cipher: OutboxCipher, runtime: Runtime) -> None:
        self._connection = connection
        self._cipher = cipher
        self._runtime = runtime

    async def row(self) -> sa.Row[Any]:
        """Return the row of the stream that is not closed. Raises `StorageError` (rows_changed)."""
        rows = (await self._connection.execute(queries.CURRENT_STREAMS)).all()
        if len(rows) != 1:
            raise tampered("the number of streams")
        self._connection.check(tables.streams, rows[0])
        return rows[0]

    async def window(self) -> StreamWindow:
        """Return the stream with its envelopes in flight."""
        row = await self.row()
        found = (await self._connection.execute(queries.ENVELOPES_IN_FLIGHT)).all()
        counters = json.loads(self._cipher.open(_counters_context(row.id), row.counters))
        in_flight = tuple(self._envelope(one) for one in found)
        closing = row.state == StreamState.CLOSING
        return StreamWindow(row.id, row.number, row.tail, counters, in_flight, closing, row.decided_at)

    async def save(self, window: StreamWindow) -> None:
        """Store the place of the stream, as a decision moved it."""
        await self._connection.change(
            tables.streams,
            [await self.row()],
            number=window.number,
            tail=window.tail,
            counters=self._seal_json(_counters_context(window.stream), window.counters),
            decided_at=window.decided_at,
        )

    async def change(self, **values: Any) -> None:
        """Give columns of the stream that is not closed other values."""
        await self._connection.change(tables.streams, [await self.row()], **values)

    async def begin(self, stream: bytes) -> None:
        """Store a stream that begins."""
        counters = self._seal_json(_counters_context(stream), {})
        row = {
            "id": stream,
            "number": 0,
            "tail": NO_DIGEST,
            "counters": counters,
            "state": StreamState.OPEN,
            "opened": self._runtime.clock(),
            "decided_at": 0,
            "closing_since": None,
            "backup_at": None,
            "backup_before": None,
        }
        await self._connection.insert(tables.streams, [row])

    async def add_in_flight(self, sealed: Sequence[SealedEnvelope]) -> None:
        """Store sealed envelopes, before they are sent for the first time."""
        now = self._runtime.clock()
        rows = [
            {
                "digest": placed.digest,
                "entry": placed.entry,
                "stream": placed.stream,
                "number": placed.number,
                "previous": placed.previous,
                "sequences": self._seal_json(b"envelope/sequences/" + placed.digest, placed.sequences),
                "state": EnvelopeState.IN_FLIGHT,
                "bytes": one.envelope,
                "slip": None if one.slip is None else self._cipher.seal(slip_context(placed.digest), one.slip),
                "created": now,
            }
            for one in sealed
            for placed in (one.placed,)
        ]
        await self._connection.insert(tables.envelopes, rows)

    async def settle(self, states: Mapping[bytes, EnvelopeState]) -> None:
        """Store by digest the states of envelopes that are in flight no more; their bytes go."""
        by_state: dict[EnvelopeState, list[sa.Row[Any]]] = {}
        for row in await self._by_digest(states):
            by_state.setdefault(states[row.digest], []).append(row)
        for state, rows in by_state.items():
            await self._connection.change(tables.envelopes, rows, state=state, bytes=None)

    async def void_all(self) -> None:
        """Take back everything in flight."""
        rows = (await self._connection.execute(queries.ENVELOPES_IN_FLIGHT)).all()
        await self._connection.change(tables.envelopes, rows, state=EnvelopeState.VOID, bytes=None)

    async def envelopes(self, digests: Collection[bytes]) -> dict[bytes, InFlightEnvelope]:
        """Return by digest those of these envelopes that this outbox made, in flight or not."""
        return {row.digest: self._envelope(row) for row in await self._by_digest(digests)}

    async def bytes_of(self, window: StreamWindow) -> dict[bytes, bytes]:
        """Return by digest the bytes of the envelopes in flight."""
        digests = [one.digest for one in window.in_flight]
        if not digests:
            return {}
        rows = await self._connection.execute(queries.ENVELOPE_BYTES, {"digests": digests})
        return {row.digest: row.bytes for row in rows}

    async def _by_digest(self, digests: Collection[bytes]) -> Sequence[sa.Row[Any]]:
        return (await self._connection.execute(queries.ENVELOPES_BY_DIGEST, {"digests": list(digests)})).all()

    def _envelope(self, row: sa.Row[Any]) -> InFlightEnvelope:
        read, known = tuple(row), self._cipher.envelopes
        before = known.get(row.digest)
        if before is not None and before[0] == read and isinstance(before[1], InFlightEnvelope):
            return before[1]
        self._connection.check(tables.envelopes, row)
        sequences = json.loads(self._cipher.open(b"envelope/sequences/" + row.digest, row.sequences))
        envelope = InFlightEnvelope(row.digest, row.entry, row.stream, row.number, row.previous, sequences)
        if len(known) >= MAX_REMEMBERED:
            known.clear()
        known[row.digest] = read, envelope
        return envelope

    def _seal_json(self, context: bytes, value: Mapping[str, int]) -> bytes:
        return self._cipher.seal(context, json.dumps(dict(value)).encode())


def slip_context(digest: bytes) -> bytes:
    """Return the associated data that binds the slip of an audit event's envelope to its row."""
    return b"envelope/slip/" + digest


def _counters_context(stream: bytes) -> bytes:
    return b"stream/counters/" + stream
