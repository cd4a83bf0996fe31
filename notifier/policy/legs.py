"""The legs of a notification: the states that it touches, the rule of each, and its doubts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from notifier.notification import Notification
from notifier.notification.model import Movement, Nationality, Subject
from notifier.notification.places import Place
from notifier.notification.states import (
    NOT_CITIZENSHIP,
    REFUGEES,
    STATELESS,
    UNKNOWN,
    UNSPECIFIED,
    participant_of,
    successors,
)


@dataclass(frozen=True, slots=True)
class FoundLeg:
    """A leg: `state` is None where none is named yet; `doubt` is the hold that it waits for, None where firm.

    `successors` names the states that followed a former one, `readings` those that sources give for one place code.
    """

    rule: str
    state: str | None
    doubt: str | None = None
    successors: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()


def legs_of(notification: Notification, as_type: str | None = None) -> Iterator[FoundLeg]:
    """Yield every leg in the order of the notification, by the rules of its type (or of `effective_type`).

    Accompanying family in a movement in custody has none: paragraph 3 is about the person in custody.
    """
    type_ = as_type or notification.type
    if only_accompanies(notification, type_):
        return
    if notification.movement is not None:
        yield from _movement_legs(notification.movement, type_)
    if notification.subject is not None:
        yield from _nationality_legs(notification.subject, notification.day)
        yield from _residence_legs(notification.subject)


def only_accompanies(notification: Notification, type_: str) -> bool:
    """Return whether the subject is family that accompanies a deportation or a travel in custody."""
    in_custody = notification.movement is not None and notification.movement.in_custody
    moved = type_ == "deportation" or (type_ == "travel" and in_custody)
    return moved and notification.subject is not None and notification.subject.category == "accompanying_family"


def _movement_legs(movement: Movement, type_: str) -> Iterator[FoundLeg]:
    places: list[tuple[str, Place | None]] = [("origin", movement.origin), ("destination", movement.destination)]
    places += [("transit", place) for place in movement.transit]
    for rule, place in places:
        if place is None or (place.unknown and type_ in ("arrest", "detention")):
            continue
        state = place.state
        if state is not None:
            yield FoundLeg(rule, state)
        else:
            yield FoundLeg(rule, None, "unresolved_place", readings=place.readings)


def _nationality_legs(subject: Subject, on: dt.date) -> Iterator[FoundLeg]:
    for one in subject.nationalities:
        if is_citizenship(one):
            yield _nationality_leg(one, on)
    if shows_no_citizenship(subject.nationalities):
        yield FoundLeg("nationality", None, "nationality_unknown")


def shows_no_citizenship(given: Sequence[Nationality]) -> bool:
    """Return whether the only codes given are of issuers that give nobody citizenship.

    The nationality is unknown then, as with XXX. A revoked nationality is not counted. A stateless person or refugee
    has nothing left to find out for this leg.
    """
    codes = {one.state for one in given if one.status != "revoked" or one.state in NOT_CITIZENSHIP}
    return bool(codes) and codes <= NOT_CITIZENSHIP


def is_citizenship(one: Nationality) -> bool:
    """Return whether it can state a nationality: revoked ones do not, nor do codes of no state."""
    return one.status != "revoked" and one.state not in REFUGEES | NOT_CITIZENSHIP | {STATELESS}


def _nationality_leg(one: Nationality, on: dt.date) -> FoundLeg:
    if one.state in (UNKNOWN, UNSPECIFIED):
        return FoundLeg("nationality", None, "nationality_unknown")
    followed = successors(one.state)
    if followed is not None:
        return FoundLeg("nationality", None, "former_state", followed)
    return FoundLeg("nationality", participant_of(one.state), doubt_about(one, on))


def doubt_about(one: Nationality, on: dt.date) -> str | None:
    """Return the hold of a nationality that is claimed, inferred, or not current on the day `on`; else None."""
    firm = one.status == "documented" and one.is_current(on)
    return None if firm else "nationality_unconfirmed"


def _residence_legs(subject: Subject) -> Iterator[FoundLeg]:
    for code in subject.residences:
        if code != UNKNOWN:
            yield FoundLeg("residence", participant_of(code))
    for document in subject.documents:
        issuer = participant_of(document.issuer)
        if document.of_refugee and issuer is not None:
            yield FoundLeg("residence", issuer)
