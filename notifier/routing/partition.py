"""One intake partition as its router holds it: fenced, restored from the streams topic, then decided in batches."""

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
from notifier.routing.admission import Admission, OpenedEnvelope, RejectedRecord, open_record
from notifier.routing.batch import CLOCK_KEY, POSITION_KEY, RecordDecision, TransactionContext, decide_batch, write
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
    """What the hub is at this moment: its directory, and its private keys (slips' by their id)."""

    snapshot: Snapshot
    signing: SigningKey
    decryption: Mapping[bytes, DecryptionKey]
    entropy: Entropy
    clock: HubClock


class Partition:
    """The only owner of one intake partition, for as long as nobody fences it.

    Open with `Partition.open`; the order there is what makes it safe: fence, then read.
    Any error of `process` leaves the outcome to the next owner: close this one and begin anew.
    """

    def __init__(self, number: int, sender: TransactionalSender, streams: Streams, offset: int) -> None:
        self.number = number
        self.offset = offset
        self._sender = sender
        self._streams = streams
        self._budget = Budget()

    @classmethod
    async def open(cls, transport: Transport, number: int, feeds: frozenset[str]) -> Partition:
        """Fences the former owner, then restores the streams and the position that were committed together.

        The order is what makes it safe: whatever the former owner had open is over before anything is read.
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
        """Decides `reads` in order, in as many transactions as their output needs.

        Raises `OwnershipLostError` or `OutcomeUnknownError` where this is no longer the owner, or may not be, and
        `ClockError`.
        """
        # Whatever a rebalance makes the reader read again was decided already.
        fresh = [read for read in reads if read[0].offset >= self.offset]
        for chunk in _by_output(fresh):
            await self._transact(chunk, hub, feeds, now)

    async def _transact(self, reads: Sequence[Read], hub: HubContext, feeds: frozenset[str], now: int) -> None:
        items = [(record.offset, item) for record, item in reads]
        admission = Admission(hub.snapshot, self.number, feeds, now)
        decided, changed = decide_batch(items, self._streams, admission, self._budget)
        next_offset = reads[-1][0].offset + 1
        scene = TransactionContext(
            hub_id=hub.snapshot.directory.hub.hub_id,
            key=hub.signing,
            rules_version=hub.snapshot.rules.version,
            directory_version=hub.snapshot.directory.version,
            partition=self.number,
            feeds=feeds,
            now=now,
            entropy=hub.entropy,
        )
        outgoing = write(decided, changed, next_offset, scene)
        with metrics.TRANSACTION_SECONDS.time():
            stamped = await self._sender.transact(outgoing)
        self._streams.apply(changed)
        self.offset = next_offset
        _count(decided)
        _report(decided, self.number)
        hub.clock.check_acknowledged(stamped, now)

    async def close(self) -> None:
        """Lets go of the transactional id."""
        await self._sender.close()


async def read_all(records: Sequence[Record], hub: HubContext) -> list[Read]:
    """Verifies and opens `records`, a few at a time: between them the transaction before goes on.

    In this thread. libsodium releases the interpreter's lock some fifty microseconds at a time, after which a thread
    waits for it for up to five milliseconds, as long as another computes: threads took more time than they gave.
    """
    found: list[Read] = []
    for record in records:
        found.append((record, _examined(record, hub)))
        if not len(found) % EXAMINED_AT_ONCE:
            await asyncio.sleep(0)
    return found


def _examined(record: Record, hub: HubContext) -> OpenedEnvelope | RejectedRecord:
    """As `open_record`; whatever else a hostile record brings about is a refusal too: the partition goes on."""
    try:
        return open_record(record.value, hub.snapshot.directory, hub.decryption)
    except Exception as error:
        log.error("record not examined", offset=record.offset, partition=record.partition, kind=type(error).__name__)
        return RejectedRecord(raw_digest(record.value or b""), "malformed")


def _by_output(reads: Sequence[Read]) -> Iterator[list[Read]]:
    """`reads` in order, cut where one transaction would write more than `OUTPUT_BYTES`."""
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
    """The partition's streams and the intake position that was committed with them."""
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
    """Takes one record of the streams topic over; returns the position that it holds, or 0."""
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
    """Log what was refused: a line where a stream moved, and one for all of an originator that moved none.

    So a flood floods no log. Whose it is stands there only where a signature says so.
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
