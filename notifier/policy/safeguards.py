"""What keeps an authority from being told, or makes it wait for a person: one function a safeguard. Pure.

The order in which they count is the decision's (notifier/policy/decision.py); what each is for stands beside its
name in notifier/rules/table.py. `type_` is the type whose rows decide: for an update, that of what it is about.
"""

from __future__ import annotations

from collections.abc import Iterator

from notifier.notification import Notification
from notifier.notification.ages import may_be_child
from notifier.notification.states import participant_of, successors
from notifier.notification.territories import Territories
from notifier.policy.legs import only_accompanies
from notifier.rules.facts import NAMING
from notifier.rules.ruleset import RuleSet


def suppressions(name: str, notification: Notification, type_: str, rules: RuleSet) -> tuple[str, ...]:
    """Why the authority `name` must not be told, whatever else speaks for it."""
    state, answers = name.partition("/")[0], rules.answers
    found = []
    if is_feared(state, notification, answers):
        found.append("feared_state")
    elif state in answers.spread(origins_of_refugee(notification, type_)):
        found.append("refugee_origin")
    if is_excluded(name, notification, answers):
        found.append("not_to")
    if not is_released_to(name, notification, answers):
        found.append("not_released_to")
    return tuple(found)


def holds(name: str, notification: Notification, type_: str, rules: RuleSet) -> Iterator[str]:
    """What a person has to decide before the authority `name` is told."""
    state = name.partition("/")[0]
    if needs_child_review(notification, type_):
        yield "child_review"
    if is_at_risk(state, notification, rules.answers):
        yield "torture_or_death_risk"
    if type_ == "consular" and not is_asked_for(state, notification, rules):
        yield "consular_not_requested"


def is_feared(state: str, notification: Notification, answers: Territories) -> bool:
    """Whether the person fears that state or one of its family, whatever the refugee status says."""
    return notification.local is not None and state in answers.spread(notification.local.feared)


def origins_of_refugee(notification: Notification, type_: str) -> frozenset[str]:
    """The states that a refugee may fear, where it is not known which: nationality and origin, and for a
    deportation its destination.

    It counts what no leg does: a nationality that was revoked, the successors of a former state, and the places of
    accompanying family. A place whose code sources give to several states counts as each of them.
    """
    if not notification.shows_refugee or (notification.local is not None and notification.local.feared):
        return frozenset()
    found: set[str | None] = set()
    if notification.subject is not None:
        for one in notification.subject.nationalities:
            found |= {participant_of(one.state), *(successors(one.state) or ())}
    movement = notification.movement
    places = () if movement is None else (movement.origin, movement.destination if type_ == "deportation" else None)
    found |= {code for place in places if place is not None for code in place.readings}
    return frozenset(state for state in found if state is not None)


def is_excluded(name: str, notification: Notification, answers: Territories) -> bool:
    """Whether the originator says "not to" of the authority, its participant, or another of its family."""
    return answers.excludes(notification.handling.not_to, name)


def is_released_to(name: str, notification: Notification, answers: Territories) -> bool:
    """Whether "release to" limits nothing, or names the authority, its participant, or the state that answers."""
    released = notification.handling.release_to
    return not released or answers.releases(released, name)


def wrongly_released(notification: Notification, type_: str, answers: Territories) -> list[int]:
    """Give the places in `release_to` of those whom the person may fear: no reader may pass it on to them.

    Nobody else knows whom the person fears. Each reader takes `release_to` as leave to tell those whom it names.
    """
    local = notification.local
    feared = local.feared if local is not None else ()
    kept_out = answers.spread({*feared, *origins_of_refugee(notification, type_)})
    released = (name.partition("/")[0] for name in notification.handling.release_to)
    return [number for number, code in enumerate(released) if answers.family(code) & kept_out]


def needs_child_review(notification: Notification, type_: str | None = None) -> bool:
    """A child, an age in dispute, an unknown one that no date of birth makes an adult's, or a document of a child.

    An update about a person who is not described again says nothing of the age: it waits, too.
    """
    subject = notification.subject
    if subject is None:
        return NAMING[notification.type] == "rules_and_told_before" and type_ != "pattern"
    return may_be_child(subject, notification.day)


def is_at_risk(state: str, notification: Notification, answers: Territories) -> bool:
    """Whether the person risks torture or the death penalty there, or in another place of its family."""
    local = notification.local
    return local is not None and state in answers.spread((*local.torture, *local.death_penalty))


def is_asked_for(state: str, notification: Notification, rules: RuleSet) -> bool:
    """Whether the person asked that the consular service be told, or a treaty does not leave the choice."""
    requested = notification.local is not None and notification.local.consular is True
    return requested or any(rules.answers.covers(one, state) for one in rules.consular_mandatory)


def tells_interpol(notification: Notification, type_: str) -> bool:
    """Whether INTERPOL is a candidate: by opt-in, never of a child, nor of family by somebody else's movement."""
    barred = bars_interpol(notification, type_) or only_accompanies(notification, type_)
    return notification.interpol and not barred


def bars_interpol(notification: Notification, type_: str) -> bool:
    """Whether INTERPOL is no candidate for whatever reason it may be told: of a child, after review neither."""
    return needs_child_review(notification, type_)
