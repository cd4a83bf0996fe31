"""Administration of a directory: enrolment, retirement of keys, changes of rules, renewals."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from securesystemslib.signer import Key as PublicKey

from notifier.audit.checkpoint import Verifier
from notifier.crypto.keys import DecryptionKey, KeyUse, SigningKey, key_id
from notifier.directory import enrolment, rulebook
from notifier.directory.builtin import permissions_of, principal_of
from notifier.directory.ceremony import State
from notifier.directory.client import hub_id_of
from notifier.directory.document import from_document, to_document
from notifier.directory.enrolment import HUB, Challenge, LogKeyRequest, Request, check_log_request
from notifier.directory.model import DAY_MS, Authority, AuthorityState, Directory, Hub, Key, KeyState, LogKey
from notifier.directory.repository import Pending, Repository
from notifier.directory.roles import due
from notifier.errors import DirectoryError, NotFoundError
from notifier.files import folder_lock
from notifier.keyfiles import write_private
from notifier.notification.suggesting import did_you_mean, parties_like
from notifier.rules.diff import changes
from notifier.rules.ruleset import RuleSet, default_rules
from notifier.runtime import Clock
from notifier.topics import feed_of

P = ParamSpec("P")
T = TypeVar("T")

KEY_DAYS: Final = 365
PENDING: Final = "pending"


def create(folder: Path, keys: Path, hub: Path, origin: str, partitions: int, now: int) -> Directory:
    """Create a directory without authorities in `folder`; role keys go below `keys`, the hub's below `hub`."""
    signing, decryption = SigningKey.generate(secrets.token_bytes), DecryptionKey.generate(secrets.token_bytes)
    log = SigningKey.generate(secrets.token_bytes)
    public = (_new(KeyUse.SIGN, signing.public, now), _new(KeyUse.ENCRYPT, decryption.public, now))
    made = Hub(bytes(16), public, partitions, origin, Verifier(origin, log.public).vkey)
    directory = Directory(1, now, made, {})
    documents = {"directory": to_document(directory), "rules": default_rules(1, now).to_document()}
    Repository.create(folder, keys, documents, now)
    for name, secret in (("signing.key", signing), ("encryption.key", decryption), ("log.key", log)):
        write_private(hub / name, secret.secret)
    return directory


def _alone(act: Callable[Concatenate[Registry, P], T]) -> Callable[Concatenate[Registry, P], T]:
    """Wrap an action in the folder's lock, from reading the current version to writing the next one."""

    @wraps(act)
    def call(registry: Registry, /, *given: P.args, **named: P.kwargs) -> T:
        with folder_lock(registry.folder):
            return act(registry, *given, **named)

    return call


