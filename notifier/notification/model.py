"""The notification as a value: one signed statement about one person, or about a pattern of movements.

Every field stands in the public JSON form. `local` never leaves the originator, in any form.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from typing import Final

from notifier.names import AuthorityName
from notifier.notification import mrz
from notifier.notification.blanks import says_something
from notifier.notification.mrz import Mrz
from notifier.notification.places import Place
from notifier.notification.states import REFUGEES, UNKNOWN, participant_of
from notifier.notification.territories import BUILT_IN_TABLE
from notifier.times import day_of

TYPES: Final = (
    "arrest",
    "detention",
    "deportation",
    "travel",
    "identity",
    "consular",
    "pattern",
    "finint",
    "release",
    "update",
)
"""The types that may be published."""

LATER: Final = ("correction", "withdrawal", "response")
"""Types about another notification that are parsed, and that nobody publishes by hand."""

NEED_ASSURANCE: Final = frozenset({"torture_or_death_risk"})
"""Holds whose release needs the reference of an assurance."""

ASK_FIRST: Final = "H2"
"""The handling code that forbids forwarding without the originator's permission."""

REFUGEE_DOCUMENTS: Final = frozenset({"PR", "PS", "CTD", "RTD"})
"""Kinds of travel documents whose holder is a refugee or stateless.

``CTD``: convention travel document (1951, article 28; 1954); ``RTD``: refugee travel document; ``PR`` and
``PS``: a refugee's and a stateless person's passport, by their code (ICAO 9303-4, 8th edition, section 4.4).
"""

ALIEN_DOCUMENT: Final = "PT"
"""An alien's or non-citizen's passport (ICAO 9303-4, 4.4); some states print it on refugees' documents, too."""

NOT_LISTED: Final = "other"
"""A kind of document that has no code."""

_ICAO_KIND: Final = re.compile(r"[PVACI][A-Z]?|CTD|RTD", re.ASCII)


@dataclass(frozen=True, slots=True)
class Name:
    """A name in its own script, with the ICAO 9303-3 form; `quality` primary, good, low, aka or fka."""

    quality: str
    text: str
    script: str
    icao: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Nationality:
    """One nationality; `status` documented, claimed, inferred or revoked; `state` a code or "unknown"."""

    state: str
    status: str
    since: str | None = None
    until: str | None = None

    def is_current(self, on: dt.date) -> bool:
        """Return whether the nationality holds on the day `on`; `until` is its last day."""
        day = on.isoformat()
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Ground:
    """A ground for the measure: an offence category and its legal basis."""

    offence: str
    legal_basis: str


@dataclass(frozen=True, slots=True)
class Document:
    """A document of identity or travel.

    `kind` is by ICAO 9303, "other" or "unknown". `issuer` is independent of nationality. `expiry` is a date. `number`
    and `expiry` may be "unknown". `mrz` holds the lines of the machine readable zone.
    """

    kind: str
    issuer: str
    number: str | None = None
    expiry: str | None = None
    status: str | None = None
    mrz: tuple[str, ...] = ()

    @property
    def of_refugee(self) -> bool:
        """Return whether its kind or its machine readable zone shows that the holder is a refugee."""
        codes = {self.issuer}
        if self.mrz:
            first, last = self.mrz[0], self.mrz[1] if len(self.mrz) > 1 else ""
            codes |= {first[2:5], last[10:13], last[15:18]}
        return bool(self._kinds & REFUGEE_DOCUMENTS) or bool(codes & REFUGEES)

    @property
    def of_alien(self) -> bool:
        """Return whether its kind or its machine readable zone shows an alien's passport."""
        return ALIEN_DOCUMENT in self._kinds

    @property
    def listed(self) -> bool:
        """Return whether its kind or its machine readable zone is of a kind that ICAO 9303 lists."""
        return any(_ICAO_KIND.fullmatch(kind) for kind in self._kinds)

    @property
    def zone(self) -> Mrz | None:
        """Return the parsed machine readable zone; None where there is none that checks."""
        return mrz.read(self.mrz) if self.mrz else None

    @property
    def _kinds(self) -> set[str]:
        return {self.kind, self.mrz[0][:2].rstrip("<")} if self.mrz else {self.kind}


@dataclass(frozen=True, slots=True)
class Subject:
    """The person, as far as known; every field may be explicitly unknown."""

    category: str
    age: str
    names: tuple[Name, ...]
    births: tuple[str, ...]
    sex: str
    nationalities: tuple[Nationality, ...]
    grounds: tuple[Ground, ...] = ()
    residences: tuple[str, ...] = ()
    documents: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class Movement:
    """Origin, transit and destination of the person; None where nothing is said of a leg."""

    in_custody: bool
    origin: Place | None = None
    transit: tuple[Place, ...] = ()
    destination: Place | None = None


@dataclass(frozen=True, slots=True)
class Grading:
    """Source and information as given by the originator: 4x4 or admiralty, never converted."""

    scheme: str
    source: str
    information: str


@dataclass(frozen=True, slots=True)
class Handling:
    """Europol handling codes, and the participants or authorities that may or must not receive it.

    `not_to` is between the originator and its oversight: no recipient learns it (`for_sealing`).
    """

    codes: tuple[str, ...] = ()
    text: str | None = None
    release_to: tuple[str, ...] = ()
    not_to: tuple[str, ...] = ()

    def excludes(self, name: str) -> bool:
        """Return whether `not_to` names the authority or its participant."""
        return bool({name, AuthorityName(name).participant} & set(self.not_to))

    def releases(self, name: str) -> bool:
        """Return whether `release_to` is empty, or names the authority or its participant."""
        return not self.release_to or bool({name, AuthorityName(name).participant} & set(self.release_to))


