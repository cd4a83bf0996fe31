"""Recipients by type: the table of the resolution, and every special case of the first types."""

from __future__ import annotations

import pytest

from notifier.notification import parse
from notifier.notification.model import Approval
from notifier.notification.states import NOT_CITIZENSHIP
from notifier.policy.decision import decide


def nationality(state, status="documented"):
    return {"state": state, "status": status}


def test_a_deportation_tells_origin_transit_destination_and_nationality(route):
    """Paragraph 3; residence is no leg of it."""
    assert route(subject_residences=["FRA"]) == {
        "AUT/spoc": ("send", "transit:3", ""),
        "BGR/spoc": ("send", "origin:3", ""),
        "DEU/spoc": ("send", "destination:3", ""),
        "UTO/spoc": ("send", "nationality:3", ""),
    }


def test_an_arrest_tells_nationality_by_paragraph_6_and_the_rest_by_5(route):
    """Origin, transit and destination only where they are known; residence too."""
    assert route(
        type="arrest", subject_residences=["FRA"], movement_destination="unknown", movement_transit=["unknown"]
    ) == {
        "BGR/spoc": ("send", "origin:5", ""),
        "FRA/spoc": ("send", "residence:5", ""),
        "UTO/spoc": ("send", "nationality:6", ""),
    }


def test_a_detention_without_a_movement_tells_the_nationality(route):
    """Nothing is said of where the person came from."""
    assert route(type="detention", movement=None) == {"UTO/spoc": ("send", "nationality:6", "")}


def test_every_nationality_is_told(route):
    """None is dominant."""
    found = route(movement_transit=[], subject_nationalities=[nationality("FRA"), nationality("BEL")])
    assert {
        name for name, (outcome, rules, _) in found.items() if rules == "nationality:3" and outcome == "send"
    } == {
        "BEL/spoc",
        "FRA/spoc",
    }


def test_an_authority_has_every_reason_once(route):
    """Destination and two transits and nationality in one state: three reasons, one entry."""
    found = route(
        movement_transit=["DEU", {"locode": "DEFRA"}, {"iata": "FRA"}], subject_nationalities=[nationality("DEU")]
    )
    assert found["DEU/spoc"] == ("send", "destination:3 nationality:3 transit:3", "")


def test_the_originator_s_own_state_is_not_told(route):
    """No leg tells it."""
    found = route(subject_nationalities=[nationality("TUR"), nationality("UTO")], movement_origin="TUR")
    assert not any(name.startswith("TUR") for name in found)
    assert found["UTO/spoc"][0] == "send"


def test_interpol_is_told_by_opt_in(route):
    """As appropriate: never by default."""
    assert "INTERPOL/spoc" not in route()
    assert route(interpol=True)["INTERPOL/spoc"] == ("send", "interpol:3", "")


def test_a_doubtful_nationality_holds_its_leg_alone(route):
    """Claimed or inferred waits; an authority that a firm leg expects is told with both reasons."""
    for status in ("claimed", "inferred"):
        found = route(subject_nationalities=[nationality("FRA", status), nationality("DEU", status)])
        assert found["FRA/spoc"] == ("hold", "nationality:3", "nationality_unconfirmed")
        assert found["DEU/spoc"] == ("send", "destination:3 nationality:3", "")


def test_a_revoked_nationality_is_no_leg(route):
    """And leaves no unknown one behind."""
    assert "UTO/spoc" not in route(subject_nationalities=[nationality("UTO", "revoked")])
    assert "nationality_unknown" not in route(subject_nationalities=[nationality("UTO", "revoked")])


def test_an_unknown_nationality_holds_and_the_other_legs_go(route):
    """The word itself, or ICAO's XXX."""
    for code in ("unknown", "XXX"):
        found = route(subject_nationalities=[nationality(code, "claimed")])
        assert found.get("nationality_unknown") == ("hold", "nationality:3", "nationality_unknown")
        assert found["DEU/spoc"][0] == "send"


def test_a_stateless_person_has_no_nationality_leg(route):
    """A stateless person's nationality needs no finding out."""
    found = route(subject_nationalities=[nationality("XXA")])
    assert not any("nationality" in rules for _, rules, _ in found.values())


@pytest.mark.parametrize("code", sorted(NOT_CITIZENSHIP))
def test_a_document_that_shows_no_citizenship_leaves_the_nationality_unknown(document, snapshot, code):
    """It is held, as XXX is, and never in silence; beside a nationality it says nothing, nor does a revoked one."""

    def waits(*given):
        notification = parse(document(subject_nationalities=list(given)))
        entries = decide(notification, snapshot.directory, snapshot.rules).entries
        return [one.because for one in entries if one.authority is None]

    assert waits(nationality(code)) == [("nationality_unknown",)]
    assert waits(nationality(code), nationality("UNO" if code != "UNO" else "EUE")) == [("nationality_unknown",)]
    assert waits(nationality(code), nationality("FRA", "revoked")) == [("nationality_unknown",)]
    assert waits(nationality(code, "revoked")) == [("nationality_unknown",)]
    assert waits(nationality(code), nationality("FRA")) == []
    assert waits(nationality(code), nationality("XXA")) == []
    assert waits(nationality(code), nationality("XXX")) == [("nationality_unknown",)]


