"""The document says what the rules do."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from controls.rows import OTHERS
from notifier.errors import REASONS
from notifier.notification.part_parsing import HOLDS as APPROVED_HOLDS
from notifier.rules.facts import NAMING
from notifier.rules.ruleset import RULES, default_rules
from notifier.rules.table import EXPECTED, HOLDS, SUPPRESSIONS

PROJECT = Path(__file__).parents[3]


def tool(name):
    """Return a module of tools/."""
    spec = importlib.util.spec_from_file_location(name, PROJECT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_documented_tables_are_those_of_the_code():
    """Rules, namings and safeguards, row by row, as the tool writes them."""
    text = (PROJECT / "docs" / "reference" / "routing.md").read_text()
    assert tool("routing_table").written(text) == text
    assert "| finint |  | fiu | 5: origin, destination, transit, nationality, residence |" in text


def test_every_way_of_naming_is_documented():
    """A type that a slip may have and the document does not explain would be nobody's."""
    named = tool("routing_table").named()
    assert all(type_ in named for type_ in NAMING)


def test_the_rules_that_are_signed_by_default_are_the_table():
    """Every cell is a row, and no row is anything else."""
    cells = {
        (one.type, one.custody, rule, one.role, paragraph, tuple(sorted(one.stages.items())))
        for one in EXPECTED
        for paragraph, rules in one.told.items()
        for rule in rules
    }
    rows = default_rules().rows
    assert len(cells) == len(rows) == 50
    assert {(row.type, row.custody, row.rule, row.role, row.paragraph, row.stage_paragraphs) for row in rows} == cells
    assert {row.rule for row in rows} <= set(RULES)


def test_a_hold_that_can_be_approved_is_a_hold_of_the_table():
    """An approval of anything else is refused by name."""
    assert set(APPROVED_HOLDS) == set(HOLDS)
    assert set(HOLDS) & set(SUPPRESSIONS) == set()


def test_every_hold_and_suppression_is_seen_to_fail_when_taken_away():
    """The table of controls has a row of each, by its code: a new one needs a test that notices."""
    rows = {row.attack for row in OTHERS}
    assert [code for code in (*HOLDS, *SUPPRESSIONS) if f"safeguards: {code}" not in rows] == []


def test_every_link_in_the_documents_leads_somewhere():
    """Files that the README and docs name exist."""
    import re

    for path in [PROJECT / "README.md", PROJECT / "SECURITY.md", *(PROJECT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text()):
            assert "://" in target or (path.parent / target).exists(), f"{path.name}: {target}"


def test_refusals_named_in_the_envelope_document_are_stable_reasons():
    """The document's words are the software's."""
    import re

    text = (PROJECT / "docs" / "reference" / "envelope.md").read_text()
    for reason in ("bad_signature", "cannot_open", "replayed", "out_of_order", "hub_key_retired"):
        assert reason in REASONS
        assert re.search(rf"\b{reason}\b", text)
