"""Attacks by those who hold keys: an originator that cheats, a recipient that passes on, a key that was taken away.

What they forge is well signed, so nothing but the rules behind the signature refuses it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from nacl import bindings

from notifier.codec.single_object import codec
from notifier.crypto.keys import DecryptionKey
from notifier.crypto.primitives import pad
from notifier.directory.model import AuthorityState, KeyState
from notifier.envelope import Addressee, open_body, seal, verify
from notifier.envelope.format import Prefix
from notifier.errors import EnvelopeError, KeyRejectedError

NOW = 1_795_000_000_000
DAY = 86_400_000


def refused(call, *arguments, **named):
    with pytest.raises(EnvelopeError) as error:
        call(*arguments, **named)
    return error.value.reason


def test_an_insider_s_own_keys_rebuild_what_it_sealed(insider):
    """The attacks below start from the true secrets: with nothing changed the envelope opens."""
    same = insider.signed(stanzas=insider.with_stanza(insider.stanza("DEU/spoc", 1)))
    assert same == insider.data
    assert insider.cast.open(insider.cast.deliver(same)).sequence == 1


def test_two_content_keys_cannot_show_two_texts(insider):
    """One recipient's stanza carries another content key: the signed commitment is to one key alone."""
    other = bytes(range(32))
    body = insider.body_under(other, pad(insider.cast.body(b"another text").encode(), 1024))
    stanzas = insider.with_stanza(insider.stanza("DEU/spoc", 1, cek=other))
    for change in ({"stanzas": stanzas}, {"stanzas": stanzas, "body": body}):
        assert refused(insider.cast.open, insider.cast.deliver(insider.signed(**change))) == "cannot_open"


def test_a_stanza_that_its_originator_did_not_list_is_refused(insider):
    """Even the true ephemeral secret makes no stanza for a fourth party, nor a new number for an old one."""
    cast = insider.cast
    cast.recipients["GBR/spoc"] = DecryptionKey.from_secret(bytes(range(32)))
    good = codec("Delivery").decode(cast.deliver(insider.data))
    passed_on = codec("Delivery").decode(cast.deliver(insider.data, "DEU/spoc", audience="GBR/spoc"))
    forged = codec("Delivery").encode(passed_on | insider.stanza("GBR/spoc"))
    assert refused(cast.open, forged, "GBR/spoc") == "not_addressed"
    renumbered = codec("Delivery").encode(good | insider.stanza("DEU/spoc", 2))
    assert refused(cast.open, renumbered) == "not_addressed"


def test_a_recipient_added_to_or_cut_from_the_signed_list_is_refused_by_the_hub(insider):
    """The slip names three; a well signed list of two or four is not theirs."""
    cast = insider.cast
    cast.recipients["GBR/spoc"] = DecryptionKey.from_secret(bytes(range(32)))
    known = {key.key_id for key in cast.recipients.values()}
    dummies = [one for one in insider.record["stanzas"] if one["rid"] not in known]
    added = [one for one in insider.record["stanzas"] if one != dummies[0]] + [insider.stanza("GBR/spoc")]
    added.sort(key=lambda one: one["rid"])
    gone = cast.recipients["DEU/spoc"].key_id
    cut = [one | {"rid": b"\xff" * 16} if one["rid"] == gone else one for one in insider.record["stanzas"]]
    cut.sort(key=lambda one: one["rid"])
    for stanzas in (added, cut, insider.record["stanzas"][1:]):
        assert refused(cast.stanzas, insider.signed(stanzas=stanzas)) == "unreadable_slip"


def test_a_body_that_is_none_is_refused_by_the_hub(insider):
    """No body to three recipients, or one that no padding makes."""
    for body in (b"", b"x", bytes(16), insider.record["body"][:-1]):
        assert refused(insider.cast.stanzas, insider.signed(body=body)) == "unreadable_slip"


def test_a_body_to_nobody_is_refused_by_the_hub(insider_without_recipients, insider):
    """An envelope without recipients has no body."""
    forged = insider_without_recipients.signed(body=insider.record["body"])
    assert refused(insider.cast.stanzas, forged) == "unreadable_slip"


def test_more_stanzas_than_may_be_are_refused_before_the_signature(insider):
    """257 stanzas are refused for their number alone, by hub and recipient."""
    stanzas = [{"rid": number.to_bytes(16, "big"), "wrap": bytes(56)} for number in range(257)]
    many = codec("Envelope").encode(insider.record | {"stanzas": stanzas})
    assert refused(insider.cast.verify, many) == "too_large"
    delivered = codec("Delivery").decode(insider.cast.deliver(insider.data))
    long = codec("Delivery").encode(delivered | {"list": [bytes(32)] * 257})
    assert refused(insider.cast.verify_delivery, long) == "too_large"


def test_a_body_that_contradicts_its_header_does_not_open(cast):
    """Envelope id, originator and stream inside are those outside, or the text is another envelope's."""
    for change in ({"envelope_id": bytes(16)}, {"originator": "BGR/spoc"}, {"stream": bytes(16)}):
        data = cast.seal(body=replace(cast.body(), **change)).envelope
        assert refused(cast.open, cast.deliver(data)) == "cannot_open"


@pytest.mark.parametrize(
    ("state", "changed_at", "reason"),
    [
        (KeyState.REVOKED, NOW, "signer_revoked"),
        (KeyState.REVOKED, NOW + DAY, None),
        (KeyState.RETIRING, NOW - DAY, None),
        (KeyState.RETIRING, NOW - 31 * DAY, "signer_revoked"),
    ],
)
def test_a_signer_s_key_is_judged_at_the_time_of_acceptance(cast, state, changed_at, reason):
    """A backdated envelope after a revocation is refused; what was accepted before it stays good."""
    data = cast.deliver(cast.seal().envelope)
    signer_of = cast.signer_of

    def judged(key_id):
        authority, key = signer_of(key_id)
        return authority, replace(key, not_before=0, state=state, changed_at=changed_at)

    cast.signer_of = judged
    if reason is None:
        assert cast.open(data).sequence == 1
    else:
        assert refused(cast.open, data) == reason


