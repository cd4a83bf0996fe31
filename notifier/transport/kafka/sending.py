"""Writing to Kafka: whole batches a partition, and transactions that are dead after any doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from typing import Any, Final

from aiokafka.producer import sender as aiokafka_sender

from notifier.transport.base import Outgoing
from notifier.transport.kafka.client import speaking, stop

SEND_S: Final = 60.0  # several times a broker's restart: until then aiokafka itself goes on trying
COMMIT_S: Final = 30.0
TRANSACTION_MS: Final = 15_000  # the broker sweeps every 10 s what has no successor (docs/internals/kafka.md)
APPENDED: Final = 1  # the type of a timestamp that the broker gave (LogAppendTime)
BATCH_BYTES: Final = 512 * 1024
PRODUCER: Final[dict[str, Any]] = {
    "enable_idempotence": True,
    "acks": "all",
    "linger_ms": 0,
    # Envelopes are ciphertext: they do not compress, and compressing beside secrets leaks lengths.
    "compression_type": None,
    "max_batch_size": BATCH_BYTES,
}

# While the markers of one transaction are still being written, the next one is told to come back later: most of the
# time after a millisecond or two, and aiokafka would wait for twenty.
aiokafka_sender.BACKOFF_OVERRIDE = 0.003


async def _handed_over(producer: Any, batch: Sequence[Outgoing]) -> list[Awaitable[Any]]:
    """Hands `batch` over in whole batches a partition; what to wait for until all of it is acknowledged.

    When it returns every partition has its first batch, so that aiokafka asks for them all in one request.
    """
    places: dict[tuple[str, int], list[Outgoing]] = {}
    for out in batch:
        places.setdefault((out.topic, out.partition), []).append(out)
    batches = {place: _batches(producer, records) for place, records in places.items()}
    first = [await _send_batch(producer, next(some), *place) for place, some in batches.items()]
    return [*first, *(_rest(producer, some, *place) for place, some in batches.items())]


async def _whole(*work: Awaitable[Any]) -> int | None:
    """Return when all of `work` is done; raise the first failure when the rest is through as well.

    Returns the latest time at which the broker appended a record, where it says so.
    """
    stamped: list[int] = []
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
        stamp = _stamp(result)
        if stamp is not None:
            stamped.append(stamp)
    return max(stamped, default=None)


def _stamp(result: Any) -> int | None:
    """The time that the broker gave; the time that a sender gave is nobody's."""
    if isinstance(result, int):
        return result
    stamp: int | None = result.timestamp if getattr(result, "timestamp_type", None) == APPENDED else None
    return stamp


def _batches(producer: Any, records: Sequence[Outgoing]) -> Iterator[Any]:
    """The records of one partition in order: one call a batch costs a tenth of one call a record."""
    builder = producer.create_batch()
    for out in records:
        if not _append(builder, out):
            yield builder
            builder = producer.create_batch()
            _append(builder, out)
    yield builder


async def _rest(producer: Any, batches: Iterator[Any], topic: str, partition: int) -> int | None:
    """Send what follows the first batch of a partition; return as `_whole`."""
    return await _whole(*[await _send_batch(producer, builder, topic, partition) for builder in batches])


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

    async def send(self, batch: Sequence[Outgoing]) -> int | None:
        """See the protocol; after an error close it and open another."""
        async with speaking(SEND_S, doubt=True):
            return await _whole(*await _handed_over(self._producer, batch))

    async def close(self) -> None:
        await stop(self._producer)


class KafkaTransactional:
    """`notifier.transport.base.TransactionalSender` on Kafka."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer

    async def transact(self, batch: Sequence[Outgoing]) -> int | None:
        """See the protocol. What fails before the commit is ended by the next owner of the id."""
        async with speaking(SEND_S, doubt=True):
            await self._producer.begin_transaction()
            stamped = await _whole(*await _handed_over(self._producer, batch))
        async with speaking(COMMIT_S, doubt=True):
            await self._producer.commit_transaction()
        return stamped

    async def close(self) -> None:
        await stop(self._producer)
