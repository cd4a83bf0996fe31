"""32 Reflection: the hub, or a recipient, is made to write to a victim who has said nothing.

The attacker names the victim in what it sends: its authority in the header, its key id in the prefix. Control: a
notice, and a receipt, is owed only where the signature of the named originator is good.
"""

from __future__ import annotations

import pytest

from notifier.codec.single_object import codec
from notifier.crypto.keys import SigningKey
from notifier.topics import REJECTED
from support.attack_harness import prefixed

STRANGER = SigningKey.from_secret(b"s" * 32)


def named(stage, how):
    """Return an envelope that names TUR, and that TUR did not sign."""
    letter, own, thief = stage.forge(), stage.signing("TUR/spoc").key_id, stage.signing("FRA/spoc")
    if how == "bad signature":
        return letter.forged(signature=bytes(64))
    if how == "another's signature":
        return letter.forged(thief)
    if how == "another's key":
        return letter.forged(thief, prefix=prefixed(letter.record["prefix"], thief.key_id))
    if how == "a stranger's key":
        return letter.forged(STRANGER, prefix=prefixed(letter.record["prefix"], STRANGER.key_id))
    if how == "another hub":
        return letter.forged(prefix=prefixed(letter.record["prefix"], own, hub_id=bytes(16)))
    return letter.envelope + bytes(300_000) if how == "too large" else letter.envelope[:-1]


WAYS = {
    "bad signature": "bad_signature",
    "another's signature": "bad_signature",
    "another's key": "unknown_signer",
    "a stranger's key": "unknown_signer",
    "another hub": "wrong_hub",
    "too large": "too_large",
    "cut": "malformed",
}


@pytest.mark.parametrize("how", WAYS)
async def test_the_hub_tells_nobody_what_nobody_signed(stage, how):
    """A hundred times: no record on the victim's feed, and none that names it in the topic of what was rejected."""
    forged = named(stage, how)
    assert set(await stage.route(*[forged] * 100)) == {WAYS[how]}
    assert not stage.world.feed("TUR/spoc")
    assert not stage.world.feed("FRA/spoc")
    rejections = [codec("Rejection").decode(record.value) for record in stage.world.broker.records(REJECTED)]
    assert {one["originator"] for one in rejections} == {None}


@pytest.mark.parametrize("how", [how for how in WAYS if how not in ("too large", "cut")])
async def test_a_recipient_owes_nobody_an_answer_for_it(stage, how):
    """No receipt is made; for TUR's true message one is."""
    await stage.inject("DEU/spoc", *[stage.delivery(named(stage, how), "DEU/spoc")] * 10)
    true = stage.letter()
    await stage.route(true)
    shown = await stage.read("DEU/spoc")
    assert shown.refused == [WAYS[how]] * 10
    assert (shown.texts, shown.receipts) == ([true.text], [("opened", None)])
