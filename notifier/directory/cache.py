"""The client's cache of verified directory files, for the time when the source does not answer.

A folder that cannot be written (a full disk, a read-only one) stops nobody: its files are read, and new ones stay in
memory until it takes them. No version therefore goes back while the process lives.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tuf.api.exceptions import DownloadHTTPError, LengthOrHashMismatchError
from tuf.api.metadata import TargetFile
from tuf.ngclient import FetcherInterface, Updater

from notifier.errors import StorageError
from notifier.files import TEMPORARY, write_durably

METADATA: Final = "metadata"
TARGETS: Final = "targets"
ROOTS: Final = f"{METADATA}/root_history"


class Cache:
    """A cache of files below `folder`, by name. `fault` is the error of the last `save`, None after a success."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unsaved: dict[str, bytes] = {}
        self.fault: StorageError | None = None

    def path(self, name: str) -> Path:
        """Return the path of the file of that name."""
        return self._folder / name

    def read(self, name: str) -> bytes:
        """Return the newest bytes of that name; raise `OSError` where there are none."""
        found = self._unsaved.get(name)
        return self.path(name).read_bytes() if found is None else found

    def keep(self, name: str, data: bytes) -> None:
        """Remember `data` under that name; `save` writes it."""
        try:
            known = self.read(name) == data
        except OSError:
            known = False
        if not known:
            self._unsaved[name] = data

    def save(self) -> None:
        """Write what was kept: all of it, or nothing where there is not room for all; never raise."""
        kept = dict(self._unsaved)
        # The processes of one party share the cache, and none waits for another.
        suffix = f".{secrets.token_hex(4)}{TEMPORARY}"
        try:
            write_durably({self.path(name): data for name, data in kept.items()}, mode=0o600, suffix=suffix)
        except OSError as error:
            what = (error.strerror or "cannot be written").lower()
            self.fault = StorageError(
                detail=f"the directory's cache {self._folder}: {what}",
                hint="check the folder's owner, permissions and free space",
            )
            return
        self.fault = None
        for name, data in kept.items():
            if self._unsaved.get(name) is data:
                del self._unsaved[name]


class CacheFetcher(FetcherInterface):
    """A fetcher that answers from the cache alone: cached files are verified again, and none is newer."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.rpartition("/")[2]
        if name != "timestamp.json" and not name.endswith(".root.json"):
            raise DownloadHTTPError("not found", 404)
        try:
            yield self._cache.read(f"{METADATA}/{name}" if name == "timestamp.json" else f"{ROOTS}/{name}")
        except OSError as error:
            raise DownloadHTTPError("not found", 404) from error

    def close(self) -> None:
        """Do nothing: no resource is held."""


class CachedUpdater(Updater):
    """python-tuf's updater with its files in a `Cache`: a failed write never fails a refresh."""

    def __init__(self, cache: Cache, base: str, fetcher: FetcherInterface | None, root: bytes) -> None:
        self._cache = cache
        super().__init__(str(cache.path(METADATA)), f"{base}/{METADATA}/", fetcher=fetcher, bootstrap=root)
        self._targets_url = f"{base}/{TARGETS}/"

    def document(self, name: str) -> bytes | None:
        """Return the verified bytes of the target of that name; None where none is signed.

        Raises as `Updater.download_target` does.
        """
        target = self.get_targetinfo(name)
        if target is None:
            return None
        cached = f"{TARGETS}/{target.hashes['sha256']}.json"
        try:
            data = self._cache.read(cached)
            target.verify_length_and_hashes(data)
        except (OSError, LengthOrHashMismatchError):
            data = self._fetcher.download_bytes(self._address(name, target), target.length)
            target.verify_length_and_hashes(data)
            self._cache.keep(cached, data)
        return data

    def _address(self, name: str, target: TargetFile) -> str:
        """Return the address of a target; with consistent snapshots its file's name begins with its hash."""
        role, slash, base = name.rpartition("/")
        prefix = f"{next(iter(target.hashes.values()))}." if self._trusted_set.root.consistent_snapshot else ""
        return f"{self._targets_url}{role}{slash}{prefix}{base}"

    # These methods replace the file access of python-tuf.

    def _persist_metadata(self, rolename: str, data: bytes) -> None:
        self._cache.keep(_file_of(rolename), data)

    def _persist_root(self, version: int, data: bytes) -> None:
        self._cache.keep(f"{ROOTS}/{version}.root.json", data)

    def _update_root_symlink(self) -> None:
        """Do nothing: the trusted root is given, and never read from the cache."""

    def _load_local_metadata(self, rolename: str) -> bytes:
        return self._cache.read(_file_of(rolename))


def _file_of(role: str) -> str:
    return f"{METADATA}/{quote(role, '')}.json"
