"""Diagnosis of an unreachable broker, for which the client library gives no cause."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Final

from notifier.config import KafkaSettings
from notifier.errors import TransportError

REQUEST_TIMEOUT_S: Final = 3.0
ALERT_S: Final = 0.5  # a broker that refuses a certificate sends its alert at once


async def look(settings: KafkaSettings, context: ssl.SSLContext) -> None:
    """Return where a broker of `settings` speaks TLS with us; raises `TransportError` with the last failure."""
    failure = TransportError(detail="kafka.bootstrap names no broker", hint="mend kafka.bootstrap")
    for address in settings.bootstrap.split(","):
        try:
            await _look_at(address.strip(), context)
        except TransportError as error:
            failure = error
        else:
            return
    raise failure


async def _look_at(address: str, context: ssl.SSLContext) -> None:
    host, _, port = address.rpartition(":")
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
        # In TLS 1.3 the broker checks our certificate after our handshake ends: its refusal comes as an alert.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ALERT_S):
                await reader.read(1)
    except ssl.SSLCertVerificationError as error:
        raise TransportError(
            detail=f"the certificate of the broker at {address} does not verify ({error.verify_message})",
            hint="kafka.ca must be the authority that issued it, and the name in it the one in kafka.bootstrap",
        ) from error
    except ssl.SSLError as error:
        if "ALERT" not in (error.reason or ""):
            raise TransportError(
                detail=f"the server at {address} is no broker with TLS 1.3", hint="mend kafka.bootstrap"
            ) from error
        raise TransportError(
            "broker_refused",
            f"the broker at {address} does not take our certificate ({_words(error)})",
            hint="have one issued by the broker's authority; notifier doctor shows what it is",
        ) from error
    except (OSError, ValueError) as error:
        raise TransportError(
            detail=f"no broker answers at {address}", hint="start it, or mend kafka.bootstrap"
        ) from error
    finally:
        if writer is not None:
            writer.transport.abort()


def _words(error: ssl.SSLError) -> str:
    """Return the text of a TLS alert: ``SSLV3_ALERT_CERTIFICATE_EXPIRED`` is "certificate expired"."""
    return (error.reason or "").rpartition("ALERT_")[2].replace("_", " ").lower()
