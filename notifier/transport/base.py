"""What the services need of a broker, and nothing more: implemented on Kafka and in memory.

Every reader is read_committed. Positions are kept by the callers, in their own databases or among the records of
their transactions; a group's committed offsets are for the broker's tools, and nothing here starts from them.
Errors are `notifier.errors.TransportError`, its kinds and `OwnershipLostError`, never the client library's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

Headers = tuple[tuple[str, bytes], ...]


class Record(NamedTuple):
    """One record as read; `value` is None for a tombstone; `timestamp` in Unix milliseconds (broker's word)."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Outgoing(NamedTuple):
    """One record to be written; partition 0 unless said. Keys are opaque; headers are trusted by nobody."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int = 0
    headers: Headers = ()


class Right(StrEnum):
    """What may be done with a topic."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Access:
    """One topic as a principal sees it: `exists` is None where it may not even know."""

    exists: bool | None
    rights: frozenset[Right] = frozenset()


class Sender(Protocol):
    """Writes records, durably acknowledged (acks=all, idempotent)."""

    async def send(self, batch: Sequence[Outgoing]) -> int | None:
        """Return when every record of `batch` is acknowledged, in their order per partition.

        Returns the latest time at which the broker appended one (Unix milliseconds); None where no topic of them is
        stamped by the broker.

        Raises `OutcomeUnknownError` where some may or may not be written (send the same bytes again), or
        `TransportError` with reason `broker_refused` where this principal may not.
        """

    async def close(self) -> None:
        """Lets go of the connection; never raises."""


class TransactionalSender(Protocol):
    """One transactional id. Opening it fenced every earlier owner and ended its open transaction."""

    async def transact(self, batch: Sequence[Outgoing]) -> int | None:
        """Write all of `batch` in one transaction.

        Returns when it is committed, with the time as `Sender.send`. Raises `OwnershipLostError` where a later owner
        exists, `OutcomeUnknownError` where the commit may or may not have happened; after either this object is dead:
        close it and begin anew.
        """

    async def close(self) -> None:
        """Aborts what is open and lets go; never raises."""


class Reader(Protocol):
    """One partition, read_committed, from a position that the caller names."""

    async def read(self, limit: int, wait_ms: int) -> list[Record]:
        """Up to `limit` records, in order; an empty list when none came within `wait_ms`.

        Raises `TransportError` when the partition cannot be read or this principal may not; where the
        position lies before the first record kept, reading goes on at that first record (the caller sees
        the offset jump).
        """

    async def beginning(self) -> int:
        """The offset of the first record that is kept; what came before it is gone."""

    async def position(self) -> int:
        """The offset of the next record to read; it passes over markers and aborted records as well."""

    async def end(self) -> int:
        """The offset after the last record that a read_committed reader can see now (last stable offset)."""

    async def close(self) -> None:
        """Lets go of the connection; never raises."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What a `Member` saw: `generation` counts its joins; `owned` are its partitions now.

    A partition appears in `owned` with the generation of the join that gave it. `records` holds only
    partitions that were started by `Member.start` in this generation: a new one silences them all.
    """

    generation: int
    owned: frozenset[int]
    records: Mapping[int, Sequence[Record]] = field(default_factory=dict)


class Member(Protocol):
    """A member of a consumer group that shares one topic's partitions; a partition is silent until started."""

    async def poll(self, limit: int, wait_ms: int) -> Polled:
        """Keeps the membership alive and returns what is there; at most `limit` records in all."""

    async def start(self, partition: int, offset: int) -> None:
        """From now on records of `partition` come, from `offset`; also rewinds a started one."""

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Tells the broker the next offset of each partition, for its tools; never raises."""

    async def rejoin(self) -> None:
        """Leaves and joins the group anew; the next poll has a later generation."""

    async def close(self) -> None:
        """Leaves the group; never raises."""


class Transport(Protocol):
    """A connection to one broker cluster as one principal."""

    async def sender(self) -> Sender:
        """A sender; raises `TransportError` where the broker does not answer or refuses."""

    async def transactional(self, transactional_id: str, topics: Sequence[str]) -> TransactionalSender:
        """Fences every other owner of the id; `topics` are all that will be written (docs/internals/kafka.md)."""

    async def reader(self, topic: str, partition: int, offset: int) -> Reader:
        """A reader of one partition from `offset`; raises `TransportError` where denied or missing."""

    async def member(self, group: str, topic: str) -> Member:
        """A member of `group` over `topic`."""

    async def ping(self) -> None:
        """Return when the broker has answered; raise `TransportError` where it does not."""

    async def topics(self) -> frozenset[str]:
        """The topics that this principal can see; used to find a missing feed before producing."""

    async def close(self) -> None:
        """Closes everything opened through this transport; never raises."""
