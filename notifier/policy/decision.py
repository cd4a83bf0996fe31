"""The routing decision: the authorities to tell of a notification, those that wait, and the reasons.

Its steps are: candidates with every reason, authorities by role, suppressions, holds. Suppression always wins. A
doubt about one leg holds that leg alone; a doubt about the person or the recipient holds every leg (S/RES/2396
(2017), paragraphs 3, 5, 6; docs/reference/routing.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

from notifier.directory.model import Directory
from notifier.names import AuthorityName
from notifier.notification import Notification
from notifier.notification.model import Approval
from notifier.notification.states import REFUGEES, STATELESS
from notifier.policy.legs import legs_of, only_accompanies
from notifier.policy.safeguards import bars_interpol, holds, suppressions, tells_interpol
from notifier.rules.facts import NAMING, Leg, RoutingFacts, effective_type
from notifier.rules.ruleset import Row, RuleSet

INTERPOL: Final = "INTERPOL"
_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})
Outcome = Literal["send", "hold", "suppress"]
_OPTIONAL: Final = ("successors", "answers_for", "readings")


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """A reason to tell an authority: the rule, and the paragraph of the resolution."""

    rule: str
    paragraph: str


@dataclass(frozen=True, slots=True)
class Entry:
    """The decision on one authority or, where `authority` is None, on a leg that names no state yet.

    `answers_for` are the territories for whose legs it is told in their place. `readings` are the states that sources
    give for one place code.
    """

    authority: str | None
    outcome: Outcome
    reasons: tuple[Reason, ...]
    because: tuple[str, ...] = ()
    successors: tuple[str, ...] = ()
    answers_for: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    state: str | None = None

    @property
    def is_held(self) -> bool:
        """True where it waits for a person, or for facts."""
        return self.outcome == "hold"

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Entry:
        """Return the entry that `to_json` gave."""
        return cls(
            document["authority"],
            document["outcome"],
            tuple(Reason(reason["rule"], reason["paragraph"]) for reason in document["reasons"]),
            tuple(document["because"]),
            **{name: tuple(document.get(name, ())) for name in _OPTIONAL},
            state=document.get("state"),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the entry of a routing decision document."""
        document: dict[str, Any] = {
            "authority": self.authority,
            "outcome": self.outcome,
            "reasons": [{"rule": reason.rule, "paragraph": reason.paragraph} for reason in self.reasons],
            "because": list(self.because),
        }
        for name in _OPTIONAL:
            if getattr(self, name):
                document[name] = list(getattr(self, name))
        if self.state is not None:
            document["state"] = self.state
        return document


@dataclass(frozen=True, slots=True)
class Decision:
    """All entries, sorted by authority; those without one come last.

    `recipients` are sent to; `withheld` are the expected participating authorities that are not. `silent` gives the
    reasons (`table.SILENCES`) where nobody is told and nothing is held; otherwise it is empty.
    """

    rules_version: int
    originator: str
    entries: tuple[Entry, ...]
    recipients: tuple[str, ...]
    withheld: tuple[str, ...]
    silent: tuple[str, ...] = ()

    @property
    def nobody(self) -> bool:
        """Return whether no entry has the outcome send."""
        return not self.recipients

    def to_json(self) -> dict[str, Any]:
        """Return the document of `notifier route --json`."""
        document: dict[str, Any] = {
            "rules_version": self.rules_version,
            "originator": self.originator,
            "nobody": self.nobody,
            "recipients": [entry.to_json() for entry in self.entries],
        }
        if self.silent:
            document["silent"] = list(self.silent)
        return document


@dataclass(slots=True)
class _Candidate:
    """An authority under decision; `firm` once a leg without a doubt expects it."""

    reasons: set[Reason] = field(default_factory=set)
    doubts: set[str] = field(default_factory=set)
    answers_for: set[str] = field(default_factory=set)
    firm: bool = False


@dataclass(frozen=True, slots=True)
class _Case:
    """A notification with the inputs of its decision; `type` is the type whose rows decide."""

    notification: Notification
    type: str
    directory: Directory
    rules: RuleSet
    approved: _Approved

    @property
    def own(self) -> frozenset[str]:
        """Return the originator's participant, its territories and its answering state, none of which is told."""
        return own_of(self.notification.originator, self.rules)

    def rows_for(self, rule: str) -> tuple[Row, ...]:
        return self.rules.rows_for(self.type, _in_custody(self.notification), rule)

    def reason(self, row: Row) -> Reason:
        return Reason(row.rule, row.paragraph_at(self.notification.stage))


