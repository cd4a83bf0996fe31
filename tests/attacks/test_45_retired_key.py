"""45 A retired key makes new things: a thief of a key that was retired long ago writes in its owner's name.

What the key made before is accepted for a while, so the thief would have weeks. Control: what was issued later than
the key's retirement, and five minutes for clocks that differ, is refused, by the time that it names; the refusal
takes no place, and the owner goes on under its new key.
"""

from __future__ import annotations

from notifier.crypto.keys import DecryptionKey, SigningKey
from notifier.directory.model import KeyState
from support.attack_harness import HOUR_MS

OWNER = "TUR/spoc"


async def test_a_retired_key_makes_nothing_new(grounded, published):
    """Envelopes in flight arrive; later ones of the thief do not, and the owner's next message does."""
    draw, old = grounded.world.random.randbytes, grounded.signing(OWNER)
    new = SigningKey.from_secret(draw(32))
    published.enrol(OWNER, new, DecryptionKey.from_secret(draw(32)))
    assert published.registry().change_key(OWNER, old.key_id, KeyState.RETIRING)
    grounded.world.directory.load()
    on_its_way = grounded.letter(OWNER, "on its way")
    grounded.world.clock.now += HOUR_MS
    thief = grounded.forge(OWNER, signer=old)
    owner = grounded.letter(OWNER, "under the new key", signer=new)
    assert await grounded.route(on_its_way, thief, owner) == [None, "signer_retired", None]
    shown = await grounded.read("DEU/spoc")
    assert (shown.texts, shown.gaps) == (["on its way", "under the new key"], [])
