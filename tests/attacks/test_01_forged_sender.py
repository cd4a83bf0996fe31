"""1 Forged sender: somebody who can write to intake, or to a feed, speaks in TUR's name.

The attacker holds keys of its own (enrolled for FRA, or none) and the broker, up to the hub's own statement key.
Control: the signature over the whole envelope, by a key that the directory lists for the authority in the header.
"""

from __future__ import annotations

import pytest

from notifier.crypto.keys import SigningKey

STRANGER = SigningKey.from_secret(b"s" * 32)


def as_tur(stage, forger):
    """Yield envelopes in TUR's name, each forged with other keys."""
    if forger == "unknown key":
        return stage.forge("TUR/spoc", signer=STRANGER).envelope
    if forger == "wrong authority for the key":
        return stage.forge("TUR/spoc", signer=stage.signing("FRA/spoc")).envelope
    return stage.forge("TUR/spoc").forged(stage.signing("FRA/spoc"))


FORGERS = {
    "unknown key": "unknown_signer",
    "wrong authority for the key": "unknown_signer",
    "key id of the victim": "bad_signature",
}


@pytest.mark.parametrize("forger", FORGERS)
async def test_the_hub_takes_nothing_in_another_s_name(stage, forger):
    """Refused with its reason, told to nobody; TUR's own first message still has number 1 and arrives."""
    true = stage.letter()
    assert await stage.route(as_tur(stage, forger), true) == [FORGERS[forger], None]
    assert stage.told("TUR/spoc") == [("accepted", None)]
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.sequences, shown.gaps) == ([true.text], [1], [])


@pytest.mark.parametrize("forger", FORGERS)
async def test_a_recipient_takes_nothing_in_another_s_name_from_the_hub_either(stage, forger):
    """A hub that signs whatever it is paid for cannot make DEU believe that TUR wrote it."""
    await stage.inject("DEU/spoc", stage.delivery(as_tur(stage, forger), "DEU/spoc"))
    true = stage.letter()
    await stage.route(true)
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.refused, shown.receipts) == ([true.text], [FORGERS[forger]], [("opened", None)])
