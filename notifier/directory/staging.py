"""Versions that wait for signatures, in a folder beside the published one that is never served.

``<role>.json`` is the metadata, ``<role>.document.json`` its document. ``endorsements.json`` holds the requests of
authorities that endorsed new keys. Every other file is a stray and is ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata

from notifier.directory.ceremony import Version
from notifier.directory.enrolment import Request
from notifier.directory.roles import DELEGATED, THRESHOLD_ROLES
from notifier.errors import DirectoryError, MalformedError
from notifier.files import write_atomic

MAX_METADATA_BYTES: Final = 1024 * 1024
MAX_DOCUMENT_BYTES: Final = 64 * 1024 * 1024
ENDORSEMENTS: Final = "endorsements.json"


class Staging:
    """The staged versions of the directory published in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.with_name(f"{folder.name}.staged")
        self._published = folder

    def roles(self) -> list[str]:
        """Return the roles with a staged version, well-formed or not."""
        return [role for role in THRESHOLD_ROLES if (self.folder / f"{role}.json").is_file()]

    def read(self, role: str) -> Version:
        """Return the staged version of `role`; raises `DirectoryError` where it is damaged."""
        path = self.folder / f"{role}.json"
        try:
            metadata: Metadata[Any] = Metadata.from_bytes(_bytes(path, MAX_METADATA_BYTES))
            document = self.folder / f"{role}.document.json"
            data = _bytes(document, MAX_DOCUMENT_BYTES) if role in DELEGATED else None
        except (OSError, RepositoryError, ValueError, RecursionError) as error:
            raise DirectoryError(detail=f"{path} is damaged") from error
        if metadata.signed.type != ("root" if role == "root" else "targets"):
            raise DirectoryError(detail=f"{path} is damaged")
        return Version(role, metadata, data)

    def put(self, version: Version) -> None:
        """Store `version` until it is signed; the document first, so that metadata never names a missing one."""
        if version.document is not None:
            write_atomic(self.folder / f"{version.role}.document.json", version.document)
        write_atomic(self.folder / f"{version.role}.json", version.metadata.to_bytes())

    def drop(self, role: str) -> None:
        """Remove the version of `role`."""
        (self.folder / f"{role}.json").unlink(missing_ok=True)
        (self.folder / f"{role}.document.json").unlink(missing_ok=True)
        if role == "directory":
            (self.folder / ENDORSEMENTS).unlink(missing_ok=True)

    def endorsements(self) -> list[Request]:
        """Return the requests of the staged directory; none where the file is damaged."""
        try:
            found = json.loads(_bytes(self.folder / ENDORSEMENTS, MAX_METADATA_BYTES))
            return [Request.from_document(one) for one in found]
        except (OSError, ValueError, TypeError, RecursionError, MalformedError):
            return []

    def endorse(self, requests: Sequence[Request]) -> None:
        """Store the requests that a staged directory enrols."""
        documents: list[Mapping[str, Any]] = [one.to_document() for one in requests]
        write_atomic(self.folder / ENDORSEMENTS, json.dumps(documents).encode())

    def strays(self) -> list[Path]:
        """Return unknown files in the folder, and files in that of earlier versions of this program."""
        known = {f"{role}.json" for role in THRESHOLD_ROLES} | {f"{role}.document.json" for role in DELEGATED}
        here = self.folder.iterdir() if self.folder.is_dir() else ()
        before = self._published / "staged"
        there = before.iterdir() if before.is_dir() else ()
        return [*sorted(one for one in here if one.name not in known | {ENDORSEMENTS}), *sorted(there)]


def _bytes(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError("too large")
    return data
