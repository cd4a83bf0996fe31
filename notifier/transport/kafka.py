"""The broker on Apache Kafka, through aiokafka: the only module that imports it.

What aiokafka 0.14 does not do by itself is done here: every send is awaited before a commit (it commits after
a failed produce otherwise), everything has a time limit (idempotent batches never expire), topics are looked
up before they are assigned (a topic without the right to describe it hangs and floods the broker), listeners
only record (their exceptions are swallowed), and a sender that met a doubt is dead. Never run with `-O`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka import errors as kafka_errors
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from notifier.config import KafkaSettings
from notifier.errors import ConfigError, Fenced, NotifierError, OutcomeUnknown, TransportError
from notifier.transport.base import Outgoing, Polled, Position, Record

START_S: Final = 20.0
SEND_S: Final = 60.0  # several times a broker's restart: until then aiokafka itself goes on trying
COMMIT_S: Final = 30.0
STOP_S: Final = 5.0
TRANSACTION_MS: Final = 15_000  # the broker sweeps every 10 s what has no successor (KAFKA.md)
SESSION_MS: Final = 6_000
HEARTBEAT_MS: Final = 1_500
REQUEST_MS: Final = 20_000
BATCH_BYTES: Final = 512 * 1024
FETCH_BYTES: Final = 4 * 1024 * 1024

# Without a handler of the application's, every refused connection would be printed to standard error.
logging.getLogger("aiokafka").addHandler(logging.NullHandler())

_FENCED: Final = (
    kafka_errors.ProducerFenced,
    kafka_errors.InvalidProducerEpoch,
    kafka_errors.TransactionCoordinatorFenced,
)
_REFUSED: Final = (
    kafka_errors.TopicAuthorizationFailedError,
    kafka_errors.GroupAuthorizationFailedError,
    kafka_errors.ClusterAuthorizationFailedError,
    kafka_errors.TransactionalIdAuthorizationFailed,
)


def _translated(error: BaseException, doubt: bool) -> NotifierError:
    """The error in this project's words; `doubt` where something may or may not have been written."""
    if isinstance(error, NotifierError):
        return error
    if isinstance(error, _FENCED):
        return Fenced()
    if isinstance(error, _REFUSED):
        return TransportError("broker_refused", f"the broker denies this principal ({type(error).__name__})")
    if doubt:
        return OutcomeUnknown(detail=f"the broker did not answer for certain ({type(error).__name__})")
    return TransportError("broker_unavailable", f"the broker does not answer ({type(error).__name__})")


