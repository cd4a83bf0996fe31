"""Review of a staged version: the checks before it may follow the published one, and its changes in words.

Nobody signs blindly. A version may make exactly one change to the one before it. Any other content of its metadata is
refused, because the words for the holder would not show it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from tuf.api.metadata import DelegatedRole, Metadata, Root, TargetFile, Targets

from notifier.directory import rulebook
from notifier.directory.document import from_document, read_document, to_document
from notifier.directory.model import CLOCK_SKEW_MS, DAY_MS, Directory
from notifier.directory.roles import DELEGATED, LIFETIME_MS, NUMBERED, delegator_of
from notifier.directory.wording import Endorser, changes, day
from notifier.errors import DirectoryError
from notifier.rules.ruleset import RuleSet

NOTHING: Final = "nothing changes: it is signed again as it is"
SPARE_MS: Final = DAY_MS  # a version may be valid this much longer than one that is made now


@dataclass(frozen=True)
class Version:
    """A version of a holders' role: its metadata, and its document where the role has one."""

    role: str
    metadata: Metadata[Any]
    document: bytes | None = None

    @property
    def number(self) -> int:
        """Return the version number in the metadata."""
        number: int = self.metadata.signed.version
        return number

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the signed part in hex, by which a holder names the version."""
        return hashlib.sha256(self.metadata.signed_bytes).hexdigest()

    @property
    def ends(self) -> int:
        """Return the time of expiry in Unix milliseconds."""
        return int(self.metadata.signed.expires.timestamp() * 1000)


@dataclass(frozen=True)
class State:
    """The versions of all holders' roles together."""

    versions: Mapping[str, Version]

    def having(self, *versions: Version) -> State:
        """Return this state with `versions` in place of its own."""
        return replace(self, versions=dict(self.versions) | {one.role: one for one in versions})

    @property
    def root(self) -> Root:
        """Return the root's signed part."""
        root: Root = self.versions["root"].metadata.signed
        return root

    def delegator(self, role: str) -> Root | Targets:
        """Return the signed part that names the holders of `role`."""
        found: Root | Targets = self.versions[delegator_of(role)].metadata.signed
        return found

    def keyids(self, role: str) -> tuple[str, ...]:
        """Return the ids of the keys of `role`."""
        return tuple(self.delegator(role).get_delegated_role(role).keyids)

    def threshold(self, role: str) -> int:
        """Return the number of holders of `role` that must sign."""
        threshold: int = self.delegator(role).get_delegated_role(role).threshold
        return threshold

    def signed_by(self, version: Version) -> tuple[str, ...]:
        """Return the ids of the holders with a valid signature on `version`."""
        metadata = version.metadata
        result = self.delegator(version.role).get_verification_result(
            version.role, metadata.signed_bytes, metadata.signatures
        )
        return tuple(result.signed)

    def holds(self, before: State) -> bool:
        """Return whether a client that knows the root of `before` accepts this state."""
        root = self.versions["root"].metadata
        if root.signed.version != before.root.version:
            result = root.signed.get_root_verification_result(before.root, root.signed_bytes, root.signatures)
            if not result.verified:
                return False
        return all(
            len(self.signed_by(self.versions[role])) >= self.threshold(role) for role in ("targets", *DELEGATED)
        )


@dataclass(frozen=True)
class Reading:
    """The changes of a version: `words` are one line each; for rules also both versions, which are compared apart."""

    words: tuple[str, ...]
    rules: tuple[RuleSet, RuleSet] | None = None


def review_version(state: State, version: Version, endorser: Endorser, now: int) -> Reading:
    """Return the changes of `version` in `state`; raises `DirectoryError` where it may not be signed."""
    current = state.versions[version.role]
    if version.number != current.number + 1:
        raise DirectoryError(detail=f"it is version {version.number}, but the next one must be {current.number + 1}")
    if not now < version.ends <= now + LIFETIME_MS[version.role] + SPARE_MS:
        raise DirectoryError(detail=f"it would be valid until {day(version.ends)}, which is past or too late")
    if version.role == "root":
        found = Reading(tuple(_root(current, version)))
    elif version.role == "targets":
        found = Reading(tuple(_targets(current, version)))
    else:
        found = _document(current, version, endorser, now)
    words = found.words if found.words or found.rules else (NOTHING,)
    return replace(found, words=(*words, f"the {version.role} is valid until {day(version.ends)}"))


def following(current: Version, document: bytes | None, expires: dt.datetime) -> Version:
    """Return the unsigned version after `current` of a document role; the same content where `document` is None."""
    body: Any = Metadata.from_bytes(current.metadata.to_bytes()).signed
    body.version += 1
    body.expires = expires
    if document is not None and document != current.document:
        add_document(body, current.role, document, current.document)
    return Version(current.role, Metadata(body), document or current.document)


def add_document(body: Targets, role: str, document: bytes, before: bytes | None) -> None:
    """List `document` in `body` as the current one of its role, and `before` as the previous one."""
    names = {f"{role}/current.json": document}
    if before is not None:
        names[f"{role}/previous.json"] = before
    if role in NUMBERED:
        names[f"{role}/{json.loads(document)['version']}.json"] = document
    body.targets |= {name: TargetFile.from_data(name, data) for name, data in names.items()}


