"""Parsers of the person that a notification is about: names, births, nationalities, documents."""

from __future__ import annotations

from typing import Any, Final

from notifier.errors import MrzError
from notifier.notification import mrz, states
from notifier.notification.checking import Object, any_text, is_date, pattern
from notifier.notification.codes import is_script
from notifier.notification.dates import is_birth
from notifier.notification.formats import A_DATE, no_state, not_empty, or_current_code
from notifier.notification.model import Document, Ground, Name, Nationality, Subject
from notifier.notification.profiles import NOT_TOLD

CATEGORIES: Final = ("suspect", "charged", "convicted", "witness", "victim", "possible_victim", "accompanying_family")
ACCUSED: Final = ("suspect", "charged", "convicted")
AGES: Final = ("adult", "child", "disputed", "unknown")
QUALITIES: Final = ("primary", "good", "low", "aka", "fka")
NATIONALITY_STATUS: Final = ("documented", "claimed", "inferred", "revoked")
_LABELS: Final = frozenset({"terrorist", "terrorism", "ftf", "foreign_terrorist_fighter", "extremist"})
_KIND: Final = pattern("[PVACI]|[A-Z]{2}|CTD|RTD|other|unknown")
_KINDS: Final = "must be a document code of one or two letters, as P or ID (ICAO 9303), CTD, RTD, other or unknown"


def parse_subject(one: Object) -> Subject:
    """Return the person; a person who is accused needs grounds."""
    return _described(one, CATEGORIES, grounded=True)


def parse_subject_as_received(one: Object) -> Subject:
    """Return the person of a forwarded notification, whose profile may lack category and grounds."""
    return _described(one, (*CATEGORIES, NOT_TOLD), grounded=False)


def _described(one: Object, categories: tuple[str, ...], *, grounded: bool) -> Subject:
    category = one.choice("category", categories)
    grounds = one.objects("grounds", _ground, optional=True)
    if grounded and category in ACCUSED and not grounds and not one.faulty("grounds"):
        one.fault("grounds", f"are mandatory for a person who is {category}")
    if category == "accompanying_family" and grounds:
        one.fault("grounds", "must be empty: accompanying family is not accused of anything")
    return Subject(
        category=category,
        age=one.choice("age", AGES),
        names=_known(one, "names", lambda: one.objects("names", _name)),
        births=_known(one, "births", lambda: one.texts("births", is_birth, "must be a date of birth (EDTF)")),
        sex=one.choice("sex", ("F", "M", "X", "unknown")),
        nationalities=_nationalities(one),
        grounds=grounds,
        residences=_residences(one),
        documents=one.objects("documents", _document, optional=True),
    )


def _known(one: Object, name: str, read: Any) -> tuple[Any, ...]:
    """Return a list that is not empty, or () for the word "unknown"."""
    if one.is_word(name, states.UNKNOWN):
        return ()
    return not_empty(one, name, read())


def _nationalities(one: Object) -> tuple[Nationality, ...]:
    if one.is_word("nationalities", states.UNKNOWN):
        return (Nationality(states.UNKNOWN, "claimed"),)
    return not_empty(one, "nationalities", one.objects("nationalities", _nationality))


def _residences(one: Object) -> tuple[str, ...]:
    if one.is_word("residences", states.UNKNOWN):
        return (states.UNKNOWN,)
    return one.texts("residences", states.is_state, no_state, optional=True)


def _nationality(one: Object) -> Nationality:
    says = or_current_code('must be a code of ISO 3166 or ICAO 9303, or "unknown"')
    found = Nationality(
        one.matching("state", states.is_nationality, says),
        one.choice("status", NATIONALITY_STATUS),
        one.matching("since", is_date, A_DATE, optional=True) or None,
        one.matching("until", is_date, A_DATE, optional=True) or None,
    )
    if found.since and found.until and found.until < found.since:
        one.fault("until", "must not be before since")
    return found


def _name(one: Object) -> Name:
    return Name(
        one.choice("quality", QUALITIES),
        one.text("text"),
        one.matching("script", is_script, "must be a script code, as Latn (ISO 15924)"),
        one.matching("icao", pattern("[A-Z<]+"), "must be the ICAO 9303 form: A-Z and <", optional=True) or None,
        one.matching("language", pattern("[a-z]{2,3}"), "must be a language code, as en", optional=True) or None,
    )


def _ground(one: Object) -> Ground:
    offence = one.matching("offence", pattern("[a-z][a-z_]{2,63}"), "must be an offence category, as lower_snake")
    if offence in _LABELS:
        one.fault("offence", "must name an offence, not what somebody is called")
    return Ground(offence, one.text("legal_basis"))


def _document(one: Object) -> Document:
    says = or_current_code('must be an issuer\'s code (ICAO 9303), or "unknown"')
    issuer = one.matching("issuer", states.is_issuer, says)
    lines = one.texts("mrz", any_text, "", optional=True)
    if lines:
        try:
            mrz.parse(lines)
        except MrzError as error:
            one.fault("mrz", error.detail)
    return Document(
        one.matching("kind", _KIND, _KINDS),
        issuer,
        one.maybe("number"),
        one.matching("expiry", _is_date_or_unknown, f'{A_DATE}, or "unknown"', optional=True) or None,
        one.maybe_choice("status", ("valid", "lost", "stolen", "revoked")),
        lines,
    )


def _is_date_or_unknown(text: str) -> bool:
    return text == states.UNKNOWN or is_date(text)
