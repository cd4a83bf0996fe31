"""The router: shares the intake partitions with its peers, and runs each that it owns (docs/explanation/design.md).

The consumer group says which router should own a partition; the transactional id says which one does. Where either is
in doubt the router drops the partition and joins the group again. It opens the partition again only after a later
join assigned it: two owners that fenced each other at once would never stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import structlog

from notifier.aio import cancel_and_wait
from notifier.codec.single_object import codec
from notifier.crypto.keys import DecryptionKey, SigningKey
from notifier.directory.snapshot import DirectorySource, Snapshot
from notifier.errors import NotifierError, OwnershipLostError, TransportError
from notifier.routing.admission import PERHAPS_LATER, OpenedEnvelope, RejectedRecord
from notifier.routing.batch import CLOCK_KEY
from notifier.routing.clock import HubClock
from notifier.routing.partition import HubContext, Partition, Read, read_all
from notifier.runtime import REAL, Runtime
from notifier.telemetry import metrics
from notifier.topics import INTAKE, ROUTER_GROUP, STREAMS
from notifier.transport.base import Member, Outgoing, Polled, Transport

BATCH_RECORDS: Final = 500
POLL_MS: Final = 200
LOOK_AGAIN_S: Final = 2.0  # between two refreshes for an unknown version or feed
COMMIT_INTERVAL_MS: Final = 5_000  # of the group offsets, which only lag tools read

Results = Mapping[int, BaseException | None]
"""The failure of each partition's batch or opening, None where there was none."""

log = structlog.get_logger("notifier.router")


