"""The broker stops answering, without a word to anybody: no service says that it is ready, and each says so."""

from __future__ import annotations

import json

from notifier.codec.single_object import codec
from notifier.routing.batch import CLOCK_KEY
from notifier.runtime import wall_clock
from notifier.sandbox.processes import wait_until
from notifier.topics import STREAMS
from notifier.transport.base import Outgoing
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


async def test_the_broker_says_when_it_had_a_router_s_record(world):
    """Its own time, whatever the sender's is: with this a router compares its clock."""
    transport = world.transport("router")
    nothing = codec("IntakePosition").encode({"next_offset": 0})
    before = wall_clock()
    try:
        sender = await transport.sender()
        plain = await sender.send([Outgoing(STREAMS, nothing, CLOCK_KEY)])
        transactional = await transport.transactional("notifier-router-0", [STREAMS])
        within = await transactional.transact([Outgoing(STREAMS, nothing, CLOCK_KEY)])
    finally:
        await transport.close()
    assert before - 1_000 <= plain <= within <= wall_clock() + 1_000
