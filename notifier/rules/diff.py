"""Differences between two versions of the rules, and their effect on a notification."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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

Entry = dict[str, Any]
"""An entry of a routing decision as JSON (docs/reference/routing.md)."""


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


@dataclass(frozen=True, slots=True)
class Difference:
    """The effect of other rules on one notification.

    `added` would be told as well, `removed` no longer. `entries` are the pairs (before, after) that differ; None
    stands where the rules say nothing of that authority.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    entries: tuple[tuple[Entry | None, Entry | None], ...]

    def __bool__(self) -> bool:
        return bool(self.entries)

    def to_json(self) -> dict[str, Any]:
        """Return the content of a replay's entry for one notification, except its id and type."""
        return {
            "added": list(self.added),
            "removed": list(self.removed),
            "entries": [
                {"authority": (after or before or {})["authority"], "before": before, "after": after}
                for before, after in self.entries
            ],
        }


def compare(before: Sequence[Entry], after: Sequence[Entry]) -> Difference:
    """Return the difference between the entries of two decisions on the same notification."""
    was, now = _named(before), _named(after)
    names = sorted({*was, *now})
    entries = [(was.get(name), now.get(name)) for name in names if was.get(name) != now.get(name)]
    return Difference(
        tuple(sorted(_sent(now) - _sent(was))),
        tuple(sorted(_sent(was) - _sent(now))),
        (*entries, *_unnamed(before, after)),
    )


def _named(entries: Sequence[Entry]) -> dict[str, Entry]:
    return {one["authority"]: one for one in entries if one["authority"] is not None}


def _sent(named: Mapping[str, Entry]) -> set[str]:
    return {name for name, entry in named.items() if entry["outcome"] == "send"}


def _unnamed(before: Sequence[Entry], after: Sequence[Entry]) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield the entries without an authority that stand in one decision only; they have no key to match by."""
    now = [one for one in after if one["authority"] is None]
    for entry in before:
        if entry["authority"] is None:
            if entry in now:
                now.remove(entry)
            else:
                yield entry, None
    for entry in now:
        yield None, entry
