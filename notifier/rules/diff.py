"""Differences between two versions of the rules, part by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from notifier.rules.ruleset import RuleSet, territory_rows

ROW_KEY: Final = ("type", "custody", "rule", "role")
CORRIDOR_KEY: Final = ("from", "to")
PARTS: Final[dict[str, Callable[[Any], object]]] = {
    "rows": lambda row: tuple(row[name] for name in ROW_KEY),
    "corridors": lambda lane: tuple(lane[name] for name in CORRIDOR_KEY),
    "consular_mandatory": lambda state: state,
    "territories": lambda row: row["code"],
}
"""The parts of a rules document, each a list, with the key of an item."""


@dataclass(frozen=True, slots=True)
class Change:
    """A difference in `part` of the document (rows, corridors, ...): the item `before` and `after`.

    `before` is None for an added item, `after` for a removed one.
    """

    part: str
    before: Any
    after: Any

    @property
    def kind(self) -> str:
        """Return "added", "removed" or "changed"."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


def changes(old: RuleSet, new: RuleSet) -> list[Change]:
    """Return every difference, in the order of the document."""
    before, after = _whole(old), _whole(new)
    found: list[Change] = []
    for part, key_of in PARTS.items():
        was, now = ({key_of(item): item for item in document[part]} for document in (before, after))
        keys = list(dict.fromkeys([*was, *now]))
        found += [Change(part, was.get(key), now.get(key)) for key in keys if was.get(key) != now.get(key)]
    return found


def _whole(rules: RuleSet) -> dict[str, Any]:
    """Return the document with the table of territories that applies, its own or the built-in one."""
    return rules.to_document() | {"territories": territory_rows(rules.answers.rows)}


def to_json(old: RuleSet, new: RuleSet, found: Sequence[Change]) -> dict[str, Any]:
    """Return the document of ``notifier rules diff --json``, without its replay."""
    document: dict[str, Any] = {"old": old.version, "new": new.version}
    document["without_territories"] = [name for name, one in (("old", old), ("new", new)) if one.territories is None]
    for part in PARTS:
        document[part] = {"added": [], "removed": [], "changed": []}
    for change in found:
        if change.kind == "changed":
            document[change.part]["changed"].append({"before": change.before, "after": change.after})
        else:
            document[change.part][change.kind].append(change.after or change.before)
    return document
