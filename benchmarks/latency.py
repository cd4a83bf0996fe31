"""From `publish` to the recipient's inbox, at a fixed rate, by the time at which each was meant to be sent."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psutil

from benchmarks.meter import Meter, Usage
from notifier.config import load, party_config
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.inbox.records import Received
from notifier.keyfiles import storage_key
from notifier.producers.publisher import Publisher
from notifier.runtime import REAL
from notifier.sandbox.probe import RECIPIENT, SENDER, exercise
from notifier.sandbox.sandbox import Sandbox

PATIENCE_S = 60.0
STATES = (RECIPIENT.partition("/")[0], "BEL", "DEU")
NARRATIVE = 1_600  # characters that make about 2 KiB of the whole
SERVICES = ("kafka-1", "router-1", "auditor")


@dataclass(frozen=True)
class Latency:
    """Milliseconds after each was meant to be sent, of `count` messages at `rate` a second.

    `p50`, `p90` and `p99` are those of the inbox; `durable_p50` is that of the answer to `publish`, `accepted_p50`
    that of the hub's decision. `cpu_ms` is the processor time of each process for one message, `others` the share of
    the machine that went to what was not measured.
    """

    rate: int
    count: int
    p50: float
    p90: float
    p99: float
    durable_p50: float
    accepted_p50: float
    cpu_ms: dict[str, float]
    others: float


async def measure(sandbox: Sandbox, rate: int, seconds: float) -> Latency:
    """Run an open loop: a late answer does not delay the next message, and its wait counts.

    The subscriber is a process of its own, as in production; it notes the time of each stored message.
    """
    count = int(rate * seconds)
    command = [sys.executable, "-m", "notifier", "subscribe", "--as", RECIPIENT, "--home", str(sandbox.home)]
    subscriber = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        async with Publisher.from_home(sandbox.home, SENDER) as publisher:
            first = await publisher.publish(_message())
            assert len(first.recipients) == len(STATES)
            await publisher.wait(first.id, PATIENCE_S)
            await _received(sandbox, {first.id})
            watch = _meter(sandbox, subscriber)
            meant, durable = await _publish(publisher, rate, count)
            usage = watch.usage()
        received = await _received(sandbox, set(meant))
    finally:
        subscriber.terminate()
        subscriber.wait(20)
    stored = statistics.quantiles((received[one].received_at - due for one, due in meant.items()), n=100)
    accepted = statistics.median(received[one].accepted_at - due for one, due in meant.items())
    return Latency(
        rate, count, stored[49], stored[89], stored[98], statistics.median(durable), accepted,
        _each(usage, count), usage.others,
    )  # fmt: skip


def _message() -> dict[str, Any]:
    """Return the sandbox's exercise, about 2 KiB, which three authorities are told."""
    message = exercise()
    message["subject"]["nationalities"] = [{"state": state, "status": "documented"} for state in STATES]
    return message | {"narrative": "n" * NARRATIVE}


def _meter(sandbox: Sandbox, subscriber: subprocess.Popen[bytes]) -> Meter:
    services = {name: process for name in SERVICES if (process := sandbox.process(name).process())}
    watched = {"publisher": psutil.Process(), "subscriber": psutil.Process(subscriber.pid)} | services
    return Meter(**{name: [process] for name, process in watched.items()})


def _each(usage: Usage, count: int) -> dict[str, float]:
    return {name: seconds / count * 1000 for name, seconds in usage.cpu.items()}


async def _publish(publisher: Publisher, rate: int, count: int) -> tuple[dict[str, float], list[float]]:
    """Return the intended time of each message, and its time until it was durable, in milliseconds."""
    meant: dict[str, float] = {}
    durable: list[float] = []
    begun = time.time() * 1000 + 1000

    async def one(number: int) -> None:
        due = begun + number / rate * 1000
        await asyncio.sleep(due / 1000 - time.time())
        submitted = await publisher.publish(_message())
        durable.append(time.time() * 1000 - due)
        meant[submitted.id] = due

    await asyncio.gather(*(one(number) for number in range(count)))
    await publisher.flush(PATIENCE_S)
    return meant, durable


async def _received(sandbox: Sandbox, wanted: set[str]) -> dict[str, Received]:
    """Wait for the recipient's messages of these ids; return them."""
    settings = load(party_config(sandbox.home, RECIPIENT))
    assert settings.inbox is not None
    inbox = await Inbox.open(settings.inbox, settings.name, storage_key(settings.keys), REAL)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not wanted <= (found := {one.id: one for one in await _all(inbox)}).keys():
                await asyncio.sleep(0.2)
            return found
    finally:
        await inbox.close()


async def _all(inbox: Inbox) -> Iterable[Received]:
    found: list[Received] = []
    while page := await inbox.messages(after=found[-1].row if found else 0):
        found += page
    return found
