"""The TUF repository of a directory, kept by hand: versions, thresholds, staged signatures (python-tuf).

Below `folder`: ``metadata/`` and ``targets/`` as clients read them, and ``1.root.json`` to be published and trusted.
Versions that lack signatures stand outside (`Staging`). Top-level targets only delegates: `directory` and `rules`
sign their own documents, each as ``current.json`` with the one before it as ``previous.json``; every version of the
rules stays besides, by its number.

A version is published when every role is signed by its threshold and the online keys are at hand: all that belongs
together in one snapshot, the timestamp last. What a client can see is signed whole, at every moment.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from securesystemslib.signer import Key, Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from notifier.directory.ceremony import (
    Reading,
    State,
    Version,
    add_document,
    directory_of,
    encoded,
    following,
    review_version,
)
from notifier.directory.client import hub_id_of
from notifier.directory.enrolment import Request, endorser
from notifier.directory.holders import make_key, read_signers
from notifier.directory.model import DAY_MS
from notifier.directory.model import Key as ListedKey
from notifier.directory.roles import (
    DELEGATED,
    HOLDERS,
    LIFETIME_MS,
    ONLINE_ROLES,
    THRESHOLD,
    THRESHOLD_ROLES,
    delegator_of,
)
from notifier.directory.staging import Staging
from notifier.errors import DirectoryError, NotFoundError, RefusedError
from notifier.files import write_atomic

KEPT_SNAPSHOTS: Final = 20
"""So many stay published: a client that read a timestamp a moment ago still finds what it names."""


@dataclass(frozen=True)
class Pending:
    """A staged version: what it changes (`reading`), or why nobody may sign it (`fault`).

    `signed_by` are the holders' keys that did, of which `threshold` must; `complete` says that enough did, so that
    the online keys alone are missing, or what is to be published with it.
    """

    role: str
    number: int
    digest: str
    signed_by: tuple[str, ...]
    threshold: int
    reading: Reading | None
    fault: str | None
    complete: bool = False


class Repository:
    """The repository in `folder`, signed with whatever keys are in `key_folders`."""

    def __init__(self, folder: Path, key_folders: Iterable[Path], now: int) -> None:
        self._folder = folder
        self._metadata = folder / "metadata"
        self._targets = folder / "targets"
        self._staging = Staging(folder)
        self._signers = read_signers(key_folders)
        self._now_ms = now
        self._now = dt.datetime.fromtimestamp(now / 1000, dt.UTC).replace(microsecond=0)

    @classmethod
    def create(cls, folder: Path, keys: Path, documents: Mapping[str, Mapping[str, Any]], now: int) -> Repository:
        """Make a new repository: all keys below `keys`, signed `documents` (of `directory` and `rules`).

        Raises `DirectoryError` where there is one already.
        """
        if (folder / "1.root.json").exists():
            raise DirectoryError(detail=f"there is a directory in {folder} already")
        for role in (*THRESHOLD_ROLES, *ONLINE_ROLES):
            for old in keys.glob(f"{role}-*.pem"):  # of a making that was interrupted
                old.unlink()
            for _ in range(HOLDERS if role in THRESHOLD_ROLES else 1):
                make_key(keys, role)
        repository = cls(folder, [keys], now)
        for path in (repository._metadata, repository._targets, repository._staging.folder):
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
        made = [Version("root", Metadata(root)), Version("targets", Metadata(targets))]
        for role in DELEGATED:
            for signer in self._signers[role]:
                targets.add_key(signer.public_key, role)
            body, data = Targets(expires=self._expiry(role)), encoded(documents[role])
            add_document(body, role, data, None)
            made.append(Version(role, Metadata(body), data))
        for version in made:
            for signer in self._signers[version.role]:
                version.metadata.sign(signer, append=True)
            self._write_version(version)
        numbers = {version.role: version.number for version in made if version.role != "root"}
        snapshot = Snapshot(expires=self._expiry("snapshot"))
        self._stamp(root, snapshot, Timestamp(expires=self._expiry("timestamp")), numbers, first=True)
        # Last, because it says that there is a directory: what was interrupted before is begun again.
        write_atomic(self._folder / "1.root.json", (self._metadata / "1.root.json").read_bytes())

    # What holders make.

    def publish(self, role: str, document: Mapping[str, Any], requests: Sequence[Request] = ()) -> bool:
        """Make a new version of the document of `role` (directory, rules); the one before stays as previous.

        `requests` are those that it enrols. Returns whether it is out; else it is staged and waits for signatures
        (`sign`) or the online keys (`freshen`). Raises `DirectoryError` where another version is staged, and
        (unknown_signer) where no key at hand is a holder's of that role.
        """
        current = self._state().versions[role]
        version = following(current, encoded(document), self._expiry(role))
        return self._begin([version], requests)

    def renew(self, role: str) -> bool:
        """Sign what `role` says anew, to be good for as long as a new version; whether it is out, as `publish`."""
        return self._begin([following(self._state().versions[role], None, self._expiry(role))])

    def change_keys(self, role: str, add: Sequence[Key], remove: Sequence[str]) -> bool:
        """Let the holders of other keys sign for `role`; whether it is out, as `publish`.

        What the present version of `role` is signed with may not be enough any more: then it is signed anew besides,
        and both are published together.
        """
        state = self._state()
        delegator = following(state.versions[delegator_of(role)], None, self._expiry(delegator_of(role)))
        body: Any = delegator.metadata.signed
        for keyid in remove:
            if keyid not in state.keyids(role):
                raise NotFoundError(detail=f"{role} has no key {keyid}", hint="notifier directory roles lists them")
            body.revoke_key(keyid, role)
        for key in add:
            if any(key.keyid in state.keyids(one) for one in (*THRESHOLD_ROLES, *ONLINE_ROLES)):
                raise DirectoryError(detail="this key signs for a role already", hint="make another")
            body.add_key(key, role)
        if len(body.get_delegated_role(role).keyids) < state.threshold(role):
            raise DirectoryError(detail=f"{role} needs {state.threshold(role)} keys", hint="add another first")
        versions = [delegator]
        after = state.having(delegator)
        if role in ("targets", *DELEGATED):
            present = state.versions[role]
            if len(after.signed_by(present)) < after.threshold(role):
                versions.append(following(present, None, self._expiry(role)))
        return self._begin(versions)

    def sign(self, digest: str) -> Pending | None:
        """Add the signatures of the keys at hand to the staged version of that digest; how it stands, None when out.

        Raises `NotFoundError` where there is none, `DirectoryError` where it may not be signed, no other
        holder has signed it yet, or (unknown_signer) no key at hand is a holder's of its role.
        """
        state = self._state()
        found = next((one for one in self.pending() if one.digest == digest), None)
        if found is None:
            raise NotFoundError(detail="no staged version has this digest", hint="notifier directory sign lists them")
        if found.fault is not None:
            raise DirectoryError(detail=f"version {found.number} of {found.role} is not signed: {found.fault}")
        version = self._staging.read(found.role)
        signers = [one for known in (state, state.having(version)) for one in self._holding(found.role, known)]
        mine = {one.public_key.keyid for one in (*signers, *self._holding(found.role, self._intended(state)))}
        if not mine:
            raise _no_holder(f"the role {found.role}")
        if found.threshold > 1 and not set(state.signed_by(version)) - mine:
            raise DirectoryError(
                detail=f"no other holder has signed version {found.number} of {found.role}",
                hint="whoever asks for the change signs it first, by making it",
            )
        self._sign(version, state, state.having(version))
        self._staging.put(version)
        self._advance()
        return next((one for one in self.pending() if one.digest == digest), None)

    def drop(self, role: str) -> None:
        """Take the staged version of `role` away; raises `NotFoundError` where there is none."""
        if role not in self._staging.roles():
            raise NotFoundError(detail=f"no version of {role} is staged")
        self._staging.drop(role)

    def freshen(self) -> list[str]:
        """Publish what is signed by enough, and make the timestamp fresh; the roles of which a version is new.

        Needs the online keys alone. Raises `DirectoryError` (unknown_signer) where they are not at hand.
        """
        if not self._staging.roles():
            root = self._root().signed
            if not all(self._online(role, root) for role in ONLINE_ROLES):
                raise _no_holder("the roles snapshot and timestamp")
            self._stamp(root, *self._stamps(root), {})
            return []
        published = self._advance(must=True)
        if not published:
            root = self._root().signed
            self._stamp(root, *self._stamps(root), {})
        return published

    # What stands there.

    def document(self, role: str) -> dict[str, Any]:
        """The current document of `role`, as this folder has it."""
        found: dict[str, Any] = json.loads(self._state().versions[role].document or b"")
        return found

    def staged(self, role: str) -> dict[str, Any] | None:
        """The document of `role` that waits for signatures; None where none does.

        Raises `DirectoryError` where it is damaged, or not what its metadata names.
        """
        if role not in self._staging.roles():
            return None
        version = self._staging.read(role)
        target = version.metadata.signed.targets.get(f"{role}/current.json")
        try:
            if target is None or version.document is None:
                raise ValueError("names no document")
            target.verify_length_and_hashes(version.document)
            found: dict[str, Any] = json.loads(version.document)
        except (RepositoryError, ValueError, RecursionError) as error:
            raise DirectoryError(detail=f"the staged version of {role} is damaged") from error
        return found

    def pending(self) -> list[Pending]:
        """Every staged version, and how it stands."""
        roles = self._staging.roles()
        state = self._state() if roles else None
        return [self._pending(state, role) for role in roles] if state is not None else []

    def strays(self) -> list[Path]:
        """Files beside the staged versions that are none."""
        return self._staging.strays()

    def state(self) -> State:
        """The versions that are published."""
        return self._state()

    def _pending(self, state: State, role: str) -> Pending:
        try:
            version = self._staging.read(role)
        except DirectoryError as error:
            return Pending(role, 0, "", (), state.threshold(role), None, error.detail)
        after = self._intended(state)
        signed = tuple(dict.fromkeys([*after.signed_by(version), *state.signed_by(version)]))
        about = (role, version.number, version.digest, signed, after.threshold(role))
        try:
            reading = self._examined(state, version)
        except (DirectoryError, RefusedError) as error:
            return Pending(*about, None, error.detail)
        return Pending(*about, reading, None, _complete(version, state, after))

    def _examined(self, state: State, version: Version) -> Reading:
        def endorsing(name: str, added: Sequence[ListedKey]) -> ListedKey | None:
            directory = directory_of(state.versions["directory"], bytes(16))
            return endorser(self._staging.endorsements(), directory, self._root_id())(name, added)

        return review_version(state, version, endorsing, self._now_ms)

    def _root_id(self) -> bytes:
        return hub_id_of((self._folder / "1.root.json").read_bytes())

    def _intended(self, state: State) -> State:
        """The state with the staged lists of holders that may be signed: what is staged beside goes by them."""
        for role in ("root", "targets"):
            if role in self._staging.roles():
                try:
                    version = self._staging.read(role)
                    self._examined(state, version)
                    state = state.having(version)
                except (DirectoryError, RefusedError):
                    continue
        return state

    # Signing and publishing.

    def _begin(self, versions: Sequence[Version], requests: Sequence[Request] = ()) -> bool:
        """Stage versions that this holder makes, signed; publish them where that is enough."""
        state = self._state()
        for version in versions:
            self._refuse_second(state, version.role)
        after = self._intended(state).having(*versions)
        first, *others = versions
        if not (self._holding(first.role, state) or self._holding(first.role, after)):
            raise _no_holder(f"the role {first.role}")
        # What is signed anew besides is begun by whoever holds a key of it.
        mine = [first, *(one for one in others if self._holding(one.role, after))]
        for version in mine:
            self._sign(version, state, after)
            self._staging.put(version)
            if version.role == "directory" and requests:
                self._staging.endorse(requests)
        return set(self._advance()) >= {version.role for version in versions}

    def _refuse_second(self, state: State, role: str) -> None:
        """A version that a holder signed is not replaced unawares; what nobody may sign gives way."""
        if role not in self._staging.roles():
            return
        there = self._pending(state, role)
        if there.fault is None and there.signed_by:
            raise DirectoryError(
                detail=f"a version {there.number} of {role} waits for signatures already",
                hint=f"notifier directory sign {there.digest}, or notifier directory drop {role}",
            )
        self._staging.drop(role)

    def _sign(self, version: Version, *states: State) -> None:
        """Add the signatures of the keys at hand; those that are there stay where they still hold."""
        for state in (*states, self._intended(states[0])):
            for signer in self._holding(version.role, state):
                version.metadata.sign(signer, append=True)

    def _holding(self, role: str, state: State) -> list[Signer]:
        """The keys at hand that are the role's: another's would spoil what they sign."""
        trusted = state.keyids(role)
        return [one for one in self._signers.get(role, ()) if one.public_key.keyid in trusted]

    def _advance(self, *, must: bool = False) -> list[str]:
        """Publish the most of what is staged that a client would take together; the roles that are new.

        Without the online keys nothing is published; where that `must` not be, raises `DirectoryError`.
        """
        state = self._state()
        good = [self._staging.read(one.role) for one in self.pending() if one.fault is None]
        for count in range(len(good), -1, -1):
            for chosen in combinations(good, count):
                after = state.having(*chosen)
                if count and not after.holds(state):
                    continue
                if not all(self._online(role, after.root) for role in ONLINE_ROLES):
                    if must and not count:
                        raise _no_holder("the roles snapshot and timestamp")
                    continue
                self._publish(state, after, chosen)
                return [version.role for version in chosen]
        return []

    def _publish(self, before: State, after: State, versions: Sequence[Version]) -> None:
        if not versions:
            return
        stamps = self._stamps(before.root)
        for version in versions:
            if version.role != "root":
                self._write_version(version, before.versions[version.role].document or b"")
        numbers = {version.role: version.number for version in versions if version.role != "root"}
        changed = next((version for version in versions if version.role == "root"), None)
        late = changed is not None and not _verifies(after.root, "timestamp", self._read("timestamp.json"))
        if changed is not None and not late:
            self._write_version(changed)
        self._stamp(after.root, *stamps, numbers, also=before.root)
        if changed is not None and late:
            self._write_version(changed)
        for version in versions:
            self._staging.drop(version.role)

    def _stamps(self, root: Root) -> tuple[Snapshot, Timestamp]:
        """The published snapshot and timestamp, verified: what somebody else put there is not signed anew."""
        timestamp = self._read("timestamp.json")
        snapshot = self._read(f"{timestamp.signed.snapshot_meta.version}.snapshot.json")
        if not (_verifies(root, "timestamp", timestamp) and _verifies(root, "snapshot", snapshot)):
            raise DirectoryError(
                detail="the published snapshot or timestamp is not what the online keys signed",
                hint="find out who wrote it; publish the folder again from a copy",
            )
        return snapshot.signed, timestamp.signed

    def _stamp(
        self,
        root: Root,
        snapshot: Snapshot,
        timestamp: Timestamp,
        changed: Mapping[str, int],
        *,
        also: Root | None = None,
        first: bool = False,
    ) -> None:
        """Publish a new snapshot, where something changed or the last is a day old, and a new timestamp.

        Signed by the online keys of `root`, and those of `also`, whose clients have not seen `root` yet.
        """
        age = LIFETIME_MS["snapshot"] - (int(snapshot.expires.timestamp() * 1000) - self._now_ms)
        if first or changed or also is not None or age >= DAY_MS:
            snapshot.meta |= {f"{role}.json": MetaFile(number) for role, number in changed.items()}
            snapshot.version += 0 if first else 1
            snapshot.expires = self._expiry("snapshot")
            self._write(f"{snapshot.version}.snapshot.json", self._stamped("snapshot", snapshot, root, also))
        timestamp.version += 0 if first else 1
        timestamp.expires = self._expiry("timestamp")
        timestamp.snapshot_meta = MetaFile(snapshot.version)
        self._write("timestamp.json", self._stamped("timestamp", timestamp, root, also))
        (self._metadata / f"{snapshot.version - KEPT_SNAPSHOTS}.snapshot.json").unlink(missing_ok=True)

    def _stamped(self, role: str, signed: Any, root: Root, also: Root | None) -> Metadata[Any]:
        metadata: Metadata[Any] = Metadata(signed)
        signers = {one.public_key.keyid: one for one in self._online(role, root)}
        signers |= {one.public_key.keyid: one for one in self._online(role, also or root)}
        for signer in signers.values():
            metadata.sign(signer, append=True)
        if not _verifies(root, role, metadata):
            raise _no_holder(f"the role {role}")
        return metadata

    def _online(self, role: str, root: Root) -> list[Signer]:
        trusted = root.roles[role].keyids
        return [one for one in self._signers.get(role, ()) if one.public_key.keyid in trusted]

    # Files.

    def _state(self) -> State:
        """The published versions, as a client finds them."""
        root = self._root()
        try:
            timestamp = self._read("timestamp.json")
            snapshot = self._read(f"{timestamp.signed.snapshot_meta.version}.snapshot.json")
            versions = [Version("root", root)]
            for role in ("targets", *DELEGATED):
                metadata = self._read(f"{snapshot.signed.meta[f'{role}.json'].version}.{role}.json")
                versions.append(Version(role, metadata, self._read_document(role, metadata)))
        except (OSError, RepositoryError, KeyError, ValueError) as error:
            raise DirectoryError(detail=f"{self._folder} is no directory, or is damaged") from error
        return State({version.role: version for version in versions})

    def _root(self) -> Metadata[Root]:
        """The latest root, each one signed by the holders of the one before."""
        try:
            number, known = 1, (self._metadata / "1.root.json").read_bytes()
            while (path := self._metadata / f"{number + 1}.root.json").exists():
                number, known, before = number + 1, path.read_bytes(), known
                if not _succeeds(known, before, number):
                    raise DirectoryError(detail=f"{path} is not signed by the holders of the root")
            return Metadata[Root].from_bytes(known)
        except (OSError, RepositoryError, ValueError) as error:
            raise DirectoryError(detail=f"{self._folder} is no directory, or is damaged") from error

    def _read(self, name: str) -> Metadata[Any]:
        try:
            return Metadata.from_bytes((self._metadata / name).read_bytes())
        except (OSError, RepositoryError) as error:
            raise DirectoryError(detail=f"{self._folder} is no directory, or is damaged") from error

    def _read_document(self, role: str, metadata: Metadata[Any]) -> bytes | None:
        if role not in DELEGATED:
            return None
        target = metadata.signed.targets[f"{role}/current.json"]
        data = self._target_path(f"{role}/current.json", target.hashes["sha256"]).read_bytes()
        target.verify_length_and_hashes(data)
        return data

    def _write_version(self, version: Version, *before: bytes) -> None:
        """Publish a version, with its document, and those `before` where they are not published yet by that name."""
        if version.document is not None:
            targets: Targets = version.metadata.signed
            known = {hashlib.sha256(data).hexdigest(): data for data in (version.document, *before)}
            for name, target in targets.targets.items():
                path = self._target_path(name, target.hashes["sha256"])
                data = known.get(target.hashes["sha256"])
                if data is not None and not path.exists():
                    write_atomic(path, data)
        self._write(f"{version.number}.{version.role}.json", version.metadata)

    def _target_path(self, name: str, digest: str) -> Path:
        """Consistent snapshots: a target's file name begins with its hash."""
        role, _, base = name.partition("/")
        return self._targets / role / f"{digest}.{base}"

    def _write(self, name: str, metadata: Metadata[Any]) -> None:
        """One file of metadata, as it is published."""
        write_atomic(self._metadata / name, metadata.to_bytes())

    def _expiry(self, role: str) -> dt.datetime:
        return self._now + dt.timedelta(milliseconds=LIFETIME_MS[role])


