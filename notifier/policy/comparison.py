"""Differences between what two versions of the rules decide about a notification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notifier.policy.decision import Entry


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference that other rules make to one notification.

    `added` would be sent to as well, `removed` not any more; `entries` are all that differ, as (before, after),
    None where the rules say nothing of that authority.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    entries: tuple[tuple[Entry | None, Entry | None], ...]

    def __bool__(self) -> bool:
        return bool(self.entries)

    def to_json(self) -> dict[str, Any]:
        """Return the part of a replay for one notification that says what differs."""
        return {
            "added": list(self.added),
            "removed": list(self.removed),
            "entries": [
                {
                    "authority": next(one.authority for one in (after, before) if one is not None),
                    "before": None if before is None else before.to_json(),
                    "after": None if after is None else after.to_json(),
                }
                for before, after in self.entries
            ],
        }


def compare(before: Sequence[Entry], after: Sequence[Entry]) -> Difference:
    """Return what differs between two decisions about the same notification, given the entries of each."""
    was, now = _named(before), _named(after)
    names = sorted({*was, *now})
    entries = [(was.get(name), now.get(name)) for name in names if was.get(name) != now.get(name)]
    return Difference(
        tuple(sorted(_sent(now) - _sent(was))),
        tuple(sorted(_sent(was) - _sent(now))),
        (*entries, *_unnamed(before, after)),
    )


def _named(entries: Sequence[Entry]) -> dict[str, Entry]:
    return {entry.authority: entry for entry in entries if entry.authority is not None}


def _sent(named: Mapping[str, Entry]) -> set[str]:
    return {name for name, entry in named.items() if entry.outcome == "send"}


def _unnamed(before: Sequence[Entry], after: Sequence[Entry]) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield the legs that name no state yet and stand in one decision alone."""
    now = [one for one in after if one.authority is None]
    for entry in before:
        if entry.authority is None:
            if entry in now:
                now.remove(entry)
            else:
                yield entry, None
    for entry in now:
        yield None, entry
