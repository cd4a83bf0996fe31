"""Warnings about a valid notification that is probably wrong, shown to the originator before it sends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from notifier.errors import Fault
from notifier.names import AuthorityName
from notifier.notification.ages import may_be_child
from notifier.notification.codes import withdrawn_before
from notifier.notification.dates import is_plausible, may_be_of, proves_adult
from notifier.notification.model import (
    ASK_FIRST,
    Document,
    Handling,
    Local,
    Name,
    Notification,
    Subject,
    as_it_leaves,
)
from notifier.notification.scripts import written_in
from notifier.notification.states import is_party
from notifier.notification.transcription import follows
from notifier.notification.zone import contradictions, doubts


class WarningKind(StrEnum):
    """The kinds of warnings. The values are stable: scripts and `--accept-warnings` name them."""

    REFUGEE_STATUS_UNKNOWN = "refugee_status_unknown"
    """The refugee status is unknown."""
    REFUGEE_DOCUMENT_POSSIBLE = "refugee_document_possible"
    """An alien's passport without a refugee status; some states print that kind on convention documents."""
    AGE_UNKNOWN = "age_unknown"
    """The age is unknown, and no date of birth proves an adult."""
    AGE_DOUBTFUL = "age_doubtful"
    """An adult is stated, and not every date of birth agrees."""
    BIRTH_IMPLAUSIBLE = "birth_implausible"
    """A date of birth that no living person can have: another calendar, or a year without its century."""
    ZONE_CONTRADICTS = "zone_contradicts"
    """A machine readable zone contradicts the fields beside it."""
    ZONE_DOUBTFUL = "zone_doubtful"
    """A machine readable zone has a date or code that ICAO 9303 does not allow."""
    ICAO_FORM_DIFFERS = "icao_form_differs"
    """An ICAO form that does not follow from the name."""
    SCRIPT_DIFFERS = "script_differs"
    """A name is not written in the stated script."""
    DOCUMENT_KIND_UNLISTED = "document_kind_unlisted"
    """A document code that ICAO 9303 does not list."""
    NATIONALITY_NOT_CURRENT = "nationality_not_current"
    """A nationality that did not hold at the time of the event."""
    CURRENCY_WITHDRAWN = "currency_withdrawn"
    """A currency that was withdrawn before the event."""
    PARTY_UNKNOWN = "party_unknown"
    """A code in release_to or not_to that names no state."""
    HANDLING_ADDED = "handling_added"
    """A handling code that is added when the notification leaves."""
    FREE_TEXT_LEAVES = "free_text_leaves"
    """Free text about a refugee leaves as it is written."""
    APPROVAL_WITHOUT_EFFECT = "approval_without_effect"
    """An approval that releases nothing."""
    SUBMITTED_BY_NOBODY = "submitted_by_nobody"
    """A held notification without a registered submitter's signature: nobody can release it yet."""
    DATE_UNTIMELY = "date_untimely"
    """A date that `publish` would refuse today."""
    REPEATED = "repeated"
    """The same content was published a short time ago under another id."""


CONCERN_SAFETY: Final = frozenset(
    {
        WarningKind.REFUGEE_STATUS_UNKNOWN,
        WarningKind.REFUGEE_DOCUMENT_POSSIBLE,
        WarningKind.AGE_UNKNOWN,
        WarningKind.ZONE_CONTRADICTS,
        WarningKind.REPEATED,
    }
)
"""The kinds that concern a person's safety: the submitter must accept them by name."""


@dataclass(frozen=True, slots=True)
class NotificationWarning:
    """A warning: its stable kind, its place (JSON pointer, RFC 6901), and the problem; no value is repeated."""

    kind: WarningKind
    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.pointer or '/'}: {self.message}"


NAMES_NO_STATE = frozenset({"nationality_unknown", "former_state", "unresolved_place", "not_a_participant"})
"""Holds that no approval releases, because the leg names no authority."""


def warnings(notification: Notification) -> list[NotificationWarning]:
    """Return every warning about a parsed notification; no value is repeated."""
    return list(_warnings(notification))


def warned(faults: Iterable[Fault]) -> Iterator[NotificationWarning]:
    """Return faults of dates (notifier/notification/timeliness.py) as warnings, where they do not refuse."""
    return (NotificationWarning(WarningKind.DATE_UNTIMELY, one.pointer, one.message) for one in faults)


