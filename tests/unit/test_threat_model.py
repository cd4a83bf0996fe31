"""The threat model's table: every attack has its test, every module its row, and a control that is taken away."""

from __future__ import annotations

import re
from pathlib import Path

from controls.rows import ATTACKS

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "explanation" / "threat-model.md"
MODULES = {path.name: int(path.name[5:7]) for path in (ROOT / "tests" / "attacks").glob("test_*.py")}


def rows():
    """Number, where and test of every attack in the table."""
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if re.fullmatch(r"\d+", cells[0].strip()):
            yield int(cells[0]), cells[3], cells[4]


def test_the_table_counts_through():
    """No attack stands twice, all are in order, and of the first ones none is left out."""
    numbers = [number for number, _, _ in rows()]
    assert numbers == sorted(set(numbers))
    assert numbers[:37] == list(range(1, 38))


def test_every_test_and_every_place_is_there():
    """Links lead to files, and modules that are named exist."""
    for number, where, test in rows():
        links = re.findall(r"\]\(([^)]+)\)", test)
        assert links or test == "none yet", number
        for link in links:
            assert (DOCUMENT.parent / link).is_file(), link
        for place in re.findall(r"`([^`]+)`", where):
            assert (ROOT / "notifier" / place).exists(), place


def test_every_module_stands_in_the_row_of_its_attack():
    """A module that nobody finds in the table proves nothing to its reader."""
    tests = {number: test for number, _, test in rows()}
    for name, number in MODULES.items():
        assert f"/attacks/{name})" in tests[number]


def test_every_module_is_seen_to_fail_without_its_control():
    """The table of controls has a row of each, by the attack's number."""
    taken_away = {row.test.partition("::")[0].rpartition("/")[2]: row.attack for row in ATTACKS}
    assert set(taken_away) == set(MODULES)
    for row in ATTACKS:
        assert int(row.attack.split()[0]) == MODULES[row.test.partition("::")[0].rpartition("/")[2]], row.attack


UNBUILT = re.compile(r"heartbeat|reconciliation|witness|cosign", re.IGNORECASE)


def test_what_is_not_built_is_said_to_be_not_built():
    """A control that does not exist protects nobody: each sentence and each row that names one says so."""
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("|")]
    prose = " ".join(line for line in DOCUMENT.read_text().splitlines() if not line.startswith("|"))
    named = [one for one in (*rows, *re.split(r"(?<=\.) ", prose)) if UNBUILT.search(one)]
    assert named
    assert [one for one in named if "not built" not in one] == []
