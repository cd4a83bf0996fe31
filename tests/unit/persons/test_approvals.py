"""Rulings on holds: the persons who may make them, their content, and a reason for every refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.crypto.keys import SigningKey
from notifier.errors import KeyRejectedError, RefusedError
from notifier.notification.model import Approval
from notifier.persons.approvals import ReviewDecision, ReviewSubject, approvals_of, check, sign
from notifier.persons.model import Person, PersonKind, register
from notifier.persons.submissions import SignedSubmission, Submitter, submit, submitter_of

NOW = 1_795_000_000_000
MINUTE_MS = 60_000
KEYS = {name: SigningKey.from_secret(name.encode().ljust(32, b".")) for name in ("ada", "ben", "eve", "old", "cem")}
ADA = Person("Ada Lindt", KEYS["ada"].public, frozenset({"child_reviewer", "assurance"}), NOW - 9)
BEN = Person("ben", KEYS["ben"].public, frozenset({"release"}), NOW - 9)
OLD = Person("old", KEYS["old"].public, frozenset({"child_reviewer"}), NOW - 9, retired=NOW - 1)
CEM = Person("cem", KEYS["cem"].public, frozenset(), NOW - 9)
PERSONS = (ADA, BEN, OLD, CEM)
NAMED = ("TUR/spoc", "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11", "ab" * 32)


def submitted(name="cem", persons=PERSONS, named=NAMED):
    """Return the submission signed with that person's key."""
    return submit(*named, Submitter(KEYS[name]), persons, NOW - 5)


HELD = ReviewSubject(*NAMED, NOW - 5, submitted())


def ruling(
    hold="child_review", state=None, *, by="Ada Lindt", key="ada", kind="approval", now=NOW, held=HELD, **more
):
    """Return a signed ruling."""
    return sign(kind, held, hold, state, by=by, key=KEYS[key], now=now, **more)


def reason(one, held=HELD, persons=PERSONS, now=NOW):
    """Why it does not count, or None."""
    try:
        check(one, held, persons, now)
    except RefusedError as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    ("hold", "by", "key"),
    [
        ("child_review", "Ada Lindt", "ada"),
        ("nationality_unconfirmed", "ben", "ben"),
        ("consular_not_requested", "ben", "ben"),
        ("rules_changed", "ben", "ben"),
    ],
)
def test_a_registered_person_with_the_permission_rules(hold, by, key):
    """For one state or for all, and to refuse as well."""
    for state in (None, "DEU"):
        for kind in ("approval", "refusal"):
            assert reason(ruling(hold, state, by=by, key=key, kind=kind)) is None


@pytest.mark.parametrize(
    "hold", ["nationality_unknown", "former_state", "unresolved_place", "not_a_participant", "x"]
)
def test_what_no_person_can_release_is_said_so(hold):
    """No state is known, or nobody is there to be told."""
    assert reason(ruling(hold)) == "not_approvable"


def test_a_risk_is_released_for_one_state_with_its_assurance():
    """And refused without a reason given."""
    assert reason(ruling("torture_or_death_risk", "DEU", reference="Z 1")) is None
    assert reason(ruling("torture_or_death_risk", "DEU")) == "assurance_missing"
    assert reason(ruling("torture_or_death_risk", "DEU", reference="")) == "assurance_missing"
    assert reason(ruling("torture_or_death_risk", reference="Z 1")) == "assurance_missing"
    assert reason(ruling("torture_or_death_risk", "DEU", kind="refusal")) is None


@pytest.mark.parametrize("nothing", ["", " ", "\t", "\u200b", "\u3164", "\u2800", "-"])
def test_an_assurance_that_says_nothing_counts_never(nothing):
    """Not when it is signed, and not later: one that came in before is looked at with the same eyes."""
    one = ruling("torture_or_death_risk", "DEU", reference=nothing)
    assert reason(one) == "assurance_missing"
    assert approvals_of([one], HELD, PERSONS) == []
    nameless = ruling("torture_or_death_risk", None, reference="Z 1")
    assert approvals_of([nameless], HELD, PERSONS) == []
    good = ruling("torture_or_death_risk", "DEU", reference="Z 1")
    assert [found.reference for found in approvals_of([good], HELD, PERSONS)] == ["Z 1"]


