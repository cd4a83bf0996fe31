"""Random schedules of crashes, doubts, delays and rebalances (support/schedule.py): the hub's promises hold.

A run is a seed. 100 by default; `NOTIFIER_SEEDS=10000` for many, `NOTIFIER_SEED=17` to replay one.
"""

from __future__ import annotations

import pytest

from support.schedule import run_seed
from support.seeds import blocks


@pytest.mark.parametrize("seeds", blocks(100, 25), ids=lambda seeds: f"{seeds[0]} to {seeds[-1]}")
def test_the_hub_s_promises_hold_in_every_schedule(cores, seeds):
    """Crashes, unknown outcomes, delays, lost sessions, two routers, resent and foreign records."""
    cores.run(run_seed, seeds)