class Router:
    """One router process; several share the partitions. Run with `run`."""

    def __init__(
        self,
        transport: Transport,
        directory: DirectorySource,
        *,
        signing: SigningKey,
        decryption: Mapping[bytes, DecryptionKey],
        runtime: Runtime = REAL,
    ) -> None:
        self._transport = transport
        self._directory = directory
        self._signing = signing
        self._decryption = decryption
        self._runtime = runtime
        self._partitions: dict[int, Partition] = {}
        self._fenced: dict[int, int] = {}  # partition -> the generation in which its ownership was lost
        self._clock = HubClock(runtime.clock)
        self._feeds: frozenset[str] = frozenset()
        self._refresh_wanted = asyncio.Event()  # a record or the directory names what is not known here
        self._behind = False  # a record names a later version
        self._committed_at = -COMMIT_INTERVAL_MS
        self._joined = False
        self._generation = 0

    def ready(self) -> bool:
        """Return whether it is in the group and runs every partition that it was assigned."""
        return self._joined and not self._fenced

    async def run(self, stop: asyncio.Event) -> None:
        """Route until `stop` is set.

        While one batch is committed the next one is read and opened, which needs no order. It is decided after the
        commit, and dropped where the commit failed. Raise `DirectoryStaleError` where the directory is too old,
        `ClockError` where the clock is off, and `TransportError` where the broker does not answer. Nothing is lost
        then: undecided records are decided after the next start.
        """
        await self._compare_clock()
        self._feeds = await self._transport.topics()
        member = await self._transport.member(ROUTER_GROUP, INTAKE)
        batch: asyncio.Task[Results] | None = None
        refreshing = asyncio.create_task(self._refresh_on_request())
        try:
            while not stop.is_set():
                if refreshing.done():
                    refreshing.result()
                self._request_feeds(self._snapshot())
                polled = await member.poll(BATCH_RECORDS, POLL_MS)
                reads = await self._open_records(polled)
                results, batch = await batch if batch else {}, None
                if await self._handle_failures(member, polled, results) and await self._rebalance(member, polled):
                    await self._commit_progress(member)
                    batch = asyncio.create_task(self._route(reads))
            for error in (await batch).values() if batch else ():
                _raise_unless_ownership_doubt(error)
        finally:
            self._joined = False
            await cancel_and_wait([task for task in (batch, refreshing) if task])
            await self._drop(self._partitions)
            await member.close()

    async def _compare_clock(self) -> None:
        """Compare the clock with the broker's time of a record written for that; raise `ClockError` where it is off.

        This comes before joining the group, so that a router with a wrong clock takes no partition from others.
        """
        sender = await self._transport.sender()
        try:
            nothing = codec("IntakePosition").encode({"next_offset": 0})
            sent = self._clock.now()
            stamped = await sender.send([Outgoing(STREAMS, nothing, CLOCK_KEY)])
        finally:
            await sender.close()
        self._clock.check_acknowledged(stamped, sent)

    def _snapshot(self) -> Snapshot:
        snapshot = self._directory.snapshot()
        snapshot.check_fresh(self._runtime.clock())
        self._clock.check_signed(snapshot)
        return snapshot

    async def _rebalance(self, member: Member, polled: Polled) -> bool:
        """Close partitions that were taken away and open new ones; return as `_handle_failures` does."""
        await self._drop([number for number in self._partitions if number not in polled.owned])
        if polled.generation != self._generation:
            # No other router has begun these: that would have fenced us, and the next transaction fails then.
            for number, partition in self._partitions.items():
                await member.start(number, partition.offset)
            self._generation = polled.generation
        self._fenced = {
            number: generation
            for number, generation in self._fenced.items()
            if number in polled.owned and generation >= polled.generation
        }
        new = [number for number in polled.owned if number not in self._partitions and number not in self._fenced]
        opened = await asyncio.gather(*(self._open(member, number) for number in new), return_exceptions=True)
        sound = await self._handle_failures(member, polled, dict(zip(new, opened, strict=True)))
        self._joined = True
        return sound

    async def _open(self, member: Member, number: int) -> None:
        partition = await Partition.open(self._transport, number, self._feeds)
        self._partitions[number] = partition
        metrics.PARTITIONS_OWNED.set(len(self._partitions))
        await member.start(number, partition.offset)
        log.info("partition taken over", partition=number, offset=partition.offset)

    async def _commit_progress(self, member: Member) -> None:
        """Commit group offsets so that lag tools work. Recovery never reads them; it uses the streams topic."""
        now = self._runtime.clock()
        if self._partitions and now - self._committed_at >= COMMIT_INTERVAL_MS:
            self._committed_at = now
            await member.commit({number: partition.offset for number, partition in self._partitions.items()})

    async def _open_records(self, polled: Polled) -> Mapping[int, Sequence[Read]]:
        """Verify and open what was polled; return it by partition."""
        records = [record for some in polled.records.values() for record in some]
        reads: dict[int, list[Read]] = {}
        for read in await read_all(records, self._hub(self._snapshot())) if records else ():
            reads.setdefault(read[0].partition, []).append(read)
        return reads

    async def _route(self, reads: Mapping[int, Sequence[Read]]) -> Results:
        """Decide what was read, all partitions at once; return the result of each."""
        work = {number: some for number, some in reads.items() if number in self._partitions}
        done = await asyncio.gather(
            *(self._decide(self._partitions[number], some) for number, some in work.items()), return_exceptions=True
        )
        return dict(zip(work, done, strict=True))

    async def _decide(self, partition: Partition, reads: Sequence[Read]) -> None:
        snapshot = self._snapshot()
        self._request_versions(reads, snapshot)
        await partition.process(reads, self._hub(snapshot), self._feeds, self._runtime.clock())

    def _hub(self, snapshot: Snapshot) -> HubContext:
        return HubContext(snapshot, self._signing, self._decryption, self._runtime.entropy, self._clock)

    def _request_versions(self, reads: Sequence[Read], snapshot: Snapshot) -> None:
        """Ask for a refresh where `reads` name a later version; they are decided by the present one meanwhile."""
        slips = [item.slip for _, item in reads if isinstance(item, OpenedEnvelope)]
        rules = max((slip.rules_version for slip in slips), default=0)
        version = max((slip.directory_version for slip in slips), default=0)
        strange = any(item.reason in PERHAPS_LATER for _, item in reads if isinstance(item, RejectedRecord))
        if strange or rules > snapshot.rules.version or version > snapshot.directory.version:
            self._behind = True
            self._refresh_wanted.set()

    def _request_feeds(self, snapshot: Snapshot) -> None:
        """Ask for a refresh where an active authority has no known feed."""
        if not snapshot.directory.feeds() <= self._feeds:
            self._refresh_wanted.set()

    async def _refresh_on_request(self) -> None:
        """Refresh directory and feeds on request, in the background: a slow source delays no record.

        At most every `LOOK_AGAIN_S`, however many records name later versions. A failed refresh is logged and changes
        nothing.
        """
        while True:
            await self._refresh_wanted.wait()
            self._refresh_wanted.clear()
            behind, self._behind = self._behind, False
            try:
                if behind:
                    await self._directory.refresh()
            except NotifierError as error:
                log.warning("directory not refreshed", reason=error.reason, detail=error.detail)
            try:
                self._feeds = await self._transport.topics()
            except NotifierError as error:
                log.warning("topics not listed", reason=error.reason, detail=error.detail)
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _handle_failures(self, member: Member, polled: Polled, results: Results) -> bool:
        """Drop every partition whose ownership is in doubt; raise every other failure.

        A later join decides who owns it. Where `polled` is of the present generation, join again and return False:
        what was polled is void then.
        """
        failed = {number: error for number, error in results.items() if error is not None}
        for error in failed.values():
            _raise_unless_ownership_doubt(error)
        for number, error in failed.items():
            reason = error.reason if isinstance(error, NotifierError) else ""
            log.warning("partition dropped", partition=number, reason=reason)
            metrics.TAKEOVERS.labels(reason).inc()
            self._fenced[number] = self._generation
        await self._drop(failed)
        if failed and polled.generation == self._generation:
            await member.rejoin()
            return False
        return True

    async def _drop(self, numbers: Iterable[int]) -> None:
        """Close those of the partitions that run here."""
        gone = [self._partitions.pop(number) for number in list(numbers) if number in self._partitions]
        metrics.PARTITIONS_OWNED.set(len(self._partitions))
        await asyncio.gather(*(partition.close() for partition in gone))


def _raise_unless_ownership_doubt(error: BaseException | None) -> None:
    """Raise `error` unless it puts the ownership of a partition in doubt."""
    if error is not None and not isinstance(error, TransportError | OwnershipLostError):
        raise error
