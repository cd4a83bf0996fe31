"""Ready means: the broker answered lately, the service works, the directory is fresh; each change is a log line."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
import structlog

from notifier.errors import TransportError
from notifier.telemetry.health import SESSION_SECONDS, Readiness
from support import virtual


class Broker:
    """Answers, refuses, or is silent."""

    def __init__(self):
        self.does = "answers"

    async def ping(self):
        if self.does == "refuses":
            raise TransportError
        if self.does == "is silent":
            await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def looking(broker, **checks):
    """Run a readiness check in the background."""
    readiness = Readiness(broker.ping, checks)
    task = asyncio.create_task(readiness.run())
    try:
        yield readiness
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_nobody_is_ready_before_the_broker_answered_once():
    """Started a moment ago, it knows nothing yet."""

    async def main():
        assert Readiness(Broker().ping, {}).missing() == ("broker",)

    virtual.run(main())


@pytest.mark.parametrize("fault", ["refuses", "is silent"])
def test_a_broker_that_is_gone_is_noticed_within_its_session_and_its_return_too(fault):
    """However it is gone; each is said once, however long it lasts."""

    async def main():
        broker = Broker()
        with structlog.testing.capture_logs() as lines:
            async with looking(broker, service=lambda: True) as ready:
                await asyncio.sleep(3)
                assert ready()
                broker.does = fault
                await asyncio.sleep(SESSION_SECONDS - 2)
                assert ready(), "a moment's silence is no loss"
                await asyncio.sleep(4)
                assert ready.missing() == ("broker",)
                await asyncio.sleep(180)
                assert not ready()
                broker.does = "answers"
                await asyncio.sleep(SESSION_SECONDS)
                assert ready()
        said = [line["event"] for line in lines]
        assert said == ["ready", "broker lost", "not ready", "broker answers again", "ready"]

    virtual.run(main())


def test_what_the_service_or_the_directory_lacks_is_named():
    """In the log, and by the answer."""
    there = {"service": True, "directory": True}

    async def main():
        with structlog.testing.capture_logs() as lines:
            checks = {name: (lambda name=name: there[name]) for name in there}
            async with looking(Broker(), **checks) as ready:
                await asyncio.sleep(2)
                there["directory"] = False
                await asyncio.sleep(2)
                assert ready.missing() == ("directory",)
                there["service"] = False
                await asyncio.sleep(2)
                assert ready.missing() == ("service", "directory")
        assert [line.get("missing") for line in lines] == [None, ["directory"], ["service", "directory"]]

    virtual.run(main())
