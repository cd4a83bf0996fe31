"""7 Passing on as if addressed: FRA is made to believe that TUR wrote to it, though TUR wrote to DEU.

The attacker is DEU, a true recipient with its own key and the content key; then with the hub's statement key; then
with the originator's ephemeral secret as well. Control: the own stanza must stand in the list that TUR signed.
"""

from __future__ import annotations

import pytest

from notifier.codec.single_object import codec


async def passed_on(stage, letter, power):
    """DEU's delivery made up for FRA, as far as the attacker's power goes."""
    deliveries = [record.value for record in stage.world.feed("DEU/spoc")]
    if power == "its own delivery":
        return deliveries[0]
    lied = codec("Delivery").decode(stage.delivery(letter.envelope, "FRA/spoc", stanza="DEU/spoc"))
    if power == "the hub's key":
        return codec("Delivery").encode(lied | {"rid": stage.decryption("FRA/spoc").key_id})
    return codec("Delivery").encode(lied | letter.stanza(stage.decryption("FRA/spoc"), 1))


POWERS = {
    "its own delivery": "bad_statement",
    "the hub's key": "not_addressed",
    "the originator's ephemeral secret": "not_addressed",
}


@pytest.mark.parametrize("power", POWERS)
async def test_nobody_is_made_an_addressee(stage, power):
    """FRA shows nothing of it, counts no number, and what it is truly sent by another arrives."""
    letter = stage.letter()
    await stage.route(letter)
    await stage.inject("FRA/spoc", await passed_on(stage, letter, power))
    true = stage.letter("AUT/spoc", change={"movement": {**MOVEMENT, "destination": "FRA"}})
    assert await stage.route(true) == [None]
    shown = await stage.read("FRA/spoc")
    assert (shown.texts, shown.refused, shown.gaps) == ([true.text], [POWERS[power]], [])


MOVEMENT = {"in_custody": True, "origin": "TUR", "transit": []}
