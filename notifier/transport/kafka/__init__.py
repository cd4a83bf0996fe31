"""The broker on Apache Kafka, through aiokafka: the only folder that imports it.

It adds what aiokafka 0.14 lacks. Every send is awaited before a commit, because aiokafka commits after a failed
produce. Every wait has a time limit, because idempotent batches never expire. Topics are looked up before they are
assigned, because a topic without the right to describe it hangs and floods the broker. Listeners only record, because
their exceptions are swallowed. A sender with an unknown outcome is dead. Never run with `-O`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient

from notifier.config import KafkaSettings
from notifier.errors import TransportError
from notifier.transport.kafka.client import START_S, must_exist, speaking, stop, tls_context
from notifier.transport.kafka.probing import look
from notifier.transport.kafka.reading import CONSUMER, KafkaMember, KafkaReader
from notifier.transport.kafka.sending import PRODUCER, TRANSACTION_MS, KafkaSender, KafkaTransactional

__all__ = ["KafkaMember", "KafkaReader", "KafkaSender", "KafkaTransactional", "KafkaTransport"]

REQUEST_MS: Final = 20_000
PING_MS: Final = 2_000  # a broker that misses one ping may still answer the next


class _Closable(Protocol):
    """A client that a transport opened."""

    async def close(self) -> None:
        """Close the client."""


C = TypeVar("C", bound=_Closable)


class _Pinging:
    """The connection for pings of the broker."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def close(self) -> None:
        await stop(self)

    async def stop(self) -> None:
        await self.client.close()


class KafkaTransport:
    """`notifier.transport.base.Transport` on Kafka, as the principal of one certificate."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._common: dict[str, Any] = {
            "bootstrap_servers": settings.bootstrap,
            "security_protocol": "SSL",
            "ssl_context": tls_context(settings),
            "request_timeout_ms": REQUEST_MS,
            "retry_backoff_ms": 50,
            "metadata_max_age_ms": 60_000,
        }
        self._open: list[_Closable] = []
        self._pinging: _Pinging | None = None

    async def sender(self) -> KafkaSender:
        """Return an idempotent producer with acks from all in-sync replicas."""
        producer = AIOKafkaProducer(**self._common, **PRODUCER)
        await self._start(producer)
        return self._kept(KafkaSender(producer))

    async def transactional(self, transactional_id: str, topics: Sequence[str]) -> KafkaTransactional:
        """Return a transactional producer; starting it fences every other owner of the id."""
        producer = AIOKafkaProducer(
            **self._common, **PRODUCER, transactional_id=transactional_id, transaction_timeout_ms=TRANSACTION_MS
        )
        await self._start(producer)
        async with speaking(START_S):
            # Without this the first send to an invisible topic shrinks the metadata and stalls the others.
            await producer.client.set_topics(list(topics))
        return self._kept(KafkaTransactional(producer))

    async def reader(self, topic: str, partition: int, offset: int) -> KafkaReader:
        """Return a consumer without a group."""
        consumer = AIOKafkaConsumer(**self._common, **CONSUMER)
        await self._start(consumer)
        place = TopicPartition(topic, partition)
        try:
            async with speaking(START_S):
                await must_exist(consumer, topic)
                consumer.assign([place])
                consumer.seek(place, offset)
        except BaseException:
            await stop(consumer)
            raise
        return self._kept(KafkaReader(consumer, place))

    async def member(self, group: str, topic: str) -> KafkaMember:
        """Return a consumer in a group."""
        return self._kept(await KafkaMember.join(self._common, group, topic))

    async def ping(self) -> None:
        """Request the cluster's metadata on a connection of its own that stays open."""
        if self._pinging is None:
            client = AIOKafkaClient(**(self._common | {"request_timeout_ms": PING_MS}))
            pinging = self._kept(_Pinging(client))
            async with speaking(START_S):
                await client.bootstrap()
            self._pinging = pinging
        async with speaking(START_S):
            answered = await self._pinging.client.force_metadata_update()
        if not answered:
            raise TransportError(detail="the broker does not answer")

    async def topics(self) -> frozenset[str]:
        """Return the topics that this principal may describe."""
        consumer = AIOKafkaConsumer(**self._common)
        await self._start(consumer)
        try:
            async with speaking(START_S):
                return frozenset(await consumer.topics())
        finally:
            await stop(consumer)

    async def close(self) -> None:
        """Close all clients that were opened here."""
        await asyncio.gather(*(one.close() for one in self._open))
        self._open.clear()

    async def _start(self, client: Any) -> None:
        try:
            async with speaking(START_S):
                await client.start()
        except BaseException as error:
            await stop(client)
            if isinstance(error, TransportError) and error.reason == "broker_unavailable":
                await look(self._settings, self._common["ssl_context"])
            raise

    def _kept(self, one: C) -> C:
        self._open.append(one)
        return one