@pytest.mark.parametrize("name", ["\u3164", "\u3164\uffa0", "\u115f", " ", "_", "__"])
def test_nobody_is_registered_under_a_name_that_shows_nothing(name):
    """Somebody else has to know who decided."""
    with pytest.raises(RefusedError) as caught:
        register(name, KEYS["eve"].public, {"release"}, NOW, PERSONS)
    assert caught.value.reason == "invalid_person"


def test_who_is_not_registered_or_not_any_more_or_not_for_this_rules_nothing():
    """By name, whatever the key."""
    assert reason(ruling(by="eve", key="eve")) == "unknown_person"
    assert reason(ruling(by="old", key="old")) == "person_retired"
    assert reason(ruling(by="ben", key="ben")) == "permission_missing"
    assert reason(ruling("rules_changed")) == "permission_missing"


@pytest.mark.parametrize("name", ["Ada Lindt", "ada lindt", " ADA  LINDT "])
def test_who_submitted_does_not_approve_however_the_name_is_typed(name):
    """But may refuse: nothing leaves by that."""
    mine = replace(HELD, submission=submitted("ada"))
    assert reason(ruling(held=mine), mine) == "self_approval"
    assert reason(ruling(held=mine, by=name), mine) == "self_approval"
    assert reason(ruling(held=mine, kind="refusal"), mine) is None


def test_one_key_or_one_person_on_both_sides_is_one():
    """A second name for the key, or a second key for the name, does not help, even in the database."""
    twin = Person("Eve", KEYS["ada"].public, ADA.permissions, NOW - 9)
    mine = replace(HELD, submission=submitted("ada", (twin,)))
    assert reason(ruling(held=mine), mine, (twin, ADA, BEN)) == "self_approval"
    again = Person("ada  LINDT", KEYS["eve"].public, frozenset(), NOW - 9)
    mine = replace(HELD, submission=submitted("eve", (again,)))
    assert reason(ruling(held=mine), mine, (ADA, again)) == "self_approval"
    assert approvals_of([ruling(held=mine)], mine, (ADA, again)) == []


def test_what_nobody_signed_is_approved_by_nobody():
    """No signature, a stranger's, one over another text, or one that was changed: all of it may be refused."""
    other = (NAMED[0], NAMED[1], "cd" * 32)
    stranger = replace(submitted(), public=KEYS["eve"].public.hex())
    renamed = replace(submitted(), by="ben")
    for made in (None, stranger, renamed, submitted(named=other), replace(submitted(), at="2026-11-20T09:00:00Z")):
        mine = replace(HELD, submission=made)
        assert reason(ruling(held=mine), mine) == "submitted_by_nobody"
        assert approvals_of([ruling(held=mine)], mine, PERSONS) == []
        assert reason(ruling(held=mine, kind="refusal"), mine) is None


def test_only_who_is_registered_signs_a_submission():
    """By key and, where one is given, by name; not who has retired. What was signed before stands."""
    for made, persons, why in (
        (Submitter(KEYS["eve"]), PERSONS, "unknown_person"),
        (Submitter(KEYS["cem"], "ben"), PERSONS, "unknown_person"),
        (Submitter(KEYS["old"]), PERSONS, "person_retired"),
    ):
        with pytest.raises(RefusedError) as raised:
            submit(*NAMED, made, persons, NOW)
        assert raised.value.reason == why
    signed = submit(*NAMED, Submitter(KEYS["cem"], "CEM"), PERSONS, NOW)
    assert SignedSubmission.from_document(signed.document()) == signed
    gone = replace(CEM, retired=NOW + 1)
    assert submitter_of(signed, *NAMED, (ADA, gone)) == gone


def test_a_service_submits_and_decides_nothing():
    """It has no permission, and one that somebody wrote into the database counts for nothing."""
    with pytest.raises(RefusedError) as raised:
        register("gateway", KEYS["eve"].public, ["release"], NOW, PERSONS, PersonKind.SERVICE)
    assert raised.value.reason == "invalid_person"
    service = register("gateway", KEYS["eve"].public, [], NOW, PERSONS, PersonKind.SERVICE)
    assert submitter_of(submitted("eve", (service,)), *NAMED, (service,)) == service
    grown = replace(service, permissions=frozenset({"child_reviewer"}))
    one = ruling(by="gateway", key="eve")
    assert reason(one, persons=(CEM, grown)) == "permission_missing"
    assert approvals_of([one], HELD, (CEM, grown)) == []


