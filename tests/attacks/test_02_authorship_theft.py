"""2 Authorship theft: somebody signs what another wrote, and passes for its author.

The attacker holds an enrolled signing key and the bytes of another's envelope as the broker carries them; at worst
also the hub's statement key. Control: the signer's key id and the whole header are inside `hh`, which is bound into
every key. An envelope signed again opens for nobody.
"""

from __future__ import annotations

from dataclasses import replace

from notifier.crypto.keys import KeyUse, SigningKey
from notifier.directory.snapshot import Snapshot
from support.attack_harness import prefixed

SECOND = SigningKey.from_secret(b"2" * 32)


def claimed_by_fra(stage, letter):
    """TUR's envelope with FRA in its header, under FRA's signature."""
    thief, stream = stage.signing("FRA/spoc"), stage.world.stream("FRA/spoc")
    raw = prefixed(letter.record["prefix"], thief.key_id, originator="FRA/spoc", stream=stream)
    return letter.forged(thief, prefix=raw)


async def test_what_another_signed_anew_opens_for_nobody(stage):
    """FRA signs TUR's message: the hub cannot read it, a recipient cannot either, and TUR's own arrives."""
    true = stage.letter()
    stolen = claimed_by_fra(stage, true)
    assert await stage.route(stolen, at="FRA/spoc") == ["unreadable_slip"]
    await stage.inject("DEU/spoc", stage.delivery(stolen, "DEU/spoc"))
    assert await stage.route(true, stage.letter("FRA/spoc")) == [None, None]
    shown = await stage.read("DEU/spoc")
    assert shown.refused == ["cannot_open"]
    assert sorted(shown.texts) == ["FRA/spoc 1", "TUR/spoc 1"]
    assert shown.gaps == []


async def test_the_signer_s_key_is_bound_into_every_key(stage):
    """Nothing but the key id differs: a second key of the same authority cannot take over what the first signed."""
    snapshot = stage.world.directory.snapshot()
    tur = snapshot.directory.authorities["TUR/spoc"]
    listed = replace(tur.keys[0], key_id=SECOND.key_id, public=SECOND.public, use=KeyUse.SIGN)
    grown = dict(snapshot.directory.authorities) | {"TUR/spoc": replace(tur, keys=(*tur.keys, listed))}
    stage.world.directory.put(Snapshot(replace(snapshot.directory, authorities=grown), snapshot.rules))
    true = stage.letter()
    stolen = true.forged(SECOND, prefix=prefixed(true.record["prefix"], SECOND.key_id))
    await stage.inject("DEU/spoc", stage.delivery(stolen, "DEU/spoc"))
    assert await stage.route(stolen, true) == ["unreadable_slip", None]
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.refused) == ([true.text], ["cannot_open"])
