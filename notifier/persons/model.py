"""Registered submitters of an authority: persons, who submit and decide, and services, which only submit."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar, Final, Self

from notifier.crypto.points import check_signing_key
from notifier.crypto.primitives import pae
from notifier.directory.model import CLOCK_SKEW_MS
from notifier.errors import RefusedError
from notifier.notification.blanks import says_something
from notifier.times import rfc3339

PERMISSIONS: Final = ("assurance", "child_reviewer", "release")
"""The permissions: `assurance` for risks, `child_reviewer` for children, `release` for other holds and restores."""

NAME: Final = re.compile(r"\w(?:[\w .@'-]{0,62}[\w.])?")


class PersonKind(StrEnum):
    """The kind of a registered submitter."""

    PERSON = "person"
    """A human who submits, and decides by permission."""
    SERVICE = "service"
    """A program that submits. It decides nothing, whatever its permissions."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person or service that an authority registered; `public` is an Ed25519 key, times are Unix milliseconds."""

    name: str
    public: bytes
    permissions: frozenset[str]
    added: int
    retired: int | None = None
    kind: PersonKind = PersonKind.PERSON

    def matches(self, name: str) -> bool:
        """Return whether `name` is this person's, in any spelling of case and spaces."""
        return same_person(self.name, name)

    def may(self, permission: str | None) -> bool:
        """Return whether the person has `permission`; a service never has."""
        return self.kind is PersonKind.PERSON and permission in self.permissions


def canonical(value: object) -> bytes:
    """Return the canonical JSON text of a value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def same_person(one: str, other: str) -> bool:
    """Return whether two names are equal but for case and spaces."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def register(
    name: str,
    public: bytes,
    permissions: Iterable[str],
    now: int,
    known: Iterable[Person],
    kind: PersonKind = PersonKind.PERSON,
) -> Person:
    """Return a new person; raises `RefusedError` for a bad or taken name, key or permission.

    A retired person's name and key stay taken, because their signatures stay theirs. A person without a permission
    submits and decides nothing; a service has none.
    """
    wanted = frozenset(permissions)
    if not NAME.fullmatch(name) or not says_something(name):
        raise RefusedError("invalid_person", "a person's name has 1 to 64 letters, digits, spaces or . @ ' - _")
    if not wanted <= set(PERMISSIONS):
        raise RefusedError("invalid_person", f"a person's permissions are {', '.join(PERMISSIONS)}")
    if wanted and kind is PersonKind.SERVICE:
        raise RefusedError(
            "invalid_person", "a service submits only, and has no permission", hint="register a person for that"
        )
    check_signing_key(public)
    for one in known:
        if one.matches(name) or secrets.compare_digest(one.public, public):
            raise RefusedError("person_exists", hint="retired persons keep their name and key: take new ones")
    return Person(name, public, wanted, now, kind=kind)


def entitled(name: str, permission: str, persons: Iterable[Person], what: str) -> Person:
    """Return the person of that name if they have `permission` now; `what` names the decision in the error.

    Raises `RefusedError`: `unknown_person`, `person_retired`, `permission_missing`.
    """
    person = next((one for one in persons if one.matches(name)), None)
    if person is None:
        raise RefusedError("unknown_person", hint="notifier person list shows who is registered")
    if person.retired is not None:
        raise RefusedError("person_retired")
    if not person.may(permission):
        raise RefusedError("permission_missing", f"{what} needs a person with the permission {permission}")
    return person


def under_signature(kind: bytes, document: Mapping[str, object]) -> bytes:
    """Return the bytes that a person signs: the canonical JSON of `document` without its signature, as `kind`."""
    return pae(kind, canonical({name: value for name, value in document.items() if name != "signature"}))


class SignedDocument:
    """A frozen dataclass that a person signs: its fields are its JSON, `signature` (64 bytes) is over all others."""

    __slots__ = ()
    TYPE: ClassVar[bytes]
    signature: bytes

    def signed_form(self) -> bytes:
        """Return the bytes under the signature: the canonical JSON of all fields, as `TYPE`."""
        return under_signature(self.TYPE, self.document())

    def document(self) -> dict[str, Any]:
        """Return the stored form, as JSON."""
        names = [one.name for one in fields(self)]  # type: ignore[arg-type]  # every subclass is a dataclass
        return {name: getattr(self, name) for name in names} | {"signature": self.signature.hex()}

    @classmethod
    def from_document(cls, value: dict[str, Any]) -> Self:
        """Return the value that `document` gave."""
        return cls(**{**value, "signature": bytes.fromhex(value["signature"])})


def check_timely(at: str, since: int, person: Person, now: int) -> None:
    """Raise `RefusedError` (ruling_untimely) unless a decision was signed after its subject arose, and not in future.

    `at` is RFC 3339 text; `since` is the time at which the subject arose, in Unix milliseconds as `now`.
    """
    earliest = rfc3339(max(since, person.added) - CLOCK_SKEW_MS)
    if not earliest <= at <= rfc3339(now + CLOCK_SKEW_MS):
        raise RefusedError("ruling_untimely")
