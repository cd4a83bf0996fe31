"""The router: shares the intake partitions with its peers, and runs each that it owns (docs/explanation/design.md).

The group says who should own a partition; the transactional id says who does. A doubt about either is never
argued with: the partition is dropped, the group joined anew, and a partition begun again only after a later
join gave it, since two owners who fence each other at once would do so for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import structlog

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
LOOK_AGAIN_S: Final = 2.0  # how often, at most, an unknown version or feed makes the router look again
COMMIT_INTERVAL_MS: Final = 5_000  # how often the broker's tools are shown how far each partition is

Results = Mapping[int, BaseException | None]
"""What became of each partition's batch or opening."""

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
        self._wanting = asyncio.Event()  # a version or feed was named that is not known here
        self._behind = False  # it was a version
        self._shown_at = -COMMIT_INTERVAL_MS
        self._joined = False
        self._generation = 0

    def ready(self) -> bool:
        """Whether it is in the group and every partition that it was given runs."""
        return self._joined and not self._fenced

    async def run(self, stop: asyncio.Event) -> None:
        """Routes until `stop` is set.

        While one batch is committed the next one is read and examined, which needs no order; it is decided when
        that one has ended well, and forgotten where it has not. Raises `DirectoryStaleError` where the directory may
        no longer be relied upon, `ClockError` where the clock is off, and `TransportError` where the broker cannot be
        reached; nothing is lost then: undecided records are decided after a new start.
        """
        await self._compare_clock()
        self._feeds = await self._transport.topics()
        member = await self._transport.member(ROUTER_GROUP, INTAKE)
        batch: asyncio.Task[Results] | None = None
        looking = asyncio.create_task(self._look_beside())
        try:
            while not stop.is_set():
                if looking.done():
                    looking.result()
                self._look_for_feeds(self._snapshot())
                polled = await member.poll(BATCH_RECORDS, POLL_MS)
                reads = await self._open_records(polled)
                results, batch = await batch if batch else {}, None
                if await self._handle_failures(member, polled, results) and await self._rebalance(member, polled):
                    await self._commit_progress(member)
                    batch = asyncio.create_task(self._route(reads))
            for error in (await batch).values() if batch else ():
                _raise_unless_doubt(error)
        finally:
            self._joined = False
            tasks = [task for task in (batch, looking) if task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._drop(self._partitions)
            await member.close()

    async def _compare_clock(self) -> None:
        """Write a record that means nothing, and look when the broker says that it was: before joining the group, so
        that a router with a wrong clock takes no partition from others."""
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
        """Lets go of partitions that went elsewhere, and opens those that came; as `_handle_failures`."""
        await self._drop([number for number in self._partitions if number not in polled.owned])
        if polled.generation != self._generation:
            # Nobody else can have begun these: that would have fenced us, and the next transaction will tell.
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
        """Shows the broker's tools how far each partition is. Nobody starts from it: the streams topic says where."""
        now = self._runtime.clock()
        if self._partitions and now - self._shown_at >= COMMIT_INTERVAL_MS:
            self._shown_at = now
            await member.commit({number: partition.offset for number, partition in self._partitions.items()})

    async def _open_records(self, polled: Polled) -> Mapping[int, Sequence[Read]]:
        """What came, verified and opened, of every partition."""
        records = [record for some in polled.records.values() for record in some]
        reads: dict[int, list[Read]] = {}
        for read in await read_all(records, self._hub(self._snapshot())) if records else ():
            reads.setdefault(read[0].partition, []).append(read)
        return reads

    async def _route(self, reads: Mapping[int, Sequence[Read]]) -> Results:
        """Decides what was read, every partition by itself; what became of each."""
        work = {number: some for number, some in reads.items() if number in self._partitions}
        done = await asyncio.gather(
            *(self._decide(self._partitions[number], some) for number, some in work.items()), return_exceptions=True
        )
        return dict(zip(work, done, strict=True))

    async def _decide(self, partition: Partition, reads: Sequence[Read]) -> None:
        snapshot = self._snapshot()
        self._look_for_versions(reads, snapshot)
        await partition.process(reads, self._hub(snapshot), self._feeds, self._runtime.clock())

    def _hub(self, snapshot: Snapshot) -> HubContext:
        return HubContext(snapshot, self._signing, self._decryption, self._runtime.entropy, self._clock)

    def _look_for_versions(self, reads: Sequence[Read], snapshot: Snapshot) -> None:
        """Ask for a look where `reads` name a later version; they are judged by what is known, without waiting."""
        slips = [item.slip for _, item in reads if isinstance(item, OpenedEnvelope)]
        rules = max((slip.rules_version for slip in slips), default=0)
        version = max((slip.directory_version for slip in slips), default=0)
        strange = any(item.reason in PERHAPS_LATER for _, item in reads if isinstance(item, RejectedRecord))
        if strange or rules > snapshot.rules.version or version > snapshot.directory.version:
            self._behind = True
            self._wanting.set()

    def _look_for_feeds(self, snapshot: Snapshot) -> None:
        """Ask for a look where an active authority has no feed yet."""
        if not snapshot.directory.feeds() <= self._feeds:
            self._wanting.set()

    async def _look_beside(self) -> None:
        """Refresh directory and feeds when asked, beside the deciding path: a slow source delays nobody's record.

        At most every `LOOK_AGAIN_S`, however often versions to come are named. What could not be refreshed is
        logged and stays as it was.
        """
        while True:
            await self._wanting.wait()
            self._wanting.clear()
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
        """Drops every partition whose ownership is in doubt, and raises what is no doubt.

        A later join decides who owns it. Where `polled` is not of one already, joins anew and answers false: what
        was polled is void then.
        """
        failed = {number: error for number, error in results.items() if error is not None}
        for error in failed.values():
            _raise_unless_doubt(error)
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
        """Closes these partitions, where they run."""
        gone = [self._partitions.pop(number) for number in list(numbers) if number in self._partitions]
        metrics.PARTITIONS_OWNED.set(len(self._partitions))
        await asyncio.gather(*(partition.close() for partition in gone))


def _raise_unless_doubt(error: BaseException | None) -> None:
    """Raises what is not the broker's word, or its silence, about who owns a partition."""
    if error is not None and not isinstance(error, TransportError | OwnershipLostError):
        raise error
