"""What each kind of recipient may see of a notification: whitelists, as data. Pure.

A recipient gets what stands in its profile and nothing more (S/RES/2396 (2017), paragraphs 6 to 8, 29 to 31);
one envelope carries one profile. What is not in a profile is taken out before the body is encoded, so nobody
can read it, whatever keys they hold. `local` and whatever shows a refugee are in none (`for_sealing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from notifier.notification.model import Notification, Subject

NOT_TOLD: Final = "not_told"
"""Stands where a field must have a word and the profile has none for it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The parts of a notification that go with its mandatory frame, and the fields of its subject."""

    parts: frozenset[str]
    subject: frozenset[str]

    def __and__(self, other: Profile) -> Profile:
        """What both let through."""
        return Profile(self.parts & other.parts, self.subject & other.subject)


PARTS: Final[Mapping[str, Any]] = {
    "movement": None,
    "narrative": None,
    "corridor": None,
    "about": None,
    "correlation": None,
    "reply_by": None,
    "references": (),
    "biometrics": (),
    "amounts": (),
    "counts": (),
}
"""The parts that a profile decides about, with what stands there where it has them not."""

SUBJECT: Final[Mapping[str, Any]] = {
    "category": NOT_TOLD,
    "grounds": (),
    "age": "unknown",
    "names": (),
    "births": (),
    "sex": "unknown",
    "nationalities": (),
    "residences": (),
    "documents": (),
}
"""The fields of a person that a profile decides about, likewise."""

_CASE: Final = frozenset({"about", "correlation", "reply_by"})
_IDENTITY: Final = frozenset({"age", "names", "births", "sex", "nationalities"})

PROFILES: Final[Mapping[str, Profile]] = {
    # A contact point: everything that may leave.
    "full": Profile(frozenset(PARTS), frozenset(SUBJECT)),
    # A child, after review: who and where, and nothing that accuses or describes (paragraphs 29 to 31).
    "minimal": Profile(_CASE | {"movement"}, _IDENTITY | {"category"}),
    # A consular service: whom to visit, not what he or she is suspected of (paragraph 6, VCCR article 36).
    "consular": Profile(_CASE, _IDENTITY | {"documents"}),
    # A financial intelligence unit: the person, the money, the way (paragraph 5).
    "fiu": Profile(
        _CASE | {"movement", "narrative", "references", "amounts"},
        _IDENTITY | {"category", "grounds", "residences", "documents"},
    ),
    # A front-line screener: whom to recognise, by which document (paragraph 8).
    "border": Profile(_CASE | {"movement"}, _IDENTITY | {"documents"}),
}

ROLES: Final[Mapping[str, str]] = {"consular": "consular", "fiu": "fiu", "border": "border"}
"""The profile of each role; every other role has `full`."""


def profile_of(role: str, *, child: bool) -> tuple[str, Profile]:
    """The profile of a recipient of `role`, with its name; of a `child`, no more than the minimal one."""
    name = ROLES.get(role, "full")
    if not child:
        return name, PROFILES[name]
    return ("minimal" if name == "full" else f"{name}-minimal"), PROFILES[name] & PROFILES["minimal"]


def cut(notification: Notification, profile: Profile) -> Notification:
    """`notification` with nothing that the profile does not name."""
    parts = {name: empty for name, empty in PARTS.items() if name not in profile.parts}
    subject = notification.subject
    return replace(notification, **parts, subject=None if subject is None else _cut_subject(subject, profile))


def _cut_subject(subject: Subject, profile: Profile) -> Subject:
    return replace(subject, **{name: empty for name, empty in SUBJECT.items() if name not in profile.subject})
