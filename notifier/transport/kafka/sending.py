"""Writers to Kafka: whole batches per partition, and transactions that are dead after an unknown outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from typing import Any, Final

from aiokafka.producer import sender as aiokafka_sender

from notifier.transport.base import Outgoing
from notifier.transport.kafka.client import speaking, stop

SEND_S: Final = 60.0  # several times a broker's restart, during which aiokafka itself retries
COMMIT_S: Final = 30.0
TRANSACTION_MS: Final = 15_000  # the broker sweeps every 10 s what has no successor (docs/internals/kafka.md)
APPENDED: Final = 1  # the type of a broker's timestamp (LogAppendTime)
BATCH_BYTES: Final = 512 * 1024
PRODUCER: Final[dict[str, Any]] = {
    "enable_idempotence": True,
    "acks": "all",
    "linger_ms": 0,
    # Envelopes are ciphertext: they do not compress, and compressing beside secrets leaks lengths.
    "compression_type": None,
    "max_batch_size": BATCH_BYTES,
}

# While the markers of one transaction are written, the broker defers the next one. That mostly takes a millisecond
# or two, and aiokafka would wait for twenty.
aiokafka_sender.BACKOFF_OVERRIDE = 0.003


async def _handed_over(producer: Any, batch: Sequence[Outgoing]) -> list[Awaitable[Any]]:
    """Hand `batch` over in whole batches per partition; return the futures of its acknowledgement.

    Every partition has its first batch when it returns, so that aiokafka sends them in one request.
    """
    places: dict[tuple[str, int], list[Outgoing]] = {}
    for out in batch:
        places.setdefault((out.topic, out.partition), []).append(out)
    batches = {place: _batches(producer, records) for place, records in places.items()}
    first = [await _send_batch(producer, next(some), *place) for place, some in batches.items()]
    return [*first, *(_rest(producer, some, *place) for place, some in batches.items())]


async def _whole(*work: Awaitable[Any]) -> int | None:
    """Await all of `work`, then raise the first failure.

    Returns the latest time at which the broker appended a record, where it reports one.
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
    """Return the broker's timestamp of a result; None where the timestamp is a sender's."""
    if isinstance(result, int):
        return result
    stamp: int | None = result.timestamp if getattr(result, "timestamp_type", None) == APPENDED else None
    return stamp


def _batches(producer: Any, records: Sequence[Outgoing]) -> Iterator[Any]:
    """Yield batches of the records of one partition in order: a call per batch costs a tenth of one per record."""
    builder = producer.create_batch()
    for out in records:
        if not _append(builder, out):
            yield builder
            builder = producer.create_batch()
            _append(builder, out)
    yield builder


async def _rest(producer: Any, batches: Iterator[Any], topic: str, partition: int) -> int | None:
    """Send the later batches of a partition; return as `_whole`."""
    return await _whole(*[await _send_batch(producer, builder, topic, partition) for builder in batches])


def _append(builder: Any, out: Outgoing) -> bool:
    """Return whether the record still fitted into the batch; an empty batch takes any record."""
    added = builder.append(timestamp=None, key=out.key, value=out.value, headers=list(out.headers))
    return added is not None


async def _send_batch(producer: Any, builder: Any, topic: str, partition: int) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = await producer.send_batch(builder, topic, partition=partition)
    future.add_done_callback(_retrieve)
    return future


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Retrieve a failure: the first one is raised elsewhere, and later ones are the same."""
    if not future.cancelled():
        future.exception()


class KafkaSender:
    """`notifier.transport.base.Sender` on Kafka."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer

    async def send(self, batch: Sequence[Outgoing]) -> int | None:
        """Send as the protocol says; after an error close it and open another."""
        async with speaking(SEND_S, doubt=True):
            return await _whole(*await _handed_over(self._producer, batch))

    async def close(self) -> None:
        """Stop the producer."""
        await stop(self._producer)


class KafkaTransactional:
    """`notifier.transport.base.TransactionalSender` on Kafka."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer

    async def transact(self, batch: Sequence[Outgoing]) -> int | None:
        """Write as the protocol says; the next owner of the id ends a transaction that failed before its commit."""
        async with speaking(SEND_S, doubt=True):
            await self._producer.begin_transaction()
            stamped = await _whole(*await _handed_over(self._producer, batch))
        async with speaking(COMMIT_S, doubt=True):
            await self._producer.commit_transaction()
        return stamped

    async def close(self) -> None:
        """Stop the producer."""
        await stop(self._producer)
