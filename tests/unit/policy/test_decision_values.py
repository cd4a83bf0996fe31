"""Every value of a decision: the public document, the hub's facts, the reasons and their paragraphs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from notifier.notification import parse
from notifier.policy.decision import Reason, decide, expected, facts_of
from notifier.policy.legs import FoundLeg, legs_of
from notifier.rules.facts import Leg, RoutingFacts
from notifier.rules.ruleset import Corridor

EXAMPLES = Path(__file__).parents[3] / "examples"


def example(name, **change):
    return parse(json.loads((EXAMPLES / f"{name}.json").read_text()) | change)


def test_the_document_of_a_decision_is_the_public_one(document, snapshot):
    """Every key by its name, as `notifier route --json` prints it and scripts read it."""
    nationalities = [{"state": "UTO", "status": "documented"}, {"state": "unknown", "status": "claimed"}]
    notification = parse(document(subject_nationalities=nationalities, handling_not_to=["BGR"], movement_transit=[]))
    found = decide(notification, snapshot.directory, snapshot.rules).to_json()
    assert found == {
        "rules_version": 1,
        "originator": "TUR/spoc",
        "nobody": False,
        "recipients": [
            {
                "authority": "BGR/spoc",
                "outcome": "suppress",
                "reasons": [{"rule": "origin", "paragraph": "3"}],
                "because": ["not_to"],
            },
            {
                "authority": "DEU/spoc",
                "outcome": "send",
                "reasons": [{"rule": "destination", "paragraph": "3"}],
                "because": [],
            },
            {
                "authority": "UTO/spoc",
                "outcome": "send",
                "reasons": [{"rule": "nationality", "paragraph": "3"}],
                "because": [],
            },
            {
                "authority": None,
                "outcome": "hold",
                "reasons": [{"rule": "nationality", "paragraph": "3"}],
                "because": ["nationality_unknown"],
            },
        ],
    }


def test_recipients_and_withheld_are_sorted_and_disjoint(document, snapshot):
    """Held and suppressed look alike to the hub; a leg without a state is in neither."""
    nationalities = [{"state": "FRA", "status": "claimed"}, {"state": "CSHH", "status": "documented"}]
    notification = parse(document(subject_nationalities=nationalities, handling_not_to=["BGR"]))
    decision = decide(notification, snapshot.directory, snapshot.rules)
    assert decision.recipients == ("AUT/spoc", "DEU/spoc")
    assert decision.withheld == ("BGR/spoc", "FRA/spoc")
    assert decision.rules_version == snapshot.rules.version
    assert not decision.nobody


def test_the_facts_are_resolved_legs_that_the_rules_ask_for(document, snapshot):
    """Sorted, each once, no residence in a deportation, no place that does not resolve, no guess at a nationality."""
    notification = parse(
        document(
            interpol=True,
            subject_residences=["FRA"],
            subject_nationalities=[{"state": "UTO", "status": "claimed"}, {"state": "CSHH", "status": "documented"}],
            movement_transit=["AUT", {"locode": "ATVIE"}, "unknown"],
        )
    )
    legs = (
        Leg("destination", "DEU"),
        Leg("nationality", "UTO"),
        Leg("origin", "BGR"),
        Leg("transit", "AUT"),
    )
    assert facts_of(notification, snapshot.rules) == RoutingFacts("deportation", True, True, None, legs)
    arrest = parse(document(type="arrest", movement=None, subject_residences=["FRA"]))
    legs = (Leg("nationality", "UTO"), Leg("residence", "FRA"))
    assert facts_of(arrest, snapshot.rules) == RoutingFacts("arrest", False, False, None, legs)


def test_the_facts_of_a_pattern_are_its_corridor(snapshot):
    """And nothing else: it is about nobody."""
    found = facts_of(example("pattern"), snapshot.rules)
    assert found == RoutingFacts("pattern", False, False, ("TUR", "DEU"), ())


def test_what_the_hub_expects_has_its_reasons(snapshot):
    """Legs, INTERPOL and subscribers of the corridor, each with rule and paragraph; the originator's own never."""
    corridors = (Corridor("TUR", "DEU", ("BGR/spoc", "DEU/spoc", "TUR/spoc")), Corridor("DEU", "TUR", ("FRA/spoc",)))
    rules = replace(snapshot.rules, corridors=corridors)
    legs = (Leg("destination", "DEU"), Leg("nationality", "DEU"), Leg("origin", "TUR"), Leg("transit", "XKX"))
    facts = RoutingFacts("deportation", in_custody=True, interpol=True, legs=legs)
    assert expected(facts, "TUR/border", snapshot.directory, rules) == {
        "DEU/spoc": (Reason("destination", "3"), Reason("nationality", "3")),
        "INTERPOL/spoc": (Reason("interpol", "3"),),
    }
    assert "INTERPOL/spoc" not in expected(replace(facts, interpol=False), "TUR/border", snapshot.directory, rules)
    pattern = RoutingFacts("pattern", in_custody=False, interpol=False, corridor=("TUR", "DEU"))
    assert expected(pattern, "TUR/spoc", snapshot.directory, rules) == {
        "BGR/spoc": (Reason("corridor", "5"),),
        "DEU/spoc": (Reason("corridor", "5"),),
    }
    arrest = RoutingFacts("arrest", in_custody=False, corridor=("TUR", "DEU"), legs=(Leg("nationality", "UTO"),))
    assert expected(arrest, "TUR/spoc", snapshot.directory, rules) == {"UTO/spoc": (Reason("nationality", "6"),)}


