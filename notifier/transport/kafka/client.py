"""What every Kafka client here shares: errors in this project's words, limits on every wait, TLS."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import errors as kafka_errors

from notifier.config import KafkaSettings
from notifier.errors import ConfigError, NotifierError, OutcomeUnknownError, OwnershipLostError, TransportError
from notifier.keyfiles import read_secret
from notifier.transport.base import Record

START_S: Final = 20.0
STOP_S: Final = 5.0

# Without a handler of the application's, every refused connection would be printed to standard error.
logging.getLogger("aiokafka").addHandler(logging.NullHandler())

_FENCED: Final = (
    kafka_errors.ProducerFenced,
    kafka_errors.InvalidProducerEpoch,
    kafka_errors.TransactionCoordinatorFenced,
)
_REFUSED: Final = {
    kafka_errors.TopicAuthorizationFailedError: "denies this principal the topic (TopicAuthorizationFailedError)",
    kafka_errors.GroupAuthorizationFailedError: "denies this principal its group (GroupAuthorizationFailedError)",
    kafka_errors.TransactionalIdAuthorizationFailed: (
        "denies this principal its transactional id (TransactionalIdAuthorizationFailed)"
    ),
    # Kafka's name for it speaks of the cluster; what is missing is the right to write to any topic whatsoever.
    kafka_errors.ClusterAuthorizationFailedError: "lets this principal write to no topic",
}


def _translated(error: BaseException, doubt: bool) -> NotifierError:
    """The error in this project's words; `doubt` where something may or may not have been written."""
    if isinstance(error, NotifierError):
        return error
    if isinstance(error, _FENCED):
        return OwnershipLostError()
    for kind, words in _REFUSED.items():
        if isinstance(error, kind):
            return TransportError("broker_refused", f"the broker {words}", hint="notifier doctor says what it needs")
    if doubt:
        return OutcomeUnknownError(detail=f"the broker did not answer for certain ({type(error).__name__})")
    return TransportError("broker_unavailable", f"the broker does not answer ({type(error).__name__})")


@asynccontextmanager
async def speaking(limit_s: float, *, doubt: bool = False) -> AsyncIterator[None]:
    """A time limit around calls of aiokafka, whose errors leave in this project's words."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except (kafka_errors.KafkaError, TimeoutError, OSError, AssertionError) as error:
        # After a fatal error aiokafka answers further calls with bare AssertionErrors.
        raise _translated(error, doubt) from error
    except asyncio.CancelledError as error:
        # What aiokafka cancels of its own looks like our own end, and would end the service without a word.
        if _told_to_end():
            raise
        raise _translated(error, doubt) from error


def _told_to_end() -> bool:
    """Whether somebody cancelled the task that runs."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def stop(client: Any) -> None:
    """Stops a producer or consumer, whatever state it is in, and never for long."""
    # In a task of its own: a client may swallow a cancellation, or raise one that is not ours.
    stopping = asyncio.ensure_future(client.stop())
    stopping.add_done_callback(_ended)
    try:
        await asyncio.wait([stopping], timeout=STOP_S)
    finally:
        stopping.cancel()


def _ended(stopping: asyncio.Future[None]) -> None:
    """Takes notice of how it ended: whatever the client says, it is not used any more."""
    if not stopping.cancelled():
        stopping.exception()


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """TLS 1.3 with this party's certificate, trusting the one authority that it names; `ConfigError` by its key."""
    files = {"ca": settings.ca, "certificate": settings.certificate, "key": settings.key}
    for name, path in files.items():
        try:
            if name == "key":
                read_secret(path, "kafka.key", "in kafka.key")
            else:
                path.read_bytes()
        except OSError as error:
            what = (error.strerror or "cannot be read").lower()
            raise ConfigError(
                detail=f"kafka.{name}: {path}: {what}", hint=f"name the file in kafka.{name}"
            ) from error
    try:
        context = ssl.create_default_context(cafile=str(settings.ca))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(detail=f"kafka.ca: {settings.ca} is no certificate", hint="name the broker's") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(str(settings.certificate), str(settings.key))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            detail=f"kafka.certificate, kafka.key: {settings.certificate} and {settings.key} are no certificate "
            "and its key",
            hint="have a certificate issued for this key, or name the one that was",
        ) from error
    return context


async def must_exist(consumer: Any, topic: str) -> None:
    if topic not in await consumer.topics():
        raise TransportError("broker_refused", f"no topic {topic} for this principal")


def as_record(message: Any) -> Record:
    return Record(
        message.topic,
        message.partition,
        message.offset,
        message.timestamp,
        message.key,
        message.value,
        tuple(message.headers or ()),
    )
