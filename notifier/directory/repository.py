"""The TUF repository of a directory, administered by hand: versions, thresholds, staged signatures (python-tuf).

Below `folder` are ``metadata/`` and ``targets/`` for clients, and ``1.root.json`` to be published and trusted.
Versions that lack signatures stay outside (`Staging`). Top-level targets only delegates. `directory` and `rules` sign
their own documents: ``current.json`` and the former one as ``previous.json``; every version of the rules also stays
under its number.

A version is published when every role has its threshold of signatures and the online keys are at hand: all dependent
changes go into one snapshot, the timestamp last. A client sees complete signatures at every moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from securesystemslib.signer import Key, Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Root, Snapshot, Targets, Timestamp

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
from notifier.directory.model import Key as ListedKey
from notifier.directory.published import PublishedFolder
from notifier.directory.roles import (
    DELEGATED,
    HOLDERS,
    ONLINE_ROLES,
    THRESHOLD,
    THRESHOLD_ROLES,
    delegator_of,
)
from notifier.directory.staging import Staging
from notifier.directory.stamping import OnlineRoles, no_holder, verifies
from notifier.errors import DirectoryError, NotFoundError, RefusedError
from notifier.files import write_atomic


@dataclass(frozen=True)
class Pending:
    """A staged version: its changes (`reading`), or the reason why it may not be signed (`fault`).

    `signed_by` are the holders' keys that signed, of which `threshold` must. `complete` means that enough did: only
    the online keys are missing, or a version to be published with it.
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
    """The repository in `folder`, signed with the keys in `key_folders`."""

    def __init__(self, folder: Path, key_folders: Iterable[Path], now: int) -> None:
        self._published = PublishedFolder(folder)
        self._staging = Staging(folder)
        self._signers = read_signers(key_folders)
        self._online = OnlineRoles(self._published, self._signers, now)
        self._now_ms = now

    @classmethod
    def create(cls, folder: Path, keys: Path, documents: Mapping[str, Mapping[str, Any]], now: int) -> Repository:
        """Create a repository with all keys below `keys`, and sign `documents` (of `directory` and `rules`).

        Raises `DirectoryError` where there is one already.
        """
        if (folder / "1.root.json").exists():
            raise DirectoryError(detail=f"there is a directory in {folder} already")
        for role in (*THRESHOLD_ROLES, *ONLINE_ROLES):
            for old in keys.glob(f"{role}-*.pem"):  # left by an interrupted run
                old.unlink()
            for _ in range(HOLDERS if role in THRESHOLD_ROLES else 1):
                make_key(keys, role)
        repository = cls(folder, [keys], now)
        for path in (repository._published.metadata, repository._published.targets, repository._staging.folder):
            path.mkdir(parents=True, exist_ok=True)
        repository._create(documents)
        return repository

    def _create(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        root = Root(expires=self._online.expiry("root"), consistent_snapshot=True)
        targets = Targets(expires=self._online.expiry("targets"))
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
            body, data = Targets(expires=self._online.expiry(role)), encoded(documents[role])
            add_document(body, role, data, None)
            made.append(Version(role, Metadata(body), data))
        for version in made:
            for signer in self._signers[version.role]:
                version.metadata.sign(signer, append=True)
            self._published.write_version(version)
        numbers = {version.role: version.number for version in made if version.role != "root"}
        snapshot = Snapshot(expires=self._online.expiry("snapshot"))
        self._online.publish(root, snapshot, Timestamp(expires=self._online.expiry("timestamp")), numbers, first=True)
        # Last, because it marks a complete directory: an interrupted creation starts again.
        write_atomic(self._published.folder / "1.root.json", (self._published.metadata / "1.root.json").read_bytes())

    # Changes by holders.

    def publish(self, role: str, document: Mapping[str, Any], requests: Sequence[Request] = ()) -> bool:
        """Make a new version of the document of `role` (directory, rules); the former one stays as previous.

        `requests` are the enrolments in it. Returns whether it is published; else it is staged and waits for
        signatures (`sign`) or the online keys (`freshen`). Raises `DirectoryError` where another version is staged,
        and (unknown_signer) where no key at hand is a holder's of that role.
        """
        current = self.state().versions[role]
        version = following(current, encoded(document), self._online.expiry(role))
        return self._begin([version], requests)

    def renew(self, role: str) -> bool:
        """Sign the content of `role` again for a new lifetime; return as `publish`."""
        return self._begin([following(self.state().versions[role], None, self._online.expiry(role))])

    def change_keys(self, role: str, add: Sequence[Key], remove: Sequence[str]) -> bool:
        """Change the keys that sign for `role`; return whether the change is published, as `publish`.

        Signatures on the present version of `role` may no longer suffice: it is then signed again, and both are
        published together.
        """
        state = self.state()
        delegator = following(state.versions[delegator_of(role)], None, self._online.expiry(delegator_of(role)))
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
                versions.append(following(present, None, self._online.expiry(role)))
        return self._begin(versions)

    def sign(self, digest: str) -> Pending | None:
        """Sign the staged version of that digest with the keys at hand; return its state, None where it is published.

        Raises `NotFoundError` for an unknown digest. Raises `DirectoryError` where it may not be signed,
        where no other holder has signed it yet, or (unknown_signer) where no key at hand is a holder's of its role.
        """
        state = self.state()
        found = next((one for one in self.pending() if one.digest == digest), None)
        if found is None:
            raise NotFoundError(detail="no staged version has this digest", hint="notifier directory sign lists them")
        if found.fault is not None:
            raise DirectoryError(detail=f"version {found.number} of {found.role} is not signed: {found.fault}")
        version = self._staging.read(found.role)
        signers = [one for known in (state, state.having(version)) for one in self._holding(found.role, known)]
        mine = {one.public_key.keyid for one in (*signers, *self._holding(found.role, self._intended(state)))}
        if not mine:
            raise no_holder(f"the role {found.role}")
        if found.threshold > 1 and not set(state.signed_by(version)) - mine:
            raise DirectoryError(
                detail=f"no other holder has signed version {found.number} of {found.role}",
                hint="the holder who makes a change signs it first",
            )
        self._sign(version, state, state.having(version))
        self._staging.put(version)
        self._advance()
        return next((one for one in self.pending() if one.digest == digest), None)

    def drop(self, role: str) -> None:
        """Remove the staged version of `role`; raises `NotFoundError` where there is none."""
        if role not in self._staging.roles():
            raise NotFoundError(detail=f"no version of {role} is staged")
        self._staging.drop(role)

    def freshen(self) -> list[str]:
        """Publish completely signed versions, and renew the timestamp; return the roles with a new version.

        It needs the online keys alone. Raises `DirectoryError` (unknown_signer) where they are missing.
        """
        if not self._staging.roles():
            root = self._published.root().signed
            if not all(self._online.signers(role, root) for role in ONLINE_ROLES):
                raise no_holder("the roles snapshot and timestamp")
            self._online.publish(root, *self._online.published(root), {})
            return []
        published = self._advance(must=True)
        if not published:
            root = self._published.root().signed
            self._online.publish(root, *self._online.published(root), {})
        return published

    # Queries.

    def document(self, role: str) -> dict[str, Any]:
        """Return the current document of `role` in this folder."""
        found: dict[str, Any] = json.loads(self.state().versions[role].document or b"")
        return found

    def staged(self, role: str) -> dict[str, Any] | None:
        """Return the document of `role` that waits for signatures; None where none does.

        Raises `DirectoryError` where it is damaged, or differs from its metadata.
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
        """Return every staged version with its state."""
        roles = self._staging.roles()
        state = self.state() if roles else None
        return [self._pending(state, role) for role in roles] if state is not None else []

    def strays(self) -> list[Path]:
        """Return unknown files in the staging folder."""
        return self._staging.strays()

    def state(self) -> State:
        """Return the published versions."""
        return self._published.state()

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
        return hub_id_of((self._published.folder / "1.root.json").read_bytes())

    def _intended(self, state: State) -> State:
        """Return the state with the staged key lists that may be signed; other staged versions go by them."""
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
        """Stage and sign versions that this holder makes; publish them where that suffices."""
        state = self.state()
        for version in versions:
            self._refuse_second(state, version.role)
        after = self._intended(state).having(*versions)
        first, *others = versions
        if not (self._holding(first.role, state) or self._holding(first.role, after)):
            raise no_holder(f"the role {first.role}")
        # A dependent version is staged only where a key for it is at hand.
        mine = [first, *(one for one in others if self._holding(one.role, after))]
        for version in mine:
            self._sign(version, state, after)
            self._staging.put(version)
            if version.role == "directory" and requests:
                self._staging.endorse(requests)
        return set(self._advance()) >= {version.role for version in versions}

    def _refuse_second(self, state: State, role: str) -> None:
        """Refuse to replace a version that a holder signed; drop one that may not be signed."""
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
        """Add the signatures of the keys at hand; existing signatures stay."""
        for state in (*states, self._intended(states[0])):
            for signer in self._holding(version.role, state):
                version.metadata.sign(signer, append=True)

    def _holding(self, role: str, state: State) -> list[Signer]:
        """Return the keys at hand that are the role's; a signature of another key would invalidate the version."""
        trusted = state.keyids(role)
        return [one for one in self._signers.get(role, ()) if one.public_key.keyid in trusted]

    def _advance(self, *, must: bool = False) -> list[str]:
        """Publish the largest set of staged versions that a client would accept together; return their roles.

        Nothing is published without the online keys; with `must` that raises `DirectoryError`.
        """
        state = self.state()
        good = [self._staging.read(one.role) for one in self.pending() if one.fault is None]
        for count in range(len(good), -1, -1):
            for chosen in combinations(good, count):
                after = state.having(*chosen)
                if count and not after.holds(state):
                    continue
                if not all(self._online.signers(role, after.root) for role in ONLINE_ROLES):
                    if must and not count:
                        raise no_holder("the roles snapshot and timestamp")
                    continue
                self._publish(state, after, chosen)
                return [version.role for version in chosen]
        return []

    def _publish(self, before: State, after: State, versions: Sequence[Version]) -> None:
        if not versions:
            return
        stamps = self._online.published(before.root)
        for version in versions:
            if version.role != "root":
                self._published.write_version(version, before.versions[version.role].document or b"")
        numbers = {version.role: version.number for version in versions if version.role != "root"}
        changed = next((version for version in versions if version.role == "root"), None)
        late = changed is not None and not verifies(after.root, "timestamp", self._published.read("timestamp.json"))
        if changed is not None and not late:
            self._published.write_version(changed)
        self._online.publish(after.root, *stamps, numbers, also=before.root)
        if changed is not None and late:
            self._published.write_version(changed)
        for version in versions:
            self._staging.drop(version.role)


def _complete(version: Version, state: State, after: State) -> bool:
    """Return whether `version` has enough signatures; a root needs those of its own and of the former holders."""
    if version.role != "root":
        return len(after.signed_by(version)) >= after.threshold(version.role)
    metadata = version.metadata
    result = metadata.signed.get_root_verification_result(state.root, metadata.signed_bytes, metadata.signatures)
    verified: bool = result.verified
    return verified
