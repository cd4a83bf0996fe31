"""The public JSON form of a notification, parsed with every fault at once.

`requirements.REQUIREMENTS` states what each type asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from notifier.errors import Fault, MalformedError, NotificationInvalidError
from notifier.names import NotificationId
from notifier.notification import checking
from notifier.notification.checking import Object, any_text, is_date, is_time, pattern
from notifier.notification.dates import earliest, is_birth, is_plausible, proves_child
from notifier.notification.formats import A_DATE, A_TIME, AUTHORITY, is_uuid7, not_empty
from notifier.notification.model import Grading, Handling, Local, Notification, Reference, Subject
from notifier.notification.part_parsing import (
    parse_about,
    parse_amount,
    parse_biometric,
    parse_corridor,
    parse_count,
    parse_grading,
    parse_handling,
    parse_local,
    parse_movement,
    parse_parent,
    parse_reference,
)
from notifier.notification.requirements import REQUIREMENTS, Presence, Requirement
from notifier.notification.subject_parsing import parse_subject, parse_subject_as_received
from notifier.notification.suggesting import with_hints
from notifier.times import day_of

T = TypeVar("T")
NARRATIVE: Final = 8 * 1024
URGENCIES: Final = ("urgent", "priority", "routine")
PURPOSES: Final = ("counter_terrorism", "criminal_investigation", "border_security", "consular_protection")


def parse(document: object) -> Notification:
    """Return the notification in `document`: JSON text, or the value that it holds.

    Raises `NotificationInvalidError` with every fault at once, and `MalformedError` for text that is no JSON. No
    clock is compared, so a notification that was valid once always parses; `timeliness` checks dates at submission.
    """
    value = checking.load(document) if isinstance(document, str | bytes) else document
    if not isinstance(value, dict):
        raise NotificationInvalidError([Fault("", "must be an object")])
    faults: list[Fault] = []
    top = Object(faults, "", value)
    notification = _notification(top)
    top.end()
    if faults:
        raise NotificationInvalidError(with_hints(value, faults))
    return notification


def restore(stored: str | bytes) -> Notification:
    """Return the notification in JSON text that this software stored, without checks.

    It was checked when it was stored, so text that a later version would refuse still opens. Raises `MalformedError`
    for text that is no JSON object.
    """
    value = checking.load(stored)
    if not isinstance(value, dict):
        raise MalformedError(detail="must be an object")
    return _notification(Object(None, "", value))


def _notification(top: Object) -> Notification:
    type_ = top.choice("type", tuple(REQUIREMENTS))
    requirement = REQUIREMENTS.get(type_, Requirement())
    grading = top.nested("grading", parse_grading)
    handling = top.nested("handling", parse_handling)
    review = top.matching("review_date", is_date, A_DATE)
    erase = top.matching("erase_date", is_date, A_DATE)
    parent = top.nested("parent", parse_parent, optional=True)
    if review and erase and review > erase:
        top.fault("review_date", "must not be later than erase_date")
    event_time = top.matching("event_time", is_time, A_TIME)
    subject = _part(
        top, "subject", requirement.subject, parse_subject if parent is None else parse_subject_as_received
    )
    references = top.objects("references", parse_reference, optional=True)
    if subject is not None:
        _check_ages(top, subject, event_time)
        _check_family(top, subject, references)
    return Notification(
        type=type_,
        stage=_stage(top, requirement),
        originator=top.matching("originator", AUTHORITY, "must be an authority, as TUR/spoc"),
        event_time=event_time,
        urgency=top.choice("urgency", URGENCIES),
        purpose=top.choice("purpose", PURPOSES),
        legal_basis=not_empty(top, "legal_basis", top.texts("legal_basis", any_text, "")),
        grading=grading or Grading("4x4", "X", "4"),
        handling=handling or Handling(),
        review_date=review,
        erase_date=erase,
        language=top.matching("language", pattern("[a-z]{2,3}"), "must be a language code, as en (ISO 639)"),
        subject=subject,
        movement=_part(top, "movement", requirement.movement, lambda one: parse_movement(one, requirement)),
        interpol=top.flag("interpol", default=False),
        exercise=top.flag("exercise", default=False),
        narrative=top.maybe("narrative", limit=NARRATIVE),
        corridor=_part(top, "corridor", requirement.corridor, parse_corridor),
        about=_part(top, "about", requirement.about, parse_about),
        parent=parent,
        correlation=top.maybe("correlation"),
        reply_by=top.matching("reply_by", is_time, A_TIME, optional=True) or None,
        references=references,
        biometrics=top.objects("biometrics", parse_biometric, optional=True),
        amounts=_parts(top, "amounts", requirement.amounts, parse_amount),
        counts=_parts(top, "counts", requirement.corridor, parse_count),
        id=_id(top),
        local=top.nested("local", parse_local, optional=True) or Local(),
    )


def _check_ages(top: Object, subject: Subject, event_time: str) -> None:
    """Report a birth after the event, and a stated adult whom every date of birth makes a child.

    An implausible year, even a later one, may be of another calendar: that is a warning and no fault.
    """
    if not event_time or not is_time(event_time) or not all(is_birth(text) for text in subject.births):
        return
    on = day_of(event_time)
    first = [earliest(text) for text in subject.births if is_plausible(text, on)]
    if any(born is None or born > on for born in first):
        top.fault("subject/births", "must not be later than the event")
    elif subject.age == "adult" and proves_child(subject.births, on):
        top.fault("subject/age", "must not be adult: every date of birth says child")


def _check_family(top: Object, subject: Subject, references: tuple[Reference, ...]) -> None:
    """Report a listing, or a notice other than of a missing person, on accompanying family, whom nobody accuses."""
    if subject.category != "accompanying_family":
        return
    for number, one in enumerate(references):
        if one.kind == "un_list" or (one.kind == "interpol_notice" and one.colour != "yellow"):
            top.fault(
                f"references/{number}/kind", "must not be there: accompanying family is not accused of anything"
            )


def _part(top: Object, name: str, presence: Presence, read: Callable[[Object], T]) -> T | None:
    """Return one part where the type has it, else None; report one that must not be there."""
    if presence == "none":
        _absent(top, name)
        return None
    return top.nested(name, read, optional=presence == "optional")


def _parts(top: Object, name: str, presence: Presence, read: Callable[[Object], T]) -> tuple[T, ...]:
    """Return a list of parts where the type has it; report one that must not be there."""
    if presence == "none":
        _absent(top, name)
        return ()
    found = top.objects(name, read, optional=presence == "optional")
    return not_empty(top, name, found) if presence == "mandatory" else found


def _absent(top: Object, name: str) -> None:
    if top.raw(name, optional=True) not in (None, []):
        top.fault(name, "must not be there: this type has none")


def _stage(top: Object, requirement: Requirement) -> str | None:
    value = top.raw("stage", optional=True)
    if not requirement.stages:
        if value is not None:
            top.fault("stage", "must be null: this type has no stages")
        return None
    if value is None:
        top.fault("stage", f"is mandatory: one of {', '.join(requirement.stages)}")
        return requirement.stages[0]
    return top.one_of("stage", value, requirement.stages)


def _id(top: Object) -> bytes | None:
    text = top.matching("id", is_uuid7, "must be a UUID of version 7", optional=True)
    return NotificationId.parse(text) if text and is_uuid7(text) else None
