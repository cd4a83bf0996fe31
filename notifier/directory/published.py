"""The published folder of a directory as its clients read it: metadata, targets, and the root of trust."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets

from notifier.directory.ceremony import State, Version
from notifier.directory.roles import DELEGATED
from notifier.errors import DirectoryError
from notifier.files import write_atomic


class PublishedFolder:
    """The files below `folder`: ``metadata/``, ``targets/`` and ``1.root.json``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metadata = folder / "metadata"
        self.targets = folder / "targets"

    def state(self) -> State:
        """Return the published versions as a client finds them."""
        root = self.root()
        try:
            timestamp = self.read("timestamp.json")
            snapshot = self.read(f"{timestamp.signed.snapshot_meta.version}.snapshot.json")
            versions = [Version("root", root)]
            for role in ("targets", *DELEGATED):
                metadata = self.read(f"{snapshot.signed.meta[f'{role}.json'].version}.{role}.json")
                versions.append(Version(role, metadata, self._read_document(role, metadata)))
        except (OSError, RepositoryError, KeyError, ValueError) as error:
            raise DirectoryError(detail=f"{self.folder} is no directory, or is damaged") from error
        return State({version.role: version for version in versions})

    def root(self) -> Metadata[Root]:
        """Return the latest root; each root must be signed by the holders of the one before."""
        try:
            number, known = 1, (self.metadata / "1.root.json").read_bytes()
            while (path := self.metadata / f"{number + 1}.root.json").exists():
                number, known, before = number + 1, path.read_bytes(), known
                if not _succeeds(known, before, number):
                    raise DirectoryError(detail=f"{path} is not signed by the holders of the root")
            return Metadata[Root].from_bytes(known)
        except (OSError, RepositoryError, ValueError) as error:
            raise DirectoryError(detail=f"{self.folder} is no directory, or is damaged") from error

    def read(self, name: str) -> Metadata[Any]:
        """Return a file of metadata, unverified; raises `DirectoryError` where it is missing or damaged."""
        try:
            return Metadata.from_bytes((self.metadata / name).read_bytes())
        except (OSError, RepositoryError) as error:
            raise DirectoryError(detail=f"{self.folder} is no directory, or is damaged") from error

    def _read_document(self, role: str, metadata: Metadata[Any]) -> bytes | None:
        if role not in DELEGATED:
            return None
        target = metadata.signed.targets[f"{role}/current.json"]
        data = self._target_path(f"{role}/current.json", target.hashes["sha256"]).read_bytes()
        target.verify_length_and_hashes(data)
        return data

    def write_version(self, version: Version, *before: bytes) -> None:
        """Publish a version with its document, and the documents `before` that are not published yet."""
        if version.document is not None:
            targets: Targets = version.metadata.signed
            known = {hashlib.sha256(data).hexdigest(): data for data in (version.document, *before)}
            for name, target in targets.targets.items():
                path = self._target_path(name, target.hashes["sha256"])
                data = known.get(target.hashes["sha256"])
                if data is not None and not path.exists():
                    write_atomic(path, data)
        self.write(f"{version.number}.{version.role}.json", version.metadata)

    def _target_path(self, name: str, digest: str) -> Path:
        """Return the path of a target; with consistent snapshots its file's name begins with its hash."""
        role, _, base = name.partition("/")
        return self.targets / role / f"{digest}.{base}"

    def write(self, name: str, metadata: Metadata[Any]) -> None:
        """Publish one metadata file."""
        write_atomic(self.metadata / name, metadata.to_bytes())


@lru_cache(maxsize=256)
def _succeeds(later: bytes, root: bytes, number: int) -> bool:
    """Return whether `later` is that root number and signed by the holders of `root`; cached, as both are immutable.

    Raises as `Metadata.from_bytes` for bytes that are no root.
    """
    signed = Metadata[Root].from_bytes(root).signed
    metadata = Metadata[Root].from_bytes(later)
    result = metadata.signed.get_root_verification_result(signed, metadata.signed_bytes, metadata.signatures)
    return bool(result.verified) and metadata.signed.version == number
