"""Size caps: the delivery of the largest envelope fits its own cap."""

from __future__ import annotations

import pytest

from notifier.codec.single_object import codec
from notifier.crypto.keys import DecryptionKey
from notifier.envelope import Addressee, parse_delivery
from notifier.envelope.format import ENVELOPE_BYTES, RECORD_BYTES
from notifier.errors import EnvelopeError


def test_the_largest_envelope_is_delivered(cast):
    """Grown step by step until it is refused: the one before it opens."""
    largest = b""
    with pytest.raises(EnvelopeError, match="too_large"):
        for size in range(250_000, 262_144, 1024):
            largest = cast.seal(body=cast.body(bytes(size))).envelope
    assert ENVELOPE_BYTES - 2048 < len(largest) <= ENVELOPE_BYTES
    delivery = cast.deliver(largest)
    assert len(delivery) <= RECORD_BYTES
    assert cast.open(delivery).sequence == 1


def test_an_envelope_over_its_cap_is_refused_by_size(cast):
    """Before anything else is looked at."""
    with pytest.raises(EnvelopeError) as error:
        cast.verify(bytes(ENVELOPE_BYTES + 1))
    assert error.value.reason == "too_large"


def test_an_envelope_of_exactly_its_cap_is_sealed_and_read_and_one_byte_more_is_not(cast):
    """The sealer and the reader draw the same line."""
    body = cast.body(bytes(ENVELOPE_BYTES - 5 * 1024))
    at = len(cast.seal(body=body, header=cast.header(originator="A" * 200)).envelope)
    spare = ENVELOPE_BYTES - at
    assert 0 < spare < 3000
    largest = cast.seal(body=body, header=cast.header(originator="A" * (200 + spare))).envelope
    assert len(largest) == ENVELOPE_BYTES
    with pytest.raises(EnvelopeError, match="unknown_signer"):
        cast.verify(largest)
    with pytest.raises(EnvelopeError, match="too_large"):
        cast.seal(body=body, header=cast.header(originator="A" * (201 + spare)))


def test_256_recipients_are_sealed_to_and_257_are_not(cast):
    """As many as the format has room for; each of them has its stanza."""
    keys = [DecryptionKey.from_secret(cast.random.randbytes(32)) for _ in range(257)]
    addressees = [Addressee(key.public, 1) for key in keys]
    sealed = cast.seal(addressees=addressees[:256]).envelope
    stanzas = cast.verify(sealed).parts.stanzas
    assert {stanza.rid for stanza in stanzas} == {key.key_id for key in keys[:256]}
    with pytest.raises(EnvelopeError) as error:
        cast.seal(addressees=addressees)
    assert (error.value.reason, error.value.detail) == ("too_large", "too many recipients for one envelope")


def test_what_a_caller_got_wrong_is_said(cast):
    """A body without anybody, anybody without a body, somebody twice."""
    with pytest.raises(ValueError, match=r"^a body needs at least one addressee, and addressees need a body$"):
        cast.seal(addressees=[])
    with pytest.raises(ValueError, match=r"^a body needs at least one addressee, and addressees need a body$"):
        cast.seal(body=None)
    with pytest.raises(ValueError, match=r"^an addressee occurs twice$"):
        cast.seal(addressees=[*cast.addressees(), *cast.addressees(("DEU/spoc",))])


def test_a_delivery_may_be_longer_than_an_envelope_up_to_its_own_cap(cast):
    """The reader's line for a delivery: at the cap it is parsed, one byte beyond it is refused by size."""
    record = codec("Delivery").decode(cast.deliver(cast.seal().envelope))

    def grown(size):
        return codec("Delivery").encode(record | {"body": bytes(size)})

    most = RECORD_BYTES - len(grown(ENVELOPE_BYTES)) + ENVELOPE_BYTES
    assert len(grown(most)) == RECORD_BYTES > ENVELOPE_BYTES
    assert len(parse_delivery(grown(most)).body) == most
    with pytest.raises(EnvelopeError, match="too_large"):
        parse_delivery(grown(most + 1))


def test_a_verified_delivery_has_its_envelope_s_digest(cast):
    """Receipts and audit name it by this, and so does its originator."""
    sealed = cast.seal()
    assert cast.verify_delivery(cast.deliver(sealed.envelope)).digest == sealed.digest
