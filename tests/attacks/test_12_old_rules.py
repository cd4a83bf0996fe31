"""12 Sender on old rules: an originator goes on telling whom rules told that are no longer in force.

The attacker is an originator with its own keys, or one whose directory is kept old. Control: the slip names the
versions that it was made with; the one before the current is good for a day, unless a revocation lies between, and
the hub's answer names the version to use.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.directory.model import KeyState
from notifier.directory.snapshot import Snapshot
from support.attack_harness import DAY_MS, HOUR_MS


def tell_fewer(stage, version=2):
    """From now on rules are in force by which a deportation is not told to the state of nationality."""
    now = stage.world.directory.snapshot()
    rows = tuple(row for row in now.rules.rows if row.rule != "nationality")
    rules = replace(now.rules, version=version, issued_at=stage.world.clock(), rows=rows)
    stage.world.directory.put(Snapshot(now.directory, rules, previous_rules=now.rules))


async def test_old_rules_serve_a_day_and_no_longer(stage):
    """Messages in flight arrive; a day later UTO is told nothing more, and TUR gets the version to use."""
    first = stage.letter()
    second = stage.forge()
    tell_fewer(stage)
    assert await stage.route(first) == [None]
    stage.world.clock.now += DAY_MS + 1
    assert await stage.route(second) == ["rules_outdated"]
    assert stage.statements("TUR/spoc")[-1].rules_version == 2
    stage.sent(second, accepted=False)
    assert await stage.route(stage.letter(text="by the rules of now")) == [None]
    assert (await stage.read("DEU/spoc")).texts == [first.text, "by the rules of now"]
    assert (await stage.read("UTO/spoc")).texts == [first.text]


async def test_rules_of_two_versions_ago_do_not_serve_at_all(stage):
    """The time between the versions does not matter."""
    old = stage.forge()
    tell_fewer(stage, 2)
    tell_fewer(stage, 3)
    assert await stage.route(old) == ["rules_outdated"]
    assert not stage.world.feed("UTO/spoc")


async def test_a_directory_from_before_a_revocation_does_not_serve_at_all(stage):
    """A key was taken away a moment ago: who may still seal to it has to look first."""
    old = stage.forge()
    before = stage.world.directory.snapshot()
    fra = before.directory.authorities["FRA/spoc"]
    keys = tuple(replace(key, state=KeyState.REVOKED, changed_at=stage.world.clock()) for key in fra.keys)
    authorities = dict(before.directory.authorities) | {"FRA/spoc": replace(fra, keys=keys)}
    later = replace(before.directory, version=2, issued_at=stage.world.clock(), authorities=authorities)
    stage.world.directory.put(Snapshot(later, before.rules, previous_directory=before.directory))
    assert await stage.route(old) == ["rules_outdated"]
    assert stage.statements("TUR/spoc")[-1].directory_version == 2
    assert not stage.world.feed("UTO/spoc")


@pytest.mark.parametrize("slip", [{"rules_version": 99}, {"directory_version": 99}])
async def test_versions_that_nobody_signed_are_not_taken_at_their_word(stage, slip):
    """A slip cannot name rules to come and be judged by those of now; it is looked for, once, and others go on."""
    stage.world.clock.now += HOUR_MS
    invented = stage.forge(slip=slip)
    assert await stage.route(invented) == ["rules_unknown"]
    assert await stage.route(stage.letter("AUT/spoc")) == [None]
    assert not [one for one in stage.told("TUR/spoc") if one[0] == "accepted"]
