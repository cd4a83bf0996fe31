"""One intake partition of a router: fenced, restored from the streams topic, then decided in batches."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from notifier.codec.single_object import codec
from notifier.crypto.keys import DecryptionKey, SigningKey
from notifier.directory.snapshot import Snapshot
from notifier.envelope import raw_digest
from notifier.errors import MalformedError
from notifier.routing.admission import OpenedEnvelope, RejectedRecord, TransactionContext, open_record
from notifier.routing.batch import CLOCK_KEY, POSITION_KEY, RecordDecision, decide_batch, write
from notifier.routing.budget import Budget
from notifier.routing.clock import HubClock
from notifier.routing.sequence import StreamState
from notifier.routing.streams import Streams
from notifier.runtime import Entropy
from notifier.telemetry import metrics
from notifier.topics import AUDIT, REJECTED, STREAMS, router_transactional_id
from notifier.transport.base import Record, TransactionalSender, Transport

log = structlog.get_logger("notifier.router")

OUTPUT_BYTES: Final = 8 * 1024 * 1024
RESTORE_RECORDS: Final = 10_000
RESTORE_WAIT_MS: Final = 1_000
EXAMINED_AT_ONCE: Final = 8

Read = tuple[Record, OpenedEnvelope | RejectedRecord]


@dataclass(frozen=True, slots=True)
class HubContext:
    """The hub as it is now: its directory, clock and private keys (`decryption` by their id)."""

    snapshot: Snapshot
    signing: SigningKey
    decryption: Mapping[bytes, DecryptionKey]
    entropy: Entropy
    clock: HubClock


class Partition:
    """The only owner of one intake partition, until another router fences it. Open it with `Partition.open`.

    After any error of `process` the outcome is unknown here: close this object and open another.
    """

    def __init__(self, number: int, sender: TransactionalSender, streams: Streams, offset: int) -> None:
        self.number = number
        self.offset = offset
        self._sender = sender
        self._streams = streams
        self._budget = Budget()

    @classmethod
    async def open(cls, transport: Transport, number: int, feeds: frozenset[str]) -> Partition:
        """Fence the former owner, then restore the streams and the position that were committed together.

        In this order, so that the former owner's open transaction has ended before anything is read.
        """
        topics = [STREAMS, AUDIT, REJECTED, *sorted(feeds)]
        sender = await transport.transactional(router_transactional_id(number), topics)
        try:
            streams, offset = await restore(transport, number)
        except BaseException:
            await sender.close()
            raise
        return cls(number, sender, streams, offset)

    async def process(self, reads: Sequence[Read], hub: HubContext, feeds: frozenset[str], now: int) -> None:
        """Decide `reads` in order, in as many transactions as their output needs.

        Raise `OwnershipLostError` or `OutcomeUnknownError` where another router is, or may be, the owner, and
        `ClockError` where the clock is off.
        """
        # After a rebalance, records come again that were decided already.
        fresh = [read for read in reads if read[0].offset >= self.offset]
        for chunk in _by_output(fresh):
            await self._transact(chunk, hub, feeds, now)

    async def _transact(self, reads: Sequence[Read], hub: HubContext, feeds: frozenset[str], now: int) -> None:
        items = [(record.offset, item) for record, item in reads]
        context = TransactionContext(hub.snapshot, hub.signing, self.number, feeds, now, hub.entropy)
        decided, changed = decide_batch(items, self._streams, context, self._budget)
        next_offset = reads[-1][0].offset + 1
        outgoing = write(decided, changed, next_offset, context)
        with metrics.TRANSACTION_SECONDS.time():
            stamped = await self._sender.transact(outgoing)
        self._streams.apply(changed)
        self.offset = next_offset
        _count(decided)
        _report(decided, self.number)
        hub.clock.check_acknowledged(stamped, now)

    async def close(self) -> None:
        """Close the transactional sender."""
        await self._sender.close()


async def read_all(records: Sequence[Record], hub: HubContext) -> list[Read]:
    """Verify and open `records`, a few at a time, so that the transaction before them goes on in between.

    In this thread: libsodium releases the interpreter's lock for some fifty microseconds at a time, and the thread
    then waits up to five milliseconds to get it back while another computes. Threads cost more than they gained.
    """
    found: list[Read] = []
    for record in records:
        found.append((record, _examined(record, hub)))
        if not len(found) % EXAMINED_AT_ONCE:
            await asyncio.sleep(0)
    return found


def _examined(record: Record, hub: HubContext) -> OpenedEnvelope | RejectedRecord:
    """Call `open_record`; reject the record on any other error, so that no hostile record stops the partition."""
    try:
        return open_record(record.value, hub.snapshot.directory, hub.decryption)
    except Exception as error:
        log.error("record not examined", offset=record.offset, partition=record.partition, kind=type(error).__name__)
        return RejectedRecord(raw_digest(record.value or b""), "malformed")


def _by_output(reads: Sequence[Read]) -> Iterator[list[Read]]:
    """Yield `reads` in order, split where one transaction would write more than `OUTPUT_BYTES`."""
    chunk: list[Read] = []
    weight = 0
    for read in reads:
        record, item = read
        copies = len(item.rids) if isinstance(item, OpenedEnvelope) else 0
        cost = len(record.value or b"") * copies
        if chunk and weight + cost > OUTPUT_BYTES:
            yield chunk
            chunk, weight = [], 0
        chunk.append(read)
        weight += cost
    if chunk:
        yield chunk


async def restore(transport: Transport, number: int, topic: str = STREAMS) -> tuple[Streams, int]:
    """Return the partition's streams and the intake position that was committed with them."""
    streams = Streams()
    position = 0
    with metrics.RESTORE_SECONDS.time():
        reader = await transport.reader(topic, number, 0)
        try:
            end = await reader.end()
            while await reader.position() < end:
                for record in await reader.read(RESTORE_RECORDS, RESTORE_WAIT_MS):
                    position = max(position, _apply(record, streams))
        finally:
            await reader.close()
    return streams, position


