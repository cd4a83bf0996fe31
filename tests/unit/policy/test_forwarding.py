"""Sharing onwards: what the originator's word allows, what a child never is, and what the copy says of its parent."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from notifier.errors import RefusedError
from notifier.notification import decode, encode, for_sealing, parse, to_json
from notifier.notification.derivative import CODES, derive, request_to_forward
from notifier.notification.digest import digest_of, digests_of, is_named_by, naming
from notifier.notification.model import Approval
from notifier.notification.part_parsing import HANDLING_CODES
from notifier.notification.profiles import PROFILES, cut
from notifier.policy.case import NO_CANDIDATE, REVOKED
from notifier.policy.forwarding import OBJECTIONS, check_forward, decide_forward, objections, paragraph_of

ME = "DEU/spoc"
TODAY = "2026-11-21"
PARENT = uuid.UUID("0199f0c2-1111-7111-8111-111111111111")
MINE = uuid.UUID("0199f0c2-2222-7222-8222-222222222222")


@pytest.fixture
def received(document):
    """Return the notification that DEU/spoc received, sealed and opened."""

    def made(**change):
        notification = replace(parse(document(**change)), id=PARENT.bytes)
        return decode(encode(for_sealing(notification)))

    return made


@pytest.fixture
def refused(received, snapshot):
    """Why DEU/spoc may not forward to these authorities: the reason, or None."""

    def asked(*names, **change):
        try:
            check_forward(received(**change), ME, names, snapshot.directory)
        except RefusedError as error:
            return error.reason
        return None

    return asked


def test_the_codes_are_all_there():
    """A code that may be written says whether it allows to share onwards."""
    assert set(CODES) == set(HANDLING_CODES)


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        ([], None),
        (["H0"], None),
        (["H1"], None),
        (["H3"], None),
        (["H2"], "forwarding_forbidden"),
        (["H0", "H2"], "forwarding_forbidden"),
    ],
)
def test_a_handling_code_decides_about_domestic_agencies(refused, codes, reason):
    """H2 asks for the originator's permission first; the others travel with what is shared."""
    change = {"handling_codes": codes, "handling_text": "a condition"}
    assert refused("DEU/fiu", "DEU/border", **change) == reason


def test_a_code_that_nobody_knows_forbids(received, snapshot):
    """A newer originator may mean anything by it."""
    parent = received()
    strange = replace(parent, handling=replace(parent.handling, codes=("H9",)))
    with pytest.raises(RefusedError) as error:
        check_forward(strange, ME, ["DEU/fiu"], snapshot.directory)
    assert error.value.reason == "forwarding_forbidden"


@pytest.mark.parametrize(
    ("release_to", "name", "reason"),
    [
        (["DEU"], "DEU/fiu", None),
        (["DEU/spoc"], "DEU/fiu", "forwarding_forbidden"),
        (["DEU/spoc", "DEU/fiu"], "DEU/fiu", None),
        (["DEU", "FRA"], "FRA/spoc", None),
        (["DEU", "FRA/fiu"], "FRA/spoc", "forwarding_forbidden"),
    ],
)
def test_only_inside_what_the_originator_releases_it_to(refused, release_to, name, reason):
    """Its list binds every recipient."""
    assert refused(name, handling_release_to=release_to) == reason


@pytest.mark.parametrize(
    ("name", "handling"),
    [
        ("FRA/spoc", {"handling_not_to": ["FRA"]}),
        ("DEU/border", {"handling_not_to": ["DEU/border"]}),
        ("FRA/border", {"handling_release_to": ["FRA", "DEU"], "handling_not_to": ["FRA/border"]}),
        ("DEU/border", {"handling_release_to": ["DEU/spoc", "DEU/fiu"], "handling_not_to": ["DEU/border"]}),
    ],
)
def test_whom_the_originator_excludes_is_told_by_nobody_who_does_not_know_it(refused, received, name, handling):
    """No reader has the list: what keeps them from it is another condition, for which the originator is asked."""
    assert received(**handling).handling.not_to == ()
    assert refused(name, **handling) == "forwarding_forbidden"


def test_an_exclusion_within_reach_makes_every_sharing_ask_first(refused):
    """Otherwise an excluded `DEU/border` would show by the others being allowed."""
    assert refused("DEU/fiu", handling_not_to=["DEU/border"]) == "forwarding_forbidden"
    assert refused("DEU/fiu", handling_not_to=["FRA"]) is None
    assert refused("DEU/fiu", handling_release_to=["DEU"], handling_not_to=["FRA/border"]) is None


