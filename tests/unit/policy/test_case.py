"""The effect of an update on a case, without a database: recipients, releases, and stops."""

from __future__ import annotations

import copy
import uuid
from dataclasses import replace

import pytest

from notifier.directory.builtin import builtin_snapshot
from notifier.directory.model import Authority
from notifier.errors import NotificationInvalidError, RefusedError
from notifier.notification import parse
from notifier.notification.digest import digest_of
from notifier.notification.model import About, Approval
from notifier.outbox.payloads import payloads_for
from notifier.policy.case import CaseMessage, check_released, evaluate, evaluate_update, planned
from notifier.policy.plan import Block, CaseContext, Plan, plan
from support.samples import DEPORTATION

SNAPSHOT = builtin_snapshot()
FIRST = uuid.UUID("0199f0c2-1111-7111-8111-111111111111")
NEXT = uuid.UUID("0199f0c2-2222-7222-8222-222222222222")
APPROVED_AT = "2026-11-21T08:00:00Z"


def arrest(*nationalities, local=None, **change):
    """Return a parsed arrest of a resident of FRA; nationalities are (state, status); `local` replaces parts."""
    made = copy.deepcopy(DEPORTATION) | {"type": "arrest", "stage": None}
    del made["movement"]
    made["subject"]["nationalities"] = [{"state": state, "status": status} for state, status in nationalities]
    made["subject"] |= change.pop("subject", {})
    made["local"] |= local or {}
    return replace(parse(made | change), id=FIRST.bytes)


def update(first, *nationalities, **change):
    """Return an update of `first`."""
    about = {"id": str(FIRST), "digest": digest_of(first)}
    return replace(arrest(*nationalities, type="update", about=about, **change), id=NEXT.bytes)


def told(notification, *names, approvals=(), coming=()):
    """Return the message after it has reached `names`, with deliveries to `coming` in flight."""
    decision, facts = evaluate(notification, CaseContext(), SNAPSHOT, approvals)
    made = plan(decision, facts, 1, approvals=approvals)
    return CaseMessage(notification, made, frozenset(names), frozenset(coming), tuple(approvals))


def outcomes(made):
    """Return the entries of a plan by authority."""
    return {entry.authority: (entry.outcome, *entry.because) for entry in made.entries}


def followed(first, *given, **change):
    """Return the outcomes of `update(first.notification, ...)`, and those of the first now."""
    result = evaluate_update(update(first.notification, *given, **change), [first], SNAPSHOT)
    return outcomes(result.plan), outcomes(result.earlier[0])


def test_whoever_is_on_its_way_is_told_before():
    """A delivery in flight counts as told, a refused one does not."""
    first = told(arrest(("UTO", "documented"), ("DEU", "documented")), "UTO/spoc", coming=["FRA/spoc"])
    mine, _ = followed(first, ("MAR", "documented"), subject={"residences": []})
    assert set(mine) == {"FRA/spoc", "MAR/spoc", "UTO/spoc"}


def test_what_an_update_confirms_is_released_and_nothing_else():
    """Another doubt of the same state, another state's claim, and the rules' later additions stay as they are."""
    first = told(arrest(("UTO", "claimed"), ("DEU", "claimed")), "FRA/spoc")
    mine, now = followed(first, ("UTO", "documented"), ("DEU", "claimed"))
    assert (mine["UTO/spoc"], mine["DEU/spoc"]) == (("send",), ("hold", "nationality_unconfirmed"))
    assert (now["UTO/spoc"], now["DEU/spoc"]) == (("send",), ("hold", "nationality_unconfirmed"))
    risky = told(arrest(("UTO", "claimed"), local={"risk": {"torture": ["UTO"], "death_penalty": []}}), "FRA/spoc")
    _, now = followed(risky, ("UTO", "documented"))
    assert now["UTO/spoc"] == ("hold", "torture_or_death_risk")


