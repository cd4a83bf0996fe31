"""Safeguards: one function for each reason to suppress an authority or to hold it for a person.

notifier/policy/decision.py fixes their order; notifier/rules/table.py gives the purpose of each by name. `type_` is
the type whose rows decide: for an update, that of the notification that it is about.
"""

from __future__ import annotations

from collections.abc import Iterator

from notifier.names import AuthorityName
from notifier.notification import Notification
from notifier.notification.ages import may_be_child
from notifier.notification.states import participant_of, successors
from notifier.notification.territories import Territories
from notifier.policy.legs import only_accompanies
from notifier.rules.facts import NAMING
from notifier.rules.ruleset import RuleSet


def suppressions(name: str, notification: Notification, type_: str, rules: RuleSet) -> tuple[str, ...]:
    """Return the reasons why the authority `name` must not be told, against any reason to tell it."""
    state, answers = AuthorityName(name).participant, rules.answers
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
    """Yield the holds that a person must release before the authority `name` is told."""
    state = AuthorityName(name).participant
    if needs_child_review(notification, type_):
        yield "child_review"
    if is_at_risk(state, notification, rules.answers):
        yield "torture_or_death_risk"
    if type_ == "consular" and not is_asked_for(state, notification, rules):
        yield "consular_not_requested"


def is_feared(state: str, notification: Notification, answers: Territories) -> bool:
    """Return whether the person fears that state or one of its family, whatever the refugee status."""
    return notification.local is not None and state in answers.spread(notification.local.feared)


def origins_of_refugee(notification: Notification, type_: str) -> frozenset[str]:
    """Return the states that a refugee may fear, where it is not known which one.

    They are those of nationality and origin, and of a deportation's destination. Cases without a leg count too: a
    revoked nationality, the successors of a former state, the places of accompanying family. A place code with
    several readings counts as each of them.
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
    """Return whether `not_to` names the authority, its participant, or another of its family."""
    return answers.excludes(notification.handling.not_to, name)


def is_released_to(name: str, notification: Notification, answers: Territories) -> bool:
    """Return whether `release_to` is empty, or names the authority, its participant, or the answering state."""
    released = notification.handling.release_to
    return not released or answers.releases(released, name)


def wrongly_released(notification: Notification, type_: str, answers: Territories) -> list[int]:
    """Return the positions in `release_to` of parties that the person may fear.

    Nobody else knows whom the person fears: every reader takes `release_to` as permission to tell the named parties.
    """
    local = notification.local
    feared = local.feared if local is not None else ()
    kept_out = answers.spread({*feared, *origins_of_refugee(notification, type_)})
    released = (AuthorityName(name).participant for name in notification.handling.release_to)
    return [number for number, code in enumerate(released) if answers.family(code) & kept_out]


def needs_child_review(notification: Notification, type_: str | None = None) -> bool:
    """Return whether the person is a child, or may be one by age, dates of birth or documents.

    An update that does not describe the person says nothing about the age, so it needs review, too.
    """
    subject = notification.subject
    if subject is None:
        return NAMING[notification.type] == "rules_and_told_before" and type_ != "pattern"
    return may_be_child(subject, notification.day)


def is_at_risk(state: str, notification: Notification, answers: Territories) -> bool:
    """Return whether the person risks torture or the death penalty there, or elsewhere in its family."""
    local = notification.local
    return local is not None and state in answers.spread((*local.torture, *local.death_penalty))


def is_asked_for(state: str, notification: Notification, rules: RuleSet) -> bool:
    """Return whether the person asked for consular notification, or a treaty makes it mandatory."""
    requested = notification.local is not None and notification.local.consular is True
    return requested or any(rules.answers.covers(one, state) for one in rules.consular_mandatory)


def tells_interpol(notification: Notification, type_: str) -> bool:
    """Return whether INTERPOL is a candidate: by opt-in, except for a child, or family in another's movement."""
    barred = bars_interpol(notification, type_) or only_accompanies(notification, type_)
    return notification.interpol and not barred


def bars_interpol(notification: Notification, type_: str) -> bool:
    """Return whether INTERPOL is never told: a notification about a child, even after review."""
    return needs_child_review(notification, type_)
