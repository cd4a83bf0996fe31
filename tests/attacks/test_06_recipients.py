"""6 Recipients cut, added or renumbered: another set of authorities is told than the rules say, and nobody knows.

The attacker is an originator (every key of its own envelope is known to it), a recipient that knows the content
key, or the broker's operator; with them the hub's statement key. Control: the signed list of stanza hashes; the hub
compares stanzas, recipients and withheld with what the rules say of the facts.
"""

from __future__ import annotations

import pytest

from notifier.codec.single_object import codec


@pytest.mark.parametrize(
    "slip",
    [
        {"recipients": ("AUT/spoc", "UTO/spoc")},
        {"recipients": ("AUT/spoc", "DEU/spoc", "FRA/spoc", "UTO/spoc")},
        {"withheld": ("FRA/spoc",)},
        {"withheld": ("DEU/spoc",)},
    ],
    ids=["left out", "added", "withheld from nobody expected", "told and withheld"],
)
async def test_an_originator_tells_whom_the_rules_say(stage, slip):
    """Another set of recipients is refused in turn; the next message reaches exactly those of the rules."""
    wrong = stage.forge(slip=slip)
    stage.sent(wrong, accepted=False)
    true = stage.letter()
    assert await stage.route(wrong, true) == ["recipients_mismatch", None]
    assert not stage.world.feed("FRA/spoc")
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.sequences, shown.gaps) == ([true.text], [1], [])


def without(letter, key):
    """Return the list without that stanza; a dummy keeps the count."""
    kept = [one | {"rid": b"\xff" * 16} if one["rid"] == key.key_id else one for one in letter.record["stanzas"]]
    return sorted(kept, key=lambda one: one["rid"])


def with_one_more(stage, letter, key):
    """Return the list with a stanza to that key in place of a dummy."""
    known = {pair.decryption.key_id for pair in stage.world.keys.values()}
    dummy = next(one for one in letter.record["stanzas"] if one["rid"] not in known)
    listed = [one for one in letter.record["stanzas"] if one is not dummy] + [letter.stanza(key, 1)]
    return sorted(listed, key=lambda one: one["rid"])


async def test_the_operator_cannot_edit_the_list(stage):
    """A stanza cut or put in on the way breaks the signature; the untouched record is accepted afterwards."""
    true = stage.letter()
    cut = true.forged(stanzas=without(true, stage.decryption("DEU/spoc")))
    first = true.forged(stanzas=true.record["stanzas"][1:])
    assert await stage.route(cut, first, true) == ["bad_signature", "bad_signature", None]
    assert (await stage.read("DEU/spoc")).texts == [true.text]


async def test_an_originator_has_no_hidden_addressee(stage):
    """A well signed list with a stanza more, or less, than the slip says is refused: the hub rebuilds it."""
    letter, signer = stage.forge(), stage.signing("TUR/spoc")
    added = letter.forged(signer, stanzas=with_one_more(stage, letter, stage.decryption("FRA/spoc")))
    cut = letter.forged(signer, stanzas=without(letter, stage.decryption("DEU/spoc")))
    assert await stage.route(added, cut, stage.letter()) == ["unreadable_slip", "unreadable_slip", None]
    assert not stage.world.feed("FRA/spoc")


async def test_a_stanza_by_somebody_who_knows_every_secret_is_not_the_listed_one(stage):
    """The originator's own secrets and the hub's key make DEU another number: refused, and no gap appears."""
    true = stage.letter()
    await stage.route(true)
    (record,) = stage.world.feed("DEU/spoc")
    renumbered = codec("Delivery").decode(record.value) | true.stanza(stage.decryption("DEU/spoc"), 7)
    await stage.inject("DEU/spoc", codec("Delivery").encode(renumbered))
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.sequences, shown.refused, shown.gaps) == ([true.text], [1], ["not_addressed"], [])