def test_a_risk_that_is_known_later_is_released_by_an_approval_of_the_first():
    """The approval counts for the text that it was signed over; the update waits for one of its own."""
    risk = {"risk": {"torture": ["UTO"], "death_penalty": []}}
    held = told(arrest(("UTO", "claimed")), "FRA/spoc")
    mine, now = followed(held, ("UTO", "documented"), local=risk)
    assert mine["UTO/spoc"] == now["UTO/spoc"] == ("hold", "torture_or_death_risk")
    assured = Approval("torture_or_death_risk", "somebody", APPROVED_AT, "UTO", "assurance 12")
    approved = told(arrest(("UTO", "claimed")), "FRA/spoc", approvals=[assured])
    mine, now = followed(approved, ("UTO", "documented"), local=risk)
    assert mine["UTO/spoc"] == ("hold", "torture_or_death_risk")
    assert now["UTO/spoc"] == ("send",)


def test_interpol_gets_nothing_more_of_whoever_may_be_a_child():
    """Neither the update nor the unsent first message goes there, despite any approval."""
    first = told(arrest(("UTO", "documented"), interpol=True), coming=["INTERPOL/spoc", "UTO/spoc", "FRA/spoc"])
    assert outcomes(first.plan)["INTERPOL/spoc"] == ("send",)
    mine, now = followed(first, ("UTO", "documented"), subject={"age": "disputed"}, interpol=True)
    assert "INTERPOL/spoc" not in mine
    assert now["INTERPOL/spoc"] == ("suppress", "no_candidate")
    assert now["UTO/spoc"] == ("hold", "child_review")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"handling": DEPORTATION["handling"] | {"not_to": ["UTO"]}}, "not_to"),
        ({"handling": DEPORTATION["handling"] | {"release_to": ["FRA"]}}, "not_released_to"),
        ({"local": {"refugee": {"status": "refugee", "feared": ["UTO"]}}}, "feared_state"),
        ({"local": {"refugee": {"status": "refugee", "feared": []}}}, "refugee_origin"),
    ],
)
def test_who_must_not_be_told_now_gets_nothing_that_has_not_left(change, code):
    """Told before or not: neither the update nor the first; what is in its feed already stays so."""
    waiting = told(arrest(("UTO", "claimed")), "FRA/spoc")
    mine, now = followed(waiting, ("UTO", "documented"), **change)
    assert (mine["UTO/spoc"], now["UTO/spoc"]) == (("suppress", code), ("suppress", code))
    had = told(arrest(("UTO", "documented")), "FRA/spoc", "UTO/spoc")
    mine, now = followed(had, ("UTO", "documented"), **change)
    assert (mine["UTO/spoc"], now["UTO/spoc"]) == (("suppress", code), ("send",))


def test_a_known_fear_frees_the_other_states():
    """While it was not known which state a refugee fears, none was told; then only that one is not."""
    first = told(arrest(("UTO", "documented"), local={"refugee": {"status": "refugee", "feared": []}}), "FRA/spoc")
    mine, _ = followed(first, ("UTO", "documented"), local={"refugee": {"status": "refugee", "feared": ["BGR"]}})
    assert mine["UTO/spoc"] == ("send",)
    mine, _ = followed(first, ("UTO", "documented"))
    assert mine["UTO/spoc"] == ("suppress", "refugee_origin")


def test_a_british_class_is_revoked_only_with_the_last_of_them():
    """Both are told to one state."""
    first = told(arrest(("GBD", "documented"), ("GBN", "documented")), "FRA/spoc", "GBR/spoc")
    assert "GBR/spoc" in followed(first, ("GBD", "revoked"), ("GBN", "documented"))[0]
    assert "GBR/spoc" not in followed(first, ("GBD", "revoked"), ("GBN", "revoked"))[0]


def of_family(*names):
    """Return the built-in directory with these authorities."""
    more = {name: Authority(name, name.lower(), f"feed.{name}", (), frozenset()) for name in names}
    directory = replace(SNAPSHOT.directory, authorities=SNAPSHOT.directory.authorities | more)
    return replace(SNAPSHOT, directory=directory)


