"""49 One envelope, many large deliveries: an authority whose input is limited makes the hub write many times as much.

The attacker is an enrolled authority that sends the largest envelopes to as many as it can name. Control: what is
delivered of one originator is limited over time, as its input is; the refusal places nothing, so that the same bytes
go again later, and others are served meanwhile.
"""

from __future__ import annotations

import pytest

FLOODER = "FRA/spoc"
SIZE = 200_000


@pytest.fixture
def small(monkeypatch):
    """As if four recipients were thirty: the burst is ten large deliveries, and one drains in a second."""
    monkeypatch.setattr("notifier.routing.budget.OUTPUT_BURST", 10 * SIZE)
    monkeypatch.setattr("notifier.routing.budget.OUTPUT_RATE", SIZE)


def delivered(stage):
    """Return the number of bytes in the feed of one recipient."""
    return sum(len(record.value) for record in stage.world.feed("DEU/spoc"))


async def test_output_is_limited_as_input_is(stage, small):
    """Of twenty large envelopes so many are delivered as the budget has room for; what others send arrives."""
    large = [stage.letter(FLOODER, encoded=bytes(SIZE)) for _ in range(20)]
    true = stage.letter("AUT/spoc")
    reasons = await stage.route(*large, true)
    assert reasons == [None] * 3 + ["quota_exceeded"] * 17 + [None]
    assert delivered(stage) < 4 * (SIZE + 5_000)
    assert stage.told("AUT/spoc") == [("accepted", None)]
    refused = [one for one in stage.statements(FLOODER) if one.reason == "quota_exceeded"]
    assert {(one.stream, one.number, one.signer) for one in refused} == {(None, None, None)}, "it places nothing"


async def test_the_same_bytes_go_again_later(stage, small):
    """Nothing is lost or sealed again: the stream continues at its number."""
    large = [stage.letter(FLOODER, encoded=bytes(SIZE)) for _ in range(6)]
    assert await stage.route(*large) == [None] * 3 + ["quota_exceeded"] * 3
    stage.world.clock.now += 60_000
    assert await stage.route(*large[3:]) == [None] * 3
    assert len(stage.world.feed("DEU/spoc")) == 6
