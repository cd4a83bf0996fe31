"""A refusal says in words what is wrong: one reason stands for many faults, and operators read the log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.codec.single_object import codec
from notifier.crypto.keys import KeyUse
from notifier.directory.model import AuthorityState, Key
from notifier.envelope import (
    check_stanzas,
    open_body,
    open_slip,
    parse_delivery,
    verify,
    verify_delivery,
    verify_statement,
)
from notifier.errors import Cure, EnvelopeError

NOW = 1_795_000_000_000
DAY = 86_400_000


def told(call, *arguments, **named):
    """Reason and detail of a refusal."""
    with pytest.raises(EnvelopeError) as error:
        call(*arguments, **named)
    return error.value.reason, error.value.detail


def unreadable(detail):
    return "unreadable_slip", detail


def bad(detail):
    return "bad_statement", detail


def test_a_slip_or_stanzas_that_are_refused_say_why(cast, insider):
    """Each fault of an originator's software has its own words."""
    stanzas = insider.record["stanzas"]
    known = {key.key_id for key in cast.recipients.values()}
    dummy = next(one for one in stanzas if one["rid"] not in known)
    cut = insider.signed(stanzas=[one for one in stanzas if one is not dummy])
    assert told(cast.stanzas, cut) == unreadable("the number of stanzas is wrong")
    another = cast.seal(slip=cast.slip(stream=bytes(16))).envelope
    assert told(cast.open_slip, another) == unreadable("the slip contradicts the header")
    fewer = cast.seal(slip=cast.slip(recipients=("DEU/spoc",))).envelope
    assert told(cast.stanzas, fewer) == unreadable("the stanzas are not the slip's recipients")
    assert told(cast.open_slip, insider.signed(slip=insider.record["slip"][::-1])) == unreadable(
        "the slip does not open, or contradicts the header or the stanzas"
    )


def test_a_body_that_is_none_says_why(cast, insider, insider_without_recipients):
    """Empty, shorter than its tag, or not a multiple of the step."""
    missing = unreadable("a body needs recipients, and recipients need a body")
    odd = unreadable("the body is not padded")
    body = insider.record["body"]
    assert told(cast.stanzas, insider.signed(body=b"")) == missing
    assert told(cast.stanzas, insider_without_recipients.signed(body=b"x")) == missing
    for wrong in (b"x", bytes(16), bytes(17), body[:-1], body + b"\x00"):
        assert told(cast.stanzas, insider.signed(body=wrong)) == odd


def test_two_keys_of_one_recipient_in_a_list_say_so(cast):
    """An authority with an old and a new key is sealed to once."""
    verified = cast.verify(cast.seal().envelope)
    slip = open_slip(verified, {cast.hub.key_id: cast.hub})
    one = cast.recipient_of(cast.recipients["DEU/spoc"].key_id)

    def everybody_is_germany(rid):
        return one if cast.recipient_of(rid) else None

    assert told(check_stanzas, verified, slip, everybody_is_germany) == unreadable("a recipient has two stanzas")


def test_a_record_that_does_not_parse_says_why(cast, insider):
    """Caps, order, prefix, and Avro's own words."""
    encode, stanzas = codec("Envelope").encode, insider.record["stanzas"]
    many = [{"rid": number.to_bytes(16, "big"), "wrap": bytes(56)} for number in range(257)]
    for change, reason, detail in (
        ({"stanzas": many}, "too_large", "too many stanzas"),
        ({"stanzas": stanzas[::-1]}, "malformed", "the stanzas are not in strictly ascending order"),
        ({"prefix": b""}, "malformed", "the prefix does not parse"),
    ):
        assert told(cast.verify, encode(insider.record | change)) == (reason, detail)
    assert told(cast.verify, b"garbage") == ("malformed", "not a record of a pinned schema")
    header = insider.record["prefix"][:24] + bytes(len(insider.record["prefix"]) - 24)
    found = told(cast.verify, encode(insider.record | {"prefix": header}))
    assert found == ("malformed", "not a record of a pinned schema")


def test_a_key_of_another_suite_says_so(cast, monkeypatch):
    """The suite byte is right, the directory says otherwise."""
    data = cast.seal().envelope
    authority, key = cast.signer_of(cast.signer.key_id)
    monkeypatch.setattr(cast, "signer_of", lambda key_id: (authority, replace(key, suite=2)))
    assert told(cast.verify, data) == ("unsupported_suite", "the signer's key is listed for another suite")


