"""Territories: whom a leg there reaches, how prohibitions spread, and that permissions only go down."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.book import FAMILIES, STATE, kin, permitted
from golden.cases import PLACES, SIGNED, base
from notifier.directory.builtin import builtin_snapshot
from notifier.directory.model import Authority, AuthorityState
from notifier.notification import parse
from notifier.notification.places import Place
from notifier.notification.states import iso_codes
from notifier.notification.territories import BUILT_IN, DISPUTED, Territories, Territory
from notifier.policy.decision import decide, expected, facts_of
from notifier.policy.forwarding import check_forward, decide_forward, objections
from notifier.rules.ruleset import RuleSet, default_rules
from support.drawing import examples

WORLD = builtin_snapshot()
RULES = WORLD.rules
ROLES = ("spoc", "fiu", "consular", "border")


def enrolled(*codes):
    """Return the built-in directory with authorities of these territories."""
    names = [f"{code}/{role}" for code in codes for role in ROLES]
    more = {name: Authority(name, name.lower(), f"feed.{name}", (), frozenset()) for name in names}
    return replace(WORLD.directory, authorities=WORLD.directory.authorities | more)


def deportation(place="DEU", *, originator="TUR/spoc", nationality="XXA", **local):
    """To one place, of somebody who is stateless unless a nationality is given."""
    document = base("deportation") | {"originator": originator}
    document["movement"] |= {"origin": originator[:3], "transit": [], "destination": place}
    document["subject"]["nationalities"] = [{"state": nationality, "status": "documented"}]
    document["local"] |= local
    return document


def decided(document, directory=WORLD.directory, rules=RULES, **options):
    """Return each authority with its outcome, and the codes that it answers for."""
    notification = parse(copy.deepcopy(document))
    approvals = notification.local.approvals
    entries = decide(notification, directory, rules, approvals=approvals, **options).entries
    return {one.authority: (one.outcome, *one.answers_for) for one in entries}


def test_every_code_of_iso_3166_is_a_state_s_or_answered_for_once():
    """All of the standard: nothing is forgotten, and a state that answers is no territory itself."""
    listed = [one.code for one in BUILT_IN]
    assert len(set(listed)) == len(listed) == 51
    assert not {*DISPUTED} & {*listed}
    assert {one.state for one in BUILT_IN} & {*listed} == set()
    assert {one.code: one.state for one in BUILT_IN} == STATE
    assert {*listed} <= {*iso_codes()}
    participants = {one.participant for one in WORLD.directory.authorities.values()}
    assert participants == ({*iso_codes()} - {*listed}) | {"UTO", "INTERPOL"}


@pytest.mark.parametrize("one", BUILT_IN, ids=lambda one: one.code)
def test_a_leg_in_a_territory_reaches_the_state_until_it_has_an_authority_of_its_own(one):
    """Of that role: a consular service of the state is told where the territory has a contact point alone."""
    assert decided(deportation(one.code)) == {f"{one.state}/spoc": ("send", one.code)}
    assert decided(deportation(one.code), enrolled(one.code)) == {f"{one.code}/spoc": ("send",)}
    suspended = enrolled(one.code)
    suspended.authorities[f"{one.code}/spoc"] = replace(
        suspended.authorities[f"{one.code}/spoc"], state=AuthorityState.SUSPENDED
    )
    assert decided(deportation(one.code), suspended) == {f"{one.state}/spoc": ("send", one.code)}


def test_the_table_may_say_both():
    """The state is told in any case then, and says for whom; the territory's own where it takes part."""
    rules = replace(RULES, territories=(Territory("REU", "FRA", "both"),))
    assert decided(deportation("REU"), rules=rules) == {"FRA/spoc": ("send", "REU")}
    assert decided(deportation("REU"), enrolled("REU"), rules) == {
        "FRA/spoc": ("send", "REU"),
        "REU/spoc": ("send",),
    }


@pytest.mark.parametrize("code", DISPUTED)
def test_a_code_on_which_states_disagree_stands_for_itself(code):
    """Neither told through another, nor kept from anybody with another."""
    assert list(decided(deportation(code))) == [f"{code}/spoc"]
    assert RULES.answers.family(code) == {code}


