"""Warnings that concern a person's safety stop a notification until they are accepted by name."""

from __future__ import annotations

import pytest

from notifier.notification import parse
from notifier.notification.warnings import CONCERN_SAFETY, NotificationWarning, WarningKind
from notifier.persons.acceptance import WarningsNotAccepted, check_accepted, fingerprint, stopping
from support.samples import document

ID, OTHER = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11", "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a12"
SECRET = b"s" * 32


def warning(kind):
    return NotificationWarning(kind, "/somewhere", "is wrong")


@pytest.mark.parametrize("kind", list(WarningKind))
def test_a_warning_about_safety_stops_until_its_kind_is_accepted(kind):
    """Those of the list and no other; another kind that is accepted changes nothing."""
    stops = kind in CONCERN_SAFETY
    assert bool(stopping([warning(kind)], ())) is stops
    assert bool(stopping([warning(kind)], {"another"})) is stops
    assert not stopping([warning(kind)], {str(kind)})


def test_what_stops_is_named_with_what_accepts_it():
    """Each kind with its place; the hint is what has to be added."""
    with pytest.raises(WarningsNotAccepted) as raised:
        check_accepted([warning(WarningKind.AGE_UNKNOWN), warning(WarningKind.REPEATED)], ())
    assert raised.value.reason == "warnings_not_accepted"
    assert raised.value.detail == "age_unknown (/somewhere); repeated (/somewhere)"
    assert raised.value.hint.endswith("--accept-warnings age_unknown,repeated")


def mark(**change):
    return fingerprint(parse(document(**change)), SECRET)


def test_the_same_is_known_under_another_id_and_nothing_else_is():
    """Id and local part do not matter; without the outbox's secret the fingerprint says nothing."""
    assert mark(id=ID) == mark(id=OTHER) == mark()
    assert mark(local__refugee={"status": "refugee", "feared": ["UTO"]}) == mark()
    assert mark(narrative="another") != mark()
    assert fingerprint(parse(document()), b"x" * 32) != mark()


def test_an_exercise_may_be_repeated():
    """A drill is given as often as it is needed."""
    assert mark(exercise=True) is None
