"""37 A clock that is off by an hour, or a directory that is behind, loses everything for good.

An attacker sets a recipient's clock back or the hub's ahead, or holds a later directory back from a recipient. It
would then refuse every delivery for good, while the originator reads that the hub accepted. Control: a refusal that
time or a later directory can cure is kept and tried again, in order; several in a row raise an alarm.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from notifier.directory.model import AuthorityState
from notifier.directory.snapshot import Snapshot, StaticDirectory
from support.attack_harness import DAY_MS, HOUR_MS

COUNT = 5


async def letters(stage, count=COUNT):
    """Publish notifications that the hub accepts; return their texts."""
    sent = [stage.letter() for _ in range(count)]
    assert await stage.route(*sent) == [None] * count
    return [letter.text for letter in sent]


@pytest.mark.parametrize("behind", [HOUR_MS, 7 * DAY_MS], ids=["an hour", "a week"])
async def test_a_recipient_whose_clock_is_behind_loses_nothing(stage, behind):
    """Refused while it is behind; read in order when it is right; no gap, no conflict, no receipt too many."""
    sent, right = await letters(stage), stage.world.clock.now
    stage.world.clock.now = right - behind
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.refused, shown.gaps, shown.receipts) == ([], ["not_yet_valid"] * COUNT, [], [])
    stage.world.clock.now = right
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.sequences) == (sent, [*range(1, COUNT + 1)])
    assert (shown.refused, shown.gaps, shown.conflicts) == ([], [], [])
    assert shown.receipts == [("opened", None)] * COUNT


async def test_a_hub_whose_clock_is_ahead_loses_nothing_and_holds_up_nobody(stage):
    """Deliveries accepted an hour ahead are kept, later right ones are read at once, and the kept ones in time."""
    right = stage.world.clock.now
    stage.world.clock.now = right + HOUR_MS
    early = await letters(stage, 2)
    stage.world.clock.now = right
    later = await letters(stage, 2)
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.gaps) == (later, [])
    stage.world.clock.now = right + HOUR_MS
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.refused, shown.gaps) == (later + early, [], [])


async def test_several_in_a_row_are_an_alarm(stage):
    """The subscriber is not ready while it reads nothing of what comes."""
    await letters(stage)
    right, stage.world.clock.now = stage.world.clock.now, stage.world.clock.now - HOUR_MS
    async with stage.subscribing() as subscriber, asyncio.timeout(20):
        await subscriber.until_idle(0)
        assert not subscriber.ready()
        stage.world.clock.now = right
        while not subscriber.ready():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


def held_back(snapshot, change):
    """Return an older directory, in which `change` alters TUR."""
    directory = snapshot.directory
    one = change(directory.authorities["TUR/spoc"])
    authorities = dict(directory.authorities) | {"TUR/spoc": one}
    return Snapshot(replace(directory, version=0, authorities=authorities), snapshot.rules)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: replace(one, keys=()), "unknown_signer"),
        (lambda one: replace(one, state=AuthorityState.SUSPENDED), "signer_revoked"),
        (lambda one: replace(one, publishes=frozenset()), "not_permitted"),
    ],
    ids=["its keys are not there yet", "it is still suspended", "it has no permission yet"],
)
async def test_a_recipient_from_whom_a_directory_is_held_back_loses_nothing(stage, change, reason):
    """The later directory comes in the end: everything is read, in order, and what was refused is refused no more."""
    sent, latest = await letters(stage), stage.world.directory.snapshot()
    directory = StaticDirectory(held_back(latest, change))
    shown = await stage.read("DEU/spoc", directory=directory)
    assert (shown.texts, shown.refused) == ([], [reason] * COUNT)
    directory.put(latest)
    shown = await stage.read("DEU/spoc", directory=directory)
    assert (shown.texts, shown.refused, shown.gaps, shown.conflicts) == (sent, [], [], [])


async def test_what_nothing_cures_is_tried_no_more(stage):
    """A statement of something else, and what is no delivery: refused for good, whatever comes later."""
    letter = stage.letter()
    await stage.route(letter)
    await stage.inject("DEU/spoc", stage.delivery(letter.envelope, "DEU/spoc", outcome="rejected"), b"garbage")
    await stage.read("DEU/spoc")
    inbox = await stage.inbox("DEU/spoc")
    assert [(one.reason, one.cure) for one in await inbox.refused()] == [("bad_statement", None), ("malformed", None)]
    assert await inbox.kept() == []
    await inbox.close()