@asynccontextmanager
async def _speaking(limit_s: float, *, doubt: bool = False) -> AsyncIterator[None]:
    """A time limit around calls of aiokafka, whose errors leave in this project's words."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except (kafka_errors.KafkaError, TimeoutError, OSError, AssertionError) as error:
        # After a fatal error aiokafka answers further calls with bare AssertionErrors.
        raise _translated(error, doubt) from error


async def _stop(client: Any) -> None:
    """Stops a producer or consumer, whatever state it is in, and never for long."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(STOP_S):
            await client.stop()


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """TLS 1.3 with this party's certificate, trusting the one authority that it names."""
    try:
        context = ssl.create_default_context(cafile=str(settings.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(str(settings.certificate), str(settings.key))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            detail="kafka: the certificate, key or ca cannot be read", hint="check kafka.* files"
        ) from error
    return context


class _Closable(Protocol):
    """Something that a transport opened."""

    async def close(self) -> None: ...


C = TypeVar("C", bound=_Closable)


class KafkaTransport:
    """`notifier.transport.base.Transport` on Kafka, as the principal of one certificate."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._common: dict[str, Any] = {
            "bootstrap_servers": settings.bootstrap,
            "security_protocol": "SSL",
            "ssl_context": tls_context(settings),
            "request_timeout_ms": REQUEST_MS,
            "retry_backoff_ms": 50,
            "metadata_max_age_ms": 60_000,
        }
        self._open: list[_Closable] = []

    async def sender(self) -> KafkaSender:
        """An idempotent producer with acks from all in-sync replicas."""
        producer = AIOKafkaProducer(**self._common, **_PRODUCER)
        await self._start(producer)
        return self._kept(KafkaSender(producer))

    async def transactional(self, transactional_id: str, topics: Sequence[str]) -> KafkaTransactional:
        """Starting it fences every other owner of the id."""
        producer = AIOKafkaProducer(
            **self._common, **_PRODUCER, transactional_id=transactional_id, transaction_timeout_ms=TRANSACTION_MS
        )
        await self._start(producer)
        async with _speaking(START_S):
            # Else the first send to a topic that it may not see shrinks its metadata and stalls the others.
            await producer.client.set_topics(list(topics))
        return self._kept(KafkaTransactional(producer))

    async def reader(self, topic: str, partition: int, offset: int) -> KafkaReader:
        """A consumer without a group."""
        consumer = AIOKafkaConsumer(**self._common, **_CONSUMER)
        await self._start(consumer)
        place = TopicPartition(topic, partition)
        try:
            async with _speaking(START_S):
                await _must_exist(consumer, topic)
                consumer.assign([place])
                consumer.seek(place, offset)
        except BaseException:
            await _stop(consumer)
            raise
        return self._kept(KafkaReader(consumer, place))

    async def member(self, group: str, topic: str) -> KafkaMember:
        """A consumer in a group."""
        return self._kept(await KafkaMember.join(self._common, group, topic))

    async def topics(self) -> frozenset[str]:
        """The topics that this principal may describe."""
        consumer = AIOKafkaConsumer(**self._common)
        await self._start(consumer)
        try:
            async with _speaking(START_S):
                return frozenset(await consumer.topics())
        finally:
            await _stop(consumer)

    async def close(self) -> None:
        """Closes everything that was opened here."""
        await asyncio.gather(*(one.close() for one in self._open))
        self._open.clear()

    async def _start(self, client: Any) -> None:
        try:
            async with _speaking(START_S):
                await client.start()
        except BaseException:
            await _stop(client)
            raise

    def _kept(self, one: C) -> C:
        self._open.append(one)
        return one


_PRODUCER: Final[dict[str, Any]] = {
    "enable_idempotence": True,
    "acks": "all",
    "linger_ms": 0,
    # Envelopes are ciphertext: they do not compress, and compressing beside secrets leaks lengths.
    "compression_type": None,
    "max_batch_size": BATCH_BYTES,
}
_CONSUMER: Final[dict[str, Any]] = {
    "isolation_level": "read_committed",
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "max_partition_fetch_bytes": FETCH_BYTES,
    "fetch_max_wait_ms": 250,
}


async def _must_exist(consumer: Any, topic: str) -> None:
    if topic not in await consumer.topics():
        raise TransportError("broker_refused", f"no topic {topic} for this principal")


async def _sent(producer: Any, batch: Sequence[Outgoing]) -> None:
    """Hands all of `batch` over, in whole batches a partition, then waits for every acknowledgement."""
    places: dict[tuple[str, int], list[Outgoing]] = {}
    for out in batch:
        places.setdefault((out.topic, out.partition), []).append(out)
    results = await asyncio.gather(
        *(_sent_to(producer, topic, partition, some) for (topic, partition), some in places.items()),
        return_exceptions=True,
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _sent_to(producer: Any, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
    """Sends the records of one partition in order: one call a batch costs a tenth of one call a record."""
    futures: list[asyncio.Future[Any]] = []
    builder = producer.create_batch()
    for out in records:
        if not _append(builder, out):
            futures.append(await _send_batch(producer, builder, topic, partition))
            builder = producer.create_batch()
            _append(builder, out)
    futures.append(await _send_batch(producer, builder, topic, partition))
    for result in await asyncio.gather(*futures, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _append(builder: Any, out: Outgoing) -> bool:
    """Whether the record still fitted; an empty batch takes any record."""
    added = builder.append(timestamp=None, key=out.key, value=out.value, headers=list(out.headers))
    return added is not None


async def _send_batch(producer: Any, builder: Any, topic: str, partition: int) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = await producer.send_batch(builder, topic, partition=partition)
    future.add_done_callback(_retrieve)
    return future


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Takes a failure notice of: the first one is raised, and those behind it say the same."""
    if not future.cancelled():
        future.exception()


class KafkaSender:
    """`notifier.transport.base.Sender` on Kafka."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """See the protocol; after an error close it and open another."""
        async with _speaking(SEND_S, doubt=True):
            await _sent(self._producer, batch)

    async def close(self) -> None:
        await _stop(self._producer)


class KafkaTransactional:
    """`notifier.transport.base.TransactionalSender` on Kafka."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer

    async def transact(self, batch: Sequence[Outgoing], consumed: Position) -> None:
        """See the protocol. What fails before the commit is ended by the next owner of the id."""
        async with _speaking(SEND_S, doubt=True):
            await self._producer.begin_transaction()
            await _sent(self._producer, batch)
            place = TopicPartition(consumed.topic, consumed.partition)
            await self._producer.send_offsets_to_transaction({place: consumed.offset}, consumed.group)
        async with _speaking(COMMIT_S, doubt=True):
            await self._producer.commit_transaction()

    async def close(self) -> None:
        await _stop(self._producer)


class KafkaReader:
    """`notifier.transport.base.Reader` on Kafka."""

    def __init__(self, consumer: Any, place: TopicPartition) -> None:
        self._consumer = consumer
        self._place = place

    async def read(self, limit: int, wait_ms: int) -> list[Record]:
        async with _speaking(START_S + wait_ms / 1000):
            found = await self._consumer.getmany(self._place, timeout_ms=wait_ms, max_records=limit)
        return [_record(message) for message in found.get(self._place, ())]

    async def position(self) -> int:
        async with _speaking(START_S):
            at: int = await self._consumer.position(self._place)
            return at

    async def end(self) -> int:
        async with _speaking(START_S):
            ends = await self._consumer.end_offsets([self._place])
            end: int = ends[self._place]
            return end

    async def close(self) -> None:
        await _stop(self._consumer)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Records what was assigned and keeps it silent; the loop acts on it later."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self.generation = 0
        self.owned: frozenset[int] = frozenset()

    def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002 - aiokafka's signature
        self.owned = frozenset()

    def on_partitions_assigned(self, assigned: Any) -> None:
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
        """Joins; raises `TransportError` where the broker does not answer, or denies topic or group."""
        member = cls(common, group, topic)
        await member._enter()
        return member

    async def _enter(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._common,
            **_CONSUMER,
            group_id=self._group,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=60_000,
            partition_assignment_strategy=(RangePartitionAssignor,),
        )
        listener = _Listener(consumer)
        consumer.subscribe([self._topic], listener=listener)
        try:
            async with _speaking(START_S):
                await consumer.start()
                await _must_exist(consumer, self._topic)
        except BaseException:
            await _stop(consumer)
            raise
        self._consumer, self._listener, self._started = consumer, listener, set()

    def _listening(self) -> _Listener:
        if self._listener is None:
            raise TransportError(detail="not in the group")
        return self._listener

    async def poll(self, limit: int, wait_ms: int) -> Polled:
        listener = self._listening()
        before = listener.generation
        async with _speaking(START_S + wait_ms / 1000):
            found = await self._consumer.getmany(timeout_ms=wait_ms, max_records=limit)
        if listener.generation != before:
            # Whatever was read belongs to an assignment that is over: it will be read again where it belongs.
            self._started = set()
            found = {}
        records = {
            place.partition: [_record(message) for message in messages]
            for place, messages in found.items()
            if messages and place.partition in self._started
        }
        return Polled(self._before + listener.generation, listener.owned, records)

    async def start(self, partition: int, offset: int) -> None:
        if partition not in self._listening().owned:
            return
        place = TopicPartition(self._topic, partition)
        with contextlib.suppress(kafka_errors.IllegalStateError):  # it was revoked meanwhile: the next poll tells
            self._consumer.seek(place, offset)
            self._consumer.resume(place)
            self._started.add(partition)

    async def stop(self, partition: int) -> None:
        self._started.discard(partition)
        with contextlib.suppress(kafka_errors.IllegalStateError):
            self._consumer.pause(TopicPartition(self._topic, partition))

    async def committed(self, partition: int) -> int | None:
        async with _speaking(START_S):
            offset: int | None = await self._consumer.committed(TopicPartition(self._topic, partition))
            return offset

    async def rejoin(self) -> None:
        self._before += self._listening().generation
        await _stop(self._consumer)
        await self._enter()

    async def close(self) -> None:
        if self._consumer is not None:
            await _stop(self._consumer)


def _record(message: Any) -> Record:
    return Record(
        message.topic,
        message.partition,
        message.offset,
        message.timestamp,
        message.key,
        message.value,
        tuple(message.headers or ()),
    )
