"""A broker in memory for fast tests of whole systems: transactions, fencing, groups and faults.

It keeps the guarantees that the services need from a real broker: order within a partition, atomic transactions with
a marker that takes an offset, fencing by transactional id, read_committed readers, groups with generations. It can
fail at any call: `MemoryBroker.fault` is awaited with the name of every step, and may raise, delay, or crash the
caller.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from notifier.errors import OwnershipLostError, TransportError
from notifier.transport.base import Outgoing, Polled, Record

Fault = Callable[[str], Awaitable[None]]


async def _no_fault(_step: str) -> None:
    return None


@dataclass(slots=True)
class _Partition:
    """The records of one partition; the marker of a transaction takes an offset and is None here."""

    records: list[Record | None] = field(default_factory=list)
    start: int = 0


@dataclass(slots=True)
class _Group:
    members: list[MemoryMember] = field(default_factory=list)
    generation: int = 0
    committed: dict[int, int] = field(default_factory=dict)

    def assign(self, partitions: int) -> None:
        """Assign ranges of partitions to the members in the order of their joins."""
        self.generation += 1
        for index, member in enumerate(self.members):
            member.given(frozenset(range(index, partitions, len(self.members))))


class MemoryBroker:
    """The cluster: topics with their partitions, the owners of transactional ids, and the groups."""

    def __init__(self, topics: Mapping[str, int], clock: Callable[[], int], fault: Fault = _no_fault) -> None:
        self.clock = clock
        self.fault = fault
        self.log = {topic: [_Partition() for _ in range(count)] for topic, count in topics.items()}
        self.owners: dict[str, MemoryTransactional] = {}
        self.groups: dict[str, _Group] = {}
        self.changed = asyncio.Condition()

    def transport(self) -> MemoryTransport:
        """Return a connection to this broker."""
        return MemoryTransport(self)

    def partition(self, topic: str, partition: int) -> _Partition:
        """Return a partition; raises `TransportError` where it does not exist."""
        found = self.log.get(topic, [])
        if not 0 <= partition < len(found):
            raise TransportError("broker_refused", f"no such topic or partition: {topic}")
        return found[partition]

    def records(self, topic: str, partition: int = 0) -> list[Record]:
        """Return the records that a read_committed reader sees, for assertions."""
        return [record for record in self.partition(topic, partition).records if record is not None]

    async def append(self, batch: Sequence[Outgoing], *, marker: bool = False) -> None:
        """Append all of `batch` at once; with `marker` also a transaction's marker to each partition touched."""
        places = [self.partition(out.topic, out.partition) for out in batch]
        for out, place in zip(batch, places, strict=True):
            place.records.append(
                Record(
                    out.topic,
                    out.partition,
                    place.start + len(place.records),
                    self.clock(),
                    out.key,
                    out.value,
                    out.headers,
                )
            )
        if marker:
            for place in {id(place): place for place in places}.values():
                place.records.append(None)
        await self.wake()

    async def wake(self) -> None:
        """Make every waiting reader look again."""
        async with self.changed:
            self.changed.notify_all()

    async def wait(self, wait_ms: int, there: Callable[[], bool]) -> None:
        """Return when `there()` is true, or after `wait_ms`."""
        async with self.changed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_ms / 1000):
                    await self.changed.wait_for(there)


class MemoryTransport:
    """`notifier.transport.base.Transport` on a `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._members: list[MemoryMember] = []

    async def sender(self) -> MemorySender:
        """Return a sender."""
        await self._broker.fault("sender.open")
        return MemorySender(self._broker)

    async def transactional(self, transactional_id: str, topics: Sequence[str]) -> MemoryTransactional:
        """Return the only live owner of the id."""
        await self._broker.fault("transactional.open")
        for topic in topics:
            self._broker.partition(topic, 0)
        owner = MemoryTransactional(self._broker, transactional_id)
        self._broker.owners[transactional_id] = owner
        return owner

    async def reader(self, topic: str, partition: int, offset: int) -> MemoryReader:
        """Return a reader of one partition from `offset`."""
        await self._broker.fault("reader.open")
        return MemoryReader(self._broker, topic, partition, offset)

    async def member(self, group: str, topic: str) -> MemoryMember:
        """Return a member that has joined the group."""
        await self._broker.fault("member.open")
        member = MemoryMember(self._broker, group, topic)
        self._members.append(member)
        await member.join()
        return member

    async def ping(self) -> None:
        """Return at once, unless a fault is injected."""
        await self._broker.fault("ping")

    async def topics(self) -> frozenset[str]:
        """Return the names of all topics."""
        await self._broker.fault("topics")
        return frozenset(self._broker.log)

    async def close(self) -> None:
        """Remove the members of this transport from their groups."""
        for member in self._members:
            await member.close()


class MemorySender:
    """`notifier.transport.base.Sender` in memory."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def send(self, batch: Sequence[Outgoing]) -> int | None:
        """Append `batch`; return the time of the broker's clock."""
        await self._broker.fault("send.before")
        await self._broker.append(batch)
        stamped = self._broker.clock()
        await self._broker.fault("send.after")
        return stamped

    async def close(self) -> None:
        """Do nothing: no resource is held."""
        return


