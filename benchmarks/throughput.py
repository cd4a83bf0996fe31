"""Records a second and processor time: a raw hop, a transactional passthrough without cryptography, the router.

All read the same records, from one partition unless said otherwise. The passthrough writes what the router writes
(a feed for each recipient, the notice, audit entries, stream and position), as bytes and headers of the same sizes,
in transactions of the same batches.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psutil

from benchmarks.envelopes import Stock
from notifier.sandbox.administration import Administrator, Topic
from notifier.sandbox.broker import free_ports
from notifier.sandbox.sandbox import Sandbox
from notifier.transport.base import Outgoing, Position, Sender
from notifier.transport.kafka import KafkaTransport

BATCH = 500
PATIENCE_S = 180.0
LOOK_S = 0.02
AUDIT_ENTRY = 184
NOTICE = 563
STREAM = 73
HEADERS = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"0" * 32),
    ("ce_source", b"/notifier/hub"),
    ("ce_type", b"org.notifier.delivery.v1"),
    ("content-type", b"application/vnd.notifier.feed.v1"),
    ("traceparent", b"0" * 55),
)
ROUTER = "from notifier.routing import router; router.BATCH_RECORDS = {}; from notifier.cli.main import main; main()"


@dataclass(frozen=True)
class Rate:
    """Records a second through one hop, and the processor time that the hop took for one, in microseconds."""

    name: str
    records_per_second: float
    cpu_us: float


async def measured(name: str, count: int, work: Callable[[], Awaitable[None]]) -> Rate:
    """The rate of `work`, which moves `count` records, in this process."""
    cpu, begun = _own_cpu(), time.perf_counter()
    await work()
    seconds = time.perf_counter() - begun
    return Rate(name, count / seconds, (_own_cpu() - cpu) / count * 1e6)


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def new_topics(sandbox: Sandbox, count: int) -> list[str]:
    """Topics of one partition that nobody has used."""
    names = [f"bench.{secrets.token_hex(6)}" for _ in range(count)]
    Administrator(sandbox.kafka("admin")).create_topics([Topic(name, 1, {}) for name in names], 1)
    return names


async def fill(sender: Sender, topic: str, stock: Stock) -> None:
    """Writes the stock's envelopes to `topic`."""
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
        return await measured("raw aiokafka hop", len(stock.records), work)
    finally:
        await transport.close()


async def passthrough(sandbox: Sandbox, stock: Stock, batch: int = BATCH) -> Rate:
    """The router's writes in the router's transactions, without a single check."""
    source, told, audit, streams, *feeds = new_topics(sandbox, stock.fan_out + 4)
    transport = KafkaTransport(sandbox.kafka("admin"))
    await fill(await transport.sender(), source, stock)
    owner = await transport.transactional(f"bench-{source}", [told, audit, streams, *feeds])
    reader = await transport.reader(source, 0, 0)
    notice, entry, state = (os.urandom(size) for size in (NOTICE, AUDIT_ENTRY, STREAM))

    async def work() -> None:
        left = len(stock.records)
        while left:
            if not (found := await reader.read(batch, 500)):
                continue
            out = []
            for one in found:
                out += [Outgoing(feed, one.value, headers=HEADERS) for feed in feeds]
                out.append(Outgoing(told, notice, headers=HEADERS))
                out += [Outgoing(audit, entry)] * (stock.fan_out + 1)
            out += [Outgoing(streams, state)] * 2
            await owner.transact(out, Position("bench", source, 0, found[-1].offset + 1))
            left -= len(found)

    try:
        return await measured("transactional passthrough", len(stock.records), work)
    finally:
        await transport.close()


async def router(sandbox: Sandbox, stock: Stock, routers: int = 1, batch: int = BATCH) -> Rate:
    """The secure router, in processes of its own, from the first decisions of the stock to the last."""
    transport = KafkaTransport(sandbox.kafka("admin"))
    try:
        sender = await transport.sender()
        for at in range(0, len(stock.records), BATCH):
            await sender.send(stock.records[at : at + BATCH])
    finally:
        await transport.close()
    log = (sandbox.home / "logs" / "bench-router.log").open("ab")
    ports = free_ports(routers)
    started = [_start(sandbox, port, batch, log) for port in ports]
    try:
        return await asyncio.to_thread(_timed, started, ports, len(stock.records))
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(20)
        log.close()


def _start(sandbox: Sandbox, port: int, batch: int, log: object) -> subprocess.Popen[bytes]:
    arguments = ["router", "--home", str(sandbox.home), "--listen", f"127.0.0.1:{port}"]
    return subprocess.Popen(  # type: ignore[call-overload]
        [sys.executable, "-c", ROUTER.format(batch), *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL
    )


def _timed(started: list[subprocess.Popen[bytes]], ports: list[int], count: int) -> Rate:
    """By what the routers themselves have counted after their commits."""
    watched = [psutil.Process(process.pid) for process in started]
    end = time.monotonic() + PATIENCE_S
    while not (first := sum(map(_decided, ports))):
        _wait(end, started)
    begun, cpu = time.perf_counter(), _cpu(watched)
    while (last := sum(map(_decided, ports))) < count:
        _wait(end, started)
    seconds = time.perf_counter() - begun
    name = "secure router" if len(ports) == 1 else f"secure router, {len(ports)} processes"
    return Rate(name, (last - first) / seconds, (_cpu(watched) - cpu) / (last - first) * 1e6)


def _decided(port: int) -> int:
    """The accepted envelopes that the router on this port has counted; raises where it refused one."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return 0
    counts = re.findall(r'^notifier_decisions_total\{outcome="(\w+)",reason="(\w*)"\} (\S+)', text, re.MULTILINE)
    refused = [reason for outcome, reason, _ in counts if outcome != "accepted"]
    if refused:
        raise RuntimeError(f"the router refused the benchmark's envelopes: {refused}")
    return sum(int(float(number)) for _, _, number in counts)


def _wait(end: float, started: list[subprocess.Popen[bytes]]) -> None:
    if time.monotonic() > end or any(process.poll() is not None for process in started):
        raise RuntimeError("the routers did not decide the stock: see logs/bench-router.log")
    time.sleep(LOOK_S)


def _cpu(watched: list[psutil.Process]) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in watched)