@pytest.mark.parametrize(("stage", "paragraph"), [("planned", "5"), ("departed", "11"), ("arrived", "5")])
def test_a_leg_without_a_state_has_the_paragraph_of_its_stage(snapshot, stage, paragraph):
    """As every other leg of a free journey."""
    given = json.loads((EXAMPLES / "travel-departed.json").read_text()) | {"stage": stage}
    given["subject"]["nationalities"] = "unknown"
    decision = decide(parse(given), snapshot.directory, snapshot.rules)
    assert decision.entries[-1].authority is None
    assert {one.paragraph for entry in decision.entries for one in entry.reasons} == {paragraph}


APPROVAL = {"by": "A", "at": "2026-11-20T09:00:00Z", "reference": "Z 1"}


@pytest.mark.parametrize(
    ("hold", "state", "told"),
    [
        ("nationality_unconfirmed", None, {"BEL/spoc", "FRA/spoc"}),
        ("nationality_unconfirmed", "FRA", {"FRA/spoc"}),
        ("nationality_unconfirmed", "AUT", set()),
        ("former_state", None, set()),
        ("former_state", "FRA", set()),
    ],
)
def test_an_approval_releases_its_own_hold_for_its_own_state(document, snapshot, hold, state, told):
    """One without a state releases the hold for every one; another hold's approval releases nothing."""
    claimed = [{"state": code, "status": "claimed"} for code in ("FRA", "BEL")]
    approvals = [{"hold": hold, "state": state, **APPROVAL}]
    notification = parse(document(subject_nationalities=claimed, local_approvals=approvals))
    decision = decide(notification, snapshot.directory, snapshot.rules, approvals=notification.local.approvals)
    assert set(decision.recipients) & {"BEL/spoc", "FRA/spoc"} == told
    assert set(decision.withheld) == {"BEL/spoc", "FRA/spoc"} - told


def test_a_released_doubt_leaves_the_other_doubt_unsaid(document, snapshot):
    """Firm by one leg is firm: what else was doubtful about it holds nobody."""
    claimed = [{"state": "FRA", "status": "claimed"}]
    notification = parse(document(subject_nationalities=claimed, subject_residences=["FRA"], type="arrest"))
    (entry,) = (
        one for one in decide(notification, snapshot.directory, snapshot.rules).entries if one.authority == "FRA/spoc"
    )
    assert (entry.outcome, entry.because) == ("send", ())
    assert entry.reasons == (Reason("nationality", "6"), Reason("residence", "5"))


