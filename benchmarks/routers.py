"""The secure router's rate: in processes of its own, as in life, on the sandbox's intake."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import BinaryIO

import psutil

from benchmarks.envelopes import Stock
from benchmarks.throughput import BATCH, Rate, meter
from notifier.codec.single_object import codec
from notifier.routing.batch import POSITION_KEY
from notifier.sandbox.broker import free_ports
from notifier.sandbox.sandbox import PARTITIONS, Sandbox
from notifier.topics import INTAKE, STREAMS
from notifier.transport.base import Reader
from notifier.transport.kafka import KafkaTransport

PATIENCE_S = 120.0
LOOK_S = 0.05
READ_MS = 500
ROUTER = (
    "from notifier.routing import budget, router; router.BATCH_RECORDS = {}; budget.OUTPUT_BURST = 1 << 60; "
    "from notifier.cli.main import main; main()"  # one authority sends all of it: more than any may
)


async def rate(sandbox: Sandbox, stock: Stock, routers: int = 1, batch: int = BATCH) -> Rate:
    """From the moment when every router has its partitions until the last decision is committed.

    No other router may run on the sandbox.
    """
    count, ports = len(stock.records), free_ports(routers)
    started: list[subprocess.Popen[bytes]] = []
    log = (sandbox.home / "logs" / "bench-router.log").open("ab")
    try:
        async with asyncio.timeout(PATIENCE_S), _filled(sandbox, stock) as intake:
            started = [_start(sandbox, port, batch, log) for port in ports]
            while sorted(map(_owned, ports)) != [PARTITIONS // routers] * routers:
                await asyncio.sleep(LOOK_S)
            watch, before = meter(sandbox, *(psutil.Process(one.pid) for one in started)), intake.decided
            await intake.until(count)
            usage = watch.usage()
        for port in ports:
            _check(port)
    except TimeoutError as error:
        raise RuntimeError(f"the routers did not decide the stock: see {log.name}") from error
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(20)
        log.close()
    name = "secure router" if routers == 1 else f"secure router, {routers} processes"
    return Rate.of(name, count - before, usage)


@asynccontextmanager
async def _filled(sandbox: Sandbox, stock: Stock) -> AsyncIterator[Intake]:
    """Return the intake filled with the stock, after all earlier records are decided."""
    transport = KafkaTransport(sandbox.kafka("admin"))
    following: list[asyncio.Task[None]] = []
    try:
        starts = [await _end(transport, INTAKE, number) for number in range(PARTITIONS)]
        readers = [
            await transport.reader(STREAMS, number, await _end(transport, STREAMS, number))
            for number in range(PARTITIONS)
        ]
        sender = await transport.sender()
        for at in range(0, len(stock.records), BATCH):
            await sender.send(stock.records[at : at + BATCH])
        intake = Intake(starts)
        following = [asyncio.create_task(intake.follow(number, one)) for number, one in enumerate(readers)]
        yield intake
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await transport.close()


async def _end(transport: KafkaTransport, topic: str, partition: int) -> int:
    return await (await transport.reader(topic, partition, 0)).end()


class Intake:
    """The intake, decided up to the positions that the routers commit with their decisions."""

    def __init__(self, starts: Sequence[int]) -> None:
        self._starts = starts
        self._next = list(starts)
        self._moved = asyncio.Event()

    @property
    def decided(self) -> int:
        """Return the number of decided records since the start of each partition."""
        return sum(self._next) - sum(self._starts)

    async def until(self, count: int) -> None:
        """Return when that many are decided."""
        while self.decided < count:
            self._moved.clear()
            await self._moved.wait()

    async def follow(self, number: int, reader: Reader) -> None:
        """Follow partition `number`, whose streams and positions `reader` reads."""
        while True:
            for record in await reader.read(BATCH, READ_MS):
                if record.key == POSITION_KEY and record.value is not None:
                    self._next[number] = codec("IntakePosition").decode(record.value)["next_offset"]
                    self._moved.set()


def _start(sandbox: Sandbox, port: int, batch: int, log: BinaryIO) -> subprocess.Popen[bytes]:
    arguments = ["run", "router", "--home", str(sandbox.home), "--listen", f"127.0.0.1:{port}"]
    command = [sys.executable, "-c", ROUTER.format(batch), *arguments]
    return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def _owned(port: int) -> int:
    """Return the number of partitions that the router on this port runs."""
    found = re.search(r"^notifier_partitions_owned (\S+)", _metrics(port), re.MULTILINE)
    return int(float(found[1])) if found else 0


def _check(port: int) -> None:
    """Raise where the router on this port refused something."""
    counts = re.findall(
        r'^notifier_decisions_total\{outcome="(\w+)",reason="(\w*)"\} (\S+)', _metrics(port), re.MULTILINE
    )
    if refused := [reason for outcome, reason, count in counts if outcome != "accepted" and float(count)]:
        raise RuntimeError(f"the router refused the benchmark's envelopes: {refused}")


def _metrics(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""