def test_where_nobody_takes_part_the_absence_is_shown_at_the_state():
    """There it can be mended."""
    nobody = replace(WORLD.directory, authorities={})
    assert decided(deportation("REU"), nobody) == {"FRA/spoc": ("hold", "REU")}


@pytest.mark.parametrize("enrolled_too", [False, True])
@pytest.mark.parametrize(("prohibited", "leg"), [("CHN", "HKG"), ("HKG", "CHN"), ("MAC", "HKG"), ("PRI", "USA")])
def test_a_prohibition_reaches_the_whole_family(prohibited, leg, enrolled_too):
    """A territory is no way around a fear, exclusion or risk, nor is the state behind it."""
    directory = enrolled("HKG", "MAC", "PRI") if enrolled_too else WORLD.directory
    feared = deportation(leg, refugee={"status": "refugee", "feared": [prohibited]})
    origin = deportation(leg, nationality=prohibited, refugee={"status": "asylum_seeker", "feared": []})
    risk = deportation(leg, risk={"torture": [prohibited], "death_penalty": []})
    death = deportation(leg, risk={"torture": [], "death_penalty": [prohibited]})
    excluded = deportation(leg)
    excluded["handling"]["not_to"] = [prohibited]
    by_name = deportation(leg)
    by_name["handling"]["not_to"] = [f"{prohibited}/spoc"]
    for document, outcome in (
        (feared, "suppress"),
        (origin, "suppress"),
        (excluded, "suppress"),
        (by_name, "suppress"),
        (risk, "hold"),
        (death, "hold"),
    ):
        found = decided(document, directory)
        assert found
        assert {one[0] for one in found.values()} == {outcome}


def test_a_permission_goes_down_and_never_up():
    """`release_to` of a state lets its territory in, that of a territory not the state; a name is a name alone."""

    def told(leg, *released):
        document = deportation(leg)
        document["handling"]["release_to"] = list(released)
        return {name for name, one in decided(document, enrolled("HKG")).items() if one[0] == "send"}

    assert told("HKG", "CHN") == {"HKG/spoc"}
    assert told("HKG", "HKG") == {"HKG/spoc"}
    assert told("CHN", "HKG") == set()
    assert told("CHN", "HKG/spoc") == set()
    assert told("HKG", "CHN/spoc") == set()
    assert told("MAC", "HKG") == set()


def test_an_approval_covers_exactly_the_code_that_it_names():
    """An assurance of the state does not speak for its territory, nor the reverse."""

    def outcome(leg, state):
        document = deportation(leg, risk={"torture": ["CHN"], "death_penalty": []})
        document["local"]["approvals"] = [{"hold": "torture_or_death_risk", "state": state, **SIGNED}]
        ((found, *_),) = decided(document, enrolled("HKG")).values()
        return found

    assert outcome("HKG", "HKG") == "send"
    assert outcome("CHN", "CHN") == "send"
    assert outcome("HKG", "CHN") == "hold"
    assert outcome("CHN", "HKG") == "hold"
    assert outcome("MAC", "MAC") == "hold"  # it is CHN that would be told
    assert outcome("MAC", "CHN") == "send"


def test_the_originator_s_own_are_its_territories_and_the_state_that_answers():
    """Nobody is told by the rules what is its own."""
    everybody = enrolled("HKG", "MAC", "REU")
    assert decided(deportation("HKG", originator="CHN/spoc"), everybody) == {}
    assert decided(deportation("CHN", originator="HKG/spoc"), everybody) == {}
    assert decided(deportation("MAC", originator="HKG/spoc")) == {}
    assert decided(deportation("REU", originator="FRA/spoc")) == {}
    assert decided(deportation("REU", originator="HKG/spoc"), everybody) == {"REU/spoc": ("send",)}


def test_a_treaty_of_a_state_holds_for_its_territories():
    """And one of a territory not for the state."""
    document = base("consular")
    document["subject"]["nationalities"] = [{"state": "HKG", "status": "documented"}]
    for mandatory, outcome in (("CHN", "send"), ("HKG", "hold")):
        rules = replace(RULES, consular_mandatory=frozenset({mandatory}))
        assert decided(document, rules=rules) == {"CHN/consular": (outcome, "HKG")}
    rules = replace(RULES, consular_mandatory=frozenset({"CHN"}))
    assert decided(document, enrolled("HKG"), rules) == {"HKG/consular": ("send",)}


