"""Contradictions between a machine readable zone and the fields beside it.

A whole zone is compared: names, sex, kind, issuer, number, nationality, dates. A missing value contradicts nothing;
neither do two spellings that ICAO 9303 allows. A nationality that is stated as unknown and printed is a
contradiction.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterator
from typing import Final

from notifier.notification.ages import shows_child
from notifier.notification.dates import is_printed_date, may_be, printed_near
from notifier.notification.model import NOT_LISTED, Document, Subject
from notifier.notification.mrz import Mrz
from notifier.notification.states import (
    NOT_CITIZENSHIP,
    REFUGEES,
    UNKNOWN,
    UNSPECIFIED,
    is_printed_code,
    is_state,
    same_code,
)
from notifier.notification.transcription import follows, is_name_of

_NUMBER_CHARACTERS: Final = 9
"""Positions of a document number; a zone without more room prints the first ones of a longer number."""
_NO_EXPIRY: Final = "9999"
"""The year of a document that does not expire."""
_CARDS: Final = frozenset("ACI")
"""First letters of cards, of which a state chooses one (ICAO 9303-5, note k)."""

Contradiction = tuple[str, str]
"""A JSON pointer, and the problem there."""


def contradictions(pointer: str, document: Document, subject: Subject, on: dt.date) -> Iterator[Contradiction]:
    """Yield the contradictions of the zone of `document` at `pointer`; `on` is the day of the event."""
    zone = document.zone
    if zone is None:
        return
    if not _is_kind(document.kind, zone):
        yield f"{pointer}/kind", "is not the kind in the machine readable zone"
    if document.number not in (None, UNKNOWN) and not _is_number(document.number, zone.number):
        yield f"{pointer}/number", "is not the number in the machine readable zone"
    if not _is_issuer(document.issuer, zone.issuer):
        yield f"{pointer}/issuer", "is not the issuer in the machine readable zone"
    if document.expiry not in (None, UNKNOWN) and not _is_expiry(document.expiry, zone.expiry, on):
        yield f"{pointer}/expiry", "is not the date in the machine readable zone"
    if _are_others_names(subject, zone):
        yield "/subject/names", "none is the name in a machine readable zone"
    if zone.sex in ("F", "M") and subject.sex not in (zone.sex, UNKNOWN):
        yield "/subject/sex", "is not the one in a machine readable zone"
    printed = is_printed_date(zone.birth)
    if printed and subject.births and not any(may_be(text, zone.birth) for text in subject.births):
        yield "/subject/births", "none is the date of birth in a machine readable zone"
    if subject.age == "adult" and shows_child(document, subject.births, on):
        yield "/subject/age", "is adult, and a machine readable zone says child: it waits for a child reviewer"
    if not _is_nationality(subject, zone.nationality):
        yield "/subject/nationalities", "the one in a machine readable zone is not among them"


def doubts(pointer: str, document: Document) -> Iterator[Contradiction]:
    """Yield the values in the zone of `document` that ICAO 9303 does not allow: invalid dates and codes."""
    zone = document.zone
    if zone is None:
        return
    where = f"{pointer}/mrz"
    for name, printed in (("birth", zone.birth), ("expiry", zone.expiry)):
        if not is_printed_date(printed):
            yield where, f"the date of {name} is none: YYMMDD, two fillers for a part that is unknown"
    for name, code in (("issuer", zone.issuer), ("nationality", zone.nationality)):
        if code and not is_printed_code(code):
            yield where, f"the code of the {name} is none of ICAO 9303-3, section 5"


def _is_kind(stated: str, zone: Mrz) -> bool:
    """Return whether the kind fits that of the zone; the second letter counts where both have one."""
    if stated in (UNKNOWN, NOT_LISTED):
        return True
    if stated in ("CTD", "RTD"):
        return zone.kind.startswith("P")
    first, printed = stated[0], zone.kind[:1]
    if first != printed and not {first, printed} <= _CARDS:
        return False
    return len(stated) == 1 or len(zone.kind) == 1 or stated == zone.kind


def _is_issuer(stated: str, printed: str) -> bool:
    """Return whether the issuer fits that of the zone; `doubts` reports an invalid code."""
    return stated == UNKNOWN or not is_printed_code(printed) or same_code(stated) == same_code(printed)


def _is_number(stated: str | None, printed: str) -> bool:
    """Return whether a number can be printed so.

    Special characters and spaces become fillers (ICAO 9303-4, 4.2.2.2).
    """
    text = unicodedata.normalize("NFKC", stated or "").upper()
    letters, shown = (_letters_and_digits(one) for one in (text, printed))
    if any(char.isalpha() and not char.isascii() for char in text):
        letters, shown = _digits(letters), _digits(shown)
    return letters == shown or (len(printed) == _NUMBER_CHARACTERS and letters.startswith(shown))


def _letters_and_digits(text: str) -> str:
    return "".join(char for char in text if char.isascii() and char.isalnum())


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def _is_expiry(stated: str | None, printed: str, on: dt.date) -> bool:
    """Return whether a date of expiry is that of the zone, in the century nearest to the event."""
    span = printed_near(printed, on)
    if stated is None or span is None:
        return True
    first, last = (day.isoformat() for day in span)
    return first <= stated <= last or (stated.startswith(_NO_EXPIRY) and printed.startswith("99"))


def _are_others_names(subject: Subject, zone: Mrz) -> bool:
    """Return whether every name of the person is known to differ from the zone's."""
    printed = f"{zone.surname} {zone.given}".strip()
    found = []
    for name in subject.names:
        said = is_name_of(printed, name.text, name.script, full=zone.full)
        if name.icao is not None and said is not True:
            form = is_name_of(printed, name.icao.replace("<", " "), "Latn", full=zone.full)
            reverse = follows(name.icao, printed, "Latn")
            said = bool(form or reverse) if name.icao.strip("<") else said
        found.append(said)
    return bool(found) and all(said is False for said in found)


def _is_nationality(subject: Subject, printed: str) -> bool:
    """Return whether the zone's nationality is a stated one, or contradicts none.

    A code in place of a nationality (an organisation's, unspecified) contradicts no state, and is compared with its
    like. A refugee's code says nothing about nationality.
    """
    if not printed or printed in REFUGEES or not is_printed_code(printed):
        return True
    stated = {same_code(one.state) for one in subject.nationalities}
    if same_code(printed) in stated:
        return True
    if printed == UNSPECIFIED and UNKNOWN in stated:
        return True
    return printed in NOT_CITIZENSHIP | {UNSPECIFIED} and any(is_state(code) or len(code) > 3 for code in stated)
