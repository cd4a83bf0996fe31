"""The kill campaign: everything is killed, paused or filled up, under load, and every promise is kept.

Three authorities publish through two routers. Publishers, subscribers, routers, the broker and the whole hub are
killed (-9) and started again, routers are stopped for longer than their session and go on, the disk under an outbox
fills up (support/campaign.py).

A campaign is a seed (`NOTIFIER_SEED`): `NOTIFIER_LOAD` messages (400 by default, 20,000 in `make test-long`) and
`NOTIFIER_ACTS` acts. A report is written to `NOTIFIER_REPORT` where that is set, whatever came of it. How long each
partition stood still after a router was lost is in it; where people run the whole (`NOTIFIER_LONG`), it must be
10 s at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from pathlib import Path

import pytest

from support.campaign import ORIGINATORS, SUBSCRIBERS, Campaign
from support.ledger import assert_exactly_once, standing

LOAD = int(os.environ.get("NOTIFIER_LOAD", "400"))
ACTS = int(os.environ.get("NOTIFIER_ACTS", "6"))
SEED = int(os.environ.get("NOTIFIER_SEED", "4"))  # whose first six acts are one of each kind
TAKEOVER_S = 10.0
LIMIT_S = 1800


@pytest.fixture
def campaign(world, tmp_path):
    campaign = Campaign(world, tmp_path, seed=SEED, load=LOAD, acts=ACTS)
    yield campaign
    campaign.close()


@pytest.mark.timeout(LIMIT_S)
async def test_every_accepted_message_is_delivered_exactly_once(world, campaign):
    """Whatever was killed, paused or full meanwhile; nothing else is delivered, and the log verifies."""
    report = {"replay": f"NOTIFIER_SEED={SEED} NOTIFIER_LOAD={LOAD} NOTIFIER_ACTS={ACTS}", "kept": False}
    print("replay with", report["replay"])  # shown where it fails
    try:
        before = await standing(world)
        await campaign.run()
        report["published_in_seconds"] = round(time.monotonic() - campaign.begun, 1)
        await assert_exactly_once(world, campaign.wanted, before)
        await assert_nothing_waits(campaign)
        await assert_handed_on(campaign)
        report["kept"] = True
    finally:
        report |= summary(campaign)
        if written := os.environ.get("NOTIFIER_REPORT"):
            await asyncio.to_thread(Path(written).write_text, json.dumps(report, indent=1) + "\n")
    if "NOTIFIER_LONG" in os.environ:
        assert report["stood_still_at_most_seconds"] <= TAKEOVER_S, report


def summary(campaign):
    """What was done, and how long it took."""
    still = [seconds for act in campaign.acts for seconds in act.get("stood_still_seconds", ())]
    return {
        "messages": sum(map(len, campaign.wanted.values())),
        "seconds": round(time.monotonic() - campaign.begun, 1),
        "stood_still_at_most_seconds": max(still, default=0.0),
        "acts": campaign.acts,
    }


async def assert_nothing_waits(campaign):
    """Every outbox is empty: the hub has decided all that was given to it."""
    for name in ORIGINATORS:
        assert await asyncio.to_thread(campaign.undecided, name) == 0, name


async def assert_handed_on(campaign):
    """Everything went to the subscribers' sinks; what an end came between goes there at the next start."""
    for name in SUBSCRIBERS:
        await campaign.keep("subscriber", name, campaign.subscribe(name, "--until-idle", "1"))
        found = set()
        for line in (await asyncio.to_thread(campaign.sinks[name].read_text)).splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # whoever was killed may have cut its last line off
                found.add(json.loads(line)["id"])
        assert found >= {one for ids in campaign.wanted.values() for one, told in ids.items() if name in told}, name
