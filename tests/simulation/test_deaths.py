"""A process dies at a place where it waits (support/crash_points.py); the next one goes on.

`NOTIFIER_DIES_AT=17` with `-k publisher` replays one. By default a sample of the places is died at; with
`NOTIFIER_LONG` every single one.
"""

from __future__ import annotations

import os
from functools import partial

import pytest

from support.crash_points import run_death

VICTIMS = ("publisher", "router", "other router", "subscriber", "auditor")
BLOCKS = 4
"""In how many tests a victim's places are run: blocks run side by side."""
EVERY = 1 if "NOTIFIER_LONG" in os.environ else 10


@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("victim", VICTIMS)
def test_a_death_at_any_place_loses_and_doubles_nothing(cores, victim, block):
    """Before and behind every call, transaction and commit, and wherever else something is waited for."""
    waits = run_death(victim, 0)
    assert waits > 40, "opening, working and following were all died at"
    only = os.environ.get("NOTIFIER_DIES_AT")
    sample = [int(only)] if only else list(range(1, waits + 1, EVERY))
    cores.run(partial(run_death, victim), sample[block::BLOCKS], "NOTIFIER_DIES_AT")
