"""Downtime of a partition: restoring its streams, and after its router was killed."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from benchmarks.throughput import new_topics
from notifier.codec.single_object import codec
from notifier.envelope import stream_key
from notifier.producers.publisher import Publisher
from notifier.routing.partition import restore
from notifier.sandbox.probe import RECIPIENT, exercise
from notifier.sandbox.sandbox import Sandbox
from notifier.sandbox.world import STATES
from notifier.transport.base import Outgoing
from notifier.transport.kafka import KafkaTransport

SENDERS = tuple(f"{state}/spoc" for state in STATES if state != RECIPIENT.partition("/")[0])
WRITE = 5_000
PATIENCE_S = 60.0
SIGNER = bytes(16)


@dataclass(frozen=True)
class Restore:
    """Seconds until a new owner of a partition knows its `streams` streams."""

    streams: int
    seconds: float


async def restores(sandbox: Sandbox, counts: tuple[int, ...]) -> list[Restore]:
    """Return the time for each of `counts` streams, in a partition of its own."""
    transport = KafkaTransport(sandbox.kafka("admin"))
    found = []
    try:
        for count in counts:
            (topic,) = new_topics(sandbox, 1)
            sender = await transport.sender()
            for start in range(0, count, WRITE):
                await sender.send([_state(topic) for _ in range(start, min(start + WRITE, count))])
            begun = time.perf_counter()
            streams, _ = await restore(transport, 0, topic)
            found.append(Restore(len(streams), time.perf_counter() - begun))
    finally:
        await transport.close()
    return found


def _state(topic: str) -> Outgoing:
    stream = secrets.token_bytes(16)
    record = {"originator": "TUR/spoc", "stream": stream, "number": 7, "tail": secrets.token_bytes(32)}
    record |= {"signer": SIGNER, "dropped": False}
    return Outgoing(topic, codec("StreamState").encode(record), stream_key("TUR/spoc", stream), 0)


async def after_a_kill(sandbox: Sandbox) -> float:
    """Return the seconds from `kill -9` of one of two routers until the next message of each authority is decided.

    The authorities are so many that some of their streams live on partitions of the dying router.
    """
    async with AsyncExitStack() as stack:
        publishers = {
            name: await stack.enter_async_context(Publisher.from_home(sandbox.home, name)) for name in SENDERS
        }
        await _round(publishers)
        process = sandbox.process("router-1").process()
        assert process is not None
        process.kill()
        begun = time.perf_counter()
        await _round(publishers)
        return time.perf_counter() - begun


async def _round(publishers: Mapping[str, Publisher]) -> None:
    async def one(name: str, publisher: Publisher) -> None:
        submitted = await publisher.publish(exercise() | {"originator": name})
        status = await publisher.wait(submitted.id, PATIENCE_S)
        assert status.settled, "no router took over"

    await asyncio.gather(*(one(name, publisher) for name, publisher in publishers.items()))