def test_what_is_stopped_for_a_state_is_stopped_for_its_family():
    """Fled from CHN, as an update says: what waits for HKG, where the person lives, leaves no more."""
    snapshot = of_family("HKG/spoc")
    notification = arrest(("CHN", "documented"), subject={"residences": ["HKG"]})
    made = planned(notification, CaseContext(), snapshot)
    assert made.recipients == ("CHN/spoc", "HKG/spoc")
    first = CaseMessage(notification, made, frozenset(), frozenset())
    fled = {"refugee": {"status": "asylum_seeker", "feared": []}}
    result = evaluate_update(update(notification, ("CHN", "documented"), local=fled), [first], snapshot)
    assert result.plan.recipients == ("FRA/spoc",)  # where the person lives now
    assert result.earlier[0].recipients == ()
    stopped = CaseContext(stopped={"CHN": Block("suppress", ("refugee_origin",))})
    assert planned(notification, stopped, snapshot).recipients == ()
    stopped = CaseContext(stopped={"HKG": Block("suppress", ("refugee_origin",))})
    assert planned(notification, stopped, snapshot).recipients == ()


def test_an_update_tells_nobody_of_the_family_who_was_told_before():
    """Once HKG is feared, CHN hears no more, and the reverse."""
    snapshot = of_family("HKG/spoc")
    notification = arrest(("CHN", "documented"), subject={"residences": ["HKG", "FRA"]})
    first = CaseMessage(
        notification, planned(notification, CaseContext(), snapshot), frozenset({"CHN/spoc", "HKG/spoc"}), frozenset()
    )
    for feared in ("CHN", "HKG"):
        fears = {"refugee": {"status": "refugee", "feared": [feared]}}
        given = update(notification, ("CHN", "documented"), local=fears, subject={"residences": ["FRA"]})
        result = outcomes(evaluate_update(given, [first], snapshot).plan)
        assert result["CHN/spoc"] == ("suppress", "feared_state")
        assert result["HKG/spoc"] == ("suppress", "feared_state")
        assert result["FRA/spoc"] == ("send",)


@pytest.mark.parametrize("released", ["CHN", "HKG", "HKG/spoc", "MAC"])
@pytest.mark.parametrize("feared", [["CHN"], ["HKG"], []])
def test_nobody_is_given_leave_to_tell_whom_the_person_may_fear(released, feared):
    """Each reader may pass on to whom `release_to` names, and knows of nobody's fear: so nothing leaves with it."""
    local = {"refugee": {"status": "refugee", "feared": feared}}
    handling = {"codes": [], "text": None, "release_to": [released, "DEU"], "not_to": []}
    answers = SNAPSHOT.rules.answers
    notification = arrest(("CHN", "documented"), local=local, handling=handling)
    with pytest.raises(NotificationInvalidError) as caught:
        check_released(notification, CaseContext(), answers)
    assert [fault.pointer for fault in caught.value.faults] == ["/handling/release_to/0"]
    check_released(arrest(("CHN", "documented"), handling=handling), CaseContext(), answers)
    first = told(arrest(("CHN", "documented"), local=local), "FRA/spoc")
    with pytest.raises(NotificationInvalidError):
        followed(first, ("CHN", "documented"), handling=handling)


def test_a_nationality_of_a_territory_is_confirmed_and_revoked_by_its_own_code():
    """The state that is told in its place waits for that code, and another code of the state releases nothing."""
    first = told(arrest(("REU", "claimed"), ("DEU", "documented"), subject={"residences": []}), "DEU/spoc")
    assert outcomes(first.plan)["FRA/spoc"] == ("hold", "nationality_unconfirmed")
    _, now = followed(first, ("REU", "documented"), ("DEU", "documented"), subject={"residences": []})
    assert now["FRA/spoc"] == ("send",)
    _, now = followed(first, ("REU", "claimed"), ("GUF", "documented"), subject={"residences": []})
    assert now["FRA/spoc"] == ("hold", "nationality_unconfirmed")
    _, now = followed(first, ("REU", "revoked"), ("DEU", "documented"), subject={"residences": []})
    assert now["FRA/spoc"][0] == "suppress"


