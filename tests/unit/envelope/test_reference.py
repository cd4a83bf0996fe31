"""Another implementation, written from the document alone, opens what this one seals."""

from __future__ import annotations

import random
from dataclasses import asdict

import pytest
from nacl.exceptions import CryptoError

from notifier.errors import NotifierError

NOW = 1_795_000_000_010


def hub_reads(reference, cast, data):
    return reference.open_slip(data, cast.hub_id, cast.signer.public, cast.hub.secret)


def recipient_reads(reference, cast, data, name="DEU/spoc"):
    keys = (cast.signer.public, cast.hub_signer.public)
    return reference.open_delivery(data, cast.hub_id, *keys, name, NOW, cast.recipients[name].secret)


def test_the_hub_s_view_is_the_same(cast, reference):
    """Slip, digest and stanzas, as the document says and as this software does."""
    sealed = cast.seal()
    slip, rids, digest = hub_reads(reference, cast, sealed.envelope)
    ours = asdict(cast.slip())
    facts = ours["facts"]
    del ours["carried"]
    assert slip == ours | {
        "facts": facts | {"legs": [leg._asdict() for leg in cast.slip().facts.legs]},
        "recipients": list(cast.slip().recipients),
        "withheld": [],
    }
    assert digest == sealed.digest
    assert set(cast.stanzas(sealed.envelope).values()) < set(rids)


def test_every_recipient_s_view_is_the_same(cast, reference):
    """Body, own number and the hub's statement."""
    data = cast.seal().envelope
    for place, name in enumerate(cast.recipients, 1):
        body, sequence, statement = recipient_reads(reference, cast, cast.deliver(data, name), name)
        assert body == asdict(cast.body())
        assert sequence == place
        assert statement["audience"] == name


@pytest.mark.parametrize("view", ["hub", "recipient"])
def test_both_implementations_refuse_the_same_bytes(cast, reference, view):
    """A flipped byte that only one of them refuses would mean an ambiguous document."""
    data = cast.seal(body=cast.body(b"short")).envelope
    ours, theirs = cast.stanzas, hub_reads
    if view == "recipient":
        data, ours, theirs = cast.deliver(data), cast.open, recipient_reads
    theirs(reference, cast, data)
    for place in random.Random(3).sample(range(len(data)), 200):
        broken = bytearray(data)
        broken[place] ^= 1 << place % 8
        with pytest.raises((reference.Refused, CryptoError, ValueError, IndexError)):
            theirs(reference, cast, bytes(broken))
        with pytest.raises(NotifierError):
            ours(bytes(broken))
