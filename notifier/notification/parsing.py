"""The public JSON form of a notification, read with every fault at once, and written back. Pure.

What a type asks for stands in one table, `REQUIREMENTS`: another type is another row.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from notifier.errors import Fault, MalformedError, MrzError, NotificationInvalidError
from notifier.notification import checking, mrz, states
from notifier.notification.blanks import says_something
from notifier.notification.checking import Object, any_text, is_date, is_time, one_of, pattern
from notifier.notification.codes import is_currency, is_script
from notifier.notification.dates import earliest, is_birth, is_plausible, proves_child
from notifier.notification.model import (
    NEED_ASSURANCE,
    About,
    Amount,
    Approval,
    Biometric,
    Corridor,
    Count,
    Document,
    Grading,
    Ground,
    Handling,
    Local,
    Movement,
    Name,
    Nationality,
    Notification,
    Parent,
    Reference,
    Subject,
)
from notifier.notification.places import Place
from notifier.notification.profiles import NOT_TOLD
from notifier.notification.suggesting import with_hints
from notifier.times import day_of

NARRATIVE: Final = 8 * 1024
URGENCIES: Final = ("urgent", "priority", "routine")
PURPOSES: Final = ("counter_terrorism", "criminal_investigation", "border_security", "consular_protection")
CATEGORIES: Final = ("suspect", "charged", "convicted", "witness", "victim", "possible_victim", "accompanying_family")
ACCUSED: Final = ("suspect", "charged", "convicted")
AGES: Final = ("adult", "child", "disputed", "unknown")
QUALITIES: Final = ("primary", "good", "low", "aka", "fka")
NATIONALITY_STATUS: Final = ("documented", "claimed", "inferred", "revoked")
HANDLING_CODES: Final = ("H0", "H1", "H2", "H3")
REFUGEE_STATUS: Final = ("none", "refugee", "asylum_seeker", "unknown")
GRADINGS: Final = {"4x4": ("ABCX", "1234"), "admiralty": ("ABCDEF", "123456")}
BANDS: Final = ("fewer_than_10", "10_to_49", "50_to_249", "250_or_more")
HOLDS: Final = (
    "nationality_unknown",
    "nationality_unconfirmed",
    "former_state",
    "unresolved_place",
    "child_review",
    "torture_or_death_risk",
    "consular_not_requested",
    "not_a_participant",
    "rules_changed",
)
_LABELS: Final = frozenset({"terrorist", "terrorism", "ftf", "foreign_terrorist_fighter", "extremist"})
_AUTHORITY: Final = pattern(r"[A-Z]{3,12}/(spoc|ncb|consular|fiu|border|oversight)")
_PARTY: Final = pattern(r"[A-Z]{3,12}(/(spoc|ncb|consular|fiu|border|oversight))?")
_KIND: Final = pattern("[PVACI]|[A-Z]{2}|CTD|RTD|other|unknown")
_KINDS: Final = "must be a document code of one or two letters, as P or ID (ICAO 9303), CTD, RTD, other or unknown"
_HEX_DIGEST: Final = pattern(r"[0-9a-f]{64}")
_A_DATE: Final = "must be a date, YYYY-MM-DD"
_A_TIME: Final = "must be a time with its offset, as 2026-11-20T08:15:00+03:00 (RFC 3339)"
_A_STATE: Final = "must be a state's code, as FRA (ISO 3166-1 alpha-3)"


def _no_state(code: str) -> str:
    """Return the message for a code that is no state's, with its replacement where it has one."""
    today = states.code_today(code)
    if today is None:
        return _A_STATE
    return f"{_A_STATE}: this one was given up" + (f", write {today}" if states.is_state(today) else "")


def _or_written(says: str) -> Callable[[str], str]:
    """Return a message function: `says`, and the current code for a former one."""

    def written(code: str) -> str:
        today = states.code_today(code)
        return says if today is None else f"{says}: this one was given up, write {today} (ISO 3166)"

    return written


T = TypeVar("T")
Presence = Literal["mandatory", "optional", "none"]


