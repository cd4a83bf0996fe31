"""The sandbox's self-test: an exercise from a publisher to its recipient."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from notifier.config import load, party_config
from notifier.consumers.verification import Recipient, VerifiedMessage, read
from notifier.directory.client import DirectoryClient
from notifier.errors import TemporaryError, TransportError
from notifier.keyfiles import decryption_keys
from notifier.names import AuthorityName, NotificationId
from notifier.producers.publisher import Publisher
from notifier.runtime import wall_clock
from notifier.topics import feed_of
from notifier.transport.base import Reader
from notifier.transport.kafka import KafkaTransport

T = TypeVar("T")

SENDER: Final = "UTO/spoc"
RECIPIENT: Final = "AUT/spoc"
READ_LIMIT: Final = 500
READ_MS: Final = 200
TIMEOUT_S: Final = 180.0  # for a loaded hub on a busy machine; an idle one needs a second
PAUSE_S: Final = 0.2


def probe(home: Path) -> None:
    """Publish an exercise and wait until its recipient can open it.

    Raises `TemporaryError` where it does not arrive.
    """
    asyncio.run(_probe(home))


async def _probe(home: Path) -> None:
    settings = load(party_config(home, RECIPIENT))
    directory = DirectoryClient(settings.directory)
    recipient = Recipient(RECIPIENT, decryption_keys(settings.keys), directory.load().directory)
    transport = KafkaTransport(settings.kafka)
    try:
        # From the feed's end and into no inbox: a feed may be long, and the recipient's own reader may run.
        reader = await _patiently(lambda: _at_the_end(transport, feed_of(RECIPIENT)))
        async with Publisher.from_home(home, SENDER) as publisher:
            submitted = await publisher.publish(exercise())
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await _arrived(reader, recipient, NotificationId.parse(submitted.id))
            except TimeoutError as error:
                status = await publisher.status(submitted.id)
                reason = status.reason or "broker_unavailable"
                raise TemporaryError(reason, f"the exercise is {status.state} after {TIMEOUT_S:.0f} s") from error
    finally:
        await transport.close()


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Return the result of `work`, tried again while the broker is not ready; raises the error of the last try."""
    end = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return await work()
        except TransportError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(PAUSE_S)


async def _at_the_end(transport: KafkaTransport, feed: str) -> Reader:
    first = await transport.reader(feed, 0, 0)
    try:
        return await transport.reader(feed, 0, await first.end())
    finally:
        await first.close()


async def _arrived(reader: Reader, recipient: Recipient, notification_id: bytes) -> None:
    """Return when the recipient can open that notification."""
    while True:
        for record in await reader.read(READ_LIMIT, READ_MS):
            found = read(record.value, recipient, wall_clock())
            if isinstance(found, VerifiedMessage) and found.notification_id == notification_id:
                return


def exercise() -> dict[str, Any]:
    """Return a detention of the ICAO specimen, marked as an exercise."""
    now = dt.datetime.fromtimestamp(wall_clock() / 1000, dt.UTC)
    return {
        "type": "detention",
        "stage": None,
        "exercise": True,
        "originator": SENDER,
        "event_time": now.isoformat(timespec="seconds"),
        "urgency": "routine",
        "purpose": "counter_terrorism",
        "legal_basis": ["S/RES/2396 (2017) para 6"],
        "grading": {"scheme": "4x4", "source": "X", "information": "4"},
        "handling": {"codes": ["H3"], "text": "exercise", "release_to": [], "not_to": []},
        "review_date": (now + dt.timedelta(days=30)).date().isoformat(),
        "erase_date": (now + dt.timedelta(days=60)).date().isoformat(),
        "language": "en",
        "subject": {
            "category": "witness",
            "age": "adult",
            "names": [{"quality": "primary", "text": "Specimen", "script": "Latn", "icao": "SPECIMEN"}],
            "births": ["1974-08-12"],
            "sex": "X",
            "nationalities": [{"state": AuthorityName(RECIPIENT).participant, "status": "documented"}],
        },
        "local": {"refugee": {"status": "none", "feared": []}},
    }
