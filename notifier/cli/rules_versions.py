"""Versions of the rules by name: a number, current, previous, staged, or a file."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from notifier.cli.context import Context
from notifier.config import DirectorySettings
from notifier.errors import MalformedError, NotFoundError, UsageError

if TYPE_CHECKING:
    from notifier.directory.client import DirectoryClient
    from notifier.directory.snapshot import Snapshot
    from notifier.rules.ruleset import RuleSet

NAMES: Final = ("current", "previous", "staged")


class Versions:
    """The versions of the rules that a directory has; a context manager, which removes its cache."""

    def __init__(self, context: Context, folder: Path | None) -> None:
        self._context = context
        self._folder = folder
        self._cache: tempfile.TemporaryDirectory[str] | None = None
        self._client: DirectoryClient | None = None

    def __enter__(self) -> Versions:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._cache is not None:
            self._cache.cleanup()

    def rules(self, version: str) -> RuleSet:
        """Return the version of that name: verified if the directory signed it, unsigned if it is a file."""
        if version == "staged":
            return self._staged()
        if version.isdecimal() and version.isascii():
            return self.client.rules(_number(version))
        if version not in NAMES:
            return _from_file(version)
        snapshot = self.client.load()
        found = snapshot.rules if version == "current" else snapshot.previous_rules
        if found is None:
            raise NotFoundError(detail="the current version of the rules is the first")
        return found

    def snapshot(self) -> Snapshot:
        """Return the participants: those of the directory, or every state if there is no directory."""
        if self._folder is None and self._context.config is None and not self._context.home.is_dir():
            from notifier.directory.builtin import builtin_snapshot

            return builtin_snapshot()
        return self.client.load()

    @property
    def client(self) -> DirectoryClient:
        """The client of the directory."""
        from notifier.directory.client import DirectoryClient

        if self._client is None:
            self._client = DirectoryClient(self._settings())
        return self._client

    def _settings(self) -> DirectorySettings:
        if self._folder is None:
            return self._context.directory_settings()
        self._cache = tempfile.TemporaryDirectory()
        return DirectorySettings(str(self._folder), self._folder / "1.root.json", Path(self._cache.name))

    def _staged(self) -> RuleSet:
        from notifier.directory.registry import Registry
        from notifier.runtime import wall_clock

        source = self._folder or self._context.directory_settings().source
        if "://" in str(source):
            raise UsageError(detail="a staged version is only in the directory's folder", hint="use --folder")
        return Registry(Path(source), Path(source), wall_clock).staged_rules


def _number(version: str) -> int:
    """Return a version's number, or 0, which no version has, for a number too large for one."""
    return int(version) if len(version) < 16 else 0


def _from_file(path: str) -> RuleSet:
    """Return unsigned rules from a file; raise an error for what nobody could sign."""
    from notifier.directory import rulebook
    from notifier.rules.ruleset import RuleSet

    try:
        document = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise NotFoundError(
            detail=f"{path}: {(error.strerror or 'cannot be read').lower()}",
            hint=f"a version is a number, {', '.join(NAMES)}, or a file",
        ) from error
    except (ValueError, RecursionError) as error:
        raise MalformedError(detail=f"{path}: not JSON") from error
    rules = RuleSet.from_document(document)
    rulebook.check(rules)
    return rules
