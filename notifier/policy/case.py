"""Cases: links between messages, and their effect on who is told.

An update goes to those who were told before, and to the authorities that its new facts add
(docs/reference/routing.md). It also acts on earlier messages. A nationality that it confirms releases the hold of the
notification that it is about. A nationality that it revokes, or a state that must not be told any more, stops all
that was not sent yet. A fear or risk that was stated once holds for the whole case: an update that leaves it out does
not remove it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from notifier.directory.snapshot import Snapshot
from notifier.errors import Fault, NotificationInvalidError, RefusedError
from notifier.names import AuthorityName
from notifier.notification import Notification
from notifier.notification.digest import digests_of
from notifier.notification.model import Approval, Handling, Local, Nationality
from notifier.notification.states import participant_of
from notifier.notification.territories import Territories
from notifier.policy.decision import Decision, Entry, decide, facts_of
from notifier.policy.forwarding import decide_answer, decide_forward
from notifier.policy.legs import doubt_about, is_citizenship
from notifier.policy.plan import Block, CaseContext, Plan, plan
from notifier.policy.safeguards import needs_child_review, origins_of_refugee, wrongly_released
from notifier.rules.facts import NAMING, RoutingFacts, effective_type

UNCONFIRMED: Final = "nationality_unconfirmed"
REVOKED: Final = "nationality_revoked"
FEARED: Final = (
    "must not be there: the person may fear that state, and every recipient may tell the parties named here"
)
NO_CANDIDATE: Final = "no_candidate"


@dataclass(frozen=True, slots=True)
class CaseMessage:
    """An earlier message of a case as its originator has it; the first is the one that the others are about.

    `told` are the authorities whose feed has it, `coming` those with a delivery in flight, `approvals` those that
    count.
    """

    notification: Notification
    plan: Plan
    told: frozenset[str]
    coming: frozenset[str]
    approvals: tuple[Approval, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseUpdate:
    """The result of an update: its own plan, and those of the earlier messages, in their order."""

    plan: Plan
    earlier: tuple[Plan, ...]


def evaluate(
    notification: Notification, ties: CaseContext, snapshot: Snapshot, approvals: Sequence[Approval] = ()
) -> tuple[Decision, RoutingFacts]:
    """Return the decision on a message with its ties, and the facts for the hub.

    A forwarded notification goes to those whom its forwarder names, a response to those whom it answers, any other by
    the rules.
    """
    directory, rules = snapshot.directory, snapshot.rules
    if notification.parent is not None:
        return (
            decide_forward(notification, ties.named, directory, rules.version, approvals, rules.answers),
            RoutingFacts("forward"),
        )
    if NAMING[notification.type] == "asserted":
        decision = decide_answer(notification, ties.named, directory, rules.version)
        return decision, RoutingFacts(notification.type)
    whole = _with_what_was_known(notification, ties)
    known = []
    if ties.adult and notification.subject is None:
        known.append(Approval("child_review", "an earlier message of the case", ""))
    decision = decide(
        whole, directory, rules, approvals=[*approvals, *known], told_before=ties.told_before, of=ties.of
    )
    return decision, facts_of(whole, rules, of=ties.of)


def planned(
    notification: Notification,
    ties: CaseContext,
    snapshot: Snapshot,
    approvals: Sequence[Approval] = (),
    approved: Collection[str] | None = None,
) -> Plan:
    """Return the plan of a message under the current directory and rules; `approved` is as for `plan`."""
    decision, facts = evaluate(notification, ties, snapshot, approvals)
    return plan(
        decision,
        facts,
        snapshot.directory.version,
        approved,
        ties=ties,
        approvals=approvals,
        exercise=notification.exercise,
        answers=snapshot.rules.answers,
    )


def is_for_a_child(notification: Notification, ties: CaseContext) -> bool:
    """Return whether recipients get the minimal profile."""
    return needs_child_review(notification, ties.of) and not (ties.adult and notification.subject is None)


def evaluate_update(update: Notification, case: Sequence[CaseMessage], snapshot: Snapshot) -> CaseUpdate:
    """Return the effect of `update` on itself and on the messages of its case; `case[0]` is the one it is about.

    Raises `RefusedError` (`about_mismatch`) where its digest is of another text, or that one cannot be updated.
    Raises `NotificationInvalidError` where it omits an exclusion of the case.
    """
    first = case[0].notification
    _check(update, first)
    _check_handling(update.handling, [one.notification.handling for one in case])
    ties = CaseContext(
        of=first.type,
        local=_known_before(update, case),
        adult=_was_adult(case),
        digests=digests_of(first),
        stopped=_not_told_for_fear(update, case),
    )
    check_released(update, ties, snapshot.rules.answers)
    said = _Said(update, case, _all_told(update, case, ties, snapshot), snapshot.rules.answers)
    ties = replace(ties, told_before=said.told_before())
    return CaseUpdate(planned(update, ties, snapshot), tuple(said.revised(one, snapshot) for one in case))


def check_released(notification: Notification, ties: CaseContext, answers: Territories) -> None:
    """Raise `NotificationInvalidError` where `release_to` names a state that the person may fear.

    All that the case knows counts.
    """
    whole = _with_what_was_known(notification, ties)
    wrong = wrongly_released(whole, effective_type(notification.type, ties.of), answers)
    stopped = answers.spread(code for code, stop in ties.stopped.items() if stop.because == ("refugee_origin",))
    released = notification.handling.release_to
    wrong += [
        number for number, name in enumerate(released) if answers.family(AuthorityName(name).participant) & stopped
    ]
    if wrong:
        raise NotificationInvalidError(
            [Fault(f"/handling/release_to/{number}", FEARED) for number in sorted({*wrong})]
        )


def _check(update: Notification, first: Notification) -> None:
    if NAMING[first.type] != "rules" or first.parent is not None:
        raise RefusedError(
            "about_mismatch",
            "an update must be about a notification of this authority that is no update itself",
            hint="name the first notification of the case",
        )
    if update.about is None or update.about.digest not in digests_of(first).values():
        raise RefusedError(
            "about_mismatch", "the digest is not that of the notification", hint="notifier track --digest prints it"
        )
    if update.exercise != first.exercise:
        raise RefusedError(
            "about_mismatch", "an exercise must be updated by an exercise, and any other notification by none"
        )


def _check_handling(given: Handling, before: Sequence[Handling]) -> None:
    """Raise `NotificationInvalidError` where an update drops an exclusion or release of the case.

    Only naming a party admits it. An omitted field would tell the very state that must hear nothing.
    """
    faults = []
    admitted = {*given.release_to, *(AuthorityName(name).participant for name in given.release_to)}
    excluded = {name for one in before for name in one.not_to}
    if any(not given.excludes(name) and name not in admitted for name in excluded):
        faults.append(
            Fault("/handling/not_to", "must name the parties that the case excludes, unless release_to does")
        )
    if not given.release_to and any(one.release_to for one in before):
        faults.append(Fault("/handling/release_to", "must not be empty: the case is released to some parties only"))
    if faults:
        raise NotificationInvalidError(faults)


def _known_before(update: Notification, case: Sequence[CaseMessage]) -> Local:
    """Return the fears and risks of all messages of the case so far."""
    messages = [one.notification for one in case]
    known = [one.local for one in messages if one.local is not None]
    if update.local is not None:
        known.append(update.local)
    refugee = any(one.shows_refugee for one in messages)
    return Local(
        refugee="refugee" if refugee else "unknown",
        feared=_union(one.feared for one in known),
        torture=_union(one.torture for one in known),
        death_penalty=_union(one.death_penalty for one in known),
    )


def _union(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({code for codes in lists for code in codes}))


def _with_what_was_known(notification: Notification, ties: CaseContext) -> Notification:
    """Return the notification with all that its case knew before or learned since, for the decision alone."""
    notification = _confirmed(notification, ties.confirmed)
    if ties.of is None:
        return notification
    local, before = notification.local or Local(), ties.local
    return replace(
        notification,
        local=replace(
            local,
            refugee=before.refugee if local.refugee in ("none", "unknown") else local.refugee,
            feared=_union([local.feared, before.feared]),
            torture=_union([local.torture, before.torture]),
            death_penalty=_union([local.death_penalty, before.death_penalty]),
        ),
    )


def _confirmed(notification: Notification, codes: Collection[str]) -> Notification:
    """Return the notification with the nationalities of `codes` documented, because an update confirmed them."""
    subject = notification.subject
    if subject is None or not codes:
        return notification
    given = tuple(
        Nationality(one.state, "documented")
        if _is_doubted(one, notification.day) and participant_of(one.state) in codes
        else one
        for one in subject.nationalities
    )
    return replace(notification, subject=replace(subject, nationalities=given))


def _was_adult(case: Sequence[CaseMessage]) -> bool:
    """Return whether the person was an adult when last described."""
    described = [one for one in case if one.notification.subject is not None]
    return bool(described) and not needs_child_review(described[-1].notification, described[-1].plan.ties.of)


def _not_told_for_fear(update: Notification, case: Sequence[CaseMessage]) -> dict[str, Block]:
    """Return stops for the states that a refugee may fear, by any message, until it is known which one it is."""
    known = _known_before(update, case)
    if known.feared or not (update.shows_refugee or known.refugee == "refugee"):
        return {}
    fled = Local(refugee="refugee")
    messages = [replace(one, local=fled) for one in (*(earlier.notification for earlier in case), update)]
    codes = {code for one in messages for code in origins_of_refugee(one, case[0].notification.type)}
    return {code: Block("suppress", ("refugee_origin",)) for code in sorted(codes)}


def _all_told(
    update: Notification, case: Sequence[CaseMessage], ties: CaseContext, snapshot: Snapshot
) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Return the outcome by the update's facts for every authority that any message of the case was for."""
    everybody = {entry.authority: "" for one in case for entry in one.plan.entries if entry.authority is not None}
    decision, facts = evaluate(update, replace(ties, told_before=everybody), snapshot)
    made = plan(decision, facts, snapshot.directory.version, ties=ties, answers=snapshot.rules.answers)
    return {entry.authority or "": (entry.outcome, entry.because) for entry in made.entries}


