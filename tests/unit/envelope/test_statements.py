"""Statements of the hub: one signature for many, each verifiable alone, none revealing its neighbours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.envelope import Statement, leaf_of, notice, parse_feed, sign_statements, verify_statement
from notifier.errors import EnvelopeError

NOW = 1_795_000_000_000


def statements(cast, count):
    return [
        Statement(
            salt=cast.random.randbytes(16),
            kind="decision",
            digest=cast.random.randbytes(32),
            audience="TUR/spoc",
            outcome="rejected",
            reason="expired",
            accepted_at=NOW,
            rules_version=3,
            directory_version=5,
            stream=bytes(16),
            number=number,
            envelope_id=bytes(16),
        )
        for number in range(count)
    ]


def signed(cast, made):
    return sign_statements(made, hub_id=cast.hub_id, key=cast.hub_signer, entropy=cast.random.randbytes)


def check(cast, one):
    return verify_statement(one, hub_id=cast.hub_id, hub_signer=cast.hub_key_of)


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 40])
def test_every_statement_of_a_transaction_verifies_alone(cast, count):
    """One signature covers all; each carries its path."""
    made = statements(cast, count)
    found = signed(cast, made)
    assert [check(cast, one) for one in found] == made
    assert len({one.signature for one in found}) == 1
    assert {one.size for one in found} == {16 if count <= 16 else 32 if count <= 32 else 64}


def test_no_statements_need_no_signature(cast):
    """A transaction without a known originator says nothing to anybody."""
    assert signed(cast, []) == []


def test_a_neighbour_s_leaf_cannot_be_guessed(cast):
    """The same statement with another salt is another leaf."""
    (made,) = statements(cast, 1)
    assert leaf_of(made) != leaf_of(made._replace(salt=bytes(16)))


def test_nothing_about_a_statement_can_be_changed(cast):
    """Place, path, text, key, signature, hub."""
    one = signed(cast, statements(cast, 3))[1]
    other = signed(cast, statements(cast, 3))[1]
    for change in (
        {"index": 0},
        {"index": -1},
        {"size": 32},
        {"size": 1},
        {"path": one.path[:-1]},
        {"path": (*one.path, bytes(32))},
        {"path": other.path},
        {"statement": other.statement},
        {"statement": one.statement + b"\x00"},
        {"key_id": bytes(16)},
        {"signature": other.signature},
        {"signature": bytes(64)},
    ):
        with pytest.raises(EnvelopeError) as error:
            check(cast, replace(one, **change))
        assert error.value.reason == "bad_statement"
    with pytest.raises(EnvelopeError, match="bad_statement"):
        verify_statement(one, hub_id=bytes(16), hub_signer=cast.hub_key_of)


def test_a_notice_is_a_feed_record(cast):
    """It is told from a delivery by its schema."""
    (one,) = signed(cast, statements(cast, 1))
    assert parse_feed(notice(one)) == one
