"""The states of recipients: one enumeration, and what a message as a whole comes to."""

from __future__ import annotations

import json

import pytest

from notifier.outbox.states import INITIAL, EntryState, LogState, RecipientState, is_set_aside, shown, summed

STATES = {"held", "not_told", "waiting", "told", "rejected"}


def test_the_words_are_those_of_the_documents():
    """A word that changes is one that users have written into their programs."""
    assert {str(one) for one in RecipientState} == STATES
    assert json.dumps(RecipientState.TOLD) == '"told"'


def test_no_decision_tells_anybody():
    """Decided to be sent is to be told; only the hub's acceptance is told."""
    assert INITIAL == {"send": "waiting", "hold": "held", "suppress": "not_told"}


@pytest.mark.parametrize(
    ("states", "waiting", "rejected", "sum_"),
    [
        (["told", "held"], True, True, "waiting"),
        (["told", "held"], False, True, "rejected"),
        (["told", "held", "not_told"], False, False, "told"),
        (["held", "not_told"], False, False, "held"),
        (["not_told"], False, False, "not_told"),
        ([], False, False, "not_told"),
    ],
)
def test_a_message_has_the_state_that_matters_most(states, waiting, rejected, sum_):
    """What waits first, then what was refused, then whom it reached."""
    assert summed(states, waiting=waiting, rejected=rejected) == sum_


@pytest.mark.parametrize("reason", ["recipient_has_no_key", "feed_missing"])
def test_who_cannot_be_reached_is_held(reason):
    """Until the letter is accepted or refused for good; any other word of the hub leaves it waiting."""
    for letter in ("pending", "sealed"):
        assert is_set_aside(letter, reason)
        assert shown("waiting", letter, reason) == "held"
        assert shown("waiting", letter, "rules_outdated") == "waiting"
    for letter in ("routed", "rejected", None):
        assert not is_set_aside(letter, reason)
    assert shown("told", "pending", reason) == "told", "an acceptance always wins"


def test_an_act_is_logged_once_the_hub_accepted():
    """And waits until then."""
    assert {letter: LogState.of(letter) for letter in EntryState} == {
        "pending": "waiting",
        "sealed": "waiting",
        "routed": "logged",
        "rejected": "rejected",
        "parked": "waiting",
    }