def _warnings(notification: Notification) -> Iterator[NotificationWarning]:
    subject, local, on = notification.subject, notification.local, notification.day
    if subject is not None:
        for number, name in enumerate(subject.names):
            yield from _of_name(f"/subject/names/{number}", name)
        for number, document in enumerate(subject.documents):
            yield from _of_document(f"/subject/documents/{number}", document, subject, on)
        yield from _of_births(subject, on)
        yield from _of_age(subject, on)
        yield from _of_nationalities(subject, on)
        if local is None or local.refugee == "unknown":
            yield NotificationWarning(
                WarningKind.REFUGEE_STATUS_UNKNOWN,
                "/local/refugee/status",
                "is unknown, and treated as none: find out before you send",
            )
    for number, amount in enumerate(notification.amounts):
        if withdrawn_before(amount.currency, on):
            yield NotificationWarning(
                WarningKind.CURRENCY_WITHDRAWN, f"/amounts/{number}/currency", "was withdrawn before the event"
            )
    yield from _of_parties(notification.handling)
    if notification.narrative and notification.shows_refugee:
        yield NotificationWarning(
            WarningKind.FREE_TEXT_LEAVES,
            "/narrative",
            "leaves as it is written: it must not say that the person is a refugee, or why",
        )
    if local is not None:
        yield from _of_approvals(local)


def _of_parties(handling: Handling) -> Iterator[NotificationWarning]:
    """Warn of a code that names no state, because it excludes nobody, and of a handling code that is added."""
    for name in ("release_to", "not_to"):
        for number, party in enumerate(getattr(handling, name)):
            if not is_party(AuthorityName(party).participant):
                yield NotificationWarning(
                    WarningKind.PARTY_UNKNOWN,
                    f"/handling/{name}/{number}",
                    "is no state's code: where it means one, it has no effect",
                )
    if ASK_FIRST in set(as_it_leaves(handling).codes) - set(handling.codes):
        yield NotificationWarning(
            WarningKind.HANDLING_ADDED,
            "/handling/codes",
            f"leaves with {ASK_FIRST}, so that nobody shares it with whom not_to excludes",
        )


def _of_name(pointer: str, name: Name) -> Iterator[NotificationWarning]:
    if written_in(name.text, name.script) is False:
        yield NotificationWarning(
            WarningKind.SCRIPT_DIFFERS, f"{pointer}/script", "is not the script that the name is written in"
        )
    if name.icao is not None and follows(name.icao, name.text, name.script) is False:
        yield NotificationWarning(
            WarningKind.ICAO_FORM_DIFFERS,
            f"{pointer}/icao",
            "does not follow from the name as it is written (ICAO 9303-3, section 6)",
        )


def _of_document(pointer: str, document: Document, subject: Subject, on: dt.date) -> Iterator[NotificationWarning]:
    """Warn of a kind that may hide a refugee, and of contradictions between the zone and the fields beside it."""
    if document.of_alien and not document.of_refugee:
        yield NotificationWarning(
            WarningKind.REFUGEE_DOCUMENT_POSSIBLE,
            f"{pointer}/kind",
            "leaves as an alien's passport, which makes no refugee: say CTD where it is a convention travel document",
        )
    if not document.listed and len(document.kind) == 2:
        yield NotificationWarning(
            WarningKind.DOCUMENT_KIND_UNLISTED, f"{pointer}/kind", "is no code of ICAO 9303: nobody else may know it"
        )
    for where, message in contradictions(pointer, document, subject, on):
        yield NotificationWarning(WarningKind.ZONE_CONTRADICTS, where, message)
    for where, message in doubts(pointer, document):
        yield NotificationWarning(WarningKind.ZONE_DOUBTFUL, where, message)


def _of_births(subject: Subject, on: dt.date) -> Iterator[NotificationWarning]:
    """Warn of an implausible year, whatever the stated age."""
    for number, text in enumerate(subject.births):
        if not is_plausible(text, on):
            may_be = may_be_of(text, on)
            yield NotificationWarning(
                WarningKind.BIRTH_IMPLAUSIBLE,
                f"/subject/births/{number}",
                "is no date that anybody alive is born on, and proves no age: dates are Gregorian"
                + (f"; may be {' or '.join(may_be)}" if may_be else ""),
            )


def _of_nationalities(subject: Subject, on: dt.date) -> Iterator[NotificationWarning]:
    for number, one in enumerate(subject.nationalities):
        if one.status != "revoked" and not one.is_current(on):
            yield NotificationWarning(
                WarningKind.NATIONALITY_NOT_CURRENT,
                f"/subject/nationalities/{number}",
                "is not one of the day of the event, and waits until it is confirmed",
            )


def _of_age(subject: Subject, on: dt.date) -> Iterator[NotificationWarning]:
    proven = proves_adult(subject.births, on)
    if subject.age == "adult" and subject.births and not proven:
        yield NotificationWarning(
            WarningKind.AGE_DOUBTFUL,
            "/subject/age",
            "is adult, and not every date of birth says so: say disputed or unknown",
        )
    if subject.age == "unknown" and may_be_child(subject, on):
        yield NotificationWarning(
            WarningKind.AGE_UNKNOWN, "/subject/age", "is unknown, and waits for a child reviewer: find out"
        )


def _of_approvals(local: Local) -> Iterator[NotificationWarning]:
    for number, one in enumerate(local.approvals):
        if one.hold in NAMES_NO_STATE:
            yield NotificationWarning(
                WarningKind.APPROVAL_WITHOUT_EFFECT,
                f"/local/approvals/{number}/hold",
                "cannot be released: name the state in an update",
            )
