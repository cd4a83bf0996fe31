"""Every row of the table, every special case and every pair of them, written down; and what must hold in all."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path

import pytest

from golden.book import Book
from golden.cases import CASES, CORRIDORS, EXAMPLES, FILES, outcome
from notifier.directory.builtin import builtin_snapshot
from notifier.notification.model import LATER, TYPES
from notifier.rules.table import EXPECTED, HOLDS, SUPPRESSIONS

FOLDER = Path(__file__).parents[2] / "golden"
GOLDEN = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in FILES}
EVERY = {f"{name} {title}": entries for name, cases in GOLDEN.items() for title, entries in cases.items()}
WORLD = builtin_snapshot()


@pytest.mark.parametrize("name", sorted(FILES))
def test_what_is_decided_is_what_is_written_down(name):
    """After an intended change run `python tests/golden`, and read the difference."""
    decided = {title: outcome(document, treaty=treaty, world=WORLD) for title, document, treaty in FILES[name]()}
    assert decided == GOLDEN[name]


@pytest.mark.parametrize("name", sorted(FILES))
def test_what_is_written_down_is_what_the_book_says(name):
    """A second reading of the domain's tables, from its words alone, comes to the same."""
    subscribers = {(one.start, one.end): one.subscribers for one in CORRIDORS}
    for title, document, treaty in FILES[name]():
        book = Book(
            document,
            WORLD.directory.authorities,
            mandatory={"FRA"} if treaty else (),
            subscribers=subscribers,
            approvals=document.get("local", {}).get("approvals", ()),
        )
        found = {}
        for authority, decided, told, because, followed, instead in book.entries():
            key = authority or f"no state {sum(one.startswith('no state') for one in found) + 1}"
            words = [decided, *told, *([f"[{' '.join(because)}]"] if because else [])]
            found[key] = " ".join([*words, *(f"({one})" for one in followed), *(f"for:{one}" for one in instead)])
        assert found == GOLDEN[name][title], title


def test_every_example_is_explained_and_every_type_and_safeguard_has_one():
    """A file without a line in the README shows nothing; a type without a file is shown nowhere."""
    readme = (EXAMPLES / "README.md").read_text()
    listed = re.findall(r"^\| \[([\w-]+)\.json\]\(\1\.json\) \| \S", readme, re.MULTILINE)
    assert sorted(listed) == sorted(GOLDEN["examples"])
    types = {json.loads((EXAMPLES / f"{name}.json").read_text())["type"] for name in listed}
    assert types == {*TYPES, *LATER}
    seen = {word for entries in GOLDEN["examples"].values() for one in entries.values() for word in one.split()}
    shown = {word.strip("[]") for word in seen}
    assert {*HOLDS, *SUPPRESSIONS} - shown == {"rules_changed"}


def test_every_row_and_every_pair_is_there():
    """A leg, a case or a pair that nobody wrote down is one that nobody looked at."""
    for one in EXPECTED:
        for rule in {rule for rules in one.told.values() for rule in rules}:
            assert any(re.match(rf"{one.type} {one.custody}.*: {rule}$", title) for title in GOLDEN["rows"])
    for case in CASES:
        assert f"deportation: {case.name}" in GOLDEN["cases"]
    for first, second in combinations(CASES, 2):
        alternatives = first.sets and first.sets == second.sets
        assert (f"deportation: {first.name} + {second.name}" in GOLDEN["pairs"]) is not bool(alternatives)


def test_every_safeguard_but_the_publisher_s_own_is_seen_at_work():
    """Suppressions and holds alike; `rules_changed` needs two versions of the rules."""
    seen = {word for entries in EVERY.values() for one in entries.values() for word in re.findall(r"\w+", one)}
    assert {*HOLDS, *SUPPRESSIONS} - seen == {"rules_changed"}


def test_in_every_case_the_outcome_follows_from_its_causes():
    """Suppression wins over holds; a hold holds; nothing else keeps anybody from being told; all have a reason."""
    for title, entries in EVERY.items():
        for entry in entries.values():
            decided, told, because = re.fullmatch(
                r"(send|hold|suppress) ((?:\w+:\d+ ?)+)(?:\[([\w ]+)\])?(?: ?\(\w+\))*(?: ?for:\w+)*", entry
            ).groups()
            causes = set((because or "").split())
            assert told, title
            if causes & set(SUPPRESSIONS):
                assert (decided, causes - set(SUPPRESSIONS)) == ("suppress", set()), title
            else:
                assert decided == ("hold" if causes else "send"), title


def test_a_pair_never_tells_more_than_its_safeguards_allow():
    """No second case brings back an authority that the first alone suppresses, except by naming the feared state."""
    alone = {name.removeprefix("deportation: "): one for name, one in GOLDEN["cases"].items()}
    for title, entries in GOLDEN["pairs"].items():
        type_, _, names = title.partition(": ")
        first, second = names.split(" + ")
        if type_ != "deportation":
            continue
        for case, other in ((first, second), (second, first)):
            for authority, entry in alone[case].items():
                if not entry.startswith("suppress") or authority not in entries:
                    continue
                named_since = "refugee_origin" in entry and "fear" in other
                assert entries[authority].startswith("suppress") or named_since, title
