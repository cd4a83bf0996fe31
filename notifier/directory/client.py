"""Client of the directory: it verifies by TUF, caches, and fails closed when stale beyond its grace."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from tuf.api.exceptions import (
    DownloadError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    RepositoryError,
)

from notifier.config import DirectorySettings
from notifier.directory.cache import Cache, CachedUpdater, CacheFetcher
from notifier.directory.document import from_document, read_document
from notifier.directory.fetching import FolderFetcher, WebFetcher
from notifier.directory.model import Directory
from notifier.directory.snapshot import Snapshot
from notifier.errors import ConfigError, DirectoryError, DirectoryStaleError, NotFoundError, StorageError
from notifier.rules.ruleset import RuleSet
from notifier.runtime import Clock, wall_clock

T = TypeVar("T")
Fetcher = FolderFetcher | CacheFetcher | WebFetcher

HUB_ID_BYTES: Final = 16
ROLES: Final = ("root", "targets", "directory", "rules", "snapshot", "timestamp")


def hub_id_of(root: bytes) -> bytes:
    """Return the hub's id: BLAKE2b-128 of the published bytes of 1.root.json."""
    return hashlib.blake2b(root, digest_size=HUB_ID_BYTES).digest()


class DirectoryClient:
    """A party's view of the directory; `refresh` fetches a later version, `snapshot` answers at once."""

    def __init__(self, settings: DirectorySettings, clock: Clock = wall_clock) -> None:
        self._settings = settings
        self._clock = clock
        self._snapshot: Snapshot | None = None
        self._cache = Cache(settings.cache)
        try:
            self._root = settings.root.read_bytes()
        except OSError as error:
            what = (error.strerror or "cannot be read").lower()
            raise ConfigError(
                detail=f"directory.root: {settings.root}: {what}", hint="name the trusted 1.root.json"
            ) from error
        self.hub_id = hub_id_of(self._root)

    def snapshot(self) -> Snapshot:
        """Return the last verified state.

        Raises `DirectoryStaleError` where there is none, or it is stale beyond its grace.
        """
        if self._snapshot is None:
            raise DirectoryStaleError(detail="the directory was never read")
        self._snapshot.check_fresh(self._clock())
        return self._snapshot

    async def refresh(self) -> None:
        """Load a later version without blocking the loop; see `load`."""
        await asyncio.to_thread(self.load)

    def load(self) -> Snapshot:
        """Read and verify the newest version, or the cached one where the source does not answer.

        Raises `DirectoryError` where metadata does not verify (the known state stays), and `DirectoryStaleError`
        where nothing verifies that is fresh enough. A cache that cannot be written stops nobody: see `cache_fault`.
        """
        self._snapshot = self._verified(self._newest)
        return self._snapshot

    @property
    def cache_fault(self) -> StorageError | None:
        """Return the error that keeps the cache from being written; None where there is none."""
        return self._cache.fault

    def rules(self, version: int) -> RuleSet:
        """Return one version of the rules, verified by the current signatures.

        Raises `NotFoundError` where there is none, and the errors of `load`.
        """
        document = self._verified(lambda updater: self._document(updater, f"rules/{version}.json"))
        if document is None:
            raise NotFoundError(detail=f"the directory keeps no version {version} of the rules")
        found = RuleSet.from_document(document)
        if found.version != version:
            raise DirectoryError(detail=f"the document signed as version {version} of the rules has another number")
        return found

    def _verified(self, read: Callable[[CachedUpdater], T]) -> T:
        """Return the result of `read` on the source, or on the cache where the source does not answer.

        Raises as `load`.
        """
        try:
            found = self._reading(read, self._source_fetcher(), self._now())
        except DownloadLengthMismatchError as error:
            raise DirectoryError(detail="the directory holds a file that is longer than was signed") from error
        except (DownloadError, ExpiredMetadataError) as error:
            return self._from_cache(read, error)
        except RepositoryError as error:
            raise DirectoryError(detail=f"the directory does not verify ({type(error).__name__})") from error
        except DirectoryError:  # all of it verified, but the content is no directory
            self._cache.save()
            raise
        self._cache.save()
        return found

    def _from_cache(self, read: Callable[[CachedUpdater], T], cause: Exception) -> T:
        """Return the result of `read` on the cache, as long as its grace lasts."""
        grace = dt.timedelta(seconds=self._settings.grace_seconds)
        try:
            return self._reading(read, CacheFetcher(self._cache), self._now() - grace)
        except (RepositoryError, DownloadError, OSError) as error:
            kind = type(cause).__name__
            raise DirectoryStaleError(
                detail=f"the directory cannot be refreshed, and no cached one is fresh enough ({kind})",
                hint="make the directory's source reachable, or have its timestamp signed again",
            ) from error

    def _reading(self, read: Callable[[CachedUpdater], T], fetcher: Fetcher, now: dt.datetime) -> T:
        try:
            return read(self._updater(fetcher, now))
        finally:
            fetcher.close()

    def _updater(self, fetcher: Fetcher, now: dt.datetime) -> CachedUpdater:
        """Return an updater whose metadata verifies at the time `now`."""
        base = self._settings.source
        if "://" not in base:
            base = FolderFetcher.ADDRESS
        updater = CachedUpdater(self._cache, base, fetcher, self._root)
        # python-tuf uses the machine's clock; ours may be a test's, or set back by the grace.
        updater._trusted_set.reference_time = now
        updater.refresh()
        return updater

    def _newest(self, updater: CachedUpdater) -> Snapshot:
        directory = self._document(updater, "directory/current.json")
        rules = self._document(updater, "rules/current.json")
        before = self._document(updater, "directory/previous.json")
        earlier = self._document(updater, "rules/previous.json")
        if directory is None or rules is None:
            raise DirectoryError(detail="the directory has no current document")
        ends = {role: _milliseconds(updater._trusted_set[role].expires) for role in ROLES}
        return Snapshot(
            self._directory(directory),
            RuleSet.from_document(rules),
            None if before is None else self._directory(before),
            None if earlier is None else RuleSet.from_document(earlier),
            min(ends.values()) + self._settings.grace_seconds * 1000,
            ends,
        )

    def _document(self, updater: CachedUpdater, name: str) -> Any:
        found = updater.document(name)
        return None if found is None else read_document(found, name)

    def _directory(self, document: object) -> Directory:
        return from_document(document, self.hub_id)

    def _source_fetcher(self) -> Fetcher:
        if "://" in self._settings.source:
            return WebFetcher(self._settings.source, self._settings.ca)
        return FolderFetcher(Path(self._settings.source).absolute())

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._clock() / 1000, dt.UTC)


def _milliseconds(time: dt.datetime) -> int:
    return int(time.timestamp() * 1000)
