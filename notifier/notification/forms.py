"""The two external forms of a notification: public JSON, and Avro in single-object encoding."""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from notifier.codec.single_object import codec
from notifier.names import NotificationId
from notifier.notification.model import Document, Local, Movement, Name, Nationality, Notification, Subject
from notifier.notification.places import Place
from notifier.notification.states import UNKNOWN

_OPTIONAL: Final = ("corridor", "about", "parent", "correlation", "reply_by")
_OPTIONAL_LISTS: Final = ("references", "biometrics", "amounts", "counts")


def encode(notification: Notification) -> bytes:
    """Return the Avro single-object encoding.

    Raises ValueError for a notification that must not leave: one with `local` or `not_to`, or without an id.
    """
    if notification.local is not None or notification.handling.not_to or notification.id is None:
        raise ValueError("encode takes a notification from for_sealing that has an id")
    record = _record(notification)
    del record["local"]
    return codec("Notification").encode(record)


def decode(data: bytes) -> Notification:
    """Return the notification in `data`; its `local` is None. Raises `MalformedError`."""
    notification: Notification = _build(Notification, codec("Notification").decode(data) | {"local": None})
    return notification


def to_json(notification: Notification, *, local: bool) -> dict[str, Any]:
    """Return the public JSON form; `local` adds the part that never leaves."""
    handling, grading = notification.handling, notification.grading
    document: dict[str, Any] = {
        "type": notification.type,
        "stage": notification.stage,
        "originator": notification.originator,
        "event_time": notification.event_time,
        "urgency": notification.urgency,
        "purpose": notification.purpose,
        "legal_basis": list(notification.legal_basis),
        "grading": _plain(grading),
        "handling": _plain(handling),
        "review_date": notification.review_date,
        "erase_date": notification.erase_date,
        "interpol": notification.interpol,
        "exercise": notification.exercise,
        "language": notification.language,
    }
    if notification.id is not None:
        document = {"id": NotificationId(notification.id).text, **document}
    for name in (*_OPTIONAL, *_OPTIONAL_LISTS):
        value = getattr(notification, name)
        if value:
            document[name] = _plain(value)
    if notification.corridor is not None:
        document["corridor"] = {"from": notification.corridor.start, "to": notification.corridor.end}
    if notification.subject is not None:
        document["subject"] = _subject(notification.subject)
    if notification.movement is not None:
        document["movement"] = _movement(notification.movement)
    document["narrative"] = notification.narrative
    if local and notification.local is not None:
        document["local"] = _local(notification.local)
    return document


def _subject(subject: Subject) -> dict[str, Any]:
    return {
        "category": subject.category,
        "grounds": [_plain(ground) for ground in subject.grounds],
        "age": subject.age,
        "names": [_short(name) for name in subject.names] or "unknown",
        "births": list(subject.births) or "unknown",
        "sex": subject.sex,
        "nationalities": [_short(nationality) for nationality in subject.nationalities] or "unknown",
        "residences": UNKNOWN if subject.residences == (UNKNOWN,) else list(subject.residences),
        "documents": [_short(document) for document in subject.documents],
    }


def _short(value: Name | Nationality | Document) -> dict[str, Any]:
    """Return the value as JSON without its absent fields."""
    return {name: item for name, item in _plain(value).items() if item not in (None, [])}


def _movement(movement: Movement) -> dict[str, Any]:
    document: dict[str, Any] = {
        "in_custody": movement.in_custody,
        "transit": [_place(one) for one in movement.transit],
    }
    for name in ("origin", "destination"):
        place = getattr(movement, name)
        if place is not None:
            document[name] = _place(place)
    return document


def _place(place: Place) -> str | dict[str, str]:
    if place.kind == "unknown":
        return "unknown"
    return place.value if place.kind == "state" else {place.kind: place.value}


def _local(local: Local) -> dict[str, Any]:
    return {
        "refugee": {"status": local.refugee, "feared": list(local.feared)},
        "risk": {"torture": list(local.torture), "death_penalty": list(local.death_penalty)},
        "consular": {"requested": local.consular},
        "approvals": [
            {"hold": one.hold, "state": one.state, "by": one.by, "at": one.at, "reference": one.reference}
            for one in local.approvals
        ],
    }


def _plain(value: Any) -> Any:
    """Return dataclasses as dictionaries and tuples as lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


_record = _plain
"""The Avro record has the fields of the dataclasses."""


def _build(kind: Any, value: Any) -> Any:
    """Return the inverse of `_record`, by the annotations of the dataclass `kind`."""
    if value is None:
        return None
    if get_origin(kind) in (Union, types.UnionType):
        return _build(next(arm for arm in get_args(kind) if arm is not type(None)), value)
    if get_origin(kind) is tuple:
        return tuple(_build(get_args(kind)[0], item) for item in value)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{name: _build(hints[name], item) for name, item in value.items()})
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