@dataclass(frozen=True, slots=True)
class About:
    """Another notification, by id and digest (hex)."""

    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Parent:
    """The notification that a forwarded one was made from.

    `digest` is the one that the reader of the forwarded notification would have (hex, `digest.digest_of`).
    """

    originator: str
    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Corridor:
    """A direction from one state to another, for type pattern."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A number in another system: `kind` interpol_notice, un_list, case or mla."""

    kind: str
    value: str
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class Biometric:
    """A digest of biometric data, a pointer to its holder, and the reason why it is strictly necessary."""

    kind: str
    digest: str
    pointer: str
    necessity: str


@dataclass(frozen=True, slots=True)
class Amount:
    """Money: ISO 4217 code and a decimal number as text."""

    currency: str
    value: str


@dataclass(frozen=True, slots=True)
class Count:
    """A count in bands too wide to single out a person: `what` is counted, `band` is one of `BANDS`."""

    what: str
    band: str


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's release of one hold, for one state where one is named."""

    hold: str
    by: str
    at: str
    state: str | None = None
    reference: str | None = None

    @property
    def says_enough(self) -> bool:
        """Return whether it names who released the hold and, for a risk, the assurance.

        Otherwise it releases nothing. Every evaluation asks this, not only the signing.
        """
        return says_something(self.by) and (self.hold not in NEED_ASSURANCE or says_something(self.reference))


@dataclass(frozen=True, slots=True)
class Local:
    """Facts that decide who is told and never leave: refugee status, feared states, risks, approvals."""

    refugee: str = "unknown"
    feared: tuple[str, ...] = ()
    torture: tuple[str, ...] = ()
    death_penalty: tuple[str, ...] = ()
    consular: str | bool = "unknown"
    approvals: tuple[Approval, ...] = ()


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification. `id` is the 16 bytes of a UUIDv7, None until it is submitted; times are RFC 3339 text."""

    type: str
    stage: str | None
    originator: str
    event_time: str
    urgency: str
    purpose: str
    legal_basis: tuple[str, ...]
    grading: Grading
    handling: Handling
    review_date: str
    erase_date: str
    language: str
    subject: Subject | None
    movement: Movement | None
    interpol: bool = False
    exercise: bool = False
    narrative: str | None = None
    corridor: Corridor | None = None
    about: About | None = None
    parent: Parent | None = None
    correlation: str | None = None
    reply_by: str | None = None
    references: tuple[Reference, ...] = ()
    biometrics: tuple[Biometric, ...] = ()
    amounts: tuple[Amount, ...] = ()
    counts: tuple[Count, ...] = ()
    id: bytes | None = None
    local: Local | None = None

    @property
    def day(self) -> dt.date:
        """Return the local day of the event; raises ValueError where another software wrote no time."""
        return day_of(self.event_time)

    @property
    def shows_refugee(self) -> bool:
        """Return whether status, nationality codes or documents show a refugee or asylum seeker."""
        if self.local is not None and self.local.refugee not in ("none", "unknown"):
            return True
        if self.subject is None:
            return False
        coded = any(one.state in REFUGEES for one in self.subject.nationalities)
        return coded or any(document.of_refugee for document in self.subject.documents)


def for_sealing(notification: Notification) -> Notification:
    """Return the notification as it may leave: no `local`, no `not_to`, no code or document of a refugee.

    Where no nationality is left, it reads as one that was always unknown: an empty list would be a sign. The issuer
    of a refugee's document is a state of residence and is added as one: it is told as such, and must see why.
    """
    subject = notification.subject
    if subject is not None:
        kept = tuple(one for one in subject.nationalities if one.state not in REFUGEES)
        subject = replace(
            subject,
            nationalities=kept or (Nationality(UNKNOWN, "claimed"),),
            residences=_residences(subject),
            documents=tuple(one for one in subject.documents if not one.of_refugee),
        )
    return replace(notification, subject=subject, handling=as_it_leaves(notification.handling), local=None)


def as_it_leaves(handling: Handling) -> Handling:
    """Return the handling that a reader must keep to, without the parties that the originator excludes.

    A reader tells another state only where `release_to` names it, so an excluded state needs no further rule. An
    excluded authority may still be within reach: one of another role in a reader's state, or of the same role in its
    territory. Every forwarding asks first then (H2). The codes are sorted, so that their order does not show which
    one was added.
    """
    reachable = any("/" in name and _is_within_reach(name, handling) for name in handling.not_to)
    codes = {*handling.codes, ASK_FIRST} if reachable else set(handling.codes)
    return replace(handling, codes=tuple(sorted(codes)), not_to=())


def _is_within_reach(name: str, handling: Handling) -> bool:
    """Return whether a reader may pass on to `name` or to the same role in its family, which is excluded with it.

    It uses the built-in table: the text that leaves must not depend on the rules version in force.
    """
    participant, role = AuthorityName(name).participant, AuthorityName(name).role
    alike = (f"{code}/{role}" for code in BUILT_IN_TABLE.family(participant))
    return not handling.release_to or any(BUILT_IN_TABLE.releases(handling.release_to, one) for one in alike)


def _residences(subject: Subject) -> tuple[str, ...]:
    issuers = [participant_of(document.issuer) for document in subject.documents if document.of_refugee]
    added = [code for code in issuers if code is not None and code not in subject.residences]
    stated = tuple(code for code in subject.residences if code != UNKNOWN or not added)
    return (*stated, *dict.fromkeys(added))
