"""The TUF repository of a directory, kept by hand: versions, thresholds, staged signatures (python-tuf).

Below `folder`: ``metadata/`` and ``targets/`` as clients read them, ``1.root.json`` to be published and
trusted, ``staged/`` for versions that lack signatures. Private keys are ``<role>-<n>.pem`` in folders of
their holders. Top-level targets only delegates: `directory` and `rules` sign their own documents, each as
``current.json`` with the one before it as ``previous.json``; every version of the rules stays besides, by its number.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from notifier.errors import DirectoryError
from notifier.files import put
from notifier.keyfiles import write_private

HOLDERS: Final = 3
THRESHOLD: Final = 2
DELEGATED: Final = ("directory", "rules")
NUMBERED: Final = ("rules",)
"""Whose versions all stay, to be compared: what somebody was told is explained by the rules of its day."""
THRESHOLD_ROLES: Final = ("root", "targets", *DELEGATED)
ONLINE_ROLES: Final = ("snapshot", "timestamp")
_VALID_DAYS: Final = {"root": 730, "targets": 730, "directory": 365, "rules": 365, "snapshot": 60, "timestamp": 30}


class Repository:
    """The repository in `folder`, signed with whatever keys are in `key_folders`."""

    def __init__(self, folder: Path, key_folders: Iterable[Path], now: int) -> None:
        self._folder = folder
        self._metadata = folder / "metadata"
        self._targets = folder / "targets"
        self._staged = folder / "staged"
        self._signers = _read_signers(key_folders)
        self._now = dt.datetime.fromtimestamp(now / 1000, dt.UTC).replace(microsecond=0)

    @classmethod
    def create(cls, folder: Path, keys: Path, documents: Mapping[str, Mapping[str, Any]], now: int) -> Repository:
        """A new repository: makes all keys below `keys`, signs `documents` (of `directory` and `rules`).

        Raises `DirectoryError` where there is one already.
        """
        if (folder / "1.root.json").exists():
            raise DirectoryError(detail=f"there is a directory in {folder} already")
        for role in (*THRESHOLD_ROLES, *ONLINE_ROLES):
            for number in range(HOLDERS if role in THRESHOLD_ROLES else 1):
                write_private(keys / f"{role}-{number + 1}.pem", CryptoSigner.generate_ed25519().private_bytes)
        repository = cls(folder, [keys], now)
        for path in (repository._metadata, repository._targets, repository._staged):
            path.mkdir(parents=True, exist_ok=True)
        repository._create(documents)
        return repository

    def _create(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        root = Root(expires=self._expiry("root"), consistent_snapshot=True)
        targets = Targets(expires=self._expiry("targets"))
        roles = {
            role: DelegatedRole(role, [], THRESHOLD, terminating=True, paths=[f"{role}/*"]) for role in DELEGATED
        }
        targets.delegations = Delegations({}, roles)
        for role in ("root", "targets", *ONLINE_ROLES):
            for signer in self._signers[role]:
                root.add_key(signer.public_key, role)
            root.roles[role].threshold = THRESHOLD if role in THRESHOLD_ROLES else 1
        for role in DELEGATED:
            for signer in self._signers[role]:
                targets.add_key(signer.public_key, role)
        root_md: Metadata[Root] = Metadata(root)
        self._sign(root_md, "root")
        self._write("1.root.json", root_md)
        self._write("timestamp.json", Metadata(Timestamp(expires=self._expiry("timestamp"))))
        self._write("1.snapshot.json", Metadata(Snapshot(expires=self._expiry("snapshot"))))
        self._promote("targets", Metadata(targets), first=True)
        for role in DELEGATED:
            self.publish(role, documents[role])
        # Last, because it says that there is a directory: what was interrupted before is begun again.
        put(self._folder / "1.root.json", (self._metadata / "1.root.json").read_bytes())

    def publish(self, role: str, document: Mapping[str, Any]) -> bool:
        """A new version of the document of `role` (directory, rules); the one before stays as previous.

        Returns whether it is out; else it is staged and waits for signatures (`sign`). Raises `DirectoryError`
        (unknown_signer) where no key at hand is a holder's of that role.
        """
        if not self._holding(role):
            raise _no_holder(f"the role {role}")
        metadata = self._latest(role)
        body = Targets(expires=self._expiry(role)) if metadata is None else metadata.signed
        if not isinstance(body, Targets):
            raise DirectoryError(detail=f"{role} is no role of documents")
        if metadata is not None:
            body.version += 1
            body.expires = self._expiry(role)
        current, previous = f"{role}/current.json", f"{role}/previous.json"
        if current in body.targets:
            old = body.targets[current]
            before = self._target_path(current, old).read_bytes()
            self._add_target(body, previous, before)
        data = json.dumps(document, sort_keys=True, indent=1).encode()
        self._add_target(body, current, data)
        if role in NUMBERED:
            self._add_target(body, f"{role}/{document['version']}.json", data)
        return self._submit(role, Metadata(body))

    def renew(self, role: str) -> bool:
        """Signs what `role` says anew, to be good for as long as a new version; whether it is out, as `publish`.

        Raises `DirectoryError` where a version of it waits for signatures: that one will do; or (unknown_signer)
        where no key at hand is a holder's of that role.
        """
        if not self._holding(role):
            raise _no_holder(f"the role {role}")
        metadata = self._latest(role)
        if metadata is None:
            raise DirectoryError(detail=f"{self._folder} holds no {role}")
        if self.staged(role) is not None:
            raise DirectoryError(detail=f"a version of {role} waits for signatures", hint="notifier directory sign")
        metadata.signed.version += 1
        metadata.signed.expires = self._expiry(role)
        return self._submit(role, metadata)

    def sign(self) -> list[str]:
        """Adds this holder's signatures to what is staged, and signs a fresh snapshot and timestamp.

        Returns the roles that are still short of their threshold. Raises `DirectoryError` (unknown_signer) where
        no key at hand is a holder's.
        """
        if not any(self._holding(role) for role in (*THRESHOLD_ROLES, *ONLINE_ROLES)):
            raise _no_holder("any role")
        short = []
        for path in sorted(self._staged.glob("*.json")):
            staged: Metadata[Targets] = Metadata.from_file(str(path))
            if not self._submit(path.stem, staged):
                short.append(path.stem)
        if all(self._holding(role) for role in ONLINE_ROLES):
            self._refresh({})
        return short

    def document(self, role: str) -> dict[str, Any]:
        """The current document of `role`, as this folder has it."""
        metadata = self._latest(role)
        if metadata is None:
            raise DirectoryError(detail=f"{self._folder} holds no {role}")
        return self._current(role, metadata)

    def staged(self, role: str) -> dict[str, Any] | None:
        """The document of `role` that waits for signatures, whoever put it there; None where none does."""
        path = self._staged / f"{role}.json"
        if not path.exists():
            return None
        try:
            return self._current(role, Metadata.from_file(str(path)))
        except (OSError, RepositoryError, KeyError) as error:
            raise DirectoryError(detail=f"{path} is damaged") from error

    def _current(self, role: str, metadata: Metadata[Targets]) -> dict[str, Any]:
        name = f"{role}/current.json"
        target = metadata.signed.targets[name]
        data = self._target_path(name, target).read_bytes()
        target.verify_length_and_hashes(data)
        found: dict[str, Any] = json.loads(data)
        return found

    def _submit(self, role: str, metadata: Metadata[Targets]) -> bool:
        delegator = self._latest("targets")
        if delegator is None:
            raise DirectoryError(detail=f"{self._folder} is no directory")
        self._sign(metadata, role)
        result = delegator.signed.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
        staged = self._staged / f"{role}.json"
        if not result.verified:
            put(staged, metadata.to_bytes())
            return False
        self._promote(role, metadata)
        staged.unlink(missing_ok=True)
        return True

    def _promote(self, role: str, metadata: Metadata[Targets], *, first: bool = False) -> None:
        if first:
            self._sign(metadata, role)
        self._write(f"{metadata.signed.version}.{role}.json", metadata)
        self._refresh({f"{role}.json": metadata.signed.version}, first=first)

    def _refresh(self, changed: Mapping[str, int], *, first: bool = False) -> None:
        """A new snapshot with the versions in `changed`, and a new timestamp upon it."""
        timestamp: Metadata[Timestamp] = Metadata.from_file(str(self._metadata / "timestamp.json"))
        number = timestamp.signed.snapshot_meta.version
        snapshot: Metadata[Snapshot] = Metadata.from_file(str(self._metadata / f"{number}.snapshot.json"))
        for name, version in changed.items():
            snapshot.signed.meta[name] = MetaFile(version)
        if not first:
            snapshot.signed.version += 1
            timestamp.signed.version += 1
        snapshot.signed.expires = self._expiry("snapshot")
        timestamp.signed.expires = self._expiry("timestamp")
        timestamp.signed.snapshot_meta = MetaFile(snapshot.signed.version)
        self._sign(snapshot, "snapshot")
        self._sign(timestamp, "timestamp")
        self._write(f"{snapshot.signed.version}.snapshot.json", snapshot)
        self._write("timestamp.json", timestamp)

    def _sign(self, metadata: Metadata[Any], role: str) -> None:
        """Adds the signatures of the keys at hand; those that are there stay where they still hold."""
        for signer in self._holding(role):
            metadata.sign(signer, append=True)

    def _holding(self, role: str) -> list[Signer]:
        """The keys at hand that are the role's: another's would spoil what they sign."""
        trusted = self._trusted(role)
        return [one for one in self._signers.get(role, ()) if trusted is None or one.public_key.keyid in trusted]

    def _trusted(self, role: str) -> Sequence[str] | None:
        """The ids of the role's keys; None while the directory is being made, and every key is its."""
        if role in DELEGATED:
            targets = self._latest("targets") if (self._metadata / "timestamp.json").exists() else None
            delegations = targets.signed.delegations if targets is not None else None
            roles = delegations.roles if delegations is not None else None
            return roles[role].keyids if roles is not None else None
        path = self._folder / "1.root.json"
        if not path.exists():
            return None
        root: Metadata[Root] = Metadata.from_file(str(path))
        return root.signed.roles[role].keyids

    def _latest(self, role: str) -> Metadata[Targets] | None:
        try:
            timestamp: Metadata[Timestamp] = Metadata.from_file(str(self._metadata / "timestamp.json"))
            number = timestamp.signed.snapshot_meta.version
            snapshot: Metadata[Snapshot] = Metadata.from_file(str(self._metadata / f"{number}.snapshot.json"))
            meta = snapshot.signed.meta.get(f"{role}.json")
            if meta is None or not (self._metadata / f"{meta.version}.{role}.json").exists():
                return None
            found: Metadata[Targets] = Metadata.from_file(str(self._metadata / f"{meta.version}.{role}.json"))
        except (OSError, RepositoryError) as error:
            raise DirectoryError(detail=f"{self._folder} is no directory, or is damaged") from error
        found.signatures.clear()
        return found

    def _add_target(self, body: Targets, name: str, data: bytes) -> None:
        target = TargetFile.from_data(name, data)
        body.targets[name] = target
        path = self._target_path(name, target)
        put(path, data)

    def _target_path(self, name: str, target: TargetFile) -> Path:
        """Consistent snapshots: a target's file name begins with its hash."""
        role, _, base = name.partition("/")
        return self._targets / role / f"{target.hashes['sha256']}.{base}"

    def _write(self, name: str, metadata: Metadata[Any]) -> None:
        """One file of metadata, as it is published."""
        put(self._metadata / name, metadata.to_bytes())

    def _expiry(self, role: str) -> dt.datetime:
        return self._now + dt.timedelta(days=_VALID_DAYS[role])


def _no_holder(role: str) -> DirectoryError:
    return DirectoryError(
        "unknown_signer", f"no key here is one of a holder of {role}", hint="name your own folder with --keys"
    )


def _read_signers(folders: Iterable[Path]) -> dict[str, list[Signer]]:
    """The signers in these folders by role: ``<role>-<n>.pem``."""
    found: dict[str, list[Signer]] = {}
    for folder in folders:
        for path in sorted(folder.glob("*-*.pem")):
            role = path.stem.rpartition("-")[0]
            try:
                signer = CryptoSigner(load_pem_private_key(path.read_bytes(), None))
            except (OSError, ValueError) as error:
                raise DirectoryError(detail=f"{path} is no private key") from error
            found.setdefault(role, []).append(signer)
    return found
