"""Sealing and opening: what was sealed opens for whom it was sealed, and nothing else opens for anybody."""

from __future__ import annotations

import random
from dataclasses import asdict

import pytest

from notifier.codec.single_object import codec
from notifier.crypto.keys import DecryptionKey, KeyUse, SigningKey, key_id
from notifier.crypto.primitives import pad, unpad
from notifier.envelope import open_slip, partition_of
from notifier.envelope.format import Prefix, signed_form, slip_digest, stanza_hash, transcript
from notifier.errors import EnvelopeError, KeyRejectedError, MalformedError

SECOND = 1000
MINUTE = 60 * SECOND
NOW = 1_795_000_000_000


def refused(call, *arguments):
    """Return the reason of a refused call; fail where it is not refused."""
    with pytest.raises((EnvelopeError, MalformedError)) as error:
        call(*arguments)
    return error.value.reason


def resigned(data, key, **change):
    """Return the envelope with parts replaced and signed again with `key`."""
    record = codec("Envelope").decode(data) | change
    prefix = Prefix.parse(record["prefix"])
    hashes = [stanza_hash(prefix.hh, one["rid"], one["wrap"]) for one in record["stanzas"]]
    text = transcript(
        record["prefix"],
        record["epk"],
        record["commit"],
        slip_digest(record["hid"], record["slip"]),
        hashes,
        record["body"],
    )
    return codec("Envelope").encode(record | {"signature": key.sign(signed_form(text))})


def test_what_is_sealed_opens_for_hub_and_recipients(cast):
    """Every recipient reads the same body with its own number, and the hub the slip."""
    sealed = cast.seal()
    assert cast.open_slip(sealed.envelope) == cast.slip()
    assert set(cast.stanzas(sealed.envelope)) == set(cast.recipients)
    for place, name in enumerate(cast.recipients, 1):
        opened = cast.open(cast.deliver(sealed.envelope, name), name)
        assert (opened.body, opened.sequence) == (cast.body(), place)


def test_nobody_to_send_to_is_an_envelope_without_a_body(cast):
    """A withholding is recorded: the hub reads the slip, and there is nothing to deliver."""
    slip = cast.slip(recipients=(), withheld=("DEU/spoc",))
    sealed = cast.seal(slip=slip, body=None, addressees=[])
    assert cast.open_slip(sealed.envelope) == slip
    assert cast.stanzas(sealed.envelope) == {}
    assert codec("Envelope").decode(sealed.envelope)["body"] == b""


@pytest.mark.parametrize(("recipients", "stanzas"), [(1, 8), (3, 8), (8, 8), (9, 16), (33, 64)])
def test_how_many_recipients_shows_only_to_a_power_of_two(cast, recipients, stanzas):
    """Stanzas are filled with dummies, and sorted so that place tells nothing."""
    for number in range(recipients):
        cast.recipients[f"R{number:02}/spoc"] = DecryptionKey.from_secret(cast.random.randbytes(32))
    names = tuple(sorted(cast.recipients))[:recipients]
    sealed = cast.seal(slip=cast.slip(recipients=names), addressees=cast.addressees(names))
    rids = [one["rid"] for one in codec("Envelope").decode(sealed.envelope)["stanzas"]]
    assert len(rids) == stanzas
    assert rids == sorted(rids)
    assert set(cast.stanzas(sealed.envelope)) == set(names)


def test_lengths_show_only_in_steps(cast):
    """Bodies of 1 and of 800 bytes look the same from outside."""
    lengths = {len(cast.seal(body=cast.body(bytes(size))).envelope) for size in (1, 400, 800)}
    assert len(lengths) == 1


def test_the_same_text_is_sealed_differently_each_time(cast):
    """Nothing repeats: not the keys, not the ciphertexts."""
    first, second = (codec("Envelope").decode(cast.seal().envelope) for _ in range(2))
    for part in ("epk", "commit", "slip", "body", "signature"):
        assert first[part] != second[part]


@pytest.mark.parametrize("recipients", [0, 1, 3, 9])
def test_the_document_transcribed_seals_the_same_bytes(make_cast, reference, recipients):
    """An implementation written from the document alone, given the same randomness, makes the same envelope."""
    cast = make_cast(recipients + 7)
    for number in range(recipients):
        cast.recipients[f"R{number:02}/spoc"] = DecryptionKey.from_secret(cast.random.randbytes(32))
    names = tuple(sorted(cast.recipients))[:recipients]
    slip = cast.slip(recipients=names)
    body = cast.body() if names else None
    ours = cast.seal(slip=slip, body=body, addressees=cast.addressees(names), entropy=random.Random(5).randbytes)
    facts = asdict(slip.facts) | {"legs": [leg._asdict() for leg in slip.facts.legs]}
    theirs = reference.seal(
        asdict(cast.header()),
        asdict(slip) | {"facts": facts},
        None if body is None else asdict(body),
        cast.signer.secret,
        cast.hub.public,
        [(one.public, one.sequence) for one in cast.addressees(names)],
        random.Random(5).randbytes,
    )
    assert (ours.envelope, ours.digest) == theirs


