"""The prose of docstrings and comments: words and openings that the house does not use."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPENING = re.compile(r"(What|Whatever|Whether|Who|Whoever|Whom|Whose|Where|Wherever|How|However|That)\b")
WORD = re.compile(r"\b(whoever|whomever|upon|anew|besides|thereof)\b", re.IGNORECASE)
FOLDERS = ("notifier", "benchmarks", "tools")


def sources():
    """Yield every source file."""
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def docstrings(text):
    """Yield every docstring with its line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found = ast.get_docstring(node)
            if found is not None:
                yield node.body[0].lineno, found


def strings(text):
    """Yield every string of the code, docstrings and strings under an assignment too, with its line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def comments(text):
    """Yield every comment with its line."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


@pytest.mark.parametrize("path", [pytest.param(one, id=str(one.relative_to(ROOT))) for one in sources()])
def test_prose_is_plain(path):
    """No docstring opens with a relative clause, and no text uses a word from the left column of the house."""
    text = path.read_text()
    openings = [line for line, found in docstrings(text) if OPENING.match(found)]
    words = [line for line, found in (*strings(text), *comments(text)) if WORD.search(found)]
    assert (openings, words) == ([], [])


FORMER = {
    *("Courier", "Letter", "Deed", "ActState", "Proof", "Load", "Outbound", "Pipeline"),
    *("Placed", "Told", "Heard", "Step", "Ties", "UNTIED", "Earlier", "Followed"),
    *("Stop", "Work", "People", "Held", "Ruling", "Overseer", "Readable", "Unreadable"),
    *("Scene", "Early", "Batch", "Keeper", "Planner", "Judge", "Facts", "Story"),
    *("LANDED", "Fenced", "Refused", "fly", "hear", "restate", "revise", "defer"),
    *("post", "besides", "upon", "objection", "is_called", "pose", "traced", "handed"),
    *("check_held", "judged_as", "strangers", "drawn_ahead", "together", "ended", "known_by"),
}
"""Names of a private dialect that gave way to the field's words."""
FORMER_PREFIXES = ("MOST_", "LONGEST_", "LARGEST_", "LEAST_", "FEWEST_", "FIRST_PAUSE", "LOOK_SECONDS", "PATIENCE_")


def test_no_name_is_of_the_former_dialect():
    """No class, function or constant of the package has one; migrations of the past are as they were."""
    found = set()
    for path in (ROOT / "notifier").rglob("*.py"):
        if path.parent.name == "migrations":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                names = [node.name]
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            else:
                continue
            found |= {(path.name, name) for name in names if name in FORMER or name.startswith(FORMER_PREFIXES)}
    assert found == set()
