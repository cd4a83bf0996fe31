"""Records a second and processor time: a raw hop, a transactional passthrough without cryptography, the router.

All three read the same records. The passthrough writes what the router writes (a feed for each recipient, the
notice, audit entries, stream and position), as bytes of the same sizes, in transactions of the same batches.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psutil

from benchmarks.envelopes import Stock
from notifier.sandbox.administration import Administrator, Topic
from notifier.sandbox.sandbox import Sandbox
from notifier.transport.base import Outgoing, Position
from notifier.transport.kafka import KafkaTransport

BATCH = 500
PATIENCE_S = 120.0
AUDIT_ENTRY = 240
NOTICE = 420


@dataclass(frozen=True)
class Rate:
    """Records a second through one hop, and the processor time that the hop took for one, in microseconds."""

    name: str
    records_per_second: float
    cpu_us: float


def own_cpu() -> float:
    """This process's processor time so far, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measured(name: str, count: int, work: Callable[[], Awaitable[None]]) -> Rate:
    """The rate of `work`, which moves `count` records, in this process."""
    cpu, begun = own_cpu(), time.perf_counter()
    await work()
    seconds = time.perf_counter() - begun
    return Rate(name, count / seconds, (own_cpu() - cpu) / count * 1e6)


async def raw_hop(sandbox: Sandbox, stock: Stock) -> Rate:
    """Read from one topic, write to another, without transactions."""
    source, target = f"bench.in.{os.getpid()}", f"bench.out.{os.getpid()}"
    Administrator(sandbox.kafka("admin")).create_topics([Topic(source, 1, {}), Topic(target, 1, {})], 1)
    transport = KafkaTransport(sandbox.kafka("admin"))
    sender = await transport.sender()
    for at in range(0, len(stock.records), BATCH):
        await sender.send([Outgoing(source, one.value) for one in stock.records[at : at + BATCH]])
    reader = await transport.reader(source, 0, 0)

    async def work() -> None:
        left = len(stock.records)
        while left:
            found = await reader.read(BATCH, 500)
            await sender.send([Outgoing(target, one.value) for one in found])
            left -= len(found)

    try:
        return await measured("raw aiokafka hop", len(stock.records), work)
    finally:
        await transport.close()


async def passthrough(sandbox: Sandbox, stock: Stock) -> Rate:
    """The router's writes in the router's transactions, without a single check."""
    source, prefix = f"bench.pin.{os.getpid()}", f"bench.feed.{os.getpid()}"
    targets = [f"{prefix}.{number}" for number in range(stock.fan_out + 2)]
    topics = [Topic(name, 1, {}) for name in (source, *targets)]
    Administrator(sandbox.kafka("admin")).create_topics(topics, 1)
    transport = KafkaTransport(sandbox.kafka("admin"))
    sender = await transport.sender()
    for at in range(0, len(stock.records), BATCH):
        await sender.send([Outgoing(source, one.value) for one in stock.records[at : at + BATCH]])
    owner = await transport.transactional(f"bench-{os.getpid()}", targets)
    reader = await transport.reader(source, 0, 0)
    notice, audit = os.urandom(NOTICE), os.urandom(AUDIT_ENTRY)

    async def work() -> None:
        left = len(stock.records)
        while left:
            found = await reader.read(BATCH, 500)
            out = []
            for one in found:
                out += [Outgoing(feed, one.value) for feed in targets[: stock.fan_out]]
                out.append(Outgoing(targets[-2], notice))
                out += [Outgoing(targets[-1], audit)] * (stock.fan_out + 1)
            out.append(Outgoing(targets[-1], audit))
            await owner.transact(out, Position("bench", source, 0, found[-1].offset + 1))
            left -= len(found)

    try:
        return await measured("transactional passthrough", len(stock.records), work)
    finally:
        await transport.close()


async def router(sandbox: Sandbox, stock: Stock, routers: int = 1) -> Rate:
    """The secure router as a process of its own, from the first delivery of the stock to the last."""
    transport = KafkaTransport(sandbox.kafka("admin"))
    feed = "notifier.feed.AUT.spoc.v1"
    reader = await transport.reader(feed, 0, 0)
    while await reader.position() < await reader.end():
        await reader.read(BATCH, 200)
    sender = await transport.sender()
    for at in range(0, len(stock.records), BATCH):
        await sender.send(stock.records[at : at + BATCH])
    command = [sys.executable, "-m", "notifier", "router", "--home", str(sandbox.home)]
    log = (sandbox.home / "logs" / "bench-router.log").open("ab")
    started = [
        subprocess.Popen(
            [*command, "--listen", f"127.0.0.1:{port}"], stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        for port in _ports(routers)
    ]
    try:
        return await _timed(reader, started, len(stock.records), routers)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(20)
        log.close()
        await transport.close()


async def _timed(reader: object, started: list[subprocess.Popen[bytes]], count: int, routers: int) -> Rate:
    watched = [psutil.Process(process.pid) for process in started]
    times: list[int] = []
    cpu_at_first = 0.0
    end = time.monotonic() + PATIENCE_S
    while len(times) < count and time.monotonic() < end:
        found = await reader.read(BATCH, 100)  # type: ignore[attr-defined]
        if found and not times:
            cpu_at_first = sum(sum(one.cpu_times()[:2]) for one in watched)
            begun, skipped = time.perf_counter(), len(found)
        times += [record.timestamp for record in found]
    if len(times) < count:
        raise RuntimeError(f"the router delivered {len(times)} of {count} in {PATIENCE_S} s")
    seconds = time.perf_counter() - begun
    cpu = sum(sum(one.cpu_times()[:2]) for one in watched) - cpu_at_first
    name = "secure router" if routers == 1 else f"secure router, {routers} processes"
    return Rate(name, (count - skipped) / seconds, cpu / (count - skipped) * 1e6)


def _ports(count: int) -> list[int]:
    from notifier.sandbox.broker import free_ports

    return free_ports(count)
