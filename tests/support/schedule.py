"""Random schedules of crashes, doubts, delays and rebalances: whatever happens, the hub's promises hold.

Only routers are real here: what senders send is made by hand, in any order. A run is a seed, in virtual time.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter

from notifier.audit.entry import AuditEntry
from notifier.codec.single_object import codec
from notifier.envelope import (
    ParsedDelivery,
    SignedStatement,
    open_body,
    parse_feed,
    verify_delivery,
    verify_statement,
)
from notifier.errors import OutcomeUnknownError, TransportError
from notifier.routing.batch import POSITION_KEY
from notifier.topics import AUDIT, INTAKE, STREAMS
from notifier.transport.base import Outgoing
from support import virtual
from support.world import build_world

CHAOS_S = 20.0
SENDERS = ("TUR/spoc", "FRA/spoc", "AUT/spoc")
RECIPIENT = "DEU/spoc"
PER_SENDER = 4


class Crash(Exception):
    """The process is gone."""


class Schedule:
    """One run: a world, two routers that come back, senders that resend what is not decided, and chaos."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.world = build_world(seed, self.fault)
        self.calm = False
        self.trouble = self.random.choice((0.02, 0.1, 0.3))
        self.made = {name: [self.world.make(name) for _ in range(PER_SENDER)] for name in SENDERS}

    async def fault(self, step):
        """What may go wrong at any call of the broker."""
        if self.calm or self.random.random() > self.trouble:
            if self.random.random() < 0.3:
                await asyncio.sleep(0)
            return
        kind = self.random.choice(("delay", "delay", "refuse", "doubt", "crash"))
        if kind == "delay":
            await asyncio.sleep(self.random.choice((0.01, 0.5, 3.0)))
        elif kind == "refuse" and not step.endswith("after"):
            raise TransportError
        elif kind == "doubt" and step.startswith("transact"):
            raise OutcomeUnknownError
        elif kind == "crash":
            raise Crash(step)

    async def router(self):
        """A router process and its supervisor."""
        while True:
            with contextlib.suppress(Crash, TransportError):
                await self.world.router().run(asyncio.Event())
            await asyncio.sleep(self.random.choice((0.0, 0.1, 2.0)))

    async def chaos(self):
        """Sessions that time out, garbage, and records of others resent, until it is calm."""
        end = asyncio.get_running_loop().time() + CHAOS_S
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(self.random.choice((0.05, 0.3, 2.0)))
            act = self.random.random()
            group = self.world.broker.groups.get("notifier-router")
            if act < 0.5 and group is not None and group.members:
                await self.random.choice(group.members).expel()
            elif act < 0.7:
                await self.world.put(self.random.choice(SENDERS), self.random.choice((b"garbage", None, b"\xc3\x01")))
            else:
                name = self.random.choice(SENDERS)
                one = self.random.choice(self.made[name])
                partition = self.random.choice((None, 0, 1))
                await self.world.put(name, one.envelope, partition)
        self.calm = True

    async def sender(self, name):
        """Sends in order, several at once; sends the same bytes again while any is undecided."""
        while True:
            undecided = [one for one in self.made[name] if one.digest not in self.accepted(name)]
            if not undecided and self.calm:
                return
            for one in undecided:
                where = self.world.partition(name)
                await self.world.broker.append([Outgoing(INTAKE, one.envelope, partition=where)])
            await asyncio.sleep(self.random.choice((1.0, 5.0)))

    async def run(self):
        """Until everything is accepted; then everything in intake is decided."""
        routers = [asyncio.create_task(self.router()) for _ in range(2)]
        try:
            async with asyncio.timeout(600):
                await asyncio.gather(self.chaos(), *(self.sender(name) for name in SENDERS))
                async with self.world.broker.changed:
                    await self.world.broker.changed.wait_for(self.settled)
        finally:
            for task in routers:
                task.cancel()
            await asyncio.gather(*routers, return_exceptions=True)
        self.check()

    def statements(self, name):
        directory = self.world.directory.snapshot().directory
        for record in self.world.feed(name):
            parsed = parse_feed(record.value)
            if isinstance(parsed, SignedStatement):
                yield verify_statement(parsed, hub_id=directory.hub.hub_id, hub_signer=directory.hub.signing_key)

    def accepted(self, name):
        return {one.digest for one in self.statements(name) if one.outcome == "accepted"}

    def positions(self):
        found = []
        for number in range(2):
            values = [one.value for one in self.world.broker.records(STREAMS, number) if one.key == POSITION_KEY]
            found.append([codec("IntakePosition").decode(value)["next_offset"] for value in values])
        return found

    def settled(self):
        ends = [len(self.world.broker.records(INTAKE, number)) for number in range(2)]
        return [(steps or [0])[-1] for steps in self.positions()] == ends

    def check(self):
        """Accepted is delivered exactly once, in order, without a gap; every decision is audited once."""
        world = self.world
        directory = world.directory.snapshot().directory
        key = world.keys[RECIPIENT].decryption
        sequences = {name: [] for name in SENDERS}
        digests = []
        for record in world.feed(RECIPIENT):
            parsed = parse_feed(record.value)
            assert isinstance(parsed, ParsedDelivery)
            delivery = verify_delivery(
                parsed,
                hub_id=directory.hub.hub_id,
                signer=directory.signer,
                hub_signer=directory.hub.signing_key,
                audience=RECIPIENT,
                now=world.clock.now,
            )
            sequences[delivery.header.originator].append(open_body(delivery, {key.key_id: key}).sequence)
            digests.append(delivery.digest)
        assert sequences == {name: list(range(1, PER_SENDER + 1)) for name in SENDERS}
        assert Counter(digests) == Counter(one.digest for made in self.made.values() for one in made)
        decided = sum(len(world.broker.records(INTAKE, number)) for number in range(2))
        entries = [AuditEntry.decode(record.value) for record in world.broker.records(AUDIT)]
        assert sum(entry.kind == "decision" for entry in entries) == decided
        assert sum(entry.kind == "delivery" for entry in entries) == len(digests)
        for name in SENDERS:
            numbers = [one.number for one in self.statements(name) if one.outcome == "accepted"]
            assert numbers == list(range(1, PER_SENDER + 1))
        for steps in self.positions():
            assert steps == sorted(set(steps)), "an intake offset was decided twice"


def run_seed(seed):
    """Runs the schedule of that seed to its end; raises where a promise is broken."""
    virtual.run(Schedule(seed).run())
