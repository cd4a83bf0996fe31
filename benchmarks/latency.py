"""From `publish` to the recipient's inbox, at a fixed rate, by the time at which each was meant to be sent."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from notifier.config import load, party_config
from notifier.consumers.inbox import Inbox
from notifier.keyfiles import storage_key
from notifier.producers.publisher import Publisher
from notifier.runtime import REAL
from notifier.sandbox.probe import RECIPIENT, SENDER, exercise
from notifier.sandbox.sandbox import Sandbox

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Latency:
    """Milliseconds, over `count` messages at `rate` a second."""

    rate: int
    count: int
    p50: float
    p90: float
    p99: float
    durable_p50: float


async def measure(sandbox: Sandbox, rate: int, seconds: float) -> Latency:
    """An open loop: a late answer does not delay the next message, and its wait counts.

    The subscriber is a process of its own, as it is in life; it notes the time when it stores a message.
    """
    count = int(rate * seconds)
    command = [sys.executable, "-m", "notifier", "subscribe", "--as", RECIPIENT, "--home", str(sandbox.home)]
    subscriber = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        async with Publisher.from_home(sandbox.home, SENDER) as publisher:
            first = await publisher.publish(exercise())
            await publisher.wait(first.id, PATIENCE_S)
            await _stored(sandbox, {first.id})
            meant, durable = await _publish(publisher, rate, count)
        received = await _stored(sandbox, set(meant))
    finally:
        subscriber.terminate()
        subscriber.wait(20)
    spent = sorted(received[one] - due for one, due in meant.items())
    cut = statistics.quantiles(spent, n=100)
    return Latency(rate, count, cut[49], cut[89], cut[98], statistics.median(durable))


async def _publish(publisher: Publisher, rate: int, count: int) -> tuple[dict[str, float], list[float]]:
    """When each was meant to be sent, and how long it took to be durable; milliseconds."""
    meant: dict[str, float] = {}
    durable: list[float] = []
    begun = time.time() * 1000 + 1000

    async def one(number: int) -> None:
        due = begun + number / rate * 1000
        await asyncio.sleep(due / 1000 - time.time())
        submitted = await publisher.publish(exercise())
        durable.append(time.time() * 1000 - due)
        meant[submitted.id] = due

    await asyncio.gather(*(one(number) for number in range(count)))
    async with asyncio.timeout(PATIENCE_S):
        await publisher.drain(PATIENCE_S)
    return meant, durable


async def _stored(sandbox: Sandbox, wanted: set[str]) -> dict[str, float]:
    """When the recipient's inbox stored each of `wanted`; waits for them."""
    settings = load(party_config(sandbox.home, RECIPIENT))
    assert settings.inbox is not None
    inbox = await Inbox.open(settings.inbox, settings.name, storage_key(settings.keys), REAL)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found: dict[str, float] = {}
                row = 0
                while page := await inbox.messages(after=row):
                    found |= {message.id: float(message.received_at) for message in page}
                    row = page[-1].row
                if wanted <= set(found):
                    return found
                await asyncio.sleep(0.2)
    finally:
        await inbox.close()