def test_the_signature_is_the_person_s_own_over_all_that_is_said():
    """Another key, none, or one word changed afterwards."""
    good = ruling("torture_or_death_risk", "DEU", reference="Z 1")
    assert reason(ruling(key="eve")) == "bad_signature"
    assert reason(replace(good, signature=b"")) == "bad_signature"
    for change in ({"hold": "child_review"}, {"state": "AUT"}, {"reference": "Z 2"}, {"kind": "refusal"}):
        assert reason(replace(good, **change)) == "bad_signature"


@pytest.mark.parametrize(
    "change", [{"authority": "FRA/spoc"}, {"notification_id": "x"}, {"notification_digest": "cd" * 32}]
)
def test_a_ruling_is_about_one_text_of_one_notification(change):
    """Signed for another one, or said to be for this one."""
    other = ruling(held=replace(HELD, **change))
    assert reason(other) == "digest_mismatch"
    said = {name: getattr(HELD, name) for name in change}
    assert reason(replace(other, **said)) == "bad_signature"


def test_nothing_is_signed_ahead():
    """Not before the notification or the person was there, not in the future; clocks may differ by five minutes."""
    late = replace(HELD, submitted_at=NOW - 60 * MINUTE_MS)
    assert reason(ruling(now=NOW - 59 * MINUTE_MS), late, (replace(ADA, added=0), CEM)) is None
    assert reason(ruling(now=NOW - 66 * MINUTE_MS), late, (replace(ADA, added=0), CEM)) == "ruling_untimely"
    assert reason(ruling(now=NOW - 59 * MINUTE_MS), late, PERSONS) == "ruling_untimely"
    assert reason(ruling(now=NOW + 6 * MINUTE_MS)) == "ruling_untimely"


def test_a_ruling_is_stored_as_it_was():
    """Nothing of it is lost."""
    for one in (ruling(), ruling("torture_or_death_risk", "DEU", reference="Z 1", kind="refusal")):
        assert ReviewDecision.from_document(one.document()) == one


def test_only_approvals_that_still_hold_reach_the_decision():
    """Looked at again at every evaluation: a refusal, a forged row, the submitter's own release nothing."""
    good = ruling("torture_or_death_risk", "DEU", reference="Z 1")
    rulings = [
        good,
        ruling(kind="refusal"),
        ruling(key="eve"),
        ruling(by="ben", key="ben"),
        ruling(by="eve", key="eve"),
        replace(good, state="AUT"),
        ruling(held=replace(HELD, notification_digest="cd" * 32)),
    ]
    counting = [Approval("torture_or_death_risk", "Ada Lindt", good.at, "DEU", "Z 1")]
    assert approvals_of(rulings, HELD, PERSONS) == counting
    assert approvals_of([good], replace(HELD, submission=submitted("ada")), PERSONS) == []
    gone = (replace(ADA, retired=NOW + 1), CEM)
    assert approvals_of([good], HELD, gone) == counting, "what a person decided before retiring stands"


def test_a_person_is_registered_once_with_a_key_of_their_own():
    """A name or key that is, or was, somebody's is not given again."""
    made = register("Eve O'Neil", KEYS["eve"].public, ["release", "release"], NOW, PERSONS)
    assert made == Person("Eve O'Neil", KEYS["eve"].public, frozenset({"release"}), NOW)
    for name, key in (("ADA lindt", "eve"), ("old", "eve"), ("eve", "ada"), ("eve", "old")):
        with pytest.raises(RefusedError) as raised:
            register(name, KEYS[key].public, ["release"], NOW, PERSONS)
        assert raised.value.reason == "person_exists"


@pytest.mark.parametrize("name", ["", " ", "a/b", "../a", "a\nb", "a" * 65, "-a", "a "])
def test_a_name_is_plain_text(name):
    """It names a file and stands in lines of text."""
    with pytest.raises(RefusedError) as raised:
        register(name, KEYS["eve"].public, ["release"], NOW, PERSONS)
    assert raised.value.reason == "invalid_person"


def test_permissions_and_keys_are_checked():
    """One that does not exist, a key that is none; without any, a person submits and decides nothing."""
    for permissions in (["everything"], ["release", "everything"]):
        with pytest.raises(RefusedError) as raised:
            register("eve", KEYS["eve"].public, permissions, NOW, PERSONS)
        assert raised.value.reason == "invalid_person"
    with pytest.raises(KeyRejectedError):
        register("eve", bytes(32), ["release"], NOW, PERSONS)
