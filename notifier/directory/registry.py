"""The directory as it is kept by hand: authorities enrolled, keys retired, rules changed, versions counted."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from notifier.audit.checkpoint import Verifier
from notifier.directory import enrolment, rulebook
from notifier.directory.builtin import permissions_of, principal_of
from notifier.directory.client import hub_id_of
from notifier.directory.document import from_document, to_document
from notifier.directory.enrolment import Challenge, Request
from notifier.directory.model import DAY_MS, Authority, AuthorityState, Directory, Hub, Key, KeyState, KeyUse
from notifier.directory.repository import Repository
from notifier.envelope.keys import DecryptionKey, SigningKey, key_id
from notifier.errors import DirectoryError, Refused
from notifier.files import alone
from notifier.keyfiles import write_private
from notifier.notification.suggesting import did_you_mean, parties_like
from notifier.routing.changes import changes
from notifier.routing.rules import RuleSet, default_rules
from notifier.runtime import Clock
from notifier.topics import feed_of

P = ParamSpec("P")
T = TypeVar("T")

KEY_DAYS: Final = 365
PENDING: Final = "pending"


def create(folder: Path, keys: Path, hub: Path, origin: str, partitions: int, now: int) -> Directory:
    """A new directory in `folder` without authorities; signing keys below `keys`, the hub's own below `hub`."""
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
    """An act of one process at a time: from reading the current version until the next one is written."""

    @wraps(act)
    def call(registry: Registry, /, *given: P.args, **named: P.kwargs) -> T:
        with alone(registry.folder):
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
        """The current version, as this folder has it."""
        return from_document(self._repository().document("directory"), self.hub_id)

    def _repository(self) -> Repository:
        return Repository(self.folder, [self._keys], self._clock())

    def pose(self, asked: Request) -> Challenge:
        """Checks a request, and poses the challenge that its encryption key has to answer."""
        enrolment.check_request(asked, self.hub_id)
        posed, expected = enrolment.challenge(asked, self.hub_id, secrets.token_bytes)
        write_private(self._pending(asked), json.dumps({"answer": expected.hex()}).encode())
        return posed

    @_alone
    def enrol(self, asked: Request, given: bytes) -> bool:
        """Enrols the keys of a request whose challenge is answered; whether that version is out already.

        A known authority gets the keys besides those that it has: retire the old ones when the new are in use.
        """
        enrolment.check_request(asked, self.hub_id)
        pending = self._pending(asked)
        if not pending.exists():
            raise Refused("not_found", "no challenge was posed to this request", hint="notifier directory add, first")
        enrolment.check_answer(bytes.fromhex(json.loads(pending.read_text())["answer"]), given)
        now, directory = self._clock(), self.directory
        added = (_new(KeyUse.SIGN, asked.signing, now), _new(KeyUse.ENCRYPT, asked.encryption, now))
        known = directory.authority(asked.authority)
        if known is None:
            name = asked.authority
            known = Authority(name, principal_of(name), feed_of(name), (), permissions_of(name))
        listed = {key.key_id for one in directory.authorities.values() for key in one.keys}
        if any(key.key_id in listed for key in added):
            raise DirectoryError(detail="one of these keys is in the directory already", hint="make new keys")
        out = self._publish(directory, replace(known, keys=known.keys + added))
        pending.unlink()
        return out

    @_alone
    def change_key(self, authority: str, wanted: bytes, state: KeyState) -> bool:
        """Retires or revokes the key of that id; whether the new version is out already."""
        directory = self.directory
        known = directory.authority(authority)
        if known is None:
            raise _unknown(authority, directory)
        if wanted not in {key.key_id for key in known.keys}:
            raise Refused(
                "not_found", f"{authority} has no key of that id", hint="notifier directory show lists them"
            )
        now = self._clock()
        keys = tuple(replace(key, state=state, changed_at=now) if key.key_id == wanted else key for key in known.keys)
        return self._publish(directory, replace(known, keys=keys))

    @_alone
    def change_standing(
        self, authority: str, *, state: AuthorityState | None = None, publishes: frozenset[str] | None = None
    ) -> bool:
        """Change what an authority is or may send, from now on; return whether the new version is out already.

        What it was before stays dated in its history, so that what was accepted before is read afterwards. Raises
        `DirectoryError` where there is no such authority, and where its standing says the same already.
        """
        directory = self.directory
        known = directory.authority(authority)
        if known is None:
            raise _unknown(authority, directory)
        changed = known.changed(self._clock(), state=state, publishes=publishes)
        if (changed.state, changed.publishes) == (known.state, known.publishes):
            raise DirectoryError(detail=f"the directory says this of {authority} already")
        return self._publish(directory, changed)

    @property
    def rules(self) -> RuleSet:
        """The current version of the rules, as this folder has it."""
        return RuleSet.from_document(self._repository().document("rules"))

    @property
    def staged_rules(self) -> RuleSet:
        """The version of the rules that waits for signatures; `Refused` (not_found) where none does."""
        document = self._repository().staged("rules")
        if document is None:
            raise Refused("not_found", "no version of the rules waits for signatures")
        return RuleSet.from_document(document)

    @_alone
    def change_rules(self, wanted: RuleSet, *, replace_staged: bool = False) -> tuple[RuleSet, bool]:
        """The version that follows upon the current one and says what `wanted` says; whether it is out already.

        `wanted` has the version that it was made from. Where it has no table of territories, the one that applied is
        written into it. Raises `DirectoryError` where that is not the current one,
        where it says the same, or what no rules may say, and where another version waits for signatures.
        """
        current = self.rules
        if wanted.version != current.version:
            raise DirectoryError(
                detail=f"the file was made from version {wanted.version} of the rules, and now is {current.version}",
                hint="begin with notifier rules show --json",
            )
        rulebook.check(wanted)
        following = replace(
            wanted, version=current.version + 1, issued_at=self._clock(), territories=wanted.answers.rows
        )
        if not changes(current, following) and current.territories is not None:
            raise DirectoryError(detail=f"version {current.version} of the rules says this already")
        if self._repository().staged("rules") is not None and not replace_staged:
            raise DirectoryError(
                detail=f"a version {following.version} of the rules waits for signatures already",
                hint="notifier rules diff current staged shows it; --replace-staged drops it",
            )
        return following, self._repository().publish("rules", following.to_document())

    @_alone
    def renew(self, role: str) -> bool:
        """Signs the current version of `directory` or `rules` for another year; whether that is out already."""
        return self._repository().renew(role)

    @_alone
    def sign(self) -> list[str]:
        """Adds the signatures of the keys at hand, and makes the timestamp fresh; what is still short of them."""
        return self._repository().sign()

    def _publish(self, directory: Directory, changed: Authority) -> bool:
        authorities = dict(directory.authorities) | {changed.name: changed}
        following = replace(
            directory, version=directory.version + 1, issued_at=self._clock(), authorities=authorities
        )
        return self._repository().publish("directory", to_document(following))

    def _pending(self, asked: Request) -> Path:
        """Bound to the keys: another request of the same name is another challenge."""
        name = key_id(KeyUse.ENCRYPT, asked.encryption).hex() + key_id(KeyUse.SIGN, asked.signing).hex()
        return self._keys / PENDING / f"{name}.json"


def _unknown(authority: str, directory: Directory) -> DirectoryError:
    meant = did_you_mean(parties_like(authority, directory.authorities))
    return DirectoryError("unknown_authority", f"the directory has no authority {authority}", hint=meant)


def _new(use: KeyUse, public: bytes, now: int) -> Key:
    return Key(key_id(use, public), use, public, now, now + KEY_DAYS * DAY_MS)
