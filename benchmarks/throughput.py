"""Records a second and processor time: a raw hop, and a transactional passthrough without cryptography.

Both read the records that the router reads (`benchmarks.routers`), from one partition. The passthrough writes what
the router writes (a feed for each recipient, the notice, audit entries, streams and position), as bytes, keys and
headers of the same sizes, in transactions of the same batches, without a single check.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psutil

from benchmarks.envelopes import STREAMS, Stock
from benchmarks.meter import Meter, Usage
from notifier.sandbox.administration import Administrator, Topic
from notifier.sandbox.sandbox import Sandbox
from notifier.transport.base import Outgoing, Sender
from notifier.transport.kafka import KafkaTransport

BATCH = 500
AUDIT_ENTRY = 184
NOTICE = 564
STATE = 69
KEY = 16
HEADERS = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"0" * 32),
    ("ce_source", b"/notifier/hub"),
    ("ce_type", b"org.notifier.delivery.v1"),
    ("content-type", b"application/vnd.notifier.feed.v1"),
    ("traceparent", b"0" * 55),
)


@dataclass(frozen=True)
class Rate:
    """Records a second through one hop.

    `cpu_us` and `broker_us` are the microseconds of processor time that the hop and the broker took for one record,
    `others` the share of the machine that went to what was not measured.
    """

    name: str
    records_per_second: float
    cpu_us: float
    broker_us: float
    others: float

    @classmethod
    def of(cls, name: str, count: int, usage: Usage) -> Rate:
        """Of a usage in which `count` records went through the processes that were watched as `hop`."""
        cpu = {who: seconds / count * 1e6 for who, seconds in usage.cpu.items()}
        return cls(name, count / usage.seconds, cpu["hop"], cpu["broker"], usage.others)


def meter(sandbox: Sandbox, *hop: psutil.Process) -> Meter:
    """Return a meter of these processes as the hop, and of the sandbox's broker."""
    broker = sandbox.process("kafka-1").process()
    assert broker is not None
    return Meter(hop=hop, broker=[broker])


def new_topics(sandbox: Sandbox, count: int) -> list[str]:
    """Create unused topics of one partition."""
    names = [f"bench.{secrets.token_hex(6)}" for _ in range(count)]
    Administrator(sandbox.kafka("admin")).create_topics([Topic(name, 1, {}) for name in names], 1)
    return names


async def fill(sender: Sender, topic: str, stock: Stock) -> None:
    """Write the stock's envelopes to `topic`."""
    for at in range(0, len(stock.records), BATCH):
        await sender.send([Outgoing(topic, one.value) for one in stock.records[at : at + BATCH]])


async def raw_hop(sandbox: Sandbox, stock: Stock) -> Rate:
    """Read from one topic, write to another, without transactions."""
    source, target = new_topics(sandbox, 2)
    transport = KafkaTransport(sandbox.kafka("admin"))
    sender = await transport.sender()
    await fill(sender, source, stock)
    reader = await transport.reader(source, 0, 0)

    async def work() -> None:
        left = len(stock.records)
        while left:
            found = await reader.read(BATCH, 500)
            await sender.send([Outgoing(target, one.value) for one in found])
            left -= len(found)

    try:
        return await _measured(sandbox, "raw aiokafka hop", len(stock.records), work)
    finally:
        await transport.close()


async def passthrough(sandbox: Sandbox, stock: Stock) -> Rate:
    """Run the router's writes in the router's transactions."""
    source, told, audit, streams, *feeds = new_topics(sandbox, stock.fan_out + 4)
    transport = KafkaTransport(sandbox.kafka("admin"))
    await fill(await transport.sender(), source, stock)
    owner = await transport.transactional(f"bench-{source}", [told, audit, streams, *feeds])
    reader = await transport.reader(source, 0, 0)
    notice, entry, state, key = (os.urandom(size) for size in (NOTICE, AUDIT_ENTRY, STATE, KEY))

    async def work() -> None:
        left = len(stock.records)
        while left:
            if not (found := await reader.read(BATCH, 500)):
                continue
            out = []
            for one in found:
                out += [Outgoing(feed, one.value, headers=HEADERS) for feed in feeds]
                out.append(Outgoing(told, notice, headers=HEADERS))
                out += [Outgoing(audit, entry)] * (stock.fan_out + 1)
            out += [Outgoing(streams, state, key)] * (STREAMS + 1)  # and the position
            await owner.transact(out)
            left -= len(found)

    try:
        return await _measured(sandbox, "transactional passthrough", len(stock.records), work)
    finally:
        await transport.close()


async def _measured(sandbox: Sandbox, name: str, count: int, work: Callable[[], Awaitable[None]]) -> Rate:
    """Return the rate of `work`, which moves `count` records, in this process."""
    watch = meter(sandbox, psutil.Process())
    await work()
    return Rate.of(name, count, watch.usage())
