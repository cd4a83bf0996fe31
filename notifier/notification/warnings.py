"""What is allowed in a notification and yet probably wrong: said to the originator before it sends. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from notifier.errors import Fault
from notifier.notification import mrz
from notifier.notification.dates import may_be, proves_adult
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
from notifier.notification.states import is_party, participant_of
from notifier.notification.transcription import follows, written_in

NAMES_NO_STATE = frozenset({"nationality_unknown", "former_state", "unresolved_place", "not_a_participant"})
"""The holds that no approval releases: the leg names no authority that could be told."""


def warnings(notification: Notification) -> list[Fault]:
    """Everything worth a second look in what `parse` made, by JSON pointer; no value is repeated."""
    return list(_warnings(notification))


def _warnings(notification: Notification) -> Iterator[Fault]:
    subject, local = notification.subject, notification.local
    if subject is not None:
        for number, name in enumerate(subject.names):
            yield from _of_name(f"/subject/names/{number}", name)
        for number, document in enumerate(subject.documents):
            yield from _of_document(f"/subject/documents/{number}", document, subject)
        yield from _of_age(subject, dt.datetime.fromisoformat(notification.event_time).date())
        if local is None or local.refugee == "unknown":
            yield Fault("/local/refugee/status", "is unknown, and treated as none: find out before you send")
    yield from _of_parties(notification.handling)
    if notification.narrative and notification.shows_refugee:
        yield Fault("/narrative", "leaves as it is written: it must not say that the person is a refugee, or why")
    if local is not None:
        yield from _of_approvals(local)


def _of_parties(handling: Handling) -> Iterator[Fault]:
    """A code that only looks like a state's would exclude nobody; what is added to keep an exclusion is said."""
    for name in ("release_to", "not_to"):
        for number, party in enumerate(getattr(handling, name)):
            if not is_party(party.partition("/")[0]):
                yield Fault(f"/handling/{name}/{number}", "is no state's code: where it means one, it has no effect")
    if ASK_FIRST in set(as_it_leaves(handling).codes) - set(handling.codes):
        yield Fault("/handling/codes", f"leaves with {ASK_FIRST}, so that nobody shares it with whom not_to excludes")


def _of_name(pointer: str, name: Name) -> Iterator[Fault]:
    if written_in(name.text, name.script) is False:
        yield Fault(f"{pointer}/script", "is not the script that the name is written in")
    if name.icao is not None and follows(name.icao, name.text, name.script) is False:
        yield Fault(f"{pointer}/icao", "does not follow from the name as it is written (ICAO 9303-3, section 6)")


def _of_document(pointer: str, document: Document, subject: Subject) -> Iterator[Fault]:
    """Where the machine readable zone says something else than the fields beside it."""
    if not document.mrz:
        return
    zone = mrz.parse(document.mrz)
    if document.number not in (None, "unknown", zone.number):
        yield Fault(f"{pointer}/number", "is not the number in the machine readable zone")
    if participant_of(document.issuer) != participant_of(zone.issuer):
        yield Fault(f"{pointer}/issuer", "is not the issuer in the machine readable zone")
    expiry = document.expiry or "unknown"
    if expiry != "unknown" and zone.expiry.isdigit() and expiry.replace("-", "")[2:] != zone.expiry:
        yield Fault(f"{pointer}/expiry", "is not the date in the machine readable zone")
    if subject.births and not any(may_be(text, zone.birth) for text in subject.births):
        yield Fault("/subject/births", "none is the date of birth in a machine readable zone")
    stated = {participant_of(one.state) for one in subject.nationalities}
    if participant_of(zone.nationality) not in stated | {None}:
        yield Fault("/subject/nationalities", "the one in a machine readable zone is not among them")


def _of_age(subject: Subject, on: dt.date) -> Iterator[Fault]:
    proven = proves_adult(subject.births, on)
    if subject.age == "adult" and subject.births and not proven:
        yield Fault("/subject/age", "is adult, and not every date of birth says so: say disputed or unknown")
    if subject.age == "child" and proven:
        yield Fault("/subject/age", "is child, and every date of birth says adult")


def _of_approvals(local: Local) -> Iterator[Fault]:
    for number, one in enumerate(local.approvals):
        if one.hold in NAMES_NO_STATE:
            yield Fault(f"/local/approvals/{number}/hold", "cannot be released: name the state in an update")