class MemoryTransactional:
    """`notifier.transport.base.TransactionalSender` in memory; dead once another owner was opened."""

    def __init__(self, broker: MemoryBroker, transactional_id: str) -> None:
        self._broker = broker
        self._id = transactional_id

    def _own(self) -> None:
        if self._broker.owners.get(self._id) is not self:
            raise OwnershipLostError(detail="another owner of the transactional id began")

    async def transact(self, batch: Sequence[Outgoing]) -> int | None:
        """Append `batch` with its markers; return the time of the broker's clock."""
        await self._broker.fault("transact.begin")
        self._own()
        for out in batch:
            self._broker.partition(out.topic, out.partition)
        await self._broker.fault("transact.commit")
        self._own()
        await self._broker.append(batch, marker=True)
        stamped = self._broker.clock()
        await self._broker.fault("transact.after")
        return stamped

    async def close(self) -> None:
        """Do nothing: no resource is held."""
        return


class MemoryReader:
    """`notifier.transport.base.Reader` in memory."""

    def __init__(self, broker: MemoryBroker, topic: str, partition: int, offset: int) -> None:
        self._broker = broker
        self._log = broker.partition(topic, partition)
        self._next = max(offset, self._log.start)

    async def read(self, limit: int, wait_ms: int) -> list[Record]:
        """Return up to `limit` records; wait at most `wait_ms` for the first."""
        await self._broker.fault("read")
        if not self.pending():
            await self._broker.wait(wait_ms, self.pending)
        found: list[Record] = []
        while self._next < self._log.start + len(self._log.records) and len(found) < limit:
            record = self._log.records[self._next - self._log.start]
            self._next += 1
            if record is not None:
                found.append(record)
        return found

    def pending(self) -> bool:
        """Return whether a record waits to be read."""
        return any(record is not None for record in self._log.records[self._next - self._log.start :])

    async def beginning(self) -> int:
        """Return the offset of the first record that is kept."""
        return self._log.start

    async def position(self) -> int:
        """Return the offset of the next record to read."""
        return self._next

    async def end(self) -> int:
        """Return the offset after the last record."""
        return self._log.start + len(self._log.records)

    async def close(self) -> None:
        """Do nothing: no resource is held."""
        return


class MemoryMember:
    """`notifier.transport.base.Member` in memory; `expel` simulates a session time-out."""

    def __init__(self, broker: MemoryBroker, group: str, topic: str) -> None:
        self._broker = broker
        self._topic = topic
        self._group = broker.groups.setdefault(group, _Group())
        self._generation = 0
        self._owned: frozenset[int] = frozenset()
        self._running: dict[int, MemoryReader] = {}

    def given(self, partitions: frozenset[int]) -> None:
        """Set a new assignment; every partition must be started again."""
        self._generation += 1
        self._owned = partitions
        self._running = {}

    def _balance(self) -> None:
        self._group.assign(len(self._broker.log[self._topic]))

    async def join(self) -> None:
        """Enter the group; all partitions are assigned again."""
        self._group.members.append(self)
        self._balance()
        await self._broker.wake()

    async def expel(self) -> None:
        """Remove the member from the group before it knows, as a session time-out does."""
        if self in self._group.members:
            self._group.members.remove(self)
            self._balance()
            await self._broker.wake()

    async def poll(self, limit: int, wait_ms: int) -> Polled:
        """Return new records of the started partitions; rejoin after an expulsion."""
        await self._broker.fault("poll")
        if self not in self._group.members:
            self._owned, self._running = frozenset(), {}
            await self.join()
        before = self._generation
        if not self._waiting():
            await self._broker.wait(wait_ms, lambda: self._generation != before or self._waiting())
        found: dict[int, list[Record]] = {}
        room = limit
        for number, reader in list(self._running.items()):
            records = await reader.read(room, 0) if room else []
            room -= len(records)
            if records:
                found[number] = records
        if self._generation != before:
            # These records belong to an earlier assignment; their new owner will read them again.
            found, self._running = {}, {}
        return Polled(self._generation, self._owned, found)

    def _waiting(self) -> bool:
        return any(reader.pending() for reader in self._running.values())

    async def start(self, partition: int, offset: int) -> None:
        """Deliver the records of `partition` from `offset` on."""
        if partition in self._owned:
            self._running[partition] = MemoryReader(self._broker, self._topic, partition, offset)

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Store the offsets in the group."""
        self._group.committed.update(offsets)

    async def rejoin(self) -> None:
        """Leave and join the group again."""
        self._owned, self._running = frozenset(), {}
        await self.expel()
        await self.join()

    async def close(self) -> None:
        """Leave the group."""
        await self.expel()