def test_every_flipped_byte_and_every_truncation_of_an_envelope_is_refused(cast):
    """Exhaustive: each byte changed, each length, and bytes behind the end."""
    data = cast.seal(body=cast.body(b"short")).envelope
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 0x5A
        refused(cast.stanzas, bytes(broken))
        refused(cast.stanzas, data[:place])
    refused(cast.stanzas, data + b"\x00")


def test_every_flipped_byte_and_every_truncation_of_a_delivery_is_refused(cast):
    """Exhaustive, as the recipient sees it."""
    data = cast.deliver(cast.seal(body=cast.body(b"short")).envelope)
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 0x5A
        refused(cast.open, bytes(broken))
        refused(cast.open, data[:place])
    refused(cast.open, data + b"\x00")


def test_an_unknown_signer_is_refused(cast):
    """A key that the directory does not list says nothing."""
    stranger = SigningKey.from_secret(bytes(range(32)))
    assert refused(cast.verify, cast.seal(signer=stranger).envelope) == "unknown_signer"


def test_a_known_signer_cannot_speak_for_another(cast):
    """The header names TUR/spoc, the key is BGR/spoc's."""
    assert refused(cast.verify, cast.seal(signer=cast.other).envelope) == "unknown_signer"


def test_authorship_cannot_be_taken_over(cast):
    """Another authority that signs the same ciphertexts as its own gets nothing that opens."""
    data = cast.seal().envelope
    prefix = Prefix.parse(codec("Envelope").decode(data)["prefix"])
    header = cast.header(originator="BGR/spoc")
    stolen = resigned(data, cast.other, prefix=Prefix.build(cast.other.key_id, header).raw)
    assert prefix.signer != cast.other.key_id
    assert refused(cast.open_slip, stolen) == "unreadable_slip"
    assert refused(cast.open, cast.deliver(stolen)) == "cannot_open"


def test_an_envelope_for_another_hub_is_refused(cast):
    """The same keys under another root are another hub."""
    assert refused(cast.verify, cast.seal(header=cast.header(hub_id=bytes(16))).envelope) == "wrong_hub"


def test_another_suite_is_refused(cast):
    """A suite byte that the directory does not list, well signed."""
    data = cast.seal().envelope
    prefix = bytearray(codec("Envelope").decode(data)["prefix"])
    prefix[3] = 2
    assert refused(cast.verify, resigned(data, cast.signer, prefix=bytes(prefix))) == "unsupported_suite"


def test_stanzas_cannot_be_cut_added_or_swapped(cast):
    """Any other list breaks the originator's signature."""
    data = cast.seal().envelope
    record = codec("Envelope").decode(data)
    stanzas = record["stanzas"]
    wraps = [{"rid": one["rid"], "wrap": two["wrap"]} for one, two in zip(stanzas, stanzas[::-1], strict=True)]
    for other in (stanzas[1:], wraps, [*stanzas, {"rid": b"\xff" * 16, "wrap": bytes(56)}]):
        forged = codec("Envelope").encode(record | {"stanzas": other})
        assert refused(cast.verify, forged) == "bad_signature"
    unsorted = codec("Envelope").encode(record | {"stanzas": stanzas[::-1]})
    assert refused(cast.verify, unsorted) == "malformed"


def test_a_hidden_addressee_is_refused(cast):
    """Stanzas for more, or fewer, than the slip names: the hub refuses."""
    for names in (("DEU/spoc", "FRA/spoc"), ("DEU/spoc",)):
        data = cast.seal(slip=cast.slip(recipients=names)).envelope
        assert refused(cast.stanzas, data) == "unreadable_slip"


def test_a_slip_that_contradicts_the_header_is_refused(cast):
    """The slip repeats envelope id, originator and stream."""
    for change in ({"envelope_id": bytes(16)}, {"originator": "BGR/spoc"}, {"stream": bytes(16)}):
        assert refused(cast.open_slip, cast.seal(slip=cast.slip(**change)).envelope) == "unreadable_slip"


def test_a_retired_hub_key_is_named(cast):
    """The originator learns that it must seal again."""
    verified = cast.verify(cast.seal(hub_key=DecryptionKey.from_secret(bytes(range(32))).public).envelope)
    assert refused(open_slip, verified, {cast.hub.key_id: cast.hub}) == "hub_key_retired"


