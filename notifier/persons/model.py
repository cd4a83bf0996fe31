"""Who is registered with an authority: persons who submit and decide, and services, which only submit. Pure."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from notifier.crypto.points import check_signing_key
from notifier.crypto.primitives import pae
from notifier.directory.model import CLOCK_SKEW_MS
from notifier.errors import RefusedError
from notifier.notification.blanks import says_something
from notifier.times import rfc3339

PERMISSIONS: Final = ("assurance", "child_reviewer", "release")
"""What a person may decide: `assurance` upon risks, `child_reviewer` upon children, `release` upon the rest, and
upon what a restore left."""

NAME: Final = re.compile(r"\w(?:[\w .@'-]{0,62}[\w.])?")


class PersonKind(StrEnum):
    """What kind of submitter somebody is."""

    PERSON = "person"
    """Submits, and decides what the permissions say."""
    SERVICE = "service"
    """A program that submits. It decides nothing, whatever its permissions say."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom an authority registered; `public` an Ed25519 key, times in Unix milliseconds."""

    name: str
    public: bytes
    permissions: frozenset[str]
    added: int
    retired: int | None = None
    kind: PersonKind = PersonKind.PERSON

    def matches(self, name: str) -> bool:
        """Whether `name` names this person: whoever writes it in capitals is nobody else."""
        return same_person(self.name, name)

    def may(self, permission: str | None) -> bool:
        """Return whether the person may decide what needs `permission`; a service never does."""
        return self.kind is PersonKind.PERSON and permission in self.permissions


def canonical(value: object) -> bytes:
    """One JSON text for one value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def same_person(one: str, other: str) -> bool:
    """Whether two names are one, however they are typed."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def register(
    name: str,
    public: bytes,
    permissions: Iterable[str],
    now: int,
    known: Iterable[Person],
    kind: PersonKind = PersonKind.PERSON,
) -> Person:
    """A new person, or why not: a bad name, key or permission; a name or key that is, or was, somebody's.

    A retired person's name and key are not given again: what they signed must stay theirs. Without a permission a
    person submits and decides nothing; a service has none.
    """
    wanted = frozenset(permissions)
    if not NAME.fullmatch(name) or not says_something(name):
        raise RefusedError("invalid_person", "a person's name has 1 to 64 letters, digits, spaces or . @ ' - _")
    if not wanted <= set(PERMISSIONS):
        raise RefusedError("invalid_person", f"a person may {', '.join(PERMISSIONS)}, and nothing else")
    if wanted and kind is PersonKind.SERVICE:
        raise RefusedError(
            "invalid_person", "a service submits, and decides nothing", hint="register a person for that"
        )
    check_signing_key(public)
    for one in known:
        if one.matches(name) or secrets.compare_digest(one.public, public):
            raise RefusedError("person_exists", hint="retired persons keep their name and key: take new ones")
    return Person(name, public, wanted, now, kind=kind)


def entitled(name: str, permission: str, persons: Iterable[Person], what: str) -> Person:
    """Return the person of that name, who may decide what needs `permission` now; `what` it is, for people.

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
    """Return the bytes that a person signs: the canonical JSON of everything that `document` says, as `kind`."""
    return pae(kind, canonical({name: value for name, value in document.items() if name != "signature"}))


def check_timely(at: str, since: int, person: Person, now: int) -> None:
    """Raise `RefusedError` (ruling_untimely) unless a decision is signed after what it rests on, and not in the
    future.

    `at` is RFC 3339 text; `since` is when what it is about came to be, in Unix milliseconds, as `now`.
    """
    earliest = rfc3339(max(since, person.added) - CLOCK_SKEW_MS)
    if not earliest <= at <= rfc3339(now + CLOCK_SKEW_MS):
        raise RefusedError("ruling_untimely")
