"""The service that carries an outbox: what others stored in it goes out, and it says whether it can."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager

import pytest

from notifier.errors import TransportError
from notifier.names import NotificationId
from notifier.notification import parse
from notifier.outbox.outbox import Outbox
from notifier.outbox.submissions import Submission
from notifier.policy.case import planned
from notifier.policy.plan import NO_CASE
from notifier.producers import service as module
from notifier.producers.service import Carrier
from notifier.telemetry import metrics
from support.samples import document
from support.world import PATIENCE_S

STORAGE_KEY = b"k" * 32
ME = "TUR/spoc"


class System:
    """One outbox, whoever stores in it, and the services that carry it."""

    def __init__(self, world, folder):
        self.world = world
        self.address = f"sqlite:///{folder}/outbox.db"

    async def outbox(self):
        return await Outbox.open(self.address, ME, STORAGE_KEY, self.world.runtime)

    @asynccontextmanager
    async def carrying(self):
        signing = self.world.keys[ME].signing
        transport, directory = self.world.broker.transport(), self.world.directory
        carrier = Carrier(ME, self.outbox, transport, directory, signing, self.world.runtime)
        stop = asyncio.Event()
        running = asyncio.create_task(carrier.run(stop))
        try:
            yield carrier
        finally:
            stop.set()
            await running

    async def store(self, outbox):
        """Stores a notification as a process does that never sends."""
        made = NotificationId.new(self.world.clock(), self.world.random.randbytes).text
        given = parse(document(id=made))
        plan = planned(given, NO_CASE, self.world.directory.snapshot())
        (stored,) = await outbox.add([Submission(given, plan)])
        return stored.id


@pytest.fixture
def make_system(make_world, tmp_path, monkeypatch):
    """Makes systems whose services look often."""
    monkeypatch.setattr(module, "MEASURE_SECONDS", 0.05)
    monkeypatch.setattr(module, "LEASE_MS", 300)
    monkeypatch.setattr("notifier.outbox.relay.STANDBY_SECONDS", 0.1)
    return lambda fault=None: System(make_world(1, fault), tmp_path)


async def until(there):
    """Returns when `there` is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not await there():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_what_was_stored_goes_out_without_anybody_who_asks_again(make_system):
    """Stored before it came and while it runs; its depth and age are shown, and that it carries is known."""
    system = make_system()

    async def main():
        outbox = await system.outbox()
        before = await system.store(outbox)
        assert not await outbox.carried()
        async with system.world.routing(), system.carrying() as carrier:
            await until(outbox.carried)
            behind = await system.store(outbox)

            async def told():
                return all([(await outbox.status(one)).state == "told" for one in (before, behind)])

            await until(told)
            await until(lambda: asyncio.sleep(0, carrier.ready()))
            await until(lambda: asyncio.sleep(0, "notifier_outbox_waiting 0.0" in page()))
        assert not await outbox.carried(), "what is stopped carries nothing"
        await outbox.close()

    await main()


async def test_a_service_without_a_broker_shows_what_waits(make_system):
    """It goes on by itself once the broker is back."""
    down = True

    async def fault(_step):
        if down:
            raise TransportError("broker_unavailable")

    system = make_system(fault)

    async def main():
        nonlocal down
        outbox = await system.outbox()
        async with system.carrying() as carrier, contextlib.AsyncExitStack() as stack:
            stored = await system.store(outbox)
            await until(lambda: asyncio.sleep(0, "notifier_outbox_waiting 1.0" in page()))
            system.world.clock.now += 5_000
            await until(lambda: asyncio.sleep(0, age() >= 5))
            assert carrier.ready(), "its supervisor asks the broker"
            await until(outbox.carried)
            down = False
            await stack.enter_async_context(system.world.routing())

            async def told():
                return (await outbox.status(stored)).state == "told" and carrier.ready()

            await until(told)
        await outbox.close()

    await main()


async def test_a_second_service_stands_by_and_takes_over(make_system):
    """Two on one outbox: each message goes out once, and one that ends is followed by the other."""
    system = make_system()

    async def main():
        outbox = await system.outbox()
        async with system.world.routing(), system.carrying():
            async with system.carrying():
                await until(outbox.carried)
                first = await system.store(outbox)

                async def told():
                    return (await outbox.status(first)).state == "told"

                await until(told)
            await until(outbox.carried)
        assert len(list(system.world.opened("DEU/spoc"))) == 1
        await outbox.close()

    await main()


def page():
    """What the service exports."""
    return metrics.exported("publisher").decode()


def age():
    """The age of the oldest, in seconds, as exported."""
    (line,) = [one for one in page().splitlines() if one.startswith("notifier_outbox_oldest_seconds ")]
    return float(line.partition(" ")[2])