def test_a_former_state_holds_with_its_successors(document, snapshot):
    """Named, not guessed."""
    notification = parse(document(subject_nationalities=[nationality("CSHH")]))
    entry = decide(notification, snapshot.directory, snapshot.rules).entries[-1]
    assert (entry.authority, entry.outcome, entry.because) == (None, "hold", ("former_state",))
    assert entry.successors == ("CZE", "SVK")
    assert entry.to_json()["successors"] == ["CZE", "SVK"]


def test_british_classes_are_the_united_kingdom_s_and_d_is_germany(route):
    """ICAO 9303-3, section 5."""
    for code in ("GBD", "GBN", "GBO", "GBP", "GBS"):
        assert route(subject_nationalities=[nationality(code)]).get("GBR/spoc") == ("send", "nationality:3", "")
    assert route(subject_nationalities=[nationality("D")])["DEU/spoc"][1] == "destination:3 nationality:3"


def test_a_place_that_does_not_resolve_holds_its_leg(route):
    """Text, an unknown airport, an explicit unknown in a deportation: kept, never dropped."""
    for place in ({"text": "an airfield"}, {"iata": "QQQ"}, {"locode": "QQABC"}, "unknown"):
        found = route(movement_destination=place)
        assert found.get("unresolved_place") == ("hold", "destination:3", "unresolved_place")
        assert found["AUT/spoc"][0] == "send"


def test_a_state_without_an_authority_is_named_and_waits(document, snapshot):
    """Expected, and not here yet."""
    directory = snapshot.directory
    without = type(directory)(
        directory.version,
        directory.issued_at,
        directory.hub,
        {name: one for name, one in directory.authorities.items() if not name.startswith("DEU")},
    )
    decision = decide(parse(document()), without, snapshot.rules)
    (entry,) = (one for one in decision.entries if one.authority == "DEU/spoc")
    assert (entry.outcome, entry.because) == ("hold", ("not_a_participant",))
    assert "DEU/spoc" not in decision.withheld, "the hub does not know it"


def test_not_to_and_release_to_suppress(route):
    """Participants or authorities; suppression says nothing but its own reasons."""
    assert route(handling_not_to=["DEU"])["DEU/spoc"] == ("suppress", "destination:3", "not_to")
    assert route(handling_not_to=["DEU/spoc"])["DEU/spoc"][0] == "suppress"
    assert route(handling_not_to=["DEU/fiu"])["DEU/spoc"][0] == "send"
    found = route(handling_release_to=["DEU"], interpol=True)
    assert found["DEU/spoc"][0] == "send"
    assert {found[name][0] for name in ("AUT/spoc", "BGR/spoc", "UTO/spoc", "INTERPOL/spoc")} == {"suppress"}
    assert found["INTERPOL/spoc"][2] == "not_released_to"


def test_accompanying_family_is_nobody_s_deportation(route):
    """The rows of movement in custody never fire, INTERPOL's neither."""
    assert route(subject_category="accompanying_family", subject_grounds=[], interpol=True) == {}


@pytest.mark.parametrize("age", ["child", "disputed"])
def test_everything_about_a_child_waits_for_review(route, age):
    """Every recipient, whatever the leg; INTERPOL is no candidate, after review neither."""
    found = route(subject_age=age, interpol=True)
    assert {(outcome, because) for outcome, _, because in found.values()} == {("hold", "child_review")}
    approvals = [{"hold": "child_review", "state": None, "by": "R", "at": "2026-11-20T09:00:00Z"}]
    reviewed = route(subject_age=age, interpol=True, local_approvals=approvals)
    assert {outcome for outcome, _, _ in reviewed.values()} == {"send"}
    assert "INTERPOL/spoc" not in {*found, *reviewed}


def test_an_age_that_is_unknown_is_a_child_s_unless_a_birth_proves_an_adult(route):
    """No date of birth, or one that leaves a doubt: held."""
    assert route(subject_age="unknown", subject_births=["2012"])["DEU/spoc"][2] == "child_review"
    assert route(subject_age="unknown", subject_births="unknown")["DEU/spoc"][2] == "child_review"
    assert route(subject_age="unknown")["DEU/spoc"][0] == "send"


def test_a_refugee_s_states_are_suppressed_and_the_others_told(route):
    """The feared state; where it is not known, nationality, origin and the destination of a deportation."""
    found = route(local_refugee={"status": "refugee", "feared": ["UTO"]})
    assert found["UTO/spoc"] == ("suppress", "nationality:3", "feared_state")
    assert found["DEU/spoc"] == ("send", "destination:3", "")
    found = route(local_refugee={"status": "asylum_seeker", "feared": []})
    assert {name for name, (_, _, because) in found.items() if because == "refugee_origin"} == {
        "UTO/spoc",
        "BGR/spoc",
        "DEU/spoc",
    }
    assert found["AUT/spoc"][0] == "send"