class Registry:
    """The directory in `folder`, changed with the signing keys in `keys`."""

    def __init__(self, folder: Path, keys: Path, clock: Clock) -> None:
        self.folder = folder
        self._keys = keys
        self._clock = clock
        try:
            self.hub_id = hub_id_of((folder / "1.root.json").read_bytes())
        except OSError as error:
            raise DirectoryError(
                detail=f"there is no directory in {folder}", hint="make one with notifier directory init"
            ) from error

    @property
    def directory(self) -> Directory:
        """Return the current version in this folder."""
        return from_document(self._repository().document("directory"), self.hub_id)

    def _repository(self) -> Repository:
        return Repository(self.folder, [self._keys], self._clock())

    def issue_challenge(self, asked: Request) -> Challenge:
        """Check a request; return the challenge for its encryption key."""
        enrolment.check_request(asked, self.hub_id)
        posed, expected = enrolment.challenge(asked, self.hub_id, secrets.token_bytes)
        write_private(self._pending(asked), json.dumps({"answer": expected.hex()}).encode())
        return posed

    @_alone
    def enrol(self, asked: Request, given: bytes) -> bool:
        """Enrol the keys of a request whose challenge is answered; return whether the new version is published.

        A known authority, or the hub, keeps its other keys: retire them once the new ones are in use. Every holder
        who signs sees whether a present key endorsed the new ones.
        """
        enrolment.check_request(asked, self.hub_id)
        pending = self._pending(asked)
        if not pending.exists():
            raise NotFoundError(detail="no challenge was posed to this request", hint="notifier directory add, first")
        enrolment.check_answer(bytes.fromhex(json.loads(pending.read_text())["answer"]), given)
        now, directory = self._clock(), self.directory
        added = (_new(KeyUse.SIGN, asked.signing, now), _new(KeyUse.ENCRYPT, asked.encryption, now))
        listed = {key.key_id for one in directory.authorities.values() for key in one.keys}
        listed |= {key.key_id for key in directory.hub.keys}
        if any(key.key_id in listed for key in added):
            raise DirectoryError(detail="one of these keys is in the directory already", hint="make new keys")
        name = asked.authority
        if name == HUB:
            changed = replace(directory, hub=replace(directory.hub, keys=directory.hub.keys + added))
        else:
            known = directory.authority(name)
            known = known or Authority(name, principal_of(name), feed_of(name), (), permissions_of(name))
            changed = _having(directory, replace(known, keys=known.keys + added))
        out = self._publish(changed, [asked] if asked.endorsement else [])
        pending.unlink()
        return out

    @_alone
    def change_key(self, name: str, wanted: bytes, state: KeyState) -> bool:
        """Retire or revoke a key of an authority or the hub by its id; return whether the new version is published.

        Raises `DirectoryError` where the hub would retire its last key for a use.
        """
        directory, now = self.directory, self._clock()
        keys = directory.hub.keys if name == HUB else self._known(directory, name).keys
        found = next((key for key in keys if key.key_id == wanted), None)
        if found is None:
            raise NotFoundError(detail=f"{name} has no key of that id", hint="notifier directory show lists them")
        changed = tuple(replace(key, state=state, changed_at=now) if key is found else key for key in keys)
        if name == HUB:
            if state is KeyState.RETIRING and not any(key.makes(now) and key.use is found.use for key in changed):
                raise DirectoryError(
                    detail="the hub has no other key for this", hint="first notifier directory request hub"
                )
            return self._publish(replace(directory, hub=replace(directory.hub, keys=changed)))
        return self._publish(_having(directory, replace(self._known(directory, name), keys=changed)))

    @_alone
    def change_standing(
        self, authority: str, *, state: AuthorityState | None = None, publishes: frozenset[str] | None = None
    ) -> bool:
        """Change the standing or permissions of an authority; return whether the new version is published.

        The change counts from now on. The former standing stays dated in its history, so that earlier messages can be
        read. Raises `DirectoryError` for an unknown or removed authority, and for a change that changes nothing.
        """
        directory = self.directory
        known = self._known(directory, authority)
        if known.state is AuthorityState.REMOVED:
            raise DirectoryError(detail=f"{authority} was removed for good", hint="enrol it under another name")
        changed = known.changed(self._clock(), state=state, publishes=publishes)
        if (changed.state, changed.publishes) == (known.state, known.publishes):
            raise DirectoryError(detail=f"{authority} has this standing already")
        return self._publish(_having(directory, changed))

    @_alone
    def change_log_key(self, asked: LogKeyRequest) -> bool:
        """Make another key sign the log from now on; return whether the new version is published.

        Signatures of the former key still verify: it is listed as retiring until it is revoked.
        """
        directory = self.directory
        hub = directory.hub
        check_log_request(asked, self.hub_id, hub.log_origin)
        if asked.vkey in (hub.log_key, *(one.vkey for one in hub.log_keys_before)):
            raise DirectoryError(detail="the log had this key already", hint="make a new one")
        before = LogKey(hub.log_key, KeyState.RETIRING, self._clock())
        changed = replace(hub, log_key=asked.vkey, log_keys_before=(*hub.log_keys_before, before))
        return self._publish(replace(directory, hub=changed))

    @_alone
    def revoke_log_key(self, vkey: str) -> bool:
        """Revoke an earlier key of the log; return whether the new version is published.

        Its signatures no longer verify.
        """
        directory, now = self.directory, self._clock()
        earlier = directory.hub.log_keys_before
        if vkey not in {one.vkey for one in earlier if one.state is not KeyState.REVOKED}:
            raise NotFoundError(
                detail="this is not an earlier key of the log",
                hint="notifier directory show lists them; replace the current one first (notifier directory log)",
            )
        changed = tuple(LogKey(vkey, KeyState.REVOKED, now) if one.vkey == vkey else one for one in earlier)
        return self._publish(replace(directory, hub=replace(directory.hub, log_keys_before=changed)))

    @staticmethod
    def _known(directory: Directory, name: str) -> Authority:
        known = directory.authority(name)
        if known is None:
            raise _unknown(name, directory)
        return known

    @property
    def rules(self) -> RuleSet:
        """Return the current version of the rules in this folder."""
        return RuleSet.from_document(self._repository().document("rules"))

    @property
    def staged_rules(self) -> RuleSet:
        """Return the version of the rules that waits for signatures; raises `NotFoundError` for none."""
        document = self._repository().staged("rules")
        if document is None:
            raise NotFoundError(detail="no version of the rules waits for signatures")
        return RuleSet.from_document(document)

    @_alone
    def change_rules(self, wanted: RuleSet, *, replace_staged: bool = False) -> tuple[RuleSet, bool]:
        """Make the next version of the rules with the content of `wanted`; return it and whether it is published.

        `wanted` has the number of the version that it was made from. The table of territories that applied is written
        into it where it has none. Raises `DirectoryError` where that version is not the current one, where nothing
        changes, where the content is invalid, and where another version waits for signatures.
        """
        current = self.rules
        if wanted.version != current.version:
            raise DirectoryError(
                detail=f"the file was made from version {wanted.version} of the rules, not from {current.version}",
                hint="begin with notifier rules show --json",
            )
        rulebook.check(wanted)
        issued_at = max(self._clock(), current.issued_at)
        following = replace(wanted, version=current.version + 1, issued_at=issued_at, territories=wanted.answers.rows)
        if not changes(current, following) and current.territories is not None:
            raise DirectoryError(detail=f"version {current.version} of the rules has this content already")
        repository = self._repository()
        if replace_staged and repository.staged("rules") is not None:
            repository.drop("rules")
        return following, repository.publish("rules", following.to_document())

    # Every role.

    @_alone
    def renew(self, role: str) -> bool:
        """Sign the current version of a role again, for its whole lifetime; return whether it is published."""
        return self._repository().renew(role)

    @_alone
    def change_role(self, role: str, add: Sequence[PublicKey], remove: Sequence[str]) -> bool:
        """Change the keys that sign for `role`; return whether the change is published."""
        return self._repository().change_keys(role, add, remove)

    @_alone
    def sign(self, digest: str) -> Pending | None:
        """Sign the version of that digest with the keys at hand; return its state, None where it is published."""
        return self._repository().sign(digest)

    @_alone
    def freshen(self) -> list[str]:
        """Renew the timestamp, and publish completely signed versions; return the roles with a new version."""
        return self._repository().freshen()

    @_alone
    def drop(self, role: str) -> None:
        """Remove the staged version of `role`."""
        self._repository().drop(role)

    def due(self) -> list[str]:
        """Return the roles that holders must renew now, and that have no staged version."""
        now, waiting = self._clock(), {one.role for one in self.pending()}
        versions = self.state().versions
        return [role for role, one in versions.items() if role not in waiting and due(role, one.ends, now)]

    def pending(self) -> list[Pending]:
        """Return every version that waits for signatures, or for the online keys."""
        return self._repository().pending()

    def strays(self) -> list[Path]:
        """Return unknown files in the staging folder."""
        return self._repository().strays()

    def state(self) -> State:
        """Return the published versions of the holders' roles."""
        return self._repository().state()

    def _publish(self, changed: Directory, requests: Sequence[Request] = ()) -> bool:
        issued_at = max(self._clock(), changed.issued_at)
        following = replace(changed, version=changed.version + 1, issued_at=issued_at)
        return self._repository().publish("directory", to_document(following), requests)

    def _pending(self, asked: Request) -> Path:
        """Return the file of the challenge; it is bound to the keys, so another request has another challenge."""
        name = key_id(KeyUse.ENCRYPT, asked.encryption).hex() + key_id(KeyUse.SIGN, asked.signing).hex()
        return self._keys / PENDING / f"{name}.json"


def _unknown(authority: str, directory: Directory) -> DirectoryError:
    meant = did_you_mean(parties_like(authority, directory.authorities))
    return DirectoryError("unknown_authority", f"the directory has no authority {authority}", hint=meant)


def _new(use: KeyUse, public: bytes, now: int) -> Key:
    return Key(key_id(use, public), use, public, now, now + KEY_DAYS * DAY_MS)


def _having(directory: Directory, changed: Authority) -> Directory:
    return replace(directory, authorities=dict(directory.authorities) | {changed.name: changed})
