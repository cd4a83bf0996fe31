"""The broker on Apache Kafka, through aiokafka: the only folder that imports it.

What aiokafka 0.14 does not do by itself is done here: every send is awaited before a commit (it commits after
a failed produce otherwise), everything has a time limit (idempotent batches never expire), topics are looked
up before they are assigned (a topic without the right to describe it hangs and floods the broker), listeners
only record (their exceptions are swallowed), and a sender that met a doubt is dead. Never run with `-O`.
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
PING_MS: Final = 2_000  # a broker that is silent for so long may still answer the next one


class _Closable(Protocol):
    """Something that a transport opened."""

    async def close(self) -> None: ...


C = TypeVar("C", bound=_Closable)


class _Pinging:
    """The connection on which the broker is asked for signs of life."""

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
        """An idempotent producer with acks from all in-sync replicas."""
        producer = AIOKafkaProducer(**self._common, **PRODUCER)
        await self._start(producer)
        return self._kept(KafkaSender(producer))

    async def transactional(self, transactional_id: str, topics: Sequence[str]) -> KafkaTransactional:
        """Starting it fences every other owner of the id."""
        producer = AIOKafkaProducer(
            **self._common, **PRODUCER, transactional_id=transactional_id, transaction_timeout_ms=TRANSACTION_MS
        )
        await self._start(producer)
        async with speaking(START_S):
            # Else the first send to a topic that it may not see shrinks its metadata and stalls the others.
            await producer.client.set_topics(list(topics))
        return self._kept(KafkaTransactional(producer))

    async def reader(self, topic: str, partition: int, offset: int) -> KafkaReader:
        """A consumer without a group."""
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
        """A consumer in a group."""
        return self._kept(await KafkaMember.join(self._common, group, topic))

    async def ping(self) -> None:
        """Ask for the cluster's brokers and topics, on a connection of its own that stays open."""
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
        """The topics that this principal may describe."""
        consumer = AIOKafkaConsumer(**self._common)
        await self._start(consumer)
        try:
            async with speaking(START_S):
                return frozenset(await consumer.topics())
        finally:
            await stop(consumer)

    async def close(self) -> None:
        """Closes everything that was opened here."""
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