@pytest.mark.parametrize("written", PLACES.values(), ids=list(PLACES))
@pytest.mark.parametrize("takes_part", [False, True])
def test_one_place_is_told_to_the_same_however_it_is_written(written, takes_part):
    """By IATA, ICAO, UN/LOCODE and ISO code, whether or not the territory has an authority of its own."""
    directory = enrolled(*STATE) if takes_part else WORLD.directory
    first, *others = (decided(deportation(place), directory) for place in written)
    assert first
    assert all(one == first for one in others)


def test_a_code_that_sources_give_to_two_states_holds_with_both_and_may_be_feared_as_either():
    """The wrong one is not told in silence, nor is the right one of a refugee."""
    notification = parse(deportation({"iata": "BSL"}))
    (entry,) = decide(notification, WORLD.directory, RULES).entries
    assert (entry.authority, entry.outcome, entry.because) == (None, "hold", ("unresolved_place",))
    assert entry.to_json()["readings"] == ["CHE", "FRA"]
    fled = deportation("FRA", refugee={"status": "refugee", "feared": []})
    fled["movement"]["origin"] = {"iata": "BSL"}
    fled["subject"]["residences"] = ["CHE"]
    fled["type"] = "arrest"
    fled["stage"] = None
    assert decided(fled) == {"CHE/spoc": ("suppress",), "FRA/spoc": ("suppress",), None: ("hold",)}


def test_the_hub_checks_by_the_table_that_was_signed():
    """Other signed rules, other recipients: of both sides alike, and never by what the software brings."""
    rules = replace(RULES, territories=(Territory("REU", "USA"),))
    notification = parse(deportation("REU"))
    assert set(expected(facts_of(notification, rules), "TUR/spoc", WORLD.directory, rules)) == {"USA/spoc"}
    assert decide(notification, WORLD.directory, rules).recipients == ("USA/spoc",)
    assert set(expected(facts_of(notification, RULES), "TUR/spoc", WORLD.directory, RULES)) == {"FRA/spoc"}


def test_rules_from_before_the_table_are_read_and_the_software_s_own_applies():
    """A signed document stays as it is: reading adds no table to it."""
    older = {name: value for name, value in default_rules(3, 5).to_document().items() if name != "territories"}
    rules = RuleSet.from_document(older)
    assert rules.territories is None
    assert rules.to_document() == older
    assert decided(deportation("REU"), rules=rules) == {"FRA/spoc": ("send", "REU")}


def test_forwarding_keeps_to_the_family():
    """Down to a state's own territory; never up; and an exclusion, or a release, is one of the family or down."""
    directory = enrolled("HKG", "MAC")

    def against(forwarder, name, **handling):
        document = deportation()
        document["handling"] |= handling
        received = parse(document)
        found = objections(received, forwarder, name, RULES.answers)
        if not found:
            check_forward(received, forwarder, [name], directory, RULES.answers)
        return found

    assert against("CHN/spoc", "HKG/spoc") == []
    assert against("HKG/spoc", "CHN/spoc") == ["another_state"]
    assert against("HKG/spoc", "MAC/spoc") == ["another_state"]
    assert against("DEU/spoc", "HKG/spoc", release_to=["CHN", "DEU"]) == []
    assert against("DEU/spoc", "CHN/spoc", release_to=["HKG", "DEU"]) == ["not_released_to", "another_state"]
    assert against("DEU/spoc", "HKG/spoc", release_to=["CHN/spoc", "DEU"]) == ["not_released_to", "another_state"]
    assert against("CHN/spoc", "HKG/border", not_to=["MAC"]) == ["not_to"]
    assert against("CHN/spoc", "HKG/border", not_to=["CHN/border"]) == ["not_to"]
    derivative = replace(parse(deportation()), originator="HKG/spoc")
    assert decide_forward(derivative, ["CHN/spoc"], directory, 1, (), RULES.answers).recipients == ()
    other = Territories((Territory("HKG", "GBR"),))
    assert objections(parse(deportation()), "CHN/spoc", "HKG/spoc", other) == ["another_state"]


