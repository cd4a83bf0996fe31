"""Updates and releases: earlier recipients are told again, new facts add others, and every safeguard holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.notification import parse
from notifier.policy.decision import decide, facts_of
from notifier.rules.facts import Leg

ABOUT = {"id": "0199f0c2-1111-7111-8111-111111111111", "digest": "ab" * 32}


@pytest.fixture
def update(document, snapshot):
    """Return the decision on an update, as {authority: (outcome, {rule: paragraph}, because)}."""

    def decided(told_before, of=None, approvals=(), type_="update", **change):
        notification = parse(document(type=type_, about=ABOUT, **change))
        decision = decide(
            notification, snapshot.directory, snapshot.rules, approvals=approvals, told_before=told_before, of=of
        )
        return {
            entry.authority: (
                entry.outcome,
                {reason.rule: reason.paragraph for reason in entry.reasons},
                entry.because,
            )
            for entry in decision.entries
        }

    return decided


@pytest.mark.parametrize("type_", ["update", "release"])
def test_those_told_before_are_told_and_the_new_facts_add(update, type_):
    """One that both speak for has both reasons; paragraphs are those of the first telling, and of the new legs."""
    found = update({"BEL/spoc": "3", "UTO/spoc": "3"}, type_=type_, movement=None)
    assert found == {
        "BEL/spoc": ("send", {"told_before": "3"}, ()),
        "UTO/spoc": ("send", {"nationality": "6", "told_before": "3"}, ()),
    }


def test_an_update_goes_by_the_rows_of_what_it_is_about(update, snapshot, document):
    """Of finint to fiu's, of a deportation by paragraph 3, of an unknown type by the update's own rows."""
    move = {"in_custody": False, "origin": "BGR"}
    assert set(update({}, of="finint", movement=move)) == {"UTO/fiu", "BGR/fiu"}
    assert update({}, of="deportation", movement=move)["UTO/spoc"][1] == {"nationality": "3"}
    assert update({}, of="consular", movement=None)["UTO/consular"][2] == ("consular_not_requested",)
    assert update({}, movement=move)["BGR/spoc"][1] == {"origin": "5"}
    notification = parse(document(type="update", about=ABOUT, movement=move))
    facts = facts_of(notification, snapshot.rules, of="finint")
    assert (facts.type, facts.of, facts.effective_type) == ("update", "finint", "finint")
    assert facts.legs == (Leg("nationality", "UTO"), Leg("origin", "BGR"))
    assert facts_of(notification, snapshot.rules, of="identity").legs == (Leg("nationality", "UTO"),)
    family = {"interpol": True, "subject_category": "accompanying_family", "subject_grounds": []}
    facts = facts_of(parse(document(type="update", about=ABOUT, **family)), snapshot.rules, of="deportation")
    assert (facts.legs, facts.interpol) == ((), False)


def test_the_originator_s_own_participant_is_not_told_before_either(update):
    """None of its authorities is told by these rules."""
    assert set(update({"TUR/spoc": "3", "TUR/border": "3"}, movement=None)) == {"UTO/spoc"}


def test_whoever_was_told_before_obeys_suppression_and_holds(update):
    """A state that is feared now is not told any more; a new risk, a child, a state that has left: held."""
    before = {"FRA/spoc": "3"}

    def outcome(**change):
        found = update(change.pop("before", before), movement=None, **change)
        return next((one[0], one[2][:1]) for name, one in found.items() if name in ("FRA/spoc", "XYZ/spoc"))

    assert outcome() == ("send", ())
    refugee = {"status": "refugee", "feared": ["FRA"]}
    assert outcome(local_refugee=refugee) == ("suppress", ("feared_state",))
    assert outcome(handling_not_to=["FRA"]) == ("suppress", ("not_to",))
    assert outcome(handling_release_to=["DEU"]) == ("suppress", ("not_released_to",))
    assert outcome(local_risk={"torture": ["FRA"]}) == ("hold", ("torture_or_death_risk",))
    assert outcome(subject_age="child") == ("hold", ("child_review",))
    assert outcome(before={"XYZ/spoc": "3"}) == ("hold", ("not_a_participant",))


def test_an_earlier_telling_is_a_firm_reason(update):
    """A doubt about a nationality holds nobody who was told before by another leg."""
    claimed = [{"state": "FRA", "status": "claimed"}]
    assert update({}, subject_nationalities=claimed, movement=None)["FRA/spoc"][0] == "hold"
    assert update({"FRA/spoc": "3"}, subject_nationalities=claimed, movement=None)["FRA/spoc"][0] == "send"


def test_interpol_hears_no_more_of_whoever_is_a_child_now(update):
    """It was told before the age was in dispute: it is no candidate any more. That somebody is family it is told."""
    before = {"INTERPOL/spoc": "3"}
    assert update(before, movement=None)["INTERPOL/spoc"][0] == "send"
    assert "INTERPOL/spoc" not in update(before, movement=None, subject_age="disputed", interpol=True)
    family = {"subject_category": "accompanying_family", "subject_grounds": []}
    assert update(before, of="deportation", **family) == {"INTERPOL/spoc": ("send", {"told_before": "3"}, ())}
    assert update({}, of="deportation", interpol=True, **family) == {}
    assert update({}, of="deportation", subject_nationalities="unknown", **family) == {}


def test_an_update_that_does_not_describe_the_person_waits_for_a_child_reviewer(document, snapshot):
    """It says nothing of the age, and INTERPOL is no candidate; one of a pattern has no person."""
    given = document(type="update", about=ABOUT, movement=None, interpol=True)
    del given["subject"]
    notification = parse(given)

    def holds(of):
        before = {"FRA/spoc": "5", "INTERPOL/spoc": "5"}
        decision = decide(notification, snapshot.directory, snapshot.rules, told_before=before, of=of)
        return {entry.authority: (*entry.because, len(entry.reasons))[0] for entry in decision.entries}

    assert holds("arrest") == holds(None) == {"FRA/spoc": "child_review"}
    assert holds("pattern") == {"FRA/spoc": 1, "INTERPOL/spoc": 2}


def test_only_an_update_or_release_is_about_another_type(document, snapshot):
    """Of whatever an arrest is said to be, its own rows decide."""
    notification = parse(document(type="arrest", movement=None))
    same = decide(notification, snapshot.directory, snapshot.rules)
    assert decide(notification, snapshot.directory, snapshot.rules, of="finint") == same
    assert facts_of(notification, snapshot.rules, of="finint") == replace(
        facts_of(notification, snapshot.rules), of="finint"
    )
