"""The broker stops answering, without a word to anybody: no service says that it is ready, and each says so."""

from __future__ import annotations

import json

from notifier.sandbox.processes import wait_until
from support import sandbox as support

SERVICES = ("router-1", "router-2", "auditor")


def ready(world):
    """What `/readyz` of each service answers."""
    return {name: world.page(name, "/readyz")[0] for name in SERVICES}


def said(world, name):
    """The events in a service's log."""
    lines = (world.home / "logs" / f"{name}.log").read_text().splitlines()
    return [json.loads(line)["event"] for line in lines if line.startswith("{")]


def test_nobody_is_ready_while_the_broker_is_silent(world):
    """It is suspended: connections stay open, and nothing fails. Once it goes on, everybody is ready again."""
    assert wait_until(lambda: set(ready(world).values()) == {200}, support.PATIENCE_S)
    before = {name: len(said(world, name)) for name in SERVICES}
    broker = world.sandbox.process("kafka-1").process()
    broker.suspend()
    try:
        assert wait_until(lambda: set(ready(world).values()) == {503}, support.PATIENCE_S)
    finally:
        broker.resume()
    assert wait_until(lambda: set(ready(world).values()) == {200}, support.PATIENCE_S)
    for name in SERVICES:

        def since(name=name):
            events = said(world, name)[before[name] :]
            return events[events.index("broker lost") :] if "broker lost" in events else []

        assert wait_until(lambda since=since: "ready" in since(), support.PATIENCE_S), since()
        assert "broker answers again" in since()