def test_never_to_whom_other_software_says_that_the_originator_excludes(received, snapshot):
    """By the state or by the authority, the own ones too."""
    parent = received(handling_release_to=["FRA", "DEU"])

    def refuses(name, *not_to):
        excluding = replace(parent, handling=replace(parent.handling, not_to=not_to))
        return objections(excluding, ME, name)

    assert refuses("DEU/border", "DEU/border") == ["not_to"]
    assert refuses("DEU/fiu", "DEU/border") == []
    assert refuses("FRA/spoc", "FRA") == ["not_to"]


def test_another_state_only_where_the_originator_names_it(refused):
    """Only the originator knows whom a person fears; it tells nobody, so nobody else chooses another state."""
    assert refused("FRA/spoc") == "forwarding_forbidden"
    assert refused("TUR/border") == "forwarding_forbidden"
    assert refused("FRA/spoc", handling_release_to=["FRA", "DEU"]) is None


@pytest.mark.parametrize(
    "subject",
    [
        {"subject_age": "child"},
        {"subject_age": "disputed"},
        {"subject_age": "unknown", "subject_births": "unknown"},
        {"subject_age": "unknown", "subject_births": ["2010"]},
    ],
)
def test_nothing_of_a_child_goes_to_the_front_line(refused, subject):
    """Nor to INTERPOL, whatever the originator releases; and it is no matter of prompt."""
    assert refused("DEU/border", **subject) == "child_protected"
    assert refused("DEU/fiu", "DEU/border", handling_codes=["H2"], **subject) == "child_protected"
    assert refused("INTERPOL/spoc", handling_release_to=["DEU", "INTERPOL"], **subject) == "child_protected"
    assert refused("DEU/fiu", **subject) is None


def test_a_proved_adult_is_no_child(refused):
    """Of unknown age, with a date of birth that proves it."""
    assert refused("DEU/border", subject_age="unknown", subject_births=["1974"]) is None


def test_nobody_is_told_who_is_not_there(refused):
    """Nor the forwarder itself."""
    assert refused("XYZ/spoc") == "unknown_authority"
    assert refused(ME) == "unknown_authority"


def test_the_decision_names_the_paragraph_and_holds_a_child(received, snapshot):
    """The front line by 8, domestic agencies by 7; a child waits for a reviewer of the forwarder's own."""
    assert [paragraph_of(ME, name) for name in ("DEU/border", "DEU/fiu", "FRA/spoc", "FRA/border")] == [
        *("8", "7", "5", "8")
    ]
    derivative = derive(received(), ME, MINE.bytes, TODAY)
    decision = decide_forward(derivative, ["DEU/fiu", "DEU/border"], snapshot.directory, 1)
    assert [(one.authority, one.outcome) for one in decision.entries] == [("DEU/border", "send"), ("DEU/fiu", "send")]
    assert [one.reasons[0].rule for one in decision.entries] == ["forwarded", "forwarded"]
    child = derive(received(subject_age="child"), ME, MINE.bytes, TODAY)
    held = decide_forward(child, ["DEU/fiu"], snapshot.directory, 1)
    assert (held.recipients, held.withheld, held.entries[0].because) == ((), ("DEU/fiu",), ("child_review",))
    leave = [Approval("child_review", "somebody", "2026-11-21T00:00:00Z", "DEU")]
    assert decide_forward(child, ["DEU/fiu"], snapshot.directory, 1, leave).recipients == ("DEU/fiu",)
    elsewhere = [Approval("child_review", "somebody", "2026-11-21T00:00:00Z", "FRA")]
    assert decide_forward(child, ["DEU/fiu"], snapshot.directory, 1, elsewhere).recipients == ()
    # Looked at again each time: no approval makes a front line of it.
    anyway = decide_forward(child, ["DEU/border"], snapshot.directory, 1, leave)
    assert [(one.outcome, one.because) for one in anyway.entries] == [("suppress", ("child_protected",))]


def test_whoever_has_left_waits(received, snapshot):
    """It is no recipient, and the hub is not told of it."""
    derivative = derive(received(handling_release_to=["XYZ", "DEU"]), ME, MINE.bytes, TODAY)
    decision = decide_forward(derivative, ["XYZ/spoc"], snapshot.directory, 1)
    assert (decision.recipients, decision.withheld) == ((), ())
    assert decision.entries[0].because == ("not_a_participant",)


def test_a_derivative_adds_nothing_and_keeps_the_conditions(received):
    """Its own id and originator, its parent; all the rest as received; a drill stays a drill."""
    parent = received(handling_codes=["H1"], exercise=True, interpol=True, narrative="as told")
    made = derive(parent, ME, MINE.bytes, TODAY)
    assert (made.originator, made.id, made.parent.id) == (ME, MINE.bytes, str(PARENT))
    assert made.parent.originator == "TUR/spoc"
    assert made.exercise
    assert not made.interpol
    same = {"originator": "TUR/spoc", "id": PARENT.bytes, "parent": None, "interpol": True}
    assert replace(made, **same) == parent