class _Approved:
    """The released holds, each for every state or for one named state."""

    def __init__(self, approvals: Iterable[Approval]) -> None:
        self._released = {(one.hold, one.state) for one in approvals if one.says_enough}

    def releases(self, hold: str, state: str) -> bool:
        return bool({(hold, None), (hold, state)} & self._released)


def own_of(originator: str, rules: RuleSet) -> frozenset[str]:
    """Return the codes that are the originator's own, which the rules never tell."""
    return rules.answers.own(AuthorityName(originator).participant)


def facts_of(notification: Notification, rules: RuleSet, *, of: str | None = None) -> RoutingFacts:
    """Return the facts for the hub: the resolved legs that the rules ask for, and nothing else.

    `of` is the type of the notification that an update or release is about.
    """
    in_custody, type_ = _in_custody(notification), effective_type(notification.type, of)
    legs = {
        Leg(leg.rule, leg.state)
        for leg in legs_of(notification, type_)
        if leg.state is not None and rules.rows_for(type_, in_custody, leg.rule)
    }
    tells = tells_interpol(notification, type_)
    return RoutingFacts(notification.type, in_custody, tells, _corridor(notification), tuple(sorted(legs)), of)


def expected(
    facts: RoutingFacts, originator: str, directory: Directory, rules: RuleSet
) -> dict[str, tuple[Reason, ...]]:
    """Return the participating authorities that the rules expect for these facts, with the reasons.

    The hub compares recipients and withheld with it. The originator's own participant is never among them.
    """
    found: dict[str, set[Reason]] = {}
    own = own_of(originator, rules)
    for name, row in _asked(facts, directory, rules):
        if AuthorityName(name).participant not in own and directory.participates(name):
            found.setdefault(name, set()).add(Reason(row.rule, row.paragraph))
    return {name: tuple(sorted(reasons)) for name, reasons in found.items()}


def _asked(facts: RoutingFacts, directory: Directory, rules: RuleSet) -> Iterator[tuple[str, Row]]:
    """Yield every authority that a row names for these facts; territories go by the same rules' table."""
    for leg in facts.legs:
        for row in rules.rows_for(facts.effective_type, facts.in_custody, leg.rule):
            for name, _ in rules.answers.told_of(leg.state, row.role, directory.participates):
                yield name, row
    for row in rules.rows_for(facts.effective_type, facts.in_custody, "interpol") if facts.interpol else ():
        yield f"{INTERPOL}/{row.role}", row
    if facts.corridor is not None:
        for row in rules.rows_for(facts.effective_type, facts.in_custody, "corridor"):
            for name in rules.subscribers(facts.corridor):
                yield name, row


def decide(
    notification: Notification,
    directory: Directory,
    rules: RuleSet,
    *,
    approvals: Sequence[Approval] = (),
    told_before: Mapping[str, str] = _NOBODY,
    of: str | None = None,
) -> Decision:
    """Return the decision on `notification`, with every reason, hold and suppression.

    `approvals` are those that count: a dry run uses the notification's own unchecked, sending does not. An approval
    that names a code releases that hold for that code alone; none adds a recipient or lifts a suppression. For an
    update or release, `of` is the type of the notification that it is about. `told_before` names the authorities told
    of that one, each with its paragraph: they are expected again, and holds and suppressions apply to them.
    """
    case = _Case(notification, effective_type(notification.type, of), directory, rules, _Approved(approvals))
    named = [_entry(name, one, case) for name, one in sorted(_candidates(case, told_before).items())]
    recipients = tuple(entry.authority for entry in named if entry.outcome == "send" and entry.authority)
    withheld = tuple(
        entry.authority
        for entry in named
        if entry.outcome != "send" and entry.authority and directory.participates(entry.authority)
    )
    entries = (*named, *_unnamed(case))
    silent = () if any(one.outcome != "suppress" for one in entries) else tuple(_silences(case, bool(entries)))
    return Decision(rules.version, notification.originator, entries, recipients, withheld, silent)


