"""Readers on Kafka: of one partition from a position, or in a group that shares a topic's partitions."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka import errors as kafka_errors
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from notifier.errors import TransportError
from notifier.transport.base import Polled, Record
from notifier.transport.kafka.client import START_S, as_record, must_exist, speaking, stop

SESSION_MS: Final = 6_000
HEARTBEAT_MS: Final = 500  # others learn within this time that a member has left
COMMIT_S: Final = 1.0
FETCH_BYTES: Final = 4 * 1024 * 1024
CONSUMER: Final[dict[str, Any]] = {
    "isolation_level": "read_committed",
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "max_partition_fetch_bytes": FETCH_BYTES,
    "fetch_max_wait_ms": 250,
}


class KafkaReader:
    """`notifier.transport.base.Reader` on Kafka."""

    def __init__(self, consumer: Any, place: TopicPartition) -> None:
        self._consumer = consumer
        self._place = place

    async def read(self, limit: int, wait_ms: int) -> list[Record]:
        """Return up to `limit` records; wait at most `wait_ms` for the first."""
        async with speaking(START_S + wait_ms / 1000):
            found = await self._consumer.getmany(self._place, timeout_ms=wait_ms, max_records=limit)
        return [as_record(message) for message in found.get(self._place, ())]

    async def beginning(self) -> int:
        """Return the offset of the first record that is kept."""
        async with speaking(START_S):
            offsets = await self._consumer.beginning_offsets([self._place])
            first: int = offsets[self._place]
            return first

    async def position(self) -> int:
        """Return the offset of the next record to read."""
        async with speaking(START_S):
            at: int = await self._consumer.position(self._place)
            return at

    async def end(self) -> int:
        """Return the last stable offset."""
        async with speaking(START_S):
            ends = await self._consumer.end_offsets([self._place])
            end: int = ends[self._place]
            return end

    async def close(self) -> None:
        """Close the consumer."""
        await stop(self._consumer)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """A rebalance listener that records the assignment and pauses it; the caller acts on it later."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self.generation = 0
        self.owned: frozenset[int] = frozenset()

    def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002 - aiokafka's signature
        """Record that no partition is owned."""
        self.owned = frozenset()

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Pause and record the assigned partitions."""
        self._consumer.pause(*assigned)
        self.owned = frozenset(place.partition for place in assigned)
        self.generation += 1


class KafkaMember:
    """`notifier.transport.base.Member` on Kafka."""

    def __init__(self, common: dict[str, Any], group: str, topic: str) -> None:
        self._common = common
        self._group = group
        self._topic = topic
        self._before = 0  # generations seen by earlier consumers of this member
        self._consumer: Any = None
        self._listener: _Listener | None = None
        self._started: set[int] = set()

    @classmethod
    async def join(cls, common: dict[str, Any], group: str, topic: str) -> KafkaMember:
        """Return a new member; raises `TransportError` where the broker does not answer, or denies topic or group."""
        member = cls(common, group, topic)
        await member._enter()
        return member

    async def _enter(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._common,
            **CONSUMER,
            group_id=self._group,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=60_000,
            partition_assignment_strategy=(RangePartitionAssignor,),
        )
        listener = _Listener(consumer)
        consumer.subscribe([self._topic], listener=listener)
        try:
            async with speaking(START_S):
                await consumer.start()
                await must_exist(consumer, self._topic)
        except BaseException:
            await stop(consumer)
            raise
        self._consumer, self._listener, self._started = consumer, listener, set()

    def _listening(self) -> _Listener:
        if self._listener is None:
            raise TransportError(detail="not in the group")
        return self._listener

    async def poll(self, limit: int, wait_ms: int) -> Polled:
        """Return new records of the started partitions."""
        listener = self._listening()
        before = listener.generation
        async with speaking(START_S + wait_ms / 1000):
            found = await self._consumer.getmany(timeout_ms=wait_ms, max_records=limit)
        if listener.generation != before:
            # These records belong to an earlier assignment; their new owner will read them again.
            self._started = set()
            found = {}
        records = {
            place.partition: [as_record(message) for message in messages]
            for place, messages in found.items()
            if messages and place.partition in self._started
        }
        return Polled(self._before + listener.generation, listener.owned, records)

    async def start(self, partition: int, offset: int) -> None:
        """Deliver the records of `partition` from `offset` on."""
        if partition not in self._listening().owned:
            return
        place = TopicPartition(self._topic, partition)
        with contextlib.suppress(kafka_errors.IllegalStateError):  # revoked meanwhile: the next poll reports it
            self._consumer.seek(place, offset)
            self._consumer.resume(place)
            self._started.add(partition)

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit the offsets for the broker's tools."""
        places = {TopicPartition(self._topic, partition): offset for partition, offset in offsets.items()}
        with contextlib.suppress(TransportError):
            async with speaking(COMMIT_S):
                await self._consumer.commit(places)

    async def rejoin(self) -> None:
        """Leave and join the group again."""
        self._before += self._listening().generation
        await stop(self._consumer)
        await self._enter()

    async def close(self) -> None:
        """Leave the group."""
        if self._consumer is not None:
            await stop(self._consumer)
