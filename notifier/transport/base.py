"""The broker's protocol as the services need it, implemented on Kafka and in memory.

Every reader is read_committed. Callers keep positions in their own databases, or among the records of their
transactions. A group's committed offsets are for the broker's tools; nothing starts from them. Errors are
`notifier.errors.TransportError` and its subclasses, never the client library's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

Headers = tuple[tuple[str, bytes], ...]


class Record(NamedTuple):
    """A record as read; `value` is None for a tombstone; `timestamp` is the broker's, in Unix milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Outgoing(NamedTuple):
    """A record to be written, to partition 0 by default. Keys are opaque; no reader trusts headers."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int = 0
    headers: Headers = ()


class Right(StrEnum):
    """A right to a topic."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Access:
    """A principal's view of one topic; `exists` is None where it may not know."""

    exists: bool | None
    rights: frozenset[Right] = frozenset()


class Sender(Protocol):
    """A writer of records with durable acknowledgement (acks=all, idempotent)."""

    async def send(self, batch: Sequence[Outgoing]) -> int | None:
        """Return when every record of `batch` is acknowledged, in their order per partition.

        Returns the latest time at which the broker appended one (Unix milliseconds); None where the broker stamps
        none of the topics.

        Raises `OutcomeUnknownError` where some may or may not be written (send the same bytes again), or
        `TransportError` with reason `broker_refused` where this principal lacks the right.
        """

    async def close(self) -> None:
        """Close the connection; never raises."""


class TransactionalSender(Protocol):
    """A transactional id. Opening it fenced every earlier owner and ended its open transaction."""

    async def transact(self, batch: Sequence[Outgoing]) -> int | None:
        """Write all of `batch` in one transaction; return the time as `Sender.send` once it is committed.

        Raises `OwnershipLostError` where a later owner exists, and `OutcomeUnknownError` where the commit may or may
        not have happened. After either this object is dead: close it and open another.
        """

    async def close(self) -> None:
        """Abort an open transaction and close the connection; never raises."""


class Reader(Protocol):
    """A reader of one partition, read_committed, from a given position."""

    async def read(self, limit: int, wait_ms: int) -> list[Record]:
        """Return up to `limit` records, in order; empty where none came within `wait_ms`.

        Raises `TransportError` where the partition cannot be read. A position before the first kept record is moved
        to that record, so the caller sees the offset jump.
        """

    async def beginning(self) -> int:
        """Return the offset of the first record that is kept."""

    async def position(self) -> int:
        """Return the offset of the next record to read; it also passes over markers and aborted records."""

    async def end(self) -> int:
        """Return the offset after the last record that a read_committed reader can see now (last stable offset)."""

    async def close(self) -> None:
        """Close the connection; never raises."""


@dataclass(frozen=True, slots=True)
class Polled:
    """The result of `Member.poll`: `generation` counts its joins, `owned` are its partitions now.

    A partition appears in `owned` with the generation of the join that gave it. `records` holds only partitions that
    were started by `Member.start` in this generation: a new generation stops them all.
    """

    generation: int
    owned: frozenset[int]
    records: Mapping[int, Sequence[Record]] = field(default_factory=dict)


class Member(Protocol):
    """A member of a consumer group on one topic; a partition gives no records until it is started."""

    async def poll(self, limit: int, wait_ms: int) -> Polled:
        """Keep the membership alive; return at most `limit` new records in all."""

    async def start(self, partition: int, offset: int) -> None:
        """Deliver the records of `partition` from `offset` on; it also rewinds a started partition."""

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit the next offset of each partition for the broker's tools; never raises."""

    async def rejoin(self) -> None:
        """Leave and join the group again; the next poll has a later generation."""

    async def close(self) -> None:
        """Leave the group; never raises."""


class Transport(Protocol):
    """A connection to one broker cluster as one principal."""

    async def sender(self) -> Sender:
        """Return a sender; raises `TransportError` where the broker does not answer or refuses."""

    async def transactional(self, transactional_id: str, topics: Sequence[str]) -> TransactionalSender:
        """Return a transactional sender that fenced every other owner of the id.

        `topics` are all that it will write.
        """

    async def reader(self, topic: str, partition: int, offset: int) -> Reader:
        """Return a reader of one partition from `offset`; raises `TransportError` where it is denied or missing."""

    async def member(self, group: str, topic: str) -> Member:
        """Return a member of `group` on `topic`."""

    async def ping(self) -> None:
        """Return when the broker has answered; raises `TransportError` where it does not."""

    async def topics(self) -> frozenset[str]:
        """Return the topics that this principal can see; a missing feed is found by it before producing."""

    async def close(self) -> None:
        """Close all that was opened through this transport; never raises."""