def _silences(case: _Case, suppressed: bool) -> Iterator[str]:
    """Yield the reasons why nobody is told and nothing is held, in the order of `table.SILENCES`."""
    notification, legs = case.notification, list(legs_of(case.notification, case.type))
    subject = notification.subject
    given = subject.nationalities if subject is not None else ()
    if suppressed:
        yield "suppressed"
    asked = [leg for leg in legs if case.rows_for(leg.rule)]
    if any(leg.state is not None and case.rules.answers.own(leg.state) & case.own for leg in asked):
        yield "own"
    if any(one.state == STATELESS for one in given):
        yield "stateless"
    if any(one.state in REFUGEES for one in given):
        yield "refugee_code"
    if any(one.status == "revoked" for one in given):
        yield "revoked"
    if only_accompanies(notification, case.type):
        yield "accompanying_family"
    corridor = _corridor(notification)
    if corridor is not None and not case.rules.subscribers(corridor):
        yield "no_subscriber"
    if subject is None and NAMING.get(notification.type) == "rules_and_told_before":
        yield "nothing_new"
    if NAMING.get(notification.type, "asserted") == "asserted" or len(asked) < len(legs):
        yield "no_rule"


def _candidates(case: _Case, told_before: Mapping[str, str]) -> dict[str, _Candidate]:
    """Return the authorities that a leg names, that opted in, or that were told before."""
    found: dict[str, _Candidate] = {}
    own, directory = case.own, case.directory

    def add(name: str, reason: Reason, doubt: str | None = None, answers_for: str | None = None) -> None:
        state = AuthorityName(name).participant
        if state in own:
            return
        candidate = found.setdefault(name, _Candidate())
        candidate.reasons.add(reason)
        if answers_for is not None:
            candidate.answers_for.add(answers_for)
        if doubt is None or case.approved.releases(doubt, state):
            candidate.firm = True
        else:
            candidate.doubts.add(doubt)

    notification = case.notification
    for leg in legs_of(notification, case.type):
        for row in case.rows_for(leg.rule) if leg.state is not None else ():
            for name, code in case.rules.answers.told_of(leg.state or "", row.role, directory.participates):
                add(name, case.reason(row), leg.doubt, code)
    tells = tells_interpol(notification, case.type)
    others = RoutingFacts(case.type, _in_custody(notification), tells, _corridor(notification))
    for name, row in _asked(others, directory, case.rules):
        add(name, case.reason(row))
    for name, paragraph in told_before.items():
        if AuthorityName(name).participant != INTERPOL or not bars_interpol(notification, case.type):
            add(name, Reason("told_before", paragraph))
    return found


def _unnamed(case: _Case) -> list[Entry]:
    """Return an entry for every leg without a state: only new facts can release it, never an approval."""
    entries = [
        Entry(
            None,
            "hold",
            (case.reason(row),),
            () if leg.doubt is None else (leg.doubt,),
            leg.successors,
            readings=leg.readings,
        )
        for leg in legs_of(case.notification, case.type)
        if leg.state is None
        for row in case.rows_for(leg.rule)
    ]
    return sorted(entries, key=lambda one: (one.because, one.reasons, one.successors, one.readings))


def _entry(name: str, candidate: _Candidate, case: _Case) -> Entry:
    reasons, state = tuple(sorted(candidate.reasons)), AuthorityName(name).participant
    answers_for = tuple(sorted(candidate.answers_for))
    suppressed = suppressions(name, case.notification, case.type, case.rules)
    if suppressed:
        return Entry(name, "suppress", reasons, suppressed, answers_for=answers_for)
    because = [] if candidate.firm else sorted(candidate.doubts)
    found = holds(name, case.notification, case.type, case.rules)
    because += [hold for hold in found if not case.approved.releases(hold, state)]
    if not case.directory.participates(name):
        because.append("not_a_participant")
    return Entry(name, "hold" if because else "send", reasons, tuple(because), answers_for=answers_for)


def _in_custody(notification: Notification) -> bool:
    return notification.movement is not None and notification.movement.in_custody


def _corridor(notification: Notification) -> tuple[str, str] | None:
    return None if notification.corridor is None else (notification.corridor.start, notification.corridor.end)
