"""The names that envelopes, streams and records have: written down again from docs/reference/envelope.md."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from notifier.codec.single_object import Codec, codec
from notifier.crypto.keys import DecryptionKey, SigningKey
from notifier.envelope import (
    Act,
    Slip,
    envelope_id_of,
    inputs_digest,
    notification_digest,
    partition_of,
    raw_digest,
    record_digest,
    stream_key,
)
from notifier.envelope.format import HEADER_BYTES, Prefix
from notifier.errors import EnvelopeError
from notifier.rules.facts import Leg, RoutingFacts
from notifier.shipped import schemas_folder


def b(person, data, key=b"", size=32):
    """B(person, data, key), as the document's notation has it."""
    return hashlib.blake2b(data, digest_size=size, key=key, person=person.encode()).digest()


def named(originator, stream):
    """u16 len(originator) | originator | stream."""
    return len(originator).to_bytes(2, "big") + originator.encode() + stream


def test_digests_are_those_of_the_document(cast):
    """Records, notifications, a decision's inputs, envelope ids: another person, key or length is another name."""
    slip = cast.slip(digest_key=bytes(range(16)))
    secret, tail = bytes(range(32)), bytes(range(32, 64))
    assert raw_digest(b"garbage") == b("ntf1/raw", b"garbage")
    assert notification_digest(b"a notification") == b("ntf1/notif", b"a notification")
    assert inputs_digest(slip) == b("ntf1/inputs", slip.encode(), key=bytes(range(16)))
    found = envelope_id_of(secret, cast.notification_id, tail)
    assert found == b("ntf1/eid", cast.notification_id + tail, key=secret, size=16)


@pytest.mark.parametrize("originator", ["TUR/spoc", "INTERPOL/spoc", "A" * 300])
def test_a_stream_s_partition_and_key_are_those_of_the_document(originator):
    """Every implementation computes the same, so that a stream has one owner."""
    for number in range(20):
        stream = bytes((number,)) * 16
        whole = int.from_bytes(b("ntf1/partition", named(originator, stream))[:8], "big")
        for partitions in (1, 7, 64, 10_007):
            assert partition_of(originator, stream, partitions) == whole % partitions
        assert stream_key(originator, stream) == b("ntf1/stream", named(originator, stream), size=16)


def test_a_record_is_named_by_its_digest_or_where_it_is_no_envelope_by_its_bytes(cast):
    """So a refusal can be matched with what was sent."""
    sealed = cast.seal()
    assert record_digest(sealed.envelope) == sealed.digest
    assert record_digest(sealed.envelope + b"\x00") == raw_digest(sealed.envelope + b"\x00")


def test_a_slip_is_read_as_it_was_written(cast):
    """Every fact survives, corridor and INTERPOL too: the hub decides on them."""
    facts = RoutingFacts("pattern", True, True, ("TUR", "DEU"), (Leg("origin", "BGR"), Leg("transit", "AUT")))
    slip = cast.slip(facts=facts, withheld=("AUT/spoc", "BGR/spoc"), number=7, previous=b"\x05" * 32)
    assert Slip.decode(slip.encode()) == slip
    free = replace(slip, facts=replace(facts, corridor=None, interpol=False, in_custody=False))
    assert Slip.decode(free.encode()) == free
    act = replace(free, facts=RoutingFacts("act"), act=Act("approval", b"\x06" * 32))
    assert Slip.decode(act.encode()) == act
    again = replace(free, facts=RoutingFacts("update", legs=(Leg("nationality", "MAR"),), of="finint"))
    assert Slip.decode(again.encode()) == again


def test_a_slip_of_the_first_schema_is_read_and_keeps_its_digest(cast):
    """Both sides compute the same digest for an outdated originator's slip, from its bytes as written."""
    first = Codec(json.loads((schemas_folder() / "history" / "Slip-1.avsc").read_text()))
    slip = cast.slip(digest_key=bytes(range(16)))
    record = codec("Slip").decode(slip.encode())
    del record["act"], record["facts"]["of"]
    written = first.encode(record)
    assert Slip.decode(written) == slip
    assert inputs_digest(Slip.decode(written)) == b("ntf1/inputs", written, key=bytes(range(16)))
    assert inputs_digest(Slip.decode(written)) != inputs_digest(slip)


def test_a_header_may_be_as_long_as_its_cap_and_no_longer(cast):
    """Counted on the encoded header, by the sealer and by the reader alike."""
    spare = HEADER_BYTES - len(cast.header(originator="A" * 200).encode())
    longest = Prefix.build(bytes(16), cast.header(originator="A" * (200 + spare)))
    assert len(longest.header_bytes) == HEADER_BYTES
    assert Prefix.parse(longest.raw) == longest
    with pytest.raises(EnvelopeError) as error:
        Prefix.build(bytes(16), cast.header(originator="A" * (201 + spare)))
    assert (error.value.reason, error.value.detail) == ("too_large", "the header exceeds its size cap")
    with pytest.raises(EnvelopeError, match="the prefix does not parse"):
        Prefix.parse(longest.raw + b"\x00")
    over = longest.raw[:20] + (HEADER_BYTES + 1).to_bytes(4, "big") + longest.raw[24:] + b"\x00"
    with pytest.raises(EnvelopeError, match="the prefix does not parse"):
        Prefix.parse(over)


@pytest.mark.parametrize("kind", [SigningKey, DecryptionKey])
def test_a_new_key_is_all_the_randomness_that_it_was_given(kind):
    """32 bytes are drawn, once, and they are the secret."""
    asked = []

    def entropy(size):
        asked.append(size)
        return bytes(range(size))

    assert kind.generate(entropy) == kind.from_secret(bytes(range(32)))
    assert asked == [32]
