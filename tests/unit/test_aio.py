"""Pauses between tries: they grow, they end at the longest, and two of the same fault are not the same."""

from __future__ import annotations

import secrets

from notifier.aio import BACKOFF_MAX_S, Backoff

WHOLE = b"\xff\xff"


def pauses(entropy, count=8, **choices):
    backoff = Backoff(entropy, **choices)
    return [backoff.next() for _ in range(count)]


def test_pauses_double_up_to_the_longest():
    """With no chance at work."""
    assert pauses(lambda _: WHOLE, 6, first=0.25, longest=3.0) == [0.25, 0.5, 1.0, 2.0, 3.0, 3.0]


def test_chance_takes_away_at_most_half():
    """The least and the most that can be drawn."""
    assert pauses(lambda _: bytes(2), 3, first=1.0, longest=2.0) == [0.5, 1.0, 1.0]
    assert pauses(lambda _: WHOLE, 3, first=1.0, longest=2.0) == [1.0, 2.0, 2.0]


def test_no_pause_of_a_service_is_longer_than_three_seconds():
    """However long the fault lasts."""
    assert BACKOFF_MAX_S <= 3.0
    assert max(pauses(secrets.token_bytes, 1000)) <= BACKOFF_MAX_S


def test_who_is_stopped_by_the_same_fault_does_not_come_back_together():
    """Of twenty, no two wait alike."""
    assert len({tuple(pauses(secrets.token_bytes)) for _ in range(20)}) == 20


def test_work_that_went_well_begins_again_with_the_first_pause():
    """The next fault is another."""
    backoff = Backoff(lambda _: WHOLE, first=0.25, longest=3.0)
    assert [backoff.next(), backoff.next()] == [0.25, 0.5]
    backoff.reset()
    assert backoff.next() == 0.25