@dataclass(frozen=True, slots=True)
class Requirement:
    """The stages of one type (none: null), and the parts that it must, may and must not have."""

    stages: tuple[str, ...] = ()
    subject: Presence = "mandatory"
    movement: Presence = "optional"
    corridor: Presence = "none"
    amounts: Presence = "none"
    about: Presence = "none"


REQUIREMENTS: Final = {
    "arrest": Requirement(),
    "detention": Requirement(),
    "deportation": Requirement(("ordered", "in_progress", "completed", "cancelled"), movement="mandatory"),
    "travel": Requirement(
        ("planned", "departed", "attempted", "denied", "transited", "arrived"), movement="mandatory"
    ),
    "identity": Requirement(movement="none"),
    "consular": Requirement(("informed", "requested", "declined", "notified", "visited"), movement="none"),
    "pattern": Requirement(subject="none", movement="none", corridor="mandatory"),
    "finint": Requirement(amounts="optional"),
    "release": Requirement(about="mandatory"),
    "update": Requirement(subject="optional", about="mandatory"),
    "correction": Requirement(subject="optional", about="mandatory"),
    "withdrawal": Requirement(subject="none", movement="none", about="mandatory"),
    "response": Requirement(
        (
            "identity_confirmed",
            "identity_denied",
            "nationality_confirmed",
            "nationality_denied",
            "hit",
            "no_hit",
            "action_taken",
            "consular_request",
            "information_request",
            "resend_request",
            "new_deadline",
            "error_report",
            "forward_request",
        ),
        subject="none",
        movement="none",
        about="mandatory",
    ),
}