def _apply(record: Record, streams: Streams) -> int:
    """Apply one record of the streams topic to `streams`; return the position that it holds, or 0."""
    if record.value is None:
        raise MalformedError(detail="a tombstone in the streams topic")
    if record.key == CLOCK_KEY:
        return 0
    if record.key == POSITION_KEY:
        offset: int = codec("IntakePosition").decode(record.value)["next_offset"]
        return offset
    state = codec("StreamState").decode(record.value)
    name = (state["originator"], state["stream"])
    streams.put(name, StreamState(state["number"], state["tail"], state["signer"], state["dropped"]))
    return 0


def _report(decided: Sequence[RecordDecision], partition: int) -> None:
    """Log what was refused: a line for each record that moved a stream, and one per originator for all others.

    A flood of records is thus one line. The originator is named only where a signature proves it.
    """
    others: dict[str | None, list[RecordDecision]] = {}
    for one in decided:
        if one.reason is None:
            continue
        header = one.item.header
        originator = None if header is None else header.originator
        if one.place != "in_turn":
            others.setdefault(originator, []).append(one)
            continue
        digest = one.item.digest.hex()
        log.warning("rejected", envelope=digest, originator=originator, reason=one.reason, partition=partition)
    for originator, some in others.items():
        log.warning(
            "refused, no stream moved",
            records=len(some),
            first=some[0].item.digest.hex(),
            originator=originator,
            reasons=dict(Counter(one.reason for one in some)),
            partition=partition,
        )


def _count(decided: Sequence[RecordDecision]) -> None:
    metrics.TRANSACTION_RECORDS.observe(len(decided))
    for (outcome, reason), count in Counter((one.outcome, one.reason) for one in decided).items():
        metrics.DECISIONS.labels(outcome, reason or "").inc(count)
    accepted = [one.item for one in decided if one.accepted and isinstance(one.item, OpenedEnvelope)]
    metrics.DELIVERIES.inc(sum(len(item.rids) for item in accepted))
