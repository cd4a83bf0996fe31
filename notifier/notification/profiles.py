"""Profiles: whitelists of the fields that each kind of recipient may see.

A recipient gets its profile and no more (S/RES/2396 (2017), paragraphs 6 to 8, 29 to 31); an envelope carries one
profile. Other fields are removed before the body is encoded, so no key can reveal them. No profile has `local` or any
sign of a refugee (`for_sealing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from notifier.notification.model import Notification, Subject

NOT_TOLD: Final = "not_told"
"""The value of a mandatory word that the profile leaves out."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The optional parts of a notification, and the fields of its subject, that a profile includes."""

    parts: frozenset[str]
    subject: frozenset[str]

    def __and__(self, other: Profile) -> Profile:
        """Return the profile of the fields that both include."""
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
"""The parts that a profile decides on, each with its value where the profile leaves it out."""

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
"""The fields of a person that a profile decides on, likewise."""

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
    """Return the name and profile of a recipient of `role`; for a `child`, cut to the minimal one."""
    name = ROLES.get(role, "full")
    if not child:
        return name, PROFILES[name]
    return ("minimal" if name == "full" else f"{name}-minimal"), PROFILES[name] & PROFILES["minimal"]


def cut(notification: Notification, profile: Profile) -> Notification:
    """Return `notification` with the fields of `profile` only."""
    parts = {name: empty for name, empty in PARTS.items() if name not in profile.parts}
    subject = notification.subject
    return replace(notification, **parts, subject=None if subject is None else _cut_subject(subject, profile))


def _cut_subject(subject: Subject, profile: Profile) -> Subject:
    return replace(subject, **{name: empty for name, empty in SUBJECT.items() if name not in profile.subject})