def _complete(version: Version, state: State, after: State) -> bool:
    """Whether enough have signed `version`: of a root by the keys that it names, and by those before it."""
    if version.role != "root":
        return len(after.signed_by(version)) >= after.threshold(version.role)
    metadata = version.metadata
    result = metadata.signed.get_root_verification_result(state.root, metadata.signed_bytes, metadata.signatures)
    verified: bool = result.verified
    return verified


@lru_cache(maxsize=256)
def _succeeds(later: bytes, root: bytes, number: int) -> bool:
    """Whether the holders of `root` have signed `later`, and it is that number; kept, as these bytes never change.

    Raises as `Metadata.from_bytes` for what is no root.
    """
    signed = Metadata[Root].from_bytes(root).signed
    metadata = Metadata[Root].from_bytes(later)
    result = metadata.signed.get_root_verification_result(signed, metadata.signed_bytes, metadata.signatures)
    return bool(result.verified) and metadata.signed.version == number


def _verifies(root: Root, role: str, metadata: Metadata[Any]) -> bool:
    verified: bool = root.get_verification_result(role, metadata.signed_bytes, metadata.signatures).verified
    return verified


def _no_holder(role: str) -> DirectoryError:
    return DirectoryError(
        "unknown_signer", f"no key here is one of a holder of {role}", hint="name your own folder with --keys"
    )
