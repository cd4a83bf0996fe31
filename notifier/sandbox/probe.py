"""A synthetic message that goes all the way through: the sandbox works when this returns."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from notifier.config import load, party_config
from notifier.consumers.subscriber import Subscriber
from notifier.errors import Temporary
from notifier.producers.publisher import Publisher
from notifier.runtime import wall_clock

SENDER: Final = "UTO/spoc"
RECIPIENT: Final = "AUT/spoc"
PATIENCE_S: Final = 90.0  # a hub under load, on a machine that is busy


def probe(home: Path) -> None:
    """Publishes an exercise and waits until its recipient stored it; raises `Temporary` where it does not come."""
    asyncio.run(_probe(home))


async def _probe(home: Path) -> None:
    # An inbox of the probe's own: the recipient's may be at work, and it gets the exercise all the same.
    recipient = replace(load(party_config(home, RECIPIENT)), inbox=f"sqlite:///{home}/run/probe.db")
    async with Subscriber.from_settings(recipient) as subscriber, Publisher.from_home(home, SENDER) as publisher:
        submitted = await publisher.publish(exercise())
        try:
            async with asyncio.timeout(PATIENCE_S):
                async for message in subscriber:
                    if message.id == submitted.id:
                        return
        except TimeoutError as error:
            status = await publisher.status(submitted.id)
            reason = status.reason or "broker_unavailable"
            raise Temporary(reason, f"the exercise is {status.state} after {PATIENCE_S:.0f} s") from error


def exercise() -> dict[str, Any]:
    """A detention of the ICAO specimen, marked as an exercise."""
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
            "nationalities": [{"state": RECIPIENT.partition("/")[0], "status": "documented"}],
        },
    }