def parse(document: object) -> Notification:
    """Return the notification in `document`: JSON text, or the value that it holds.

    Raises `NotificationInvalidError` with every fault at once, and `MalformedError` for text that is no JSON. No
    clock is compared, so a notification that was valid once always parses (notifier/notification/timeliness.py checks
    dates at submission).
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
    grading = top.nested("grading", _grading)
    handling = top.nested("handling", _handling)
    review = top.matching("review_date", is_date, _A_DATE)
    erase = top.matching("erase_date", is_date, _A_DATE)
    parent = top.nested("parent", _parent, optional=True)
    if review and erase and review > erase:
        top.fault("review_date", "must not be later than erase_date")
    event_time = top.matching("event_time", is_time, _A_TIME)
    subject = _part(top, "subject", requirement.subject, _subject if parent is None else _subject_as_received)
    references = top.objects("references", _reference, optional=True)
    if subject is not None:
        _check_ages(top, subject, event_time)
        _check_family(top, subject, references)
    return Notification(
        type=type_,
        stage=_stage(top, requirement),
        originator=top.matching("originator", _AUTHORITY, "must be an authority, as TUR/spoc"),
        event_time=event_time,
        urgency=top.choice("urgency", URGENCIES),
        purpose=top.choice("purpose", PURPOSES),
        legal_basis=_not_empty(top, "legal_basis", top.texts("legal_basis", any_text, "")),
        grading=grading or Grading("4x4", "X", "4"),
        handling=handling or Handling(),
        review_date=review,
        erase_date=erase,
        language=top.matching("language", pattern("[a-z]{2,3}"), "must be a language code, as en (ISO 639)"),
        subject=subject,
        movement=_part(top, "movement", requirement.movement, lambda one: _movement(one, requirement)),
        interpol=top.flag("interpol", default=False),
        exercise=top.flag("exercise", default=False),
        narrative=top.maybe("narrative", limit=NARRATIVE),
        corridor=_part(top, "corridor", requirement.corridor, _corridor),
        about=_part(top, "about", requirement.about, _about),
        parent=parent,
        correlation=top.maybe("correlation"),
        reply_by=top.matching("reply_by", is_time, _A_TIME, optional=True) or None,
        references=references,
        biometrics=top.objects("biometrics", _biometric, optional=True),
        amounts=_parts(top, "amounts", requirement.amounts, _amount),
        counts=_parts(top, "counts", requirement.corridor, _count),
        id=_id(top),
        local=top.nested("local", _local, optional=True) or Local(),
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
    return _not_empty(top, name, found) if presence == "mandatory" else found


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
    text = top.matching("id", _is_uuid7, "must be a UUID of version 7", optional=True)
    return uuid.UUID(text).bytes if text and _is_uuid7(text) else None


def _is_uuid7(text: str) -> bool:
    try:
        return uuid.UUID(text).version == 7 and str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _grading(one: Object) -> Grading:
    scheme = one.choice("scheme", tuple(GRADINGS))
    sources, informations = GRADINGS.get(scheme, GRADINGS["4x4"])
    return Grading(scheme, one.choice("source", tuple(sources)), one.choice("information", tuple(informations)))


def _handling(one: Object) -> Handling:
    says = "must be a participant or an authority, as FRA or FRA/spoc"
    codes = one.texts("codes", one_of(HANDLING_CODES), f"must be one of {', '.join(HANDLING_CODES)}")
    text = one.maybe("text")
    if "H3" in codes and not text and not one.faulty("text"):
        one.fault("text", "is mandatory with H3")
    release_to = one.texts("release_to", _PARTY, says, optional=True)
    not_to = one.texts("not_to", _PARTY, says, optional=True)
    handling = Handling(codes, text, release_to, not_to)
    for number, name in enumerate(release_to):
        if handling.excludes(name):
            one.fault(f"release_to/{number}", "must not be there: not_to excludes it")
    return handling


def _is_date_or_unknown(text: str) -> bool:
    return text == states.UNKNOWN or is_date(text)


def _subject(one: Object) -> Subject:
    return _described(one, CATEGORIES, grounded=True)


def _subject_as_received(one: Object) -> Subject:
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
    return _not_empty(one, name, read())


def _not_empty(one: Object, name: str, found: tuple[Any, ...]) -> tuple[Any, ...]:
    if not found and not one.faulty(name):
        one.fault(
            name,
            "must not be empty"
            if name in ("legal_basis", "counts")
            else 'must not be empty; say "unknown" where it is',
        )
    return found


def _nationalities(one: Object) -> tuple[Nationality, ...]:
    if one.is_word("nationalities", states.UNKNOWN):
        return (Nationality(states.UNKNOWN, "claimed"),)
    return _not_empty(one, "nationalities", one.objects("nationalities", _nationality))


def _residences(one: Object) -> tuple[str, ...]:
    if one.is_word("residences", states.UNKNOWN):
        return (states.UNKNOWN,)
    return one.texts("residences", states.is_state, _no_state, optional=True)


def _nationality(one: Object) -> Nationality:
    says = _or_written('must be a code of ISO 3166 or ICAO 9303, or "unknown"')
    found = Nationality(
        one.matching("state", states.is_nationality, says),
        one.choice("status", NATIONALITY_STATUS),
        one.matching("since", is_date, _A_DATE, optional=True) or None,
        one.matching("until", is_date, _A_DATE, optional=True) or None,
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
    says = _or_written('must be an issuer\'s code (ICAO 9303), or "unknown"')
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
        one.matching("expiry", _is_date_or_unknown, f'{_A_DATE}, or "unknown"', optional=True) or None,
        one.maybe_choice("status", ("valid", "lost", "stolen", "revoked")),
        lines,
    )


def _movement(one: Object, requirement: Requirement) -> Movement:
    optional = requirement.movement != "mandatory"
    transit = tuple(
        _place(one, f"transit/{number}", item) for number, item in enumerate(one.items("transit", optional=optional))
    )
    return Movement(
        one.flag("in_custody"), _leg(one, "origin", optional), transit, _leg(one, "destination", optional)
    )


def _leg(one: Object, name: str, optional: bool) -> Place | None:
    value = one.raw(name, optional=optional)
    return None if value is None else _place(one, name, value)


def _place(one: Object, name: str, value: object) -> Place:
    if isinstance(value, str):
        if value == states.UNKNOWN:
            return Place("unknown")
        if states.participant_of(value) is None:
            one.fault(name, f'{_no_state(value)}, {{"iata"}}, {{"icao"}}, {{"locode"}}, {{"text"}} or "unknown"')
        return Place("state", value)
    place = Object(one.faults, f"{one.pointer}/{name}", value)
    found = Place("unknown")
    if place.has("iata"):
        found = Place("iata", place.matching("iata", pattern("[A-Z]{3}"), "must be three capital letters"))
    elif place.has("icao"):
        says = "must be an ICAO location indicator, as LOWW"
        found = Place("icao", place.matching("icao", pattern("[A-Z][A-Z0-9]{3}"), says))
    elif place.has("locode"):
        code = place.matching("locode", pattern("[A-Z]{2}[A-Z2-9]{3}"), "must be a UN/LOCODE, as DEFRA")
        found = Place("locode", code)
    elif place.has("text"):
        found = Place("text", place.text("text"))
    else:
        place.fault("", "must have one of iata, icao, locode, text")
    place.end()
    return found


def _corridor(one: Object) -> Corridor:
    return Corridor(one.matching("from", states.is_state, _no_state), one.matching("to", states.is_state, _no_state))


def _about(one: Object) -> About:
    return About(
        one.matching("id", _is_uuid7, "must be a UUID of version 7"),
        one.matching("digest", _HEX_DIGEST, "must be 64 hex digits"),
    )


def _parent(one: Object) -> Parent:
    return Parent(
        one.matching("originator", _AUTHORITY, "must be an authority, as TUR/spoc"),
        one.matching("id", _is_uuid7, "must be a UUID of version 7"),
        one.matching("digest", _HEX_DIGEST, "must be 64 hex digits"),
    )


def _reference(one: Object) -> Reference:
    kind = one.choice("kind", ("interpol_notice", "un_list", "case", "mla"))
    forms = {"interpol_notice": r"\d{4}/\d{1,6}", "un_list": r"QD[ei]\.\d{3}"}
    value = one.matching("value", pattern(forms.get(kind, ".{1,64}")), "must have the form of its kind")
    colour = one.maybe_choice("colour", ("red", "blue", "green", "yellow", "black", "orange"))
    return Reference(kind, value, colour)


def _biometric(one: Object) -> Biometric:
    kind = one.choice("kind", ("face", "fingerprint", "iris", "dna"))
    digest = one.matching("digest", _HEX_DIGEST, "must be 64 hex digits")
    return Biometric(kind, digest, one.text("pointer"), one.text("necessity"))


def _amount(one: Object) -> Amount:
    currency = one.matching("currency", is_currency, "must be a currency's code, as EUR (ISO 4217)")
    return Amount(currency, one.matching("value", pattern(r"\d{1,15}(\.\d{1,4})?"), "must be a decimal number"))


def _count(one: Object) -> Count:
    what = one.matching("what", pattern("[a-z][a-z_]{2,63}"), "must say what is counted, as lower_snake")
    return Count(what, one.choice("band", BANDS))


def _local(one: Object) -> Local:
    refugee = one.nested("refugee", _refugee, optional=True) or ("unknown", ())
    risk = one.nested("risk", _risk, optional=True) or ((), ())
    requested = one.nested("consular", _consular, optional=True)
    approvals = one.objects("approvals", _approval, optional=True)
    return Local(*refugee, *risk, "unknown" if requested is None else requested, approvals)


def _refugee(one: Object) -> tuple[str, tuple[str, ...]]:
    return one.choice("status", REFUGEE_STATUS), one.texts("feared", states.is_state, _no_state, optional=True)


def _risk(one: Object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    torture = one.texts("torture", states.is_state, _no_state, optional=True)
    return torture, one.texts("death_penalty", states.is_state, _no_state, optional=True)


def _consular(one: Object) -> str | bool:
    value = one.raw("requested")
    if isinstance(value, bool):
        return value
    return one.one_of("requested", value, (states.UNKNOWN,))


def _approval(one: Object) -> Approval:
    hold = one.choice("hold", HOLDS)
    reference = one.maybe("reference")
    if hold in NEED_ASSURANCE and not one.faulty("reference") and not says_something(reference):
        one.fault("reference", f"is mandatory for {hold}: the assurance that was given")
    by = one.text("by")
    if by and not says_something(by):
        one.fault("by", "must name a person")
    at = one.matching("at", is_time, _A_TIME)
    state = one.matching("state", states.is_state, _no_state, optional=True) or None
    return Approval(hold, by, at, state, reference)
