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
UNDONE = (
    "notifier/cli",
    "notifier/consumers",
)
"""Folders whose prose is still to be changed; each line goes with its folder."""

FOLDERS = ("notifier", "benchmarks", "tools")


def sources():
    """Yield every source file whose prose is done."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not path.relative_to(ROOT).as_posix().startswith(UNDONE):
                yield path


def docstrings(text):
    """Yield every docstring with its line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found = ast.get_docstring(node)
            if found is not None:
                yield node.body[0].lineno, found


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
    words = [line for line, found in (*docstrings(text), *comments(text)) if WORD.search(found)]
    assert (openings, words) == ([], [])


def test_every_undone_folder_is_there():
    """A folder that is gone, or done, leaves the list."""
    assert all((ROOT / folder).is_dir() for folder in UNDONE)
