"""Decisions about a restore: the persons who may make them, their content, and the reasons of refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.crypto.keys import SigningKey
from notifier.errors import RefusedError
from notifier.persons.adoptions import Adopted, Adoption, Signer, Subject, check, sign
from notifier.persons.model import Person, PersonKind

NOW = 1_795_000_000_000
MINUTE_MS = 60_000
KEYS = {name: SigningKey.from_secret(name.encode().ljust(32, b".")) for name in ("ada", "ben", "old", "gate")}
RELEASE = frozenset({"release"})
ADA = Person("Ada Lindt", KEYS["ada"].public, RELEASE, NOW - 9)
BEN = Person("ben", KEYS["ben"].public, frozenset({"child_reviewer", "assurance"}), NOW - 9)
OLD = Person("old", KEYS["old"].public, RELEASE, NOW - 9, retired=NOW - 1)
GATE = Person("gate", KEYS["gate"].public, RELEASE, NOW - 9, kind=PersonKind.SERVICE)
PERSONS = (ADA, BEN, OLD, GATE)
ABOUT = Subject("TUR/spoc", "5" * 32, NOW - 9, "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11", "ab" * 32)
STREAM = Subject("TUR/spoc", "5" * 32, NOW - 9)


def signed(decision=Adopted.SENT_AGAIN, about=ABOUT, *, by="Ada Lindt", key="ada", now=NOW):
    return sign(decision, about, Signer(by, KEYS[key]), now)


def reason(one, about=ABOUT, persons=PERSONS, now=NOW):
    """Why it does not count, or None."""
    try:
        check(one, about, persons, now)
    except RefusedError as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    ("decision", "about"),
    [(Adopted.SENT_AGAIN, ABOUT), (Adopted.GIVEN_UP, ABOUT), (Adopted.NEW_STREAM, STREAM)],
)
def test_a_registered_person_who_may_release_decides(decision, about):
    """However the name is typed; and what is stored is read again as it was."""
    one = signed(decision, about, by="ada  lindt")
    assert reason(one, about) is None
    assert Adoption.from_document(one.document()) == one


@pytest.mark.parametrize(
    ("by", "key", "said"),
    [
        ("nobody", "ada", "unknown_person"),
        ("old", "old", "person_retired"),
        ("ben", "ben", "permission_missing"),
        ("gate", "gate", "permission_missing"),
        ("Ada Lindt", "ben", "bad_signature"),
    ],
)
def test_whoever_may_not_is_refused(by, key, said):
    """Nobody, a retired person, one without the permission, a service whatever it was given, another's key."""
    assert reason(signed(by=by, key=key)) == said


@pytest.mark.parametrize(
    "other",
    [
        replace(ABOUT, authority="AUT/spoc"),
        replace(ABOUT, stream="6" * 32),
        replace(ABOUT, notification_id="01997e5c-1c00-7c55-9a3e-0d3f5e0b8a12"),
        replace(ABOUT, notification_digest="cd" * 32),
        STREAM,
    ],
)
def test_it_counts_for_what_it_names_alone(other):
    """Not for another restore, another notification, another text of it."""
    assert reason(signed(), other) == "digest_mismatch"


@pytest.mark.parametrize(
    "change",
    [{"decision": Adopted.GIVEN_UP}, {"at": "2026-11-18T16:00:01Z"}, {"by": "ada lindt"}, {"signature": b""}],
)
def test_all_that_is_said_is_under_the_signature(change):
    """No field can be changed afterwards."""
    assert reason(replace(signed(), **change)) in ("bad_signature", "ruling_untimely")


@pytest.mark.parametrize("minutes", [-6, 6])
def test_it_is_signed_after_the_restore_and_not_in_the_future(minutes):
    """By more than clocks may differ."""
    assert reason(signed(now=NOW + minutes * MINUTE_MS)) == "ruling_untimely"
