"""Everybody at once, and everything may go wrong (support/whole.py): whatever happens, the promises hold.

A run is a seed. 50 by default, because one takes about a second; `NOTIFIER_SEEDS=10000` for many,
`NOTIFIER_SEED=17` to replay one.
"""

from __future__ import annotations

import math

import pytest

from support.seeds import blocks
from support.whole import run_seed


@pytest.mark.parametrize("seeds", blocks(50, 25), ids=lambda seeds: f"{seeds[0]} to {seeds[-1]}")
def test_every_promise_holds_whatever_happens(cores, seeds):
    """Accepted is delivered once, in order, without a gap; all of it is audited; nothing else is delivered."""
    cores.run(run_seed, seeds)


def test_a_seed_that_fails_is_named(cores):
    """With how to replay it; those that hold are not."""
    with pytest.raises(AssertionError, match=r"^replay with NOTIFIER_SEED=-2\n(?s:.)*ValueError") as raised:
        cores.run(math.factorial, [3, -2, 4])
    assert "SEED=3" not in str(raised.value)
