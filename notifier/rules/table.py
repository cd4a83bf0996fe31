"""The decision table as data: the authorities to tell, the paragraph, and the safeguards against telling.

`EXPECTED` gives the default rules. `SAFEGUARDS` suppress or hold a notification to any expected authority.
docs/reference/routing.md is generated from here (tools/routing_table.py). Paragraphs are those of S/RES/2396 (2017),
unless another instrument is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Expected:
    """An expectation of one type (`custody`: any, in_custody or free): the role to tell for each leg.

    `told` has the legs by their paragraph; `stages` has the paragraph of stages with one of their own.
    """

    type: str
    custody: Literal["any", "in_custody", "free"]
    role: str
    told: Mapping[str, tuple[str, ...]]
    stages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Safeguard:
    """A reason not to send: its effect, condition and ground, and the person or event that lifts it."""

    name: str
    outcome: Literal["suppress", "hold"]
    when: str
    ground: str
    lifted: str


_PLACES: Final = ("origin", "destination", "transit")

EXPECTED: Final = (
    Expected("travel", "in_custody", "spoc", {"3": (*_PLACES, "nationality", "interpol")}),
    Expected(
        "travel",
        "free",
        "spoc",
        {"11": (*_PLACES, "nationality", "residence", "interpol")},
        stages={"planned": "5", "arrived": "5"},
    ),
    Expected("deportation", "any", "spoc", {"3": (*_PLACES, "nationality", "interpol")}),
    Expected("arrest", "any", "spoc", {"5": (*_PLACES, "residence", "interpol"), "6": ("nationality",)}),
    Expected("detention", "any", "spoc", {"5": (*_PLACES, "residence", "interpol"), "6": ("nationality",)}),
    # About a notification of unknown type; the row of a known type decides in its place.
    Expected("update", "any", "spoc", {"5": (*_PLACES, "residence", "interpol"), "6": ("nationality",)}),
    Expected("release", "any", "spoc", {"5": (*_PLACES, "residence", "interpol"), "6": ("nationality",)}),
    Expected("finint", "any", "fiu", {"5": (*_PLACES, "nationality", "residence")}),
    Expected("identity", "any", "spoc", {"6": ("nationality", "interpol")}),
    Expected("consular", "any", "consular", {"6": ("nationality",)}),
    Expected("pattern", "any", "spoc", {"5": ("corridor", "interpol")}),
)

SAFEGUARDS: Final = (
    Safeguard(
        "feared_state",
        "suppress",
        "the person fears that state or one of its family, as `local.refugee.feared` says, whatever the status",
        "1951 Convention, article 33",
        "never",
    ),
    Safeguard(
        "refugee_origin",
        "suppress",
        "a refugee or asylum seeker (by status, nationality code XXB or XXC, or document) of whom it is not known"
        " which state is feared: every state of nationality (revoked ones and the successors of former states too),"
        " of `movement.origin` and, for a deportation, of `movement.destination`, each with its family",
        "1951 Convention, article 33",
        "never; naming the feared state takes its place",
    ),
    Safeguard(
        "not_to", "suppress", "`not_to` names the authority, its participant, or another of the family", "-", "never"
    ),
    Safeguard(
        "not_released_to",
        "suppress",
        "`release_to` is not empty, and names neither the authority nor its participant nor the state that answers",
        "-",
        "never",
    ),
    Safeguard(
        "child_review",
        "hold",
        "a child, an age in dispute, an unknown one that no date of birth makes an adult's, or a machine readable"
        " zone that says child; an update that does not describe the person",
        "29 to 31",
        "a child reviewer",
    ),
    Safeguard(
        "torture_or_death_risk",
        "hold",
        "that state, or another of its family, is named under `local.risk`",
        "Convention against Torture, article 3",
        "a named approver, with the reference of an assurance",
    ),
    Safeguard(
        "consular_not_requested",
        "hold",
        "type consular: the person did not ask (`local.consular.requested`), and no treaty makes it mandatory",
        "VCCR, article 36",
        "the person's wish, or an approval",
    ),
    Safeguard(
        "nationality_unconfirmed",
        "hold",
        "only a nationality that is claimed, inferred, or not one of the day of the event speaks for that state",
        "6",
        "an approval, or an update once it is confirmed",
    ),
    Safeguard(
        "nationality_unknown",
        "hold",
        "a nationality is unknown, or XXX, or nothing is given but codes that show no citizenship (UNO, EUE, ...)",
        "6",
        "an update that names it",
    ),
    Safeguard(
        "former_state",
        "hold",
        "a nationality is of a state that is no more (ISO 3166-3); its successors are named",
        "6",
        "an update that names the state",
    ),
    Safeguard(
        "unresolved_place",
        "hold",
        "a place is text, a code that does not resolve, one that sources give to different states or, but for arrest"
        " and detention, explicitly unknown",
        "3, 5",
        "an update that names the state",
    ),
    Safeguard(
        "not_a_participant",
        "hold",
        "the directory has no such authority",
        "-",
        "a directory that has it",
    ),
    Safeguard(
        "rules_changed",
        "hold",
        "newer rules or another directory add an authority that the submitter did not see",
        "-",
        "an approval",
    ),
)
"""In the order of their checks; the publisher checks `rules_changed`."""

SILENCES: Final[Mapping[str, str]] = {
    "suppressed": "every authority that a leg expects is suppressed; each is shown",
    "own": "a leg is the originator's own: its participant, a territory of it, or the state that answers for it",
    "stateless": "the person is stateless (XXA): there is no state of nationality",
    "refugee_code": "the nationality is given as XXB or XXC: a refugee's state of nationality is not told",
    "revoked": "a nationality was revoked: that state is not told, and leaves no unknown one behind",
    "accompanying_family": "accompanying family has no leg in a deportation or in travel in custody",
    "no_subscriber": "nobody subscribes to the corridor",
    "nothing_new": "an update or release does not describe the person: it goes to those who were told before",
    "no_rule": "the rules have no row for a leg of this type, or for the type",
}
"""Reasons for a decision that tells and holds nobody; it names at least one of them (`Decision.silent`)."""

HOLDS: Final = tuple(one.name for one in SAFEGUARDS if one.outcome == "hold")
SUPPRESSIONS: Final = tuple(one.name for one in SAFEGUARDS if one.outcome == "suppress")
