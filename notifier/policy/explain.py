"""Why this recipient was told: the rules and paragraphs, for its own authority alone. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from notifier.directory.model import Directory
from notifier.errors import MalformedError
from notifier.notification import Notification
from notifier.policy.decision import Entry, Reason, decide
from notifier.policy.forwarding import FORWARDED, paragraph_of
from notifier.rules.facts import NAMING
from notifier.rules.ruleset import RuleSet

GENERAL: Final = "3"
"""The paragraph that asks for answers, and for whatever follows upon a notification (docs/reference/routing.md)."""


def why_told(
    notification: Notification,
    authority: str,
    directory: Directory,
    rules: RuleSet,
    earlier: Notification | None = None,
) -> list[Entry]:
    """The entry of `authority` in the decision, as it was sent; empty where `rules` do not name it.

    Computed from what the recipient can read anyway; it says nothing of anybody else. What the originator
    weighed before it sent (holds that a person released) is its own business and is not said. `earlier` is what
    the notification is about, where this recipient has it. Raises `MalformedError` where the notification breaks its
    format so far that the rules say nothing of it.
    """
    if notification.parent is not None:
        return [_told(authority, FORWARDED, paragraph_of(notification.originator, authority))]
    naming = NAMING.get(notification.type)
    if naming == "asserted":
        rule = "originator" if notification.type in ("receipt", "response") else "told_before"
        return [_told(authority, rule, GENERAL)]
    told_before = {}
    if naming == "rules_and_told_before":
        before = why_told(earlier, authority, directory, rules) if earlier is not None else []
        told_before[authority] = before[0].reasons[0].paragraph if before else GENERAL
    of = earlier.type if earlier is not None else None
    try:
        decision = decide(notification, directory, rules, told_before=told_before, of=of)
    except ValueError as error:
        raise MalformedError(detail="the notification breaks its format: the rules say nothing of it") from error
    return [replace(entry, outcome="send", because=()) for entry in decision.entries if entry.authority == authority]


def _told(authority: str, rule: str, paragraph: str) -> Entry:
    return Entry(authority, "send", (Reason(rule, paragraph),))
