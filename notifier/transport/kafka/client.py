"""Common parts of all Kafka clients: translated errors, limits on every wait, TLS."""

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

# Without a handler every refused connection would be printed to standard error.
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
    # The error's name is about the cluster; the right that is missing is to write to any topic at all.
    kafka_errors.ClusterAuthorizationFailedError: "lets this principal write to no topic",
}


def _translated(error: BaseException, doubt: bool) -> NotifierError:
    """Return the error as one of this project's; with `doubt` an unknown outcome is possible."""
    if isinstance(error, NotifierError):
        return error
    if isinstance(error, _FENCED):
        return OwnershipLostError()
    for kind, words in _REFUSED.items():
        if isinstance(error, kind):
            return TransportError(
                "broker_refused", f"the broker {words}", hint="notifier doctor shows the rights that it needs"
            )
    if doubt:
        return OutcomeUnknownError(detail=f"the broker did not confirm the outcome ({type(error).__name__})")
    return TransportError("broker_unavailable", f"the broker does not answer ({type(error).__name__})")


@asynccontextmanager
async def speaking(limit_s: float, *, doubt: bool = False) -> AsyncIterator[None]:
    """Limit the time of aiokafka's calls, and translate their errors."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except (kafka_errors.KafkaError, TimeoutError, OSError, AssertionError) as error:
        # After a fatal error aiokafka answers further calls with bare AssertionErrors.
        raise _translated(error, doubt) from error
    except asyncio.CancelledError as error:
        # A cancellation inside aiokafka looks like our own, and would end the service silently.
        if _told_to_end():
            raise
        raise _translated(error, doubt) from error


def _told_to_end() -> bool:
    """Return whether the running task was cancelled from outside."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def stop(client: Any) -> None:
    """Stop a producer or consumer in any state, within a time limit."""
    # In a task of its own: a client may swallow a cancellation, or raise one that is not ours.
    stopping = asyncio.ensure_future(client.stop())
    stopping.add_done_callback(_ended)
    try:
        await asyncio.wait([stopping], timeout=STOP_S)
    finally:
        stopping.cancel()


def _ended(stopping: asyncio.Future[None]) -> None:
    """Retrieve the result of a stop, whatever it is, so that it is not reported as lost."""
    if not stopping.cancelled():
        stopping.exception()


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """Return a TLS 1.3 context with this party's certificate, which trusts the one authority in `kafka.ca`.

    Raises `ConfigError` naming the key of the faulty setting.
    """
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
        raise ConfigError(detail=f"kafka.ca: {settings.ca} is not a certificate", hint="name the broker's") from error
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
    """Raise `TransportError` (broker_refused) unless this principal can see `topic`."""
    if topic not in await consumer.topics():
        raise TransportError("broker_refused", f"no topic {topic} for this principal")


def as_record(message: Any) -> Record:
    """Return an aiokafka message as a `Record`."""
    return Record(
        message.topic,
        message.partition,
        message.offset,
        message.timestamp,
        message.key,
        message.value,
        tuple(message.headers or ()),
    )
