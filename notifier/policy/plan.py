"""The plan of a notification: the decision, confined to the recipients that its submitter saw.

Directory and rules may change between submission and sealing, or the hub may ask for a new evaluation. The publisher
then sends by itself to the approved set only. Authorities that new rules add are held as `rules_changed` until a
person agrees. Other messages' effects on this one are stored with it (`CaseContext`), so that every evaluation knows
them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from notifier.names import AuthorityName
from notifier.notification.model import Approval, Local
from notifier.notification.territories import BUILT_IN_TABLE, Territories
from notifier.policy.decision import Decision, Entry
from notifier.rules.facts import Leg, RoutingFacts

RULES_CHANGED: Final = "rules_changed"
NOTHING_KNOWN: Final = Local()


@dataclass(frozen=True, slots=True)
class Block:
    """A stop for deliveries that were not sent yet: an outcome, hold or suppress, and its reasons."""

    outcome: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseContext:
    """Facts about a message that stem from other messages.

    An update or release has `of`, the type of the notification that it is about; `told_before`, the authorities told
    of that one, each with its paragraph; `local`, earlier fears and risks; `adult`, true where the person was one as
    last described. A response or forwarded notification has `named`, its addressees. Both have `digests` of the other
    notification by profile. A notification that was updated has `confirmed` nationalities, and `stopped` by authority
    or state.
    """

    of: str | None = None
    told_before: Mapping[str, str] = field(default_factory=dict)
    local: Local = NOTHING_KNOWN
    adult: bool = False
    named: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    confirmed: frozenset[str] = frozenset()
    stopped: Mapping[str, Block] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the stored form."""
        local = self.local
        return {
            "of": self.of,
            "told_before": dict(self.told_before),
            "local": [local.refugee, local.feared, local.torture, local.death_penalty],
            "adult": self.adult,
            "named": self.named,
            "digests": dict(self.digests),
            "confirmed": sorted(self.confirmed),
            "stopped": {name: [stop.outcome, stop.because] for name, stop in self.stopped.items()},
        }

    @classmethod
    def from_document(cls, value: Mapping[str, Any]) -> CaseContext:
        """Return the ties that `document` gave."""
        refugee, feared, torture, death_penalty = value["local"]
        return cls(
            value["of"],
            value["told_before"],
            Local(refugee, tuple(feared), tuple(torture), tuple(death_penalty)),
            value["adult"],
            tuple(value["named"]),
            value["digests"],
            frozenset(value["confirmed"]),
            {name: Block(outcome, tuple(because)) for name, (outcome, because) in value["stopped"].items()},
        )

    def stop(self, name: str, answers: Territories) -> Block | None:
        """Return the stop of the authority `name`, by its own name or a state of its family; suppression wins."""
        keys = (name, *sorted(answers.family(AuthorityName(name).participant)))
        found = [self.stopped[key] for key in keys if key in self.stopped]
        return max(found, key=lambda stop: stop.outcome == "suppress", default=None)


NO_CASE: Final = CaseContext()


@dataclass(frozen=True, slots=True)
class Plan:
    """An evaluation of a notification, as stored.

    `entries` are those of the decision as JSON, amended. `recipients` are sealed to; `withheld` are the expected
    participating authorities that are not. `approved` are the recipients that the submitter saw, and those that
    persons released since. `exercise` marks a drill for readers of decisions who see no contents.
    """

    rules_version: int
    directory_version: int
    facts: RoutingFacts
    entries: tuple[Entry, ...]
    recipients: tuple[str, ...]
    withheld: tuple[str, ...]
    approved: frozenset[str]
    ties: CaseContext = NO_CASE
    exercise: bool = False

    @property
    def holds(self) -> tuple[Entry, ...]:
        """Return the entries that wait for a person, or for facts."""
        return tuple(entry for entry in self.entries if entry.is_held)

    def with_extra_entries(self, entries: Iterable[Entry]) -> Plan:
        """Return the plan with these entries added, except for authorities that it has already."""
        named = {entry.authority for entry in self.entries}
        more = [entry for entry in entries if entry.authority not in named]
        if not more:
            return self
        return replace(self, entries=tuple(sorted((*self.entries, *more), key=_order)))

    def document(self) -> bytes:
        """Return the stored form."""
        facts = self.facts
        return json.dumps(
            {
                "rules_version": self.rules_version,
                "directory_version": self.directory_version,
                "facts": {
                    "type": facts.type,
                    "in_custody": facts.in_custody,
                    "interpol": facts.interpol,
                    "corridor": facts.corridor,
                    "legs": [[leg.rule, leg.state] for leg in facts.legs],
                    "of": facts.of,
                },
                "entries": [entry.to_json() for entry in self.entries],
                "recipients": self.recipients,
                "withheld": self.withheld,
                "approved": sorted(self.approved),
                "ties": None if self.ties == NO_CASE else self.ties.document(),
                "exercise": self.exercise,
            }
        ).encode()

    @classmethod
    def from_document(cls, stored: bytes) -> Plan:
        """Return the plan that `document` gave."""
        value = json.loads(stored)
        facts = value["facts"]
        return cls(
            value["rules_version"],
            value["directory_version"],
            RoutingFacts(
                facts["type"],
                facts["in_custody"],
                facts["interpol"],
                tuple(facts["corridor"]) if facts["corridor"] else None,
                tuple(Leg(rule, state) for rule, state in facts["legs"]),
                facts["of"],
            ),
            tuple(map(Entry.from_json, value["entries"])),
            tuple(value["recipients"]),
            tuple(value["withheld"]),
            frozenset(value["approved"]),
            NO_CASE if value["ties"] is None else CaseContext.from_document(value["ties"]),
            value.get("exercise", False),  # earlier versions stored none
        )


