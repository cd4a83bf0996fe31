"""25 Record in the wrong feed: what was meant for one authority is put before another.

The attacker holds the broker, then the hub's statement key as well. Control: a statement names whom it is for, and
a recipient takes only what is sealed to its own key.
"""

from __future__ import annotations

import pytest

from notifier.envelope import notice
from notifier.topics import INTAKE
from support.samples import document
from support.world import PARTITIONS


async def test_another_s_delivery_is_not_ours(stage):
    """AUT's delivery on DEU's feed, and with a statement that a lying hub made for it: refused, DEU's own arrives."""
    letter = stage.letter()
    await stage.route(letter)
    (theirs,) = stage.world.feed("AUT/spoc")
    lied = stage.delivery(letter.envelope, "DEU/spoc", stanza="AUT/spoc")
    await stage.inject("DEU/spoc", theirs.value, lied)
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.sequences, shown.gaps) == ([letter.text], [1], [])
    assert shown.refused == ["bad_statement", "not_addressed"]


async def test_our_delivery_is_not_another_s(stage):
    """DEU's delivery on the feed of FRA, which nobody addressed: refused, and no number of TUR's stream is missed."""
    await stage.route(stage.letter())
    (ours,) = stage.world.feed("DEU/spoc")
    await stage.inject("FRA/spoc", ours.value)
    shown = await stage.read("FRA/spoc")
    assert (shown.texts, shown.refused, shown.gaps) == ([], ["bad_statement"], [])


@pytest.mark.parametrize(
    "wrong", [{"audience": "FRA/spoc"}, {"kind": "delivery"}], ids=["for another", "of a delivery"]
)
async def test_a_statement_for_another_tells_an_originator_nothing(stage, wrong):
    """TUR's publisher ignores a true statement about TUR's envelope that is addressed to another authority.

    A refusal that it believed would make it seal the message again, and two envelopes would be on intake.
    """
    async with stage.publishing("TUR/spoc") as publisher:
        submitted = await publisher.publish(document())
        sent = await stage.on_its_way()
        about = {"stream": sent.header.stream, "number": 1, "envelope_id": sent.header.envelope_id}
        refused = {"outcome": "rejected", "reason": "expired"}
        facts = {"kind": "decision", "audience": "TUR/spoc"} | about | refused | wrong
        await stage.inject("TUR/spoc", notice(stage.world.stated(sent.digest, **facts)))
        async with stage.routing():
            status = await publisher.wait(submitted.id, 10)
    assert (status.state, status.reason) == ("told", None)
    assert sum(len(stage.world.broker.records(INTAKE, number)) for number in range(PARTITIONS)) == 1
