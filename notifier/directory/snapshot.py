"""The directory and rules as they stand now, with the versions before them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from notifier.directory.model import Directory
from notifier.errors import DirectoryStaleError
from notifier.rules.ruleset import RuleSet


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One verified state of the directory.

    The previous versions are accepted for a while after the current ones were issued (docs/explanation/design.md,
    "What the hub checks"). `fresh_until` is when the first of its signatures ends, plus the stated grace;
    `ends` when that of each role does (root, targets, ...): in Unix milliseconds.
    """

    directory: Directory
    rules: RuleSet
    previous_directory: Directory | None = None
    previous_rules: RuleSet | None = None
    fresh_until: int = 2**62
    ends: Mapping[str, int] = field(default_factory=dict)

    def check_fresh(self, now: int) -> None:
        """Raises `DirectoryStaleError` where it may no longer be relied upon: everything fails closed."""
        if now > self.fresh_until:
            raise DirectoryStaleError(
                hint="make the directory's source reachable, or have its timestamp signed again"
            )


class DirectorySource(Protocol):
    """Where services take the directory from."""

    def snapshot(self) -> Snapshot:
        """The last verified state; raises `DirectoryStaleError` where there is none."""

    async def refresh(self) -> None:
        """Looks for a later one; raises `DirectoryStaleError` or `DirectoryError`, and keeps what it has."""


class StaticDirectory:
    """A directory source that holds one snapshot; `put` replaces it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def snapshot(self) -> Snapshot:
        return self._snapshot

    def put(self, snapshot: Snapshot) -> None:
        """What the next `snapshot` answers."""
        self._snapshot = snapshot

    async def refresh(self) -> None:
        return None