def test_a_key_listed_for_another_suite_signs_nothing_in_this_one(cast):
    """A key has one suite: the byte in the envelope cannot move it to another."""
    data = cast.seal().envelope
    authority, key = cast.signer_of(cast.signer.key_id)

    def listed(_):
        return authority, replace(key, suite=2)

    assert refused(verify, data, hub_id=cast.hub_id, signer=listed) == "unsupported_suite"


def test_a_suite_that_only_the_directory_knows_is_refused(insider):
    """Byte and key agree on suite 2, and this software reads suite 1 alone."""
    cast = insider.cast
    prefix = insider.record["prefix"]
    insider.hh = Prefix.parse(prefix[:3] + b"\x02" + prefix[4:]).hh
    data = insider.signed(prefix=prefix[:3] + b"\x02" + prefix[4:])
    authority, key = cast.signer_of(cast.signer.key_id)

    def listed(_):
        return authority, replace(key, suite=2)

    assert refused(verify, data, hub_id=cast.hub_id, signer=listed) == "unsupported_suite"


def test_one_recipient_has_one_stanza(cast):
    """Two keys of one authority would let an originator say two numbers to it."""
    second = DecryptionKey.from_secret(bytes(range(32)))
    addressees = [*cast.addressees(), Addressee(second.public, 9)]
    recipient_of = cast.recipient_of
    owner = recipient_of(cast.recipients["DEU/spoc"].key_id)
    cast.recipient_of = lambda rid: owner if rid == second.key_id else recipient_of(rid)
    assert refused(cast.stanzas, cast.seal(addressees=addressees).envelope) == "unreadable_slip"


def test_no_rid_stands_twice_in_a_list(insider):
    """Two stanzas under one rid: which is meant would be the reader's choice."""
    stanzas = insider.record["stanzas"]
    twice = [*stanzas[:1], stanzas[0] | {"wrap": bytes(56)}, *stanzas[2:]]
    assert refused(insider.cast.verify, insider.signed(stanzas=twice)) == "malformed"


def test_a_suspended_authority_is_not_heard(cast):
    """Suspension works at once, whatever its keys are."""
    data = cast.deliver(cast.seal().envelope)
    authority, key = cast.signer_of(cast.signer.key_id)
    cast.signer_of = lambda _: (replace(authority, state=AuthorityState.SUSPENDED), key)
    assert refused(cast.open, data) == "signer_revoked"


def test_a_hub_key_that_was_revoked_states_nothing_afterwards(cast):
    """A stolen statement key is worth nothing for times after its revocation."""
    data = cast.deliver(cast.seal().envelope)
    key = cast.hub_key_of(cast.hub_signer.key_id)
    for changed_at, holds in ((NOW, False), (NOW + DAY, True)):
        revoked = replace(key, state=KeyState.REVOKED, changed_at=changed_at)
        cast.hub_key_of = {key.key_id: revoked}.get
        if holds:
            assert cast.open(data).sequence == 1
        else:
            assert refused(cast.open, data) == "bad_statement"


def test_a_statement_moved_from_another_delivery_is_refused(cast):
    """Well signed by the hub, for the same recipient, about another envelope."""
    first, second = (codec("Delivery").decode(cast.deliver(cast.seal().envelope)) for _ in range(2))
    moved = codec("Delivery").encode(first | {"statement": second["statement"]})
    assert refused(cast.open, moved) == "bad_statement"


def test_every_failure_to_open_looks_the_same(insider):
    """A prober with crafted stanzas gets the same error for every step."""
    cast = insider.cast
    record = insider.record
    flipped = bytes([record["body"][0] ^ 1]) + record["body"][1:]
    wrong = (
        {"stanzas": insider.with_stanza({"rid": cast.recipients["DEU/spoc"].key_id, "wrap": bytes(56)})},
        {"stanzas": insider.with_stanza(insider.stanza("DEU/spoc", 1, cek=bytes(32)))},
        {"body": flipped},
        {"body": insider.body_under(insider.cek, bytes(1024))},
        {"body": insider.body_under(insider.cek, pad(b"no record", 1024))},
        {"epk": bytes(32)},
    )
    said = set()
    for change in wrong:
        with pytest.raises(EnvelopeError) as error:
            cast.open(cast.deliver(insider.signed(**change)))
        said.add(str(error.value))
    assert said == {"cannot_open: the envelope does not open with the recipient's key"}


LOW_ORDER = (
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
)


@pytest.mark.parametrize("point", LOW_ORDER)
def test_nothing_is_sealed_to_a_low_order_key(cast, point):
    """Neither to the hub nor to a recipient."""
    with pytest.raises(KeyRejectedError):
        seal(
            cast.header(),
            cast.slip(),
            cast.body(),
            signer=cast.signer,
            hub_key=cast.hub.public,
            addressees=[Addressee(point, 1)],
        )
    with pytest.raises(KeyRejectedError):
        cast.seal(hub_key=point)


def test_a_recipient_s_other_key_does_not_open_a_stanza_for_this_one(cast):
    """The rid is bound into the wrap: a key filed under another's id opens nothing."""
    delivery = cast.verify_delivery(cast.deliver(cast.seal().envelope))
    stranger = DecryptionKey.from_secret(bindings.randombytes(32))
    assert refused(open_body, delivery, {cast.recipients["DEU/spoc"].key_id: stranger}) == "cannot_open"
