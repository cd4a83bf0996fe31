"""The table of controls (tests/controls/rows.py) names what is there: a row that cannot run proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from controls.plugin import find
from controls.rows import ROWS

ROOT = Path(__file__).parents[2]
PLACES = {line.partition("=")[0].strip() for row in ROWS for line in row.without.splitlines()}


@pytest.mark.parametrize("place", sorted(PLACES))
def test_every_control_that_is_taken_away_is_there(place):
    """And the module that holds it."""
    assert find(place)


@pytest.mark.parametrize("test", sorted({row.test for row in ROWS}))
def test_every_test_of_a_row_is_there(test):
    """By its file and its name."""
    path, _, name = test.partition("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text()
