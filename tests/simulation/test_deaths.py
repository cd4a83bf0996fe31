"""A process dies at every single place where it waits (support/deaths.py); the next one goes on.

`NOTIFIER_DIES_AT=17` with `-k publisher` replays one. The publisher and a router by default, since whoever sends and
whoever decides is where something could be lost or doubled; with `NOTIFIER_LONG` the others too.
"""

from __future__ import annotations

import os
from functools import partial

import pytest

from support.deaths import run_death

VICTIMS = ("publisher", "router")
OTHERS = ("other router", "subscriber", "auditor")


@pytest.mark.parametrize("victim", (*VICTIMS, *OTHERS) if "NOTIFIER_LONG" in os.environ else VICTIMS)
def test_a_death_at_any_place_loses_and_doubles_nothing(cores, victim):
    """Before and behind every call, transaction and commit, and wherever else something is waited for."""
    waits = run_death(victim, 0)
    assert waits > 40, "opening, working and following were all died at"
    only = os.environ.get("NOTIFIER_DIES_AT")
    places = [int(only)] if only else list(range(1, waits + 1))
    cores.run(partial(run_death, victim), places, "NOTIFIER_DIES_AT")
