"""The pages: those made from the code are equal to it, and whatever names a page names one that is there."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = re.compile(r'(?<![\w/.:@"-])(?:\.{1,2}/)*(?:[\w.-]+/)*[\w-]+\.md\b')
PATH = re.compile(r"(?<![\w/.-])docs/[\w./-]*\w")
OUTSIDE = ("tests/unit/test_documents.py", "mkdocs.yml", "tools/reference.py")
"""Texts whose mentions are relative to another place; what they name is looked at by the other tests."""


def made():
    """The pages as tools/reference.py makes them."""
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


def tracked():
    """Every tracked text, by its name."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        path = ROOT / name
        if name not in OUTSIDE and path.is_file():
            try:
                yield name, path.read_text()
            except UnicodeDecodeError:
                continue


def is_there(mention, name):
    """Whether a path leads somewhere from the root or from the file `name`; the start of a file's name counts."""
    for folder in (ROOT, (ROOT / name).parent):
        path = folder / mention
        if path.exists() or any(path.parent.glob(f"{path.name}*")):
            return True
    return False


def dangling(name, text):
    """The mentions in a text that lead nowhere."""
    found = {one[0] for pattern in (PAGE, PATH) for one in pattern.finditer(text)}
    return sorted(one for one in found if not is_there(one, name))


@pytest.mark.parametrize(("page", "text"), [pytest.param(*one, id=one[0]) for one in made().items()])
def test_a_page_made_from_the_code_is_equal_to_it(page, text):
    """Run `python tools/reference.py` where it is not."""
    assert (ROOT / "docs" / "reference" / page).read_text() == text


def test_no_text_names_a_page_that_is_not_there():
    """A reader can open whatever is named."""
    assert {name: wrong for name, text in tracked() if (wrong := dangling(name, text))} == {}


def test_a_dangling_mention_is_found():
    """The patterns see a page, a path without an ending, and a link."""
    wrong = "See NOWHERE.md, docs/adr/9999, docs/nothing and [this](../gone.md)."
    assert dangling("docs/index.md", wrong) == ["../gone.md", "NOWHERE.md", "docs/adr/9999", "docs/nothing"]
    assert dangling("docs/index.md", "See README.md, docs/adr/0005, tutorial.md and https://a.example/x.md.") == []


def test_every_page_is_in_the_navigation():
    """A page that no menu leads to is not read."""
    menu = set(re.findall(r"- ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert menu == {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
