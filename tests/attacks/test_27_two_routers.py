"""27 Two routers on one partition: both believe that it is theirs, and both decide.

No attacker is needed: a router is paused longer than its session lasts, and comes back. Control: one transactional id
for each partition. A new owner fences the former one, reads its commits, and only then begins.
"""

from __future__ import annotations

import asyncio

import pytest

from notifier.audit.entry import AuditEntry
from notifier.codec.single_object import codec
from notifier.routing.batch import POSITION_KEY
from notifier.topics import AUDIT, INTAKE, ROUTER_GROUP, STREAMS


class Pause:
    """Holds the first caller that comes to a step of the broker until it is told to go on."""

    def __init__(self, step):
        self.step, self.reached, self.over = step, asyncio.Event(), asyncio.Event()

    async def __call__(self, step):
        if step == self.step and not self.reached.is_set():
            self.reached.set()
            await self.over.wait()


@pytest.mark.parametrize("step", ["transact.begin", "transact.commit", "transact.after", "reader.open"])
async def test_a_router_that_comes_back_writes_nothing(stage, step):
    """Paused before, in and after its transaction, or while it takes over: every letter is decided once, in order."""
    pause = stage.world.broker.fault = Pause(step)
    letters = [stage.letter() for _ in range(3)]
    for letter in letters[:2]:
        await stage.world.put("TUR/spoc", letter.envelope)
    async with stage.routing():
        async with asyncio.timeout(20):
            await pause.reached.wait()
        group = stage.world.broker.groups[ROUTER_GROUP]
        (paused,) = group.members
        await paused.expel()
        async with stage.routing():
            await stage.world.until(stage.decided)
            pause.over.set()
            await stage.world.put("TUR/spoc", letters[2].envelope)
            await stage.world.until(lambda: stage.decided() and len(group.members) == 2)
    assert stage.told("TUR/spoc") == [("accepted", None)] * 3
    assert [one.number for one in stage.statements("TUR/spoc")] == [1, 2, 3]
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.sequences) == ([one.text for one in letters], [1, 2, 3])
    assert len(stage.world.feed("DEU/spoc")) == 3
    entries = [AuditEntry.decode(record.value) for record in stage.world.broker.records(AUDIT)]
    assert len(entries) == 3 * 4, "a decision and three deliveries of each"


async def test_a_position_never_goes_back(stage):
    """A late commit of the paused router does not overwrite its successor's."""
    pause = stage.world.broker.fault = Pause("transact.commit")
    for number in range(4):
        await stage.world.put("TUR/spoc", stage.letter(text=f"letter {number}").envelope)
    async with stage.routing():
        async with asyncio.timeout(20):
            await pause.reached.wait()
        group = stage.world.broker.groups[ROUTER_GROUP]
        await group.members[0].expel()
        await stage.world.put("TUR/spoc", stage.letter(text="the last").envelope)
        async with stage.routing():
            await stage.world.until(stage.decided)
            pause.over.set()
            await stage.world.until(lambda: len(group.members) == 2)
    where = stage.world.partition("TUR/spoc")
    end = len(stage.world.broker.records(INTAKE, where))
    positions = [one.value for one in stage.world.broker.records(STREAMS, where) if one.key == POSITION_KEY]
    assert codec("IntakePosition").decode(positions[-1])["next_offset"] == end
    assert len(set(positions)) == len(positions), "an offset was decided twice"