CODES = st.sampled_from(
    ["CHN", "HKG", "MAC", "FRA", "REU", "GUF", "USA", "PRI", "GBR", "GIB", "DEU", "TWN", "PSE", "GBD", "GBN"]
)
LEGS = st.sampled_from(
    ["CHN", "HKG", "REU", "TWN", {"iata": "HKG"}, {"icao": "VMMC"}, {"locode": "PRSJU"}, {"iata": "SJU"},
     {"iata": "BSL"}, {"icao": "LXGB"}]
)  # fmt: skip
STATES = CODES.filter(lambda code: not code.startswith("GB") or code == "GBR")
LISTED = st.lists(STATES, max_size=2, unique=True)
TYPES = st.sampled_from(["travel", "arrest", "deportation", "identity", "consular", "finint", "update", "release"])


@st.composite
def documents(draw):
    """Of every type and role, by originators that have territories, or are one."""
    document = base(draw(TYPES), in_custody=draw(st.booleans()))
    document["originator"] = draw(st.sampled_from(["TUR/spoc", "CHN/spoc", "HKG/spoc", "FRA/spoc", "REU/border"]))
    subject = document["subject"]
    given_ = draw(
        st.lists(st.tuples(CODES, st.sampled_from(["documented", "claimed", "revoked"])), min_size=1, max_size=3)
    )
    subject["nationalities"] = [{"state": state, "status": status} for state, status in given_]
    subject["residences"] = draw(LISTED)
    if "movement" in document:
        places = {"origin": draw(LEGS), "destination": draw(LEGS), "transit": draw(st.lists(LEGS, max_size=2))}
        document["movement"] |= places
    refugee = {"status": draw(st.sampled_from(["none", "refugee"])), "feared": draw(LISTED)}
    document["local"] |= {"refugee": refugee, "risk": {"torture": draw(LISTED), "death_penalty": draw(LISTED)}}
    document["local"]["approvals"] = [
        {"hold": "torture_or_death_risk", "state": state, **SIGNED} for state in draw(LISTED)
    ]
    document["handling"]["release_to"] = draw(LISTED)
    excluded = draw(st.lists(st.sampled_from(["CHN", "HKG/spoc", "REU", "FRA/fiu", "PRI"]), max_size=2, unique=True))
    document["handling"]["not_to"] = [
        one for one in excluded if one.split("/")[0] not in document["handling"]["release_to"]
    ]
    return document


@settings(max_examples=examples(400), deadline=None)
@given(
    document=documents(),
    directory=st.sampled_from([WORLD.directory, enrolled("HKG", "MAC"), enrolled(*STATE)]),
    told_before=st.sampled_from([{}, {"HKG/spoc": "3", "CHN/spoc": "3", "GUF/spoc": "6"}]),
)
def test_whatever_is_given_nobody_is_told_around_a_prohibition_or_above_a_permission(
    document, directory, told_before
):
    """Looked at from outside, by the words of the issue alone; and the hub comes to the same whom."""
    notification = parse(copy.deepcopy(document))
    before = told_before if document["type"] in ("update", "release") else {}
    decision = decide(
        notification, directory, RULES, approvals=notification.local.approvals, told_before=before, of=None
    )
    local, handling, me = document["local"], document["handling"], document["originator"][:3]
    own = {me, STATE.get(me, me), *FAMILIES.get(me, [])}
    assured = {one["state"] for one in local["approvals"]}
    for name in decision.recipients:
        state, role = name.split("/")
        family = set(kin(state))
        assert state not in own
        assert not family & {*local["refugee"]["feared"]}
        assert not {*family, *(f"{one}/{role}" for one in family)} & {*handling["not_to"]}
        assert not handling["release_to"] or {name, *permitted(state)} & {*handling["release_to"]}
        risky = {*local["risk"]["torture"], *local["risk"]["death_penalty"]}
        assert not family & risky or state in assured
        if local["refugee"]["status"] == "refugee" and not local["refugee"]["feared"]:
            nationals = {"GBR" if one["state"].startswith("GB") else one["state"]
                         for one in document["subject"]["nationalities"]}  # fmt: skip
            origin = document.get("movement", {}).get("origin")
            read = () if origin is None else (Place("state", origin) if isinstance(origin, str)
                                              else Place(*next(iter(origin.items())))).readings  # fmt: skip
            assert not family & {*nationals, *read}
    named = {*decision.recipients, *decision.withheld}
    by_hub = set(expected(facts_of(notification, RULES), notification.originator, directory, RULES))
    assert by_hub <= named <= by_hub | {*before}
