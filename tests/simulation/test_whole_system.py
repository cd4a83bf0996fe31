"""Everybody at once, and everything may go wrong (support/simulation.py): whatever happens, the promises hold.

A run is a seed. 20 by default, because one takes about a second; `NOTIFIER_SEEDS=10000` for many,
`NOTIFIER_SEED=17` to replay one.
"""

from __future__ import annotations

import math

import pytest

from notifier.routing.partition import Partition
from notifier.transport.memory import MemoryTransactional
from support.seeds import blocks, chosen
from support.simulation import run_seed


@pytest.mark.parametrize("seeds", blocks(20, 5), ids=lambda seeds: f"{seeds[0]} to {seeds[-1]}")
def test_every_promise_holds_whatever_happens(cores, seeds):
    """Accepted is delivered once, in order, without a gap; all of it is audited; nothing else is delivered."""
    cores.run(run_seed, seeds)


def nobody_is_fenced(_self):
    """Whoever owned a partition goes on writing to it."""


async def whatever_is_read_is_decided(self, reads, hub, feeds, now):
    """What a rebalance makes a router read again, too."""
    await self._transact(reads, hub, feeds, now)


@pytest.mark.parametrize("seed", [1059])
def test_what_once_broke_a_promise_does_not_any_more(cores, seed):
    """1059: a letter that was emptied, refused for good, made a message refused that everybody was told."""
    cores.run(run_seed, [seed])


@pytest.mark.parametrize(
    ("owner", "name", "broken", "seeds"),
    [
        (MemoryTransactional, "_own", nobody_is_fenced, range(10)),
        (Partition, "process", whatever_is_read_is_decided, range(15, 60)),
    ],
    ids=["no fence", "no position"],
)
def test_a_rule_that_is_broken_is_noticed(monkeypatch, owner, name, broken, seeds):
    """Some seeds are enough to see what would decide a message twice."""
    monkeypatch.setattr(owner, name, broken)
    with pytest.raises(AssertionError, match="decided twice"):
        for seed in seeds:
            run_seed(seed)


def test_a_seed_that_fails_is_named(cores):
    """With how to replay it; those that hold are not."""
    with pytest.raises(AssertionError, match=r"^replay with NOTIFIER_SEED=-2\n(?s:.)*ValueError") as raised:
        cores.run(math.factorial, [3, -2, 4])
    assert "SEED=3" not in str(raised.value)


def test_which_seeds_are_run(monkeypatch):
    """As many as are asked for, from where it is said; or the one that is to be seen again."""
    for name in ("NOTIFIER_SEED", "NOTIFIER_SEEDS", "NOTIFIER_FROM"):
        monkeypatch.delenv(name, raising=False)
    assert chosen(3) == [0, 1, 2]
    monkeypatch.setenv("NOTIFIER_SEEDS", "2")
    assert chosen(3) == [0, 1]
    monkeypatch.setenv("NOTIFIER_FROM", "1000")
    assert chosen(3) == [1000, 1001]
    monkeypatch.setenv("NOTIFIER_SEED", "17")
    assert chosen(3) == [17]
