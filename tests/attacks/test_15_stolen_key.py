"""15 Stolen agency key: a thief with TUR's signing key writes in its name.

The thief holds the key, the stream's numbers, and a clock that it sets as it likes; then the hub's statement key as
well. Control: a revocation counts from the hub's time of acceptance, never from the sender's; an authority's key
says only what the authority may say. How much it may say at once is attack 28's.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.directory.model import AuthorityState, KeyState
from notifier.directory.snapshot import Snapshot
from support.attack_harness import HOUR_MS
from support.world import START


async def test_a_backdated_envelope_after_the_revocation_is_refused(grounded, published):
    """The holders of the directory revoke the key: what TUR said before still opens, what the thief says does not."""
    said, thief = grounded.letter(), grounded.signing("TUR/spoc")
    assert await grounded.route(said) == [None]
    grounded.world.clock.now += HOUR_MS
    assert published.registry().change_key("TUR/spoc", thief.key_id, KeyState.REVOKED)
    grounded.world.directory.load()
    backdated = grounded.forge(header={"issued_at": START - HOUR_MS, "expires_at": START + 2 * HOUR_MS})
    told = grounded.told("TUR/spoc")
    assert await grounded.route(backdated) == ["signer_revoked"]
    assert grounded.told("TUR/spoc") == told, "nobody is told of what a revoked key signed"
    await grounded.inject("DEU/spoc", grounded.delivery(backdated.envelope, "DEU/spoc"))
    shown = await grounded.read("DEU/spoc")
    assert (shown.texts, shown.refused, shown.gaps) == ([said.text], ["signer_revoked"], [])


@pytest.mark.parametrize(
    ("change", "by_hub", "by_recipient"),
    [
        ({"publishes": frozenset({"arrest"})}, "not_permitted", "not_permitted"),
        ({"state": AuthorityState.SUSPENDED}, "signer_suspended", "signer_revoked"),
        ({"state": AuthorityState.REMOVED}, "signer_suspended", "signer_revoked"),
    ],
    ids=["narrowed", "suspended", "removed"],
)
async def test_a_restriction_counts_from_its_date(grounded, published, change, by_hub, by_recipient):
    """Messages accepted before are read afterwards; later ones are refused, backdated or not."""
    before, thief = grounded.letter(), grounded.signing("TUR/spoc")
    assert await grounded.route(before) == [None]
    grounded.world.clock.now += HOUR_MS
    assert published.registry().change_standing("TUR/spoc", **change)
    grounded.world.directory.load()
    backdated = grounded.forge(header={"issued_at": START - HOUR_MS, "expires_at": START + 2 * HOUR_MS}, signer=thief)
    assert await grounded.route(backdated) == [by_hub]
    await grounded.inject("DEU/spoc", grounded.delivery(backdated.envelope, "DEU/spoc"))
    shown = await grounded.read("DEU/spoc")
    assert (shown.texts, shown.refused, shown.gaps) == ([before.text], [by_recipient], [])


def changed(stage, **facts):
    """From now on these facts of TUR are others in the directory."""
    snapshot = stage.world.directory.snapshot()
    tur = replace(snapshot.directory.authorities["TUR/spoc"], **facts)
    authorities = dict(snapshot.directory.authorities) | {"TUR/spoc": tur}
    stage.world.directory.put(Snapshot(replace(snapshot.directory, authorities=authorities), snapshot.rules))


@pytest.mark.parametrize(
    ("facts", "by_hub", "by_recipient"),
    [
        ({"publishes": frozenset({"arrest"})}, "not_permitted", "not_permitted"),
        ({"state": AuthorityState.SUSPENDED}, "signer_suspended", "signer_revoked"),
    ],
    ids=["may not send this type", "suspended"],
)
async def test_a_key_says_no_more_than_its_authority_may(stage, facts, by_hub, by_recipient):
    """By hub and recipient alike; what another authority says meanwhile arrives."""
    stolen = stage.forge()
    changed(stage, **facts)
    await stage.inject("DEU/spoc", stage.delivery(stolen.envelope, "DEU/spoc"))
    true = stage.letter("AUT/spoc")
    assert await stage.route(stolen, true) == [by_hub, None]
    (said,) = stage.statements("TUR/spoc")
    assert (said.reason, said.stream, said.number, said.signer) == (by_hub, None, None, None), "it takes no place"
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.refused) == ([true.text], [by_recipient])