def test_what_was_stopped_is_kept_with_the_plan():
    """A later evaluation from storage stops it again."""
    first = told(arrest(("UTO", "claimed")), "FRA/spoc")
    result = evaluate_update(update(first.notification, ("UTO", "revoked")), [first], SNAPSHOT)
    stored = Plan.from_document(result.earlier[0].document())
    assert stored == result.earlier[0]
    decision, facts = evaluate(first.notification, stored.ties, SNAPSHOT)
    again = plan(decision, facts, 2, stored.approved, ties=stored.ties)
    assert outcomes(again)["UTO/spoc"] == ("suppress", "nationality_revoked")
    assert Plan.from_document(result.plan.document()) == result.plan


def test_nothing_local_of_a_case_changes_a_byte_that_leaves():
    """Recipients of the first message or the update read the same."""
    quiet = {"refugee": {"status": "none", "feared": []}}
    known = {"refugee": {"status": "refugee", "feared": ["BGR"]}, "risk": {"torture": ["BGR"], "death_penalty": []}}
    wires = set()
    for before in (quiet, known):
        for after in (quiet, known):
            first = told(arrest(("UTO", "documented"), local=before), "FRA/spoc", "UTO/spoc")
            said = update(first.notification, ("UTO", "documented"), local=after)
            made = evaluate_update(said, [first], SNAPSHOT).plan
            assert made.recipients == ("FRA/spoc", "UTO/spoc")
            (letter,) = payloads_for(said, made.recipients, made.ties)
            wires.add(letter.wire)
    assert len(wires) == 1


@pytest.mark.parametrize(
    ("before", "given", "pointers"),
    [
        ({"not_to": ["FRA"]}, {}, ["/handling/not_to"]),
        ({"not_to": ["FRA"]}, {"not_to": ["FRA/spoc"]}, ["/handling/not_to"]),
        ({"not_to": ["FRA"]}, {"not_to": ["FRA", "DEU"]}, []),
        ({"not_to": ["FRA/border"]}, {"not_to": ["FRA"]}, []),
        ({"not_to": ["FRA"]}, {"release_to": ["FRA/spoc", "UTO"]}, []),
        ({"not_to": ["FRA/border"]}, {"release_to": ["FRA"]}, ["/handling/not_to"]),
        ({"release_to": ["UTO"]}, {}, ["/handling/release_to"]),
        ({"release_to": ["UTO"]}, {"release_to": ["UTO", "FRA"]}, []),
        ({"release_to": ["UTO"], "not_to": ["UTO/fiu"]}, {}, ["/handling/not_to", "/handling/release_to"]),
    ],
)
def test_an_update_forgets_nobody_whom_the_case_keeps_out(before, given, pointers):
    """A field left out would tell the very state that was to hear nothing: said again, or let in by name."""
    handling = {"codes": [], "text": None, "release_to": [], "not_to": []}
    first = told(arrest(("UTO", "documented"), handling=handling | before), "UTO/spoc")
    again = update(first.notification, ("UTO", "documented"), handling=handling | given)
    found = []
    try:
        evaluate_update(again, [first], SNAPSHOT)
    except NotificationInvalidError as error:
        found = [fault.pointer for fault in error.faults]
    assert found == pointers


def test_an_update_is_of_a_text_and_of_no_update():
    """Another text, one that was forwarded, an update of an update, a drill: one reason."""
    first = told(arrest(("UTO", "documented")), "FRA/spoc", "UTO/spoc")
    said = update(first.notification, ("UTO", "documented"))
    other = told(replace(first.notification, narrative="another text"))
    drill = told(replace(first.notification, exercise=True))
    naming_it = replace(said, about=About(str(FIRST), digest_of(drill.notification)))
    for about, given in ((other, said), (told(replace(said, id=FIRST.bytes)), said), (drill, naming_it)):
        with pytest.raises(RefusedError) as error:
            evaluate_update(given, [about], SNAPSHOT)
        assert error.value.reason == "about_mismatch"