def nothing(rules_version: int, directory_version: int) -> Plan:
    """Return the plan of an act, which goes to the log alone."""
    return Plan(rules_version, directory_version, RoutingFacts("act"), (), (), (), frozenset())


def released(
    stored: Plan, before: Collection[str], after: Collection[str], hold: str, state: str | None
) -> frozenset[str]:
    """Return the authorities that an approval of `hold` (for `state`, or for all) adds to the permitted ones.

    `before` and `after` are the recipients by the current rules without and with it. Only authorities shown as held
    in `stored`, which the signer saw, are added; those that newer rules add wait for their own approval.
    """
    held = {one.authority: one.because for one in stored.holds}
    if hold == RULES_CHANGED:
        return frozenset(name for name in held if name and RULES_CHANGED in held[name] and _of(name, state))
    added = set(after) - set(before)
    return frozenset(name for name in added if name in held and RULES_CHANGED not in held[name])


def _order(entry: Entry) -> tuple[bool, str]:
    """Return the sort key of an entry: by authority, None last."""
    return entry.authority is None, entry.authority or ""


def _of(name: str, state: str | None) -> bool:
    return state is None or AuthorityName(name).participant == state


def plan(
    decision: Decision,
    facts: RoutingFacts,
    directory_version: int,
    approved: Collection[str] | None = None,
    *,
    ties: CaseContext = NO_CASE,
    approvals: Sequence[Approval] = (),
    exercise: bool = False,
    answers: Territories = BUILT_IN_TABLE,
) -> Plan:
    """Return the plan for `decision`; `approved` confines it to an earlier plan's recipients (None: the first).

    `ties` stop the parties that they name, and their family by `answers`, unless `approvals` release that hold.
    """
    stopped = [_stopped(entry, ties, approvals, answers) for entry in decision.entries]
    sent = {entry.authority for entry in stopped if entry.authority is not None and entry.outcome == "send"}
    allowed = frozenset(sent if approved is None else approved)
    entries = tuple(
        replace(entry, outcome="hold", because=(*entry.because, RULES_CHANGED))
        if entry.outcome == "send" and entry.authority not in allowed
        else entry
        for entry in stopped
    )
    expected = {*decision.recipients, *decision.withheld}
    return Plan(
        decision.rules_version,
        directory_version,
        facts,
        entries,
        tuple(sorted(sent & allowed)),
        tuple(sorted(expected - (sent & allowed))),
        allowed,
        ties,
        exercise,
    )


def _stopped(entry: Entry, ties: CaseContext, approvals: Sequence[Approval], answers: Territories) -> Entry:
    """Return `entry` after the stops of the ties; suppression wins."""
    name = entry.authority
    stop = None if name is None else ties.stop(name, answers)
    if name is None or stop is None:
        return entry
    if stop.outcome == "suppress":
        before = entry.because if entry.outcome == "suppress" else ()
        return replace(entry, outcome="suppress", because=(*before, *_without(stop.because, before)))
    state = AuthorityName(name).participant
    released = {one.hold for one in approvals if one.state in (None, state) and one.says_enough}
    left = [code for code in _without(stop.because, entry.because) if code not in released]
    if entry.outcome == "suppress" or not left:
        return entry
    return replace(entry, outcome="hold", because=(*entry.because, *left))


def _without(codes: Sequence[str], known: Sequence[str]) -> list[str]:
    return [code for code in codes if code not in known]