def test_legs_come_in_the_order_and_with_the_doubts_of_the_notification(document):
    """Movement first, then nationalities, then residences; each with what it waits for."""
    notification = parse(
        document(
            movement_origin="unknown",
            movement_transit=[{"text": "an airfield"}, {"iata": "FRA"}],
            subject_nationalities=[
                {"state": "FRA", "status": "inferred"},
                {"state": "XXX", "status": "claimed"},
                {"state": "XXA", "status": "documented"},
                {"state": "UNO", "status": "documented"},
                {"state": "CSHH", "status": "claimed"},
                {"state": "BEL", "status": "revoked"},
                {"state": "GBO", "status": "documented"},
            ],
            subject_residences=["CHE"],
            subject_documents=[{"kind": "CTD", "issuer": "GBR"}, {"kind": "P", "issuer": "AUT"}],
        )
    )
    assert list(legs_of(notification)) == [
        FoundLeg("origin", None, "unresolved_place"),
        FoundLeg("destination", "DEU"),
        FoundLeg("transit", None, "unresolved_place"),
        FoundLeg("transit", "DEU"),
        FoundLeg("nationality", "FRA", "nationality_unconfirmed"),
        FoundLeg("nationality", None, "nationality_unknown"),
        FoundLeg("nationality", None, "former_state", ("CZE", "SVK")),
        FoundLeg("nationality", "GBR"),
        FoundLeg("residence", "CHE"),
        FoundLeg("residence", "GBR"),
    ]


@pytest.mark.parametrize("type_", ["arrest", "detention"])
def test_a_place_said_to_be_unknown_is_no_leg_of_an_arrest_or_detention(document, type_):
    """But one that does not resolve is."""
    notification = parse(
        document(type=type_, movement_origin="unknown", movement_destination={"text": "a road"}, movement_transit=[])
    )
    legs = [leg for leg in legs_of(notification) if leg.rule != "nationality"]
    assert legs == [FoundLeg("destination", None, "unresolved_place")]


@pytest.mark.parametrize(
    ("type_", "in_custody", "has"), [("deportation", True, False), ("arrest", True, True), ("arrest", False, True)]
)
def test_accompanying_family_has_no_leg_by_movement_in_custody(document, type_, in_custody, has):
    """Of an arrest it has: it is the person then."""
    notification = parse(
        document(
            type=type_,
            subject_category="accompanying_family",
            subject_grounds=[],
            movement_in_custody=in_custody,
        )
    )
    assert bool(list(legs_of(notification))) is has


@pytest.mark.parametrize(("in_custody", "has"), [(True, False), (False, True)])
def test_family_that_travels_free_is_told_of_as_anybody(in_custody, has):
    """In custody it only accompanies."""
    given = json.loads((EXAMPLES / "travel-departed.json").read_text())
    given["subject"] |= {"category": "accompanying_family", "grounds": []}
    given["movement"]["in_custody"] = in_custody
    assert bool(list(legs_of(parse(given)))) is has


@pytest.mark.parametrize(
    ("hold", "state", "outcome"),
    [
        ("consular_not_requested", "FRA", "send"),
        ("consular_not_requested", None, "send"),
        ("consular_not_requested", "AUT", "hold"),
        ("child_review", "FRA", "hold"),
        ("child_review", None, "hold"),
    ],
)
def test_an_approval_of_a_consular_matter_is_for_that_hold_and_that_state(snapshot, hold, state, outcome):
    """As for a doubtful leg: nothing else is released with it."""
    approvals = parse(
        json.loads((EXAMPLES / "arrest.json").read_text())
        | {"local": {"approvals": [{"hold": hold, "state": state, **APPROVAL}]}}
    ).local.approvals
    decision = decide(example("consular-not-requested"), snapshot.directory, snapshot.rules, approvals=approvals)
    (entry,) = decision.entries
    assert (entry.authority, entry.outcome) == ("FRA/consular", outcome)


def test_a_refugee_s_destination_is_suppressed_in_a_deportation_alone(document, snapshot):
    """An arrested person was not sent there; origin and nationality are suppressed either way."""
    status = {"status": "asylum_seeker", "feared": []}
    suppressed = {}
    for type_ in ("arrest", "deportation"):
        notification = parse(document(type=type_, local_refugee=status))
        entries = decide(notification, snapshot.directory, snapshot.rules).entries
        suppressed[type_] = {entry.authority for entry in entries if entry.outcome == "suppress"}
    assert suppressed == {
        "arrest": {"BGR/spoc", "UTO/spoc"},
        "deportation": {"BGR/spoc", "DEU/spoc", "UTO/spoc"},
    }
