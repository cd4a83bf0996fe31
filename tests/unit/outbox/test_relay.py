"""The courier's tenure: a fault ends it and another begins, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from notifier.errors import OwnershipLostError, StorageError
from notifier.outbox import relay as module
from notifier.outbox.relay import OutboxRelay
from notifier.runtime import REAL


class Tenure:
    """Ends with a fault when it is told to; one of its tasks takes its time to end."""

    def __init__(self, monkeypatch, fault):
        self.count = 0
        self.faulty, self.ending, self.over, self.again = (asyncio.Event() for _ in range(4))
        self._fault = fault
        monkeypatch.setattr(module, "_keep", self.keep)
        monkeypatch.setattr(module, "STANDBY_SECONDS", 0)
        self.courier = OutboxRelay(self, None, None, None, REAL, lambda: None)
        monkeypatch.setattr(self.courier, "_send", self.linger)
        monkeypatch.setattr(self.courier, "_follow", self.linger)

    def lease(self):
        self.count += 1
        if self.count > 1:
            self.again.set()
        return self

    async def acquire(self):
        return None

    async def release(self):
        return None

    async def keep(self, _lease):
        await self.faulty.wait()
        self.faulty.clear()
        raise self._fault

    async def linger(self, _lease):
        try:
            await asyncio.Event().wait()
        finally:
            self.ending.set()
            await self.over.wait()


@pytest.mark.parametrize("fault", [StorageError(), OwnershipLostError()], ids=["storage", "fenced"])
async def test_who_is_told_to_end_while_a_fault_ends_a_tenure_ends(monkeypatch, fault):
    """It begins no other one: whoever closes a publisher waits for it."""
    tenure = Tenure(monkeypatch, fault)
    running = asyncio.create_task(tenure.courier.run())
    tenure.faulty.set()
    await tenure.ending.wait()
    running.cancel()
    tenure.over.set()
    async with asyncio.timeout(10):
        with contextlib.suppress(asyncio.CancelledError):
            await running
    assert (running.cancelled(), tenure.count) == (True, 1)


async def test_a_fault_ends_a_tenure_and_another_begins(monkeypatch):
    """Nobody told it to end: the work goes on."""
    tenure = Tenure(monkeypatch, StorageError())
    tenure.over.set()
    running = asyncio.create_task(tenure.courier.run())
    tenure.faulty.set()
    async with asyncio.timeout(10):
        await tenure.again.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
