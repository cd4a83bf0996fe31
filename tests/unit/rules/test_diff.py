"""Differences between two versions of the rules, and their effect on a notification."""

from __future__ import annotations

from dataclasses import replace

from notifier.cli.render import change_line
from notifier.notification import parse
from notifier.notification.territories import Territory
from notifier.policy.comparison import compare
from notifier.policy.decision import decide
from notifier.rules.diff import PARTS, changes, to_json
from notifier.rules.ruleset import Corridor, Row, default_rules

OLD = default_rules()


def of(type_, rule):
    """Return the rules' row for a leg of a type."""
    return next(row for row in OLD.rows if (row.type, row.rule) == (type_, rule))


def without(*rows):
    return tuple(row for row in OLD.rows if row not in rows)


def test_nothing_of_a_document_is_passed_over():
    """Every part of the rules but number and time is compared."""
    assert set(PARTS) == set(OLD.to_document()) - {"version", "issued_at"}


def test_equal_rules_of_another_version_have_no_changes():
    """Number, time and the order of rows say nothing."""
    assert changes(OLD, replace(OLD, version=2, issued_at=7, rows=OLD.rows[::-1])) == []


def test_every_kind_of_change_is_named_once():
    """Added, removed and changed, in each part."""
    gone, other = of("deportation", "transit"), of("arrest", "residence")
    new_row = Row("deportation", "any", "residence", "spoc", "5")
    before = replace(
        OLD, corridors=(Corridor("TUR", "DEU", ("DEU/spoc",)), Corridor("TUR", "AUT", ())), consular_mandatory={"MAR"}
    )
    after = replace(
        before,
        version=2,
        rows=(*without(gone, other), replace(other, paragraph="6"), new_row),
        corridors=(Corridor("TUR", "DEU", ("BGR/spoc", "DEU/spoc")), Corridor("BGR", "AUT", ("AUT/spoc",))),
        consular_mandatory={"TUR"},
    )
    document = to_json(before, after, changes(before, after))
    assert (document["old"], document["new"]) == (1, 2)
    rows = {kind: document["rows"][kind] for kind in ("added", "removed")}
    assert [(row["type"], row["rule"]) for row in rows["added"]] == [("deportation", "residence")]
    assert [(row["type"], row["rule"]) for row in rows["removed"]] == [("deportation", "transit")]
    ((changed),) = document["rows"]["changed"]
    assert (changed["before"]["paragraph"], changed["after"]["paragraph"]) == ("5", "6")
    lanes = document["corridors"]
    assert [lane["to"] for lane in lanes["added"]] == ["AUT"]
    assert [lane["from"] for lane in lanes["removed"]] == ["TUR"]
    assert [lane["after"]["subscribers"] for lane in lanes["changed"]] == [["BGR/spoc", "DEU/spoc"]]
    assert document["consular_mandatory"] == {"added": ["TUR"], "removed": ["MAR"], "changed": []}


def test_a_change_of_the_table_of_territories_is_named():
    """Added, removed and changed; a version from before the table says what applied to it."""
    rows = tuple(one for one in OLD.territories if one.code not in ("REU", "HKG", "PRI"))
    after = replace(
        OLD,
        version=2,
        territories=(*rows, Territory("REU", "FRA", "both"), Territory("PRI", "USA"), Territory("TWN", "CHN")),
    )
    found = changes(OLD, after)
    document = to_json(OLD, after, found)["territories"]
    assert [one["code"] for one in document["added"]] == ["TWN"]
    assert [one["code"] for one in document["removed"]] == ["HKG"]
    assert [one["after"] for one in document["changed"]] == [{"code": "REU", "state": "FRA", "tells": "both"}]
    assert [change_line(one) for one in found] == [
        "removed  territory HKG: CHN answers, where it has no authority of its own",
        (
            "changed  territory REU: FRA answers, and is told beside its own authority, "
            "before territory REU: FRA answers, where it has no authority of its own"
        ),
        "added    territory TWN: CHN answers, where it has no authority of its own",
    ]
    older = replace(OLD, territories=None)
    assert changes(older, OLD) == []
    assert to_json(older, OLD, [])["without_territories"] == ["old"]
    assert len(changes(older, after)) == 3


def differ(document, snapshot, rules, **change):
    notification = parse(document(**change))
    decided = (decide(notification, snapshot.directory, one).entries for one in (OLD, rules))
    return compare(*decided)


def test_who_is_told_more_and_who_no_more(document, snapshot):
    """Residence added, transit taken away: FRA would be told, AUT not any more, and nobody else is named."""
    rules = replace(
        OLD, rows=(*without(of("deportation", "transit")), Row("deportation", "any", "residence", "spoc", "5"))
    )
    found = differ(document, snapshot, rules, subject_residences=["FRA"])
    assert (found.added, found.removed) == (("FRA/spoc",), ("AUT/spoc",))
    assert [entry["authority"] for entry in found.to_json()["entries"]] == ["AUT/spoc", "FRA/spoc"]


def test_another_reason_for_the_same_authority_is_a_difference(document, snapshot):
    """DEU is told by both, on another paragraph."""
    row = of("deportation", "destination")
    found = differ(document, snapshot, replace(OLD, rows=(*without(row), replace(row, paragraph="5"))))
    assert (found.added, found.removed) == ((), ())
    ((before, after),) = found.entries
    assert before.authority == after.authority == "DEU/spoc"
    assert [one.reasons[0].paragraph for one in (before, after)] == ["3", "5"]


def test_a_leg_that_names_no_state_yet_is_compared_too(document, snapshot):
    """Two legs wait for the same reason; the new rules ask for one of them no more."""
    rules = replace(OLD, rows=without(of("deportation", "transit")))
    nowhere = {"text": "a village"}
    found = differ(document, snapshot, rules, movement_transit=[nowhere], movement_destination=nowhere)
    ((before, after),) = found.entries
    assert (before.authority, before.reasons[0].rule, after) == (None, "transit", None)
    assert not differ(document, snapshot, replace(OLD, version=2), movement_transit=[nowhere])


def test_a_held_addition_is_no_recipient_more(document, snapshot):
    """A risk is named: by the new rules FRA would be held, which is a difference, and nobody is told more."""
    rules = replace(OLD, rows=(*OLD.rows, Row("deportation", "any", "residence", "spoc", "5")))
    risk = {"torture": ["FRA"], "death_penalty": []}
    found = differ(document, snapshot, rules, subject_residences=["FRA"], local_risk=risk)
    assert found.added == ()
    ((before, after),) = found.entries
    assert (before, after.outcome, after.because) == (None, "hold", ("torture_or_death_risk",))