def test_a_refugee_of_a_former_state_may_fear_what_came_of_it(route):
    """Its successors are suppressed, whatever else speaks for them."""
    refugee = {"status": "refugee", "feared": []}
    found = route(subject_nationalities=[nationality("CSHH")], movement_transit=["CZE"], local_refugee=refugee)
    assert found["CZE/spoc"] == ("suppress", "transit:3", "refugee_origin")


def test_codes_and_documents_make_a_refugee_whatever_the_status_says(route):
    """XXB, XXC, a convention travel document; its issuer is a state of residence."""
    for code in ("XXB", "XXC"):
        found = route(subject_nationalities=[nationality(code), nationality("UTO")])
        assert found["UTO/spoc"][2] == "refugee_origin"
    found = route(type="arrest", movement=None, subject_documents=[{"kind": "CTD", "issuer": "FRA"}])
    assert found["UTO/spoc"][2] == "refugee_origin"
    assert found["FRA/spoc"] == ("send", "residence:5", "")


def test_a_risk_of_torture_holds_that_state_until_an_approval(route):
    """The others are told at once; an approval for one state releases no other."""
    risk = {"torture": ["DEU"], "death_penalty": ["AUT"]}
    found = route(local_risk=risk)
    assert found["DEU/spoc"] == ("hold", "destination:3", "torture_or_death_risk")
    assert found["AUT/spoc"] == ("hold", "transit:3", "torture_or_death_risk")
    assert found["UTO/spoc"][0] == "send"
    approvals = [
        {"hold": "torture_or_death_risk", "state": "DEU", "by": "A", "at": "2026-11-20T09:00:00Z", "reference": "Z 1"}
    ]
    released = route(local_risk=risk, local_approvals=approvals)
    assert (released["DEU/spoc"][0], released["AUT/spoc"][0]) == ("send", "hold")


def test_a_risk_is_released_by_the_reference_of_an_assurance_alone(document, snapshot):
    """An approval without a reference releases nothing, whatever its origin."""
    notification = parse(document(local_risk={"torture": ["DEU"], "death_penalty": []}))

    def outcome(reference):
        approval = Approval("torture_or_death_risk", "A", "2026-11-20T09:00:00Z", "DEU", reference)
        decision = decide(notification, snapshot.directory, snapshot.rules, approvals=[approval])
        return {entry.authority: entry.outcome for entry in decision.entries}["DEU/spoc"]

    assert (outcome(None), outcome(""), outcome("Z 1")) == ("hold", "hold", "send")


def test_no_approval_names_a_state_that_a_leg_does_not(route):
    """A former state, an unknown nationality, a place that does not resolve: new facts name them, in an update."""
    legs = {
        "subject_nationalities": [nationality("YUCS"), nationality("unknown", "claimed")],
        "movement_destination": "unknown",
    }
    signed = {"by": "A", "at": "2026-11-20T09:00:00Z"}
    holds = ("former_state", "nationality_unknown", "unresolved_place")
    approvals = [{"hold": hold, "state": state, **signed} for hold in holds for state in (None, "SRB")]
    assert route(**legs, local_approvals=approvals) == route(**legs)
    assert "SRB/spoc" not in route(**legs, local_approvals=approvals)


def test_an_approval_of_a_nationality_releases_its_leg(document, snapshot):
    """In a dry run at its word; in sending only what counts."""
    approvals = [{"hold": "nationality_unconfirmed", "state": "FRA", "by": "A", "at": "2026-11-20T09:00:00Z"}]
    nationalities = [nationality("FRA", "claimed"), nationality("BEL", "claimed")]
    notification = parse(document(subject_nationalities=nationalities, local_approvals=approvals))
    taken = decide(notification, snapshot.directory, snapshot.rules, approvals=notification.local.approvals)
    assert {"FRA/spoc"} <= set(taken.recipients)
    assert "BEL/spoc" in taken.withheld
    assert "FRA/spoc" in decide(notification, snapshot.directory, snapshot.rules).withheld


def test_entries_are_sorted_and_those_without_an_authority_last(document, snapshot):
    """As the public document promises."""
    notification = parse(
        document(subject_nationalities=[nationality("unknown", "claimed"), nationality("CSHH"), nationality("FRA")])
    )
    names = [entry.authority for entry in decide(notification, snapshot.directory, snapshot.rules).entries]
    assert names == [*sorted(name for name in names if name), None, None]


def test_nobody_is_said_by_the_result(route, document, snapshot):
    """Never a broadcast."""
    notification = parse(document(type="arrest", movement=None, subject_nationalities=[nationality("XXA")]))
    decision = decide(notification, snapshot.directory, snapshot.rules)
    assert decision.nobody
    assert decision.to_json()["nobody"] is True
    assert decision.entries == ()