class _Said:
    """The effect of an update on authorities that were told before, and on those that were not."""

    def __init__(
        self,
        update: Notification,
        case: Sequence[CaseMessage],
        outcomes: Mapping[str, tuple[str, tuple[str, ...]]],
        answers: Territories,
    ) -> None:
        given = update.subject.nationalities if update.subject is not None else ()
        self._described = update.subject is not None
        self._silent = {"not_a_participant"} | (set() if self._described else {"child_review"})
        self._named = _codes(given, lambda one: one.status != "revoked")
        self._spoken = _spoken([*(one.notification for one in case), update])
        self._documented = _codes(given, lambda one: doubt_about(one, update.day) is None)
        self._answers = answers
        self._outcomes = outcomes
        self._case = case

    def told_before(self) -> dict[str, str]:
        """Return the authorities told of the update because of an earlier message, each with its first paragraph."""
        found: dict[str, str] = {}
        for one in self._case:
            for entry in one.plan.entries:
                name = entry.authority
                told = name in one.told or (name in one.coming and self._stop(name) is None)
                if name is not None and told and not self._only_by_revoked(name):
                    found.setdefault(name, entry.reasons[0].paragraph)
        return found

    def revised(self, one: CaseMessage, snapshot: Snapshot) -> Plan:
        """Return the current plan of an earlier message, with all that it may no longer send stopped."""
        before = one.plan
        stopped = {name: stop for name, stop in before.ties.stopped.items() if self._stays(name, stop)}
        for entry in before.entries:
            name = entry.authority
            stop = None if name is None or name in one.told else self._stop(name)
            if name is not None and stop is not None and (name not in stopped or stopped[name].outcome == "hold"):
                stopped[name] = stop
        waiting = {entry.authority for entry in before.holds if entry.authority and UNCONFIRMED in entry.because}
        confirmed = self._documented & _unconfirmed(one.notification) if waiting else frozenset()
        ties = replace(before.ties, stopped=stopped, confirmed=before.ties.confirmed | confirmed)
        if ties == before.ties:
            return before
        decision, facts = evaluate(one.notification, ties, snapshot, one.approvals)
        released = {name for name in waiting & {*decision.recipients} if self._speak_for(confirmed, name)}
        return plan(
            decision,
            facts,
            snapshot.directory.version,
            before.approved | released,
            ties=ties,
            approvals=one.approvals,
            exercise=one.notification.exercise,
            answers=self._answers,
        )

    def _stays(self, name: str, stop: Block) -> bool:
        """Return whether an earlier stop still stands; naming a revoked nationality again lifts its own stop."""
        if stop.because == (REVOKED,):
            return not self._speak_for(self._named, name)
        return stop.outcome == "suppress" or not self._described

    def _stop(self, name: str) -> Block | None:
        if self._only_by_revoked(name):
            return Block("suppress", (REVOKED,))
        if name not in self._outcomes:
            return Block("suppress", (NO_CANDIDATE,))
        outcome, because = self._outcomes[name]
        left = tuple(code for code in because if code not in self._silent)
        return None if outcome == "send" or not left else Block(outcome, left)

    def _only_by_revoked(self, name: str) -> bool:
        """Return whether a nationality that is now revoked was the only reason to tell this authority."""
        spoken = self._speak_for(self._spoken, name)
        if not spoken or not all(self._spoken[code] == REVOKED for code in spoken):
            return False
        entries = (entry for one in self._case for entry in one.plan.entries if entry.authority == name)
        return {rule for entry in entries for rule in _rules(entry)} <= {"nationality", "told_before"}

    def _speak_for(self, codes: Iterable[str], name: str) -> list[str]:
        """Return those of `codes` with a leg that can be a reason to tell the authority `name`."""
        participant = AuthorityName(name).participant
        return [code for code in codes if self._answers.speaks_for(code, participant)]


def _is_doubted(one: Nationality, on: dt.date) -> bool:
    """Return whether a nationality makes its leg wait until it is confirmed."""
    return is_citizenship(one) and doubt_about(one, on) is not None


def _codes(given: Iterable[Nationality], wanted: Callable[[Nationality], bool]) -> frozenset[str]:
    """Return the states of the nationalities that are `wanted`."""
    found = (participant_of(one.state) for one in given if wanted(one))
    return frozenset(code for code in found if code is not None)


def _unconfirmed(message: Notification) -> frozenset[str]:
    given = message.subject.nationalities if message.subject is not None else ()
    return _codes(given, lambda one: _is_doubted(one, message.day))


def _spoken(messages: Iterable[Notification]) -> dict[str, str]:
    """Return every state of nationality with its latest status: `REVOKED`, or "" otherwise."""
    found: dict[str, str] = {}
    for message in messages:
        given = message.subject.nationalities if message.subject is not None else ()
        found |= dict.fromkeys(_codes(given, lambda one: one.status == "revoked"), REVOKED)
        found |= dict.fromkeys(_codes(given, lambda one: one.status != "revoked"), "")
    return found


def _rules(entry: Entry) -> Iterator[str]:
    return (reason.rule for reason in entry.reasons)
