"""9 Downgrade: an envelope is read by the rules of another, weaker suite than it was sealed in.

The attacker holds the broker, then the originator's signing key as well (never its ephemeral secret). Control: only
suites that the directory lists are read, a key has one suite, and the suite byte is in `hh`, so in every key.
"""

from __future__ import annotations

from dataclasses import replace

from notifier.directory.snapshot import Snapshot
from notifier.envelope.verifying import verify

SUITE_AT = 3  # behind the magic "NTF"


def in_suite(letter, suite, signer=None):
    """Return the envelope with another suite byte."""
    prefix = bytearray(letter.record["prefix"])
    prefix[SUITE_AT] = suite
    return letter.forged(signer, prefix=bytes(prefix))


async def test_a_suite_that_nobody_listed_is_refused(stage):
    """Flipped, or signed again with a stolen key: hub and recipient refuse it for its suite."""
    true, thief = stage.letter(), stage.signing("TUR/spoc")
    flipped = [in_suite(true, suite, signer) for suite in (0, 2, 255) for signer in (None, thief)]
    assert await stage.route(*flipped, true) == ["unsupported_suite"] * 6 + [None]
    await stage.inject("DEU/spoc", *(stage.delivery(one, "DEU/spoc") for one in flipped))
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.refused, shown.receipts) == (
        [true.text],
        ["unsupported_suite"] * 6,
        [("opened", None)],
    )


async def test_where_two_suites_are_read_the_byte_is_still_bound(stage, monkeypatch):
    """A hub that reads suite 2 too, and a stolen key listed for it: what was sealed in suite 1 does not open."""
    snapshot = stage.world.directory.snapshot()
    true, thief = stage.letter(), stage.signing("TUR/spoc")
    tur = snapshot.directory.authorities["TUR/spoc"]
    moved = replace(tur, keys=tuple(replace(key, suite=2) for key in tur.keys))
    both = dict(snapshot.directory.authorities) | {"TUR/spoc": moved}
    monkeypatch.setitem(verify.__kwdefaults__, "suites", frozenset({1, 2}))
    stage.world.directory.put(Snapshot(replace(snapshot.directory, authorities=both), snapshot.rules))
    assert await stage.route(in_suite(true, 2, thief)) == ["unreadable_slip"]
    stage.world.directory.put(snapshot)
    assert await stage.route(true) == [None]
    assert (await stage.read("DEU/spoc")).texts == [true.text]
