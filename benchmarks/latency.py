"""From `publish` to the recipient's inbox, at a fixed rate, by the time at which each was meant to be sent."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass

from notifier.consumers.inbox import Received
from notifier.consumers.sinks import Callback
from notifier.consumers.subscriber import Subscriber
from notifier.producers.publisher import Publisher
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
    """An open loop: a late answer does not delay the next message, and its wait counts."""
    arrived: dict[str, float] = {}
    meant: dict[str, float] = {}
    durable: list[float] = []

    def note(message: Received) -> None:
        arrived.setdefault(message.id, time.perf_counter())

    count = int(rate * seconds)
    sinks = [Callback("benchmark", note, operational=False)]
    async with (
        Subscriber.from_home(sandbox.home, RECIPIENT, sinks=sinks),
        Publisher.from_home(sandbox.home, SENDER) as publisher,
    ):
        begun = time.perf_counter() + 1.0

        async def one(number: int) -> None:
            due = begun + number / rate
            await asyncio.sleep(due - time.perf_counter())
            submitted = await publisher.publish(exercise())
            durable.append(time.perf_counter() - due)
            meant[submitted.id] = due

        await asyncio.gather(*(one(number) for number in range(count)))
        async with asyncio.timeout(PATIENCE_S):
            while not set(meant) <= set(arrived):
                await asyncio.sleep(0.05)
    spent = sorted((arrived[one] - due) * 1000 for one, due in meant.items())
    cut = statistics.quantiles(spent, n=100)
    return Latency(rate, count, cut[49], cut[89], cut[98], statistics.median(durable) * 1000)
