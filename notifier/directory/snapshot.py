"""The current directory and rules, with their previous versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from notifier.directory.model import Directory
from notifier.errors import DirectoryStaleError
from notifier.rules.ruleset import RuleSet


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A verified state of the directory.

    The previous versions are accepted for a while after the current ones were issued. `fresh_until` is the first end
    of the signatures behind it, plus the grace. `ends` is the end of each role's (root, targets, ...). Both are in
    Unix milliseconds.
    """

    directory: Directory
    rules: RuleSet
    previous_directory: Directory | None = None
    previous_rules: RuleSet | None = None
    fresh_until: int = 2**62
    ends: Mapping[str, int] = field(default_factory=dict)

    def check_fresh(self, now: int) -> None:
        """Raise `DirectoryStaleError` where the state is too old to use: everything fails closed."""
        if now > self.fresh_until:
            raise DirectoryStaleError(
                hint="make the directory's source reachable, or have its timestamp signed again"
            )


class DirectorySource(Protocol):
    """The source of the directory for a service."""

    def snapshot(self) -> Snapshot:
        """Return the last verified state; raises `DirectoryStaleError` where there is none."""

    async def refresh(self) -> None:
        """Fetch a later state; raises `DirectoryStaleError` or `DirectoryError`, and keeps the present one."""


class StaticDirectory:
    """A directory source that holds one snapshot; `put` replaces it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def snapshot(self) -> Snapshot:
        """Return the snapshot."""
        return self._snapshot

    def put(self, snapshot: Snapshot) -> None:
        """Replace the snapshot."""
        self._snapshot = snapshot

    async def refresh(self) -> None:
        """Do nothing: the snapshot changes by `put` only."""
        return