def test_a_low_order_ephemeral_key_is_refused_and_never_sealed_to(cast):
    """An all-zero shared secret is a refusal, not a crash."""
    data = cast.seal().envelope
    for point in (bytes(32), b"\x01" + bytes(31)):
        forged = resigned(data, cast.signer, epk=point)
        assert refused(cast.open_slip, forged) == "unreadable_slip"
        assert refused(cast.open, cast.deliver(forged)) == "cannot_open"
        with pytest.raises(KeyRejectedError):
            cast.seal(hub_key=point)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "decision"},
        {"digest": bytes(32)},
        {"audience": "FRA/spoc"},
        {"outcome": "rejected", "reason": "expired"},
        {"accepted_at": NOW - 6 * MINUTE},
        {"accepted_at": NOW + 8 * 86_400_000},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_statement_about_something_else_is_refused(cast, change):
    """Kind, digest, addressee, outcome and time must be this delivery's."""
    assert refused(cast.open, cast.deliver(cast.seal().envelope, **change)) == "bad_statement"


def test_a_statement_that_another_signed_is_refused(cast):
    """The hub's statements carry the hub's signature."""
    data = cast.deliver(cast.seal().envelope)
    cast.hub_signer = cast.other
    assert refused(cast.open, data) == "bad_statement"


def test_expiry_is_judged_at_acceptance_and_not_at_opening(cast):
    """A message that waited in the feed for months still opens."""
    data = cast.deliver(cast.seal().envelope)
    assert cast.verify_delivery(data, now=NOW + 300 * 86_400_000).accepted_at == NOW + 5


@pytest.mark.parametrize(
    ("accepted_at", "now"),
    [(NOW + 8 * 86_400_000, NOW + 9 * 86_400_000), (NOW + 6 * MINUTE, NOW)],
    ids=["after the expiry", "in the future"],
)
def test_an_impossible_time_of_acceptance_is_refused(cast, accepted_at, now):
    """Neither later than the signed expiry, nor later than now and the clocks' difference."""
    data = cast.deliver(cast.seal().envelope, accepted_at=accepted_at)
    assert refused(cast.verify_delivery, data, "DEU/spoc", now) == "bad_statement"
    possible = cast.deliver(cast.seal().envelope, accepted_at=NOW + 4 * MINUTE)
    assert cast.verify_delivery(possible, now=NOW).accepted_at == NOW + 4 * MINUTE


def test_a_key_destroyed_after_its_retention_opens_nothing(cast):
    """Another key of the same recipient is not addressed."""
    data = cast.deliver(cast.seal().envelope)
    cast.recipients["DEU/spoc"] = DecryptionKey.from_secret(bytes(range(32)))
    assert refused(cast.open, data) == "not_addressed"


def test_size_caps_come_before_parsing(cast):
    """A record of 256 KiB and a byte is refused for its size, and nothing larger is made."""
    assert refused(cast.verify, bytes(256 * 1024 + 1)) == "too_large"
    assert refused(cast.verify, b"") == "malformed"
    with pytest.raises(EnvelopeError, match="too_large"):
        cast.seal(body=cast.body(bytes(256 * 1024)))


def test_a_header_has_a_cap_of_its_own(cast):
    """4 KiB: it is carried to everybody, and read before anything is verified."""
    with pytest.raises(EnvelopeError, match="too_large"):
        cast.seal(header=cast.header(originator="T" * 4096))
    prefix = codec("Envelope").decode(cast.seal().envelope)["prefix"]
    longer = prefix[:20] + (4097).to_bytes(4, "big") + bytes(4097)
    assert refused(Prefix.parse, longer) == "malformed"
    assert Prefix.parse(longer[:20] + (4096).to_bytes(4, "big") + bytes(4096)).suite == 1


def test_what_cannot_be_meant_is_not_sealed(cast):
    """A body to nobody, nothing to somebody, one addressee twice, more than 256."""
    (one,) = cast.addressees(("DEU/spoc",))
    for change in ({"addressees": []}, {"body": None}, {"addressees": [one, one]}):
        with pytest.raises(ValueError):
            cast.seal(**change)
    with pytest.raises(EnvelopeError, match="too_large"):
        cast.seal(addressees=[one] * 257)


def test_padding_is_refused_where_it_is_none():
    """Empty, no multiple of the step, no mark: one clean refusal."""
    assert unpad(pad(b"text", 256), 256) == b"text"
    for text in (b"", b"x" * 255, bytes(256), b"x" * 7 + pad(b"text", 256)):
        with pytest.raises(ValueError, match="not padded"):
            unpad(text, 256)


def test_key_ids_tell_signing_from_encryption():
    """The same bytes have two ids: a key is never used for what it was not enrolled for."""
    assert key_id(KeyUse.SIGN, bytes(32)) != key_id(KeyUse.ENCRYPT, bytes(32))


def test_a_stream_has_one_partition(cast):
    """The partition follows from the stream's name alone, and streams spread."""
    homes = {partition_of("TUR/spoc", bytes([number]) * 16, 4) for number in range(64)}
    assert homes == {0, 1, 2, 3}
    assert partition_of("TUR/spoc", bytes(16), 4) == partition_of("TUR/spoc", bytes(16), 4)


def test_secrets_do_not_show_in_representations(cast):
    """A key that is logged by mistake shows its public part only."""
    for key in (cast.signer, cast.hub):
        assert repr(key.secret)[2:-1] not in repr(key)