def test_a_statement_that_is_refused_says_why(cast):
    """Of something else, of an impossible time, by nobody, of another tree, by a key that was not valid."""
    data = cast.seal().envelope
    for change, detail in (
        ({"audience": "FRA/spoc"}, "the hub's statement is about another envelope or audience"),
        ({"kind": "decision"}, "the hub's statement is about another envelope or audience"),
        ({"accepted_at": NOW + 3_600_000}, "the hub's time of acceptance lies in the future"),
        ({"accepted_at": NOW - 3_600_000}, "the hub's time of acceptance is impossible"),
    ):
        assert told(cast.verify_delivery, cast.deliver(data, **change)) == bad(detail)
    record = codec("Delivery").decode(cast.deliver(data))
    for change, detail in (
        ({"key_id": bytes(16)}, "the hub has no such signing key"),
        ({"path": []}, "the statement does not parse, or its path does not hold"),
        ({"statement": b"garbage"}, "the statement does not parse, or its path does not hold"),
        ({"signature": bytes(64)}, "the hub's signature does not verify"),
    ):
        wrong = codec("Delivery").encode(record | {"statement": record["statement"] | change})
        assert told(cast.verify_delivery, wrong) == bad(detail)


def test_a_statement_by_a_key_that_was_not_valid_says_so(cast):
    """A key that begins tomorrow states nothing today."""
    parsed = cast.verify_delivery(cast.deliver(cast.seal().envelope)).parts.signed
    late = Key(cast.hub_signer.key_id, KeyUse.SIGN, cast.hub_signer.public, NOW + 10**9, NOW + 10**10)
    found = told(verify_statement, parsed, hub_id=cast.hub_id, hub_signer=lambda _: late)
    assert found == bad("the hub's key was not valid at the time of acceptance")


def test_a_stanza_for_a_key_that_is_not_there_says_so(cast):
    """As after the retention of a retired key."""
    verified = cast.verify_delivery(cast.deliver(cast.seal().envelope))
    assert told(open_body, verified, {}) == ("not_addressed", "the stanza is for another key")


def test_the_earliest_and_the_latest_time_of_acceptance_are_still_possible(cast):
    """Five minutes of skew before issue and beyond now, and expiry itself: the bounds belong to it."""
    data, skew = cast.seal().envelope, 5 * 60_000
    expiry = cast.header().expires_at
    never, early = "the hub's time of acceptance is impossible", "the hub's time of acceptance lies in the future"
    for accepted_at, now, beyond, why in (
        (NOW - skew, NOW, -1, never),
        (NOW + skew, NOW, 1, early),
        (expiry, expiry, 1, never),
        (expiry, NOW + DAY, 1, never),
    ):
        if now >= accepted_at - skew:
            assert (
                cast.verify_delivery(cast.deliver(data, accepted_at=accepted_at), now=now).accepted_at == accepted_at
            )
        late = cast.deliver(data, accepted_at=accepted_at + beyond)
        assert told(cast.verify_delivery, late, now=now) == bad(why)


def test_a_refusal_says_what_may_cure_it(cast, insider):
    """Time, a later directory, another key of this recipient; nothing where the bytes are wrong."""
    data = cast.seal().envelope
    good = cast.deliver(data)
    (authority, key), hub_key = cast.signer_of(cast.signer.key_id), cast.hub_key_of(cast.hub_signer.key_id)
    later = replace(hub_key, not_before=NOW + 10**9, not_after=NOW + 10**10)
    suspended = replace(authority, state=AuthorityState.SUSPENDED)
    of = {"hub_id": cast.hub_id, "signer": cast.signer_of, "hub_signer": cast.hub_key_of}
    of |= {"audience": "DEU/spoc", "now": NOW}
    for delivery, change, cure in (
        (cast.deliver(data, accepted_at=NOW + 3_600_000), {}, Cure.TIME),
        (cast.deliver(data, accepted_at=NOW - 3_600_000), {}, None),
        (cast.deliver(data, audience="FRA/spoc"), {}, None),
        (good, {"signer": lambda _: None}, Cure.DIRECTORY),
        (good, {"signer": lambda _: (suspended, key)}, Cure.DIRECTORY),
        (good, {"hub_signer": lambda _: None}, Cure.DIRECTORY),
        (good, {"hub_signer": lambda _: later}, Cure.DIRECTORY),
        (good, {"hub_id": bytes(16)}, None),
    ):
        with pytest.raises(EnvelopeError) as error:
            verify_delivery(delivery, **(of | change))
        assert error.value.cure is cure
    with pytest.raises(EnvelopeError) as error:
        open_body(cast.verify_delivery(good), {})
    assert error.value.cure is Cure.KEY


def test_a_delivery_is_verified_the_same_parsed_or_as_bytes(cast):
    """A subscriber parses once; and a suite that this reader does not read is refused by it."""
    data = cast.deliver(cast.seal().envelope)
    assert cast.verify_delivery(parse_delivery(data)) == cast.verify_delivery(data)
    keys = {"hub_id": cast.hub_id, "signer": cast.signer_of, "hub_signer": cast.hub_key_of}
    for suites, reads in (({1}, True), ({1, 2}, True), ({2}, False), (set(), False)):
        if reads:
            verify_delivery(data, **keys, audience="DEU/spoc", now=NOW, suites=suites)
        else:
            found = told(verify_delivery, data, **keys, audience="DEU/spoc", now=NOW, suites=suites)
            assert found[0] == "unsupported_suite"
            assert (
                told(verify, cast.seal().envelope, hub_id=cast.hub_id, signer=cast.signer_of, suites=suites) == found
            )
