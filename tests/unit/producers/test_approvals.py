"""Who may rule upon a hold, and over what: every refusal has its reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.envelope import SigningKey
from notifier.errors import KeyRejected, Refused
from notifier.notification.model import Approval
from notifier.producers.approvals import Held, Person, Ruling, approvals_of, check, register, sign

NOW = 1_795_000_000_000
MINUTE_MS = 60_000
KEYS = {name: SigningKey.from_secret(name.encode().ljust(32, b".")) for name in ("ada", "ben", "eve", "old")}
ADA = Person("Ada Lindt", KEYS["ada"].public, frozenset({"child_reviewer", "assurance"}), NOW - 9)
BEN = Person("ben", KEYS["ben"].public, frozenset({"release"}), NOW - 9)
OLD = Person("old", KEYS["old"].public, frozenset({"child_reviewer"}), NOW - 9, retired=NOW - 1)
PERSONS = (ADA, BEN, OLD)
HELD = Held("TUR/spoc", "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11", "ab" * 32, "cem", NOW - 5)


def ruling(
    hold="child_review", state=None, *, by="Ada Lindt", key="ada", kind="approval", now=NOW, held=HELD, **more
):
    """A ruling signed with a key, for what it says."""
    return sign(kind, held, hold, state, by=by, key=KEYS[key], now=now, **more)


def reason(one, held=HELD, persons=PERSONS, now=NOW):
    """Why it does not count, or None."""
    try:
        check(one, held, persons, now)
    except Refused as error:
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
    with pytest.raises(Refused) as caught:
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
    mine = replace(HELD, submitted_by=name)
    assert reason(ruling(held=mine), mine) == "self_approval"
    assert reason(ruling(held=mine, by="ADA LINDT"), mine) == "self_approval"
    assert reason(ruling(held=mine, kind="refusal"), mine) is None


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
    assert reason(ruling(now=NOW - 59 * MINUTE_MS), late, (replace(ADA, added=0),)) is None
    assert reason(ruling(now=NOW - 66 * MINUTE_MS), late, (replace(ADA, added=0),)) == "ruling_untimely"
    assert reason(ruling(now=NOW - 59 * MINUTE_MS), late, PERSONS) == "ruling_untimely"
    assert reason(ruling(now=NOW + 6 * MINUTE_MS)) == "ruling_untimely"


def test_a_ruling_is_stored_as_it_was():
    """Nothing of it is lost."""
    for one in (ruling(), ruling("torture_or_death_risk", "DEU", reference="Z 1", kind="refusal")):
        assert Ruling.from_document(one.document()) == one


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
    assert approvals_of([good], replace(HELD, submitted_by="ada lindt"), PERSONS) == []
    gone = (replace(ADA, retired=NOW + 1),)
    assert approvals_of([good], HELD, gone) == counting, "what a person decided before retiring stands"


def test_a_person_is_registered_once_with_a_key_of_their_own():
    """A name or key that is, or was, somebody's is not given again."""
    made = register("Eve O'Neil", KEYS["eve"].public, ["release", "release"], NOW, PERSONS)
    assert made == Person("Eve O'Neil", KEYS["eve"].public, frozenset({"release"}), NOW)
    for name, key in (("ADA lindt", "eve"), ("old", "eve"), ("eve", "ada"), ("eve", "old")):
        with pytest.raises(Refused) as raised:
            register(name, KEYS[key].public, ["release"], NOW, PERSONS)
        assert raised.value.reason == "person_exists"


@pytest.mark.parametrize("name", ["", " ", "a/b", "../a", "a\nb", "a" * 65, "-a", "a "])
def test_a_name_is_plain_text(name):
    """It names a file and stands in lines of text."""
    with pytest.raises(Refused) as raised:
        register(name, KEYS["eve"].public, ["release"], NOW, PERSONS)
    assert raised.value.reason == "invalid_person"


def test_permissions_and_keys_are_checked():
    """None at all, one that does not exist, a key that is none."""
    for permissions in ([], ["everything"], ["release", "everything"]):
        with pytest.raises(Refused) as raised:
            register("eve", KEYS["eve"].public, permissions, NOW, PERSONS)
        assert raised.value.reason == "invalid_person"
    with pytest.raises(KeyRejected):
        register("eve", bytes(32), ["release"], NOW, PERSONS)
