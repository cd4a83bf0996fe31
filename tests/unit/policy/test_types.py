"""Recipients of each type: the examples against the table, row by row."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from notifier.directory.builtin import builtin_snapshot
from notifier.notification import parse
from notifier.policy.decision import decide
from notifier.rules.ruleset import Corridor

EXAMPLES = Path(__file__).parents[3] / "examples"


def told(name, **change):
    """{authority: (outcome, {rule: paragraph}, because)} of an example with members replaced."""
    snapshot = builtin_snapshot()
    rules = replace(snapshot.rules, corridors=(Corridor("TUR", "DEU", ("BGR/spoc", "DEU/spoc", "TUR/spoc")),))
    document = json.loads((EXAMPLES / f"{name}.json").read_text()) | change
    decision = decide(parse(document), snapshot.directory, rules)
    return {
        entry.authority: (entry.outcome, {one.rule: one.paragraph for one in entry.reasons}, entry.because)
        for entry in decision.entries
    }


def sent(**rules):
    return ("send", rules, ())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "travel-departed",
            {
                "TUR/spoc": sent(destination="11"),
                "BGR/spoc": sent(transit="11"),
                "DEU/spoc": sent(nationality="11"),
                "BEL/spoc": sent(residence="11"),
            },
        ),
        (
            "travel-planned",
            {
                "TUR/spoc": sent(destination="5"),
                "BGR/spoc": sent(transit="5"),
                "DEU/spoc": sent(nationality="5"),
                "BEL/spoc": sent(residence="5"),
            },
        ),
        (
            "travel-in-custody",
            {"BGR/spoc": sent(transit="3"), "DEU/spoc": sent(destination="3", nationality="3")},
        ),
        ("identity", {"FRA/spoc": sent(nationality="6"), "MAR/spoc": sent(nationality="6")}),
        ("finint", {"MAR/fiu": sent(nationality="5"), "FRA/fiu": sent(residence="5")}),
        ("consular-requested", {"FRA/consular": sent(nationality="6")}),
        (
            "consular-not-requested",
            {"FRA/consular": ("hold", {"nationality": "6"}, ("consular_not_requested",))},
        ),
        ("pattern", {"BGR/spoc": sent(corridor="5"), "DEU/spoc": sent(corridor="5")}),
    ],
)
def test_who_is_told(name, expected):
    """Each recipient with its rule and paragraph; the originator's own state never."""
    assert told(name) == expected


@pytest.mark.parametrize("name", ["finint", "consular-requested"])
def test_interpol_is_never_told_of(name):
    """The originator's opt-in does not matter."""
    assert not any(authority.startswith("INTERPOL") for authority in told(name, interpol=True))


@pytest.mark.parametrize("name", ["identity", "travel-departed", "pattern"])
def test_interpol_is_told_where_the_originator_opts_in(name):
    """And not otherwise."""
    assert told(name, interpol=True)["INTERPOL/spoc"][0] == "send"
    assert "INTERPOL/spoc" not in told(name)


def test_a_state_that_a_treaty_makes_mandatory_is_told_unasked():
    """VCCR article 36 leaves the choice to the person; a bilateral treaty may not."""
    snapshot = builtin_snapshot()
    rules = replace(snapshot.rules, consular_mandatory=frozenset({"FRA"}))
    document = json.loads((EXAMPLES / "consular-not-requested.json").read_text())
    assert decide(parse(document), snapshot.directory, rules).recipients == ("FRA/consular",)
