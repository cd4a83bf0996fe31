"""The routing decision: who is expected to be told of a notification, and who waits, and why. Pure.

Order: candidates with every reason kept, authorities by role, suppress, hold. Suppression always wins. A doubt
about one leg holds that leg alone; what concerns the person or the recipient holds whatever the leg
(S/RES/2396 (2017), paragraphs 3, 5, 6; docs/routing.md).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

from notifier.directory.model import Directory
from notifier.notification import Notification
from notifier.notification.dates import proves_adult
from notifier.notification.model import Approval
from notifier.routing.facts import NAMING, Leg, RoutingFacts, judged_as
from notifier.routing.legs import FoundLeg, legs_of
from notifier.routing.rules import Row, RuleSet

INTERPOL: Final = "INTERPOL"
_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})
Outcome = Literal["send", "hold", "suppress"]


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """Why an authority is expected: the rule, and the paragraph of the resolution."""

    rule: str
    paragraph: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What is decided for one authority, or, where `authority` is None, for a leg that names no state yet."""

    authority: str | None
    outcome: Outcome
    reasons: tuple[Reason, ...]
    because: tuple[str, ...] = ()
    successors: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The entry of a routing decision document."""
        document: dict[str, Any] = {
            "authority": self.authority,
            "outcome": self.outcome,
            "reasons": [{"rule": reason.rule, "paragraph": reason.paragraph} for reason in self.reasons],
            "because": list(self.because),
        }
        if self.successors:
            document["successors"] = list(self.successors)
        return document


@dataclass(frozen=True, slots=True)
class Decision:
    """All entries, sorted by authority, those without one last.

    `recipients` are sent to; `withheld` are the participating authorities that are expected and are not.
    """

    rules_version: int
    originator: str
    entries: tuple[Entry, ...]
    recipients: tuple[str, ...]
    withheld: tuple[str, ...]

    @property
    def nobody(self) -> bool:
        """Whether no entry has the outcome send."""
        return not self.recipients

    def to_json(self) -> dict[str, Any]:
        """The document of `notifier route --json`."""
        return {
            "rules_version": self.rules_version,
            "originator": self.originator,
            "nobody": self.nobody,
            "recipients": [entry.to_json() for entry in self.entries],
        }


@dataclass(slots=True)
class _Candidate:
    """An authority on its way through the decision; `firm` once any leg without a doubt expects it."""

    state: str
    reasons: set[Reason] = field(default_factory=set)
    doubts: set[str] = field(default_factory=set)
    firm: bool = False


def facts_of(notification: Notification, rules: RuleSet, *, of: str | None = None) -> RoutingFacts:
    """What the hub is told: resolved legs that the rules ask for, and nothing else.

    `of` is the type of the notification that an update or release is about.
    """
    in_custody, type_ = _in_custody(notification), judged_as(notification.type, of)
    legs = {
        Leg(leg.rule, leg.state)
        for leg in legs_of(notification, type_)
        if leg.state is not None and rules.rows_for(type_, in_custody, leg.rule)
    }
    return RoutingFacts(
        notification.type,
        in_custody,
        _tells_interpol(notification, of),
        _corridor(notification),
        tuple(sorted(legs)),
        of,
    )


def expected(
    facts: RoutingFacts, originator: str, directory: Directory, rules: RuleSet
) -> dict[str, tuple[Reason, ...]]:
    """The participating authorities that the rules expect to be told of these facts, with the reasons.

    What the hub compares recipients and withheld with; the originator's own participant is never among them.
    """
    found: dict[str, set[Reason]] = {}
    for name, row in _asked(facts, rules):
        if name.partition("/")[0] != originator.partition("/")[0] and directory.participates(name):
            found.setdefault(name, set()).add(Reason(row.rule, row.paragraph))
    return {name: tuple(sorted(reasons)) for name, reasons in found.items()}


def _asked(facts: RoutingFacts, rules: RuleSet) -> Iterator[tuple[str, Row]]:
    """Every authority that a row names for these facts."""
    for leg in facts.legs:
        for row in rules.rows_for(facts.judged_as, facts.in_custody, leg.rule):
            yield f"{leg.state}/{row.role}", row
    for row in rules.rows_for(facts.judged_as, facts.in_custody, "interpol") if facts.interpol else ():
        yield f"{INTERPOL}/{row.role}", row
    if facts.corridor is not None:
        for row in rules.rows_for(facts.judged_as, facts.in_custody, "corridor"):
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
    """The decision upon `notification`, with every reason, hold and suppression.

    `approvals` are those that count: a dry run takes the notification's own at their word, sending does not.
    For an update or release, `of` is the type of the notification that it is about, and `told_before` names who
    was told of that one, each with the paragraph: they are expected again, and obey holds and suppressions too.
    """
    type_ = judged_as(notification.type, of)
    approved = _Approved(approvals)
    candidates, unnamed = _candidates(notification, rules, approved, told_before, of)
    entries = [
        _entry(name, candidate, notification, type_, directory, rules, approved)
        for name, candidate in candidates.items()
    ]
    named = sorted(entries, key=lambda entry: entry.authority or "")
    recipients = tuple(entry.authority for entry in named if entry.outcome == "send" and entry.authority)
    withheld = tuple(
        entry.authority
        for entry in named
        if entry.outcome != "send" and entry.authority and directory.participates(entry.authority)
    )
    return Decision(rules.version, notification.originator, (*named, *unnamed), recipients, withheld)


class _Approved:
    """Which holds were released, for every state or for one."""

    def __init__(self, approvals: Iterable[Approval]) -> None:
        self._released = {(one.hold, one.state) for one in approvals}

    def releases(self, hold: str, state: str | None) -> bool:
        return (hold, None) in self._released or (state is not None and (hold, state) in self._released)


def _candidates(
    notification: Notification, rules: RuleSet, approved: _Approved, told_before: Mapping[str, str], of: str | None
) -> tuple[dict[str, _Candidate], list[Entry]]:
    """The authorities that any leg names or that were told before, and an entry for every leg without a state."""
    own = notification.originator.partition("/")[0]
    in_custody, type_ = _in_custody(notification), judged_as(notification.type, of)
    found: dict[str, _Candidate] = {}
    unnamed: list[Entry] = []

    def add(name: str, rule: str, paragraph: str, doubt: str | None = None) -> None:
        state = name.partition("/")[0]
        if state == own:
            return
        candidate = found.setdefault(name, _Candidate(state))
        candidate.reasons.add(Reason(rule, paragraph))
        if doubt is None or approved.releases(doubt, state):
            candidate.firm = True
        else:
            candidate.doubts.add(doubt)

    for leg in legs_of(notification, type_):
        for row in rules.rows_for(type_, in_custody, leg.rule):
            if leg.state is None:
                unnamed.append(_unnamed(leg, row, notification.stage))
            else:
                add(f"{leg.state}/{row.role}", row.rule, row.paragraph_at(notification.stage), leg.doubt)
    facts = RoutingFacts(type_, in_custody, _tells_interpol(notification, of), _corridor(notification))
    for name, row in _asked(facts, rules):
        add(name, row.rule, row.paragraph_at(notification.stage))
    for name, paragraph in told_before.items():
        if name.partition("/")[0] != INTERPOL or not _bars_interpol(notification, of):
            add(name, "told_before", paragraph)
    return found, sorted(unnamed, key=lambda entry: (entry.because, entry.reasons, entry.successors))


def _unnamed(leg: FoundLeg, row: Row, stage: str | None) -> Entry:
    because = () if leg.doubt is None else (leg.doubt,)
    return Entry(None, "hold", (Reason(row.rule, row.paragraph_at(stage)),), because, leg.successors)


def _entry(
    name: str,
    candidate: _Candidate,
    notification: Notification,
    type_: str,
    directory: Directory,
    rules: RuleSet,
    approved: _Approved,
) -> Entry:
    reasons = tuple(sorted(candidate.reasons))
    suppressed = _suppressions(name, candidate.state, notification, type_)
    if suppressed:
        return Entry(name, "suppress", reasons, suppressed)
    because = [] if candidate.firm else sorted(candidate.doubts)
    because += [
        hold
        for hold in _holds(candidate.state, notification, type_, rules)
        if not approved.releases(hold, candidate.state)
    ]
    if not directory.participates(name):
        because.append("not_a_participant")
    return Entry(name, "hold" if because else "send", reasons, tuple(because))


def _suppressions(name: str, state: str, notification: Notification, type_: str) -> tuple[str, ...]:
    """Why this authority must not be told, whatever else speaks for it."""
    handling = notification.handling
    found = []
    if notification.local is not None and state in notification.local.feared:
        found.append("feared_state")
    elif state in _origins_of_refugee(notification, type_):
        found.append("refugee_origin")
    if state in handling.not_to or name in handling.not_to:
        found.append("not_to")
    if handling.release_to and not {state, name} & set(handling.release_to):
        found.append("not_released_to")
    return tuple(found)


def _origins_of_refugee(notification: Notification, type_: str) -> frozenset[str]:
    """The states that a refugee may fear, where it is not known which he or she does."""
    if not notification.shows_refugee or (notification.local is not None and notification.local.feared):
        return frozenset()
    rules = {"nationality", "origin"} | ({"destination"} if type_ == "deportation" else set())
    return frozenset(leg.state for leg in legs_of(notification, type_) if leg.rule in rules and leg.state is not None)


def _holds(state: str, notification: Notification, type_: str, rules: RuleSet) -> Iterator[str]:
    """What a person has to decide before this state is told."""
    if needs_child_review(notification, type_):
        yield "child_review"
    local = notification.local
    if local is not None and state in (*local.torture, *local.death_penalty):
        yield "torture_or_death_risk"
    if type_ == "consular":
        requested = local is not None and local.consular is True
        if not requested and state not in rules.consular_mandatory:
            yield "consular_not_requested"


def needs_child_review(notification: Notification, of: str | None = None) -> bool:
    """A child, an age in dispute, or an unknown one that no date of birth makes an adult's.

    An update about a person who is not described again says nothing of the age: it waits, too.
    """
    subject = notification.subject
    if subject is None:
        return NAMING[notification.type] == "rules_and_told_before" and of != "pattern"
    if subject.age == "adult":
        return False
    if subject.age == "unknown":
        on = dt.datetime.fromisoformat(notification.event_time).date()
        return not proves_adult(subject.births, on)
    return True


def _tells_interpol(notification: Notification, of: str | None) -> bool:
    """INTERPOL is told by opt-in alone."""
    return notification.interpol and not _bars_interpol(notification, of)


def _bars_interpol(notification: Notification, of: str | None) -> bool:
    """INTERPOL is never told of a child, nor of accompanying family."""
    subject = notification.subject
    family = subject is not None and subject.category == "accompanying_family"
    return family or needs_child_review(notification, of)


def _in_custody(notification: Notification) -> bool:
    return notification.movement is not None and notification.movement.in_custody


def _corridor(notification: Notification) -> tuple[str, str] | None:
    return None if notification.corridor is None else (notification.corridor.start, notification.corridor.end)