def _document(current: Version, version: Version, endorser: Endorser, now: int) -> Reading:
    body, data = version.metadata.signed, version.document
    if data is None or current.document is None:
        raise DirectoryError(detail="its document is missing")
    document = read_document(data, "its document")
    if not isinstance(document, dict) or not isinstance(document.get("version"), int):
        raise DirectoryError(detail="its document has no version")
    wanted = following(current, data, body.expires).metadata.signed
    if body != wanted:
        raise DirectoryError(detail="its metadata says more than its document")
    if data == current.document:
        return Reading(())
    found: Reading
    if version.role == "rules":
        found = _rules(current.document, document)
        written: Any = found.rules[1].to_document() if found.rules else None
    else:
        before = from_document(json.loads(current.document), bytes(16))
        after = from_document(document, bytes(16))
        _dated(before.version, before.issued_at, after.version, after.issued_at, now)
        found, written = Reading(tuple(changes(before, after, endorser))), to_document(after)
    if encoded(written) != data:
        raise DirectoryError(detail="its document is not in the canonical form of this program")
    if found.rules is not None:
        old, new = found.rules
        _dated(old.version, old.issued_at, new.version, new.issued_at, now)
    return found


def _rules(current: bytes, document: object) -> Reading:
    before, after = RuleSet.from_document(json.loads(current)), RuleSet.from_document(document)
    rulebook.check(after)
    was, now = before.to_document(), after.to_document()
    # A comparison of the common parts would not show added or dropped parts.
    parts = sorted({*was, *now} - {"version", "issued_at"})
    words = tuple(f"{part}: stand in the rules from now on" for part in parts if part not in was)
    return Reading(words + tuple(f"{part}: ARE DROPPED" for part in parts if part not in now), (before, after))


def _dated(old: int, old_at: int, new: int, new_at: int, now: int) -> None:
    if new != old + 1:
        raise DirectoryError(detail=f"its document is version {new}, but the next one must be {old + 1}")
    if not old_at <= new_at <= max(old_at, now + CLOCK_SKEW_MS):
        raise DirectoryError(
            detail=f"its document was made on {day(new_at)}: before the current one, or in the future"
        )


def encoded(document: Mapping[str, Any]) -> bytes:
    """Return the published bytes of a document."""
    return json.dumps(document, sort_keys=True, indent=1).encode()


def _root(current: Version, version: Version) -> list[str]:
    old, new = current.metadata.signed, version.metadata.signed
    if not isinstance(new, Root) or sorted(new.roles) != sorted(old.roles) or not new.consistent_snapshot:
        raise DirectoryError(detail="it is no root of this directory")
    for role in new.roles:
        _role(role, old.roles[role], new.roles[role])
    _only(new, new.keys, [keyid for role in new.roles.values() for keyid in role.keyids])
    return [line for role in sorted(new.roles) for line in _holders(role, old.roles[role], new.roles[role])]


def _targets(current: Version, version: Version) -> list[str]:
    old, new = current.metadata.signed, version.metadata.signed
    was, now = (one.delegations if isinstance(one, Targets) else None for one in (old, new))
    if was is None or now is None or was.roles is None or now.roles is None or new.targets:
        raise DirectoryError(detail="it is no list of the roles of this directory")
    if list(was.roles) != list(now.roles):
        raise DirectoryError(detail="it has other roles")
    for role, one in now.roles.items():
        before: DelegatedRole = was.roles[role]
        _role(role, before, one)
        if (one.paths, one.terminating, one.path_hash_prefixes) != (before.paths, True, None):
            raise DirectoryError(detail=f"it gives {role} other paths")
    _only(new, now.keys, [keyid for one in now.roles.values() for keyid in one.keyids])
    return [line for role in now.roles for line in _holders(role, was.roles[role], now.roles[role])]


def _role(role: str, old: Any, new: Any) -> None:
    if new.threshold != old.threshold:
        raise DirectoryError(detail=f"{new.threshold} would sign for {role} in place of {old.threshold}")
    if len(set(new.keyids)) < new.threshold:
        raise DirectoryError(detail=f"{role} would have fewer holders than have to sign")


def _only(signed: Any, keys: Mapping[str, Any], used: Sequence[str]) -> None:
    """Raise `DirectoryError` for content that the words do not show, and for a key of two roles."""
    if sorted(used) != sorted(keys) or signed.unrecognized_fields:
        raise DirectoryError(detail="it lists a key for two roles or none, or says something unknown")
    if any(key.keytype != "ed25519" or key.scheme != "ed25519" for key in keys.values()):
        raise DirectoryError(detail="it lists a key that is not Ed25519")


def _holders(role: str, old: Any, new: Any) -> list[str]:
    added = [keyid for keyid in new.keyids if keyid not in old.keyids]
    gone = [keyid for keyid in old.keyids if keyid not in new.keyids]
    lines = [f"{role}: key {keyid} signs for it from now on" for keyid in added]
    return lines + [f"{role}: key {keyid} DOES NOT sign for it any more" for keyid in gone]


def directory_of(version: Version, hub_id: bytes) -> Directory:
    """Return the directory in a version of the role `directory`."""
    return from_document(read_document(version.document or b"", "directory/current.json"), hub_id)