def test_what_is_past_its_review_or_between_two_is_not_passed_on(received):
    """On the day of its review it has to be looked at; a response is nobody else's."""
    parent = received()
    assert derive(parent, ME, MINE.bytes, "2027-11-19").review_date == "2027-11-20"
    for stale, today in ((parent, "2027-11-20"), (replace(parent, type="response"), TODAY)):
        with pytest.raises(RefusedError) as error:
            derive(stale, ME, MINE.bytes, today)
        assert error.value.reason == "forwarding_forbidden"


def test_what_was_received_in_any_profile_can_be_passed_on_and_read_back(received):
    """A profile that told neither category nor grounds makes no invalid notification of it."""
    for name, profile in PROFILES.items():
        made = derive(cut(received(subject_residences=["FRA"]), profile), ME, MINE.bytes, TODAY)
        if profile.parts >= {"movement"}:
            assert parse(to_json(made, local=False)).parent == made.parent, name
        assert decode(encode(made)) == made, name


def test_whoever_has_the_parent_can_check_what_was_made_of_it(received):
    """The front line's copy too; and nothing passes for the child of another text, id or originator."""
    parent = received(narrative="as told")
    made = derive(parent, ME, MINE.bytes, TODAY)
    seen = naming(made, digests_of(parent), "full")
    assert is_named_by(seen, parent)
    border = naming(cut(made, PROFILES["border"]), digests_of(parent), "border")
    assert is_named_by(border, parent)
    assert border.parent.digest != seen.parent.digest
    assert not is_named_by(seen, replace(parent, narrative="another"))
    assert not is_named_by(seen, replace(parent, originator="FRA/spoc"))
    assert not is_named_by(seen, replace(parent, id=MINE.bytes))
    assert not is_named_by(parent, parent)


def test_a_digest_answers_no_guess_about_what_its_reader_was_not_told(received):
    """Two parents that differ only in what a screener is not shown have one digest for it."""
    first, second = received(), received(subject_category="witness", subject_grounds=[], subject_residences=["FRA"])
    assert digests_of(first)["border"] == digests_of(second)["border"]
    assert digests_of(first)["full"] != digests_of(second)["full"]
    made = derive(first, ME, MINE.bytes, TODAY)
    about = replace(made, type="update", about=request_to_forward(first, ME, (), MINE.bytes, TODAY).about)
    assert naming(about, digests_of(first), "border").about is None
    assert naming(about, digests_of(first), "full").about == about.about


def test_a_digest_says_nothing_of_local_or_of_a_refugee(document):
    """The digest omits the originator's local facts; the issuer of a refugee's document reads as a residence."""
    plain = replace(parse(document(subject_residences=["DEU"])), id=PARENT.bytes)
    refugee = {
        "local_refugee": {"status": "refugee", "feared": ["UTO"]},
        "subject_nationalities": [{"state": "UTO", "status": "documented"}, {"state": "XXB", "status": "documented"}],
        "subject_documents": [{"kind": "PR", "issuer": "DEU"}],
    }
    assert digest_of(replace(parse(document(**refugee)), id=PARENT.bytes)) == digest_of(plain)


def test_objections_are_all_named(received):
    """Everything that speaks against it, not the first thing alone."""
    parent = received(handling_codes=["H2"], subject_age="child")
    found = objections(replace(parent, handling=replace(parent.handling, not_to=("FRA",))), ME, "FRA/border")
    assert found == ["child_protected", "onward_forbidden", "not_to", "another_state"]
    assert set(found) < set(OBJECTIONS)


def test_every_word_of_a_refusal_stands_in_the_document():
    """A reader can look up each of them."""
    text = (Path(__file__).parents[3] / "docs" / "how-to" / "forwarding.md").read_text()
    assert [word for word in (*OBJECTIONS, *CODES, REVOKED, NO_CANDIDATE) if word not in text] == []


def test_a_request_to_forward_says_nothing_of_the_person(received):
    """It names the parent and the authorities, has the form of a response, and is a drill where the parent is."""
    parent = received(handling_codes=["H2"], exercise=True)
    made = request_to_forward(parent, ME, ("DEU/border", "DEU/fiu"), MINE.bytes, "2026-11-21T08:00:00Z")
    assert parse(to_json(made, local=False)).stage == "forward_request"
    assert (made.subject, made.movement, made.exercise) == (None, None, True)
    assert made.about.digest == digest_of(parent)
    assert "DEU/border, DEU/fiu" in made.narrative
