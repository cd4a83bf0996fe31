"""Parsers of the parts of a notification, except for the person: one function for each part."""

from __future__ import annotations

from typing import Final

from notifier.notification import states
from notifier.notification.blanks import says_something
from notifier.notification.checking import Object, is_time, one_of, pattern
from notifier.notification.codes import is_currency
from notifier.notification.formats import A_TIME, AUTHORITY, HEX_DIGEST, is_uuid7, no_state
from notifier.notification.model import (
    NEED_ASSURANCE,
    About,
    Amount,
    Approval,
    Biometric,
    Corridor,
    Count,
    Grading,
    Handling,
    Local,
    Movement,
    Parent,
    Reference,
)
from notifier.notification.places import Place
from notifier.notification.requirements import Requirement

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
_PARTY: Final = pattern(r"[A-Z]{3,12}(/(spoc|ncb|consular|fiu|border|oversight))?")


def parse_grading(one: Object) -> Grading:
    """Return the grading of source and information by its scheme."""
    scheme = one.choice("scheme", tuple(GRADINGS))
    sources, informations = GRADINGS.get(scheme, GRADINGS["4x4"])
    return Grading(scheme, one.choice("source", tuple(sources)), one.choice("information", tuple(informations)))


def parse_handling(one: Object) -> Handling:
    """Return the handling; a text is mandatory with H3, and `release_to` may name nobody that `not_to` excludes."""
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


def parse_movement(one: Object, requirement: Requirement) -> Movement:
    """Return the movement; its legs are mandatory where the type needs a movement."""
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
            one.fault(name, f'{no_state(value)}, {{"iata"}}, {{"icao"}}, {{"locode"}}, {{"text"}} or "unknown"')
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


def parse_corridor(one: Object) -> Corridor:
    """Return the corridor of a pattern."""
    return Corridor(one.matching("from", states.is_state, no_state), one.matching("to", states.is_state, no_state))


def parse_about(one: Object) -> About:
    """Return the reference to the notification that this one is about."""
    return About(
        one.matching("id", is_uuid7, "must be a UUID of version 7"),
        one.matching("digest", HEX_DIGEST, "must be 64 hex digits"),
    )


def parse_parent(one: Object) -> Parent:
    """Return the reference to the notification that this one was forwarded from."""
    return Parent(
        one.matching("originator", AUTHORITY, "must be an authority, as TUR/spoc"),
        one.matching("id", is_uuid7, "must be a UUID of version 7"),
        one.matching("digest", HEX_DIGEST, "must be 64 hex digits"),
    )


def parse_reference(one: Object) -> Reference:
    """Return a number in another system, in the format of its kind."""
    kind = one.choice("kind", ("interpol_notice", "un_list", "case", "mla"))
    forms = {"interpol_notice": r"\d{4}/\d{1,6}", "un_list": r"QD[ei]\.\d{3}"}
    value = one.matching("value", pattern(forms.get(kind, ".{1,64}")), "must have the form of its kind")
    colour = one.maybe_choice("colour", ("red", "blue", "green", "yellow", "black", "orange"))
    return Reference(kind, value, colour)


def parse_biometric(one: Object) -> Biometric:
    """Return the reference to biometric data, with its necessity."""
    kind = one.choice("kind", ("face", "fingerprint", "iris", "dna"))
    digest = one.matching("digest", HEX_DIGEST, "must be 64 hex digits")
    return Biometric(kind, digest, one.text("pointer"), one.text("necessity"))


def parse_amount(one: Object) -> Amount:
    """Return an amount of money."""
    currency = one.matching("currency", is_currency, "must be a currency's code, as EUR (ISO 4217)")
    return Amount(currency, one.matching("value", pattern(r"\d{1,15}(\.\d{1,4})?"), "must be a decimal number"))


def parse_count(one: Object) -> Count:
    """Return a count in bands."""
    what = one.matching("what", pattern("[a-z][a-z_]{2,63}"), "must say what is counted, as lower_snake")
    return Count(what, one.choice("band", BANDS))


def parse_local(one: Object) -> Local:
    """Return the facts that never leave the originator."""
    refugee = one.nested("refugee", _refugee, optional=True) or ("unknown", ())
    risk = one.nested("risk", _risk, optional=True) or ((), ())
    requested = one.nested("consular", _consular, optional=True)
    approvals = one.objects("approvals", _approval, optional=True)
    return Local(*refugee, *risk, "unknown" if requested is None else requested, approvals)


def _refugee(one: Object) -> tuple[str, tuple[str, ...]]:
    return one.choice("status", REFUGEE_STATUS), one.texts("feared", states.is_state, no_state, optional=True)


def _risk(one: Object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    torture = one.texts("torture", states.is_state, no_state, optional=True)
    return torture, one.texts("death_penalty", states.is_state, no_state, optional=True)


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
    at = one.matching("at", is_time, A_TIME)
    state = one.matching("state", states.is_state, no_state, optional=True) or None
    return Approval(hold, by, at, state, reference)
