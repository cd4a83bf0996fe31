"""The explanation for a recipient: the rules and paragraphs for its own authority alone."""

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
"""The paragraph that covers answers and all later messages about a notification (docs/reference/routing.md)."""


def why_told(
    notification: Notification,
    authority: str,
    directory: Directory,
    rules: RuleSet,
    earlier: Notification | None = None,
) -> list[Entry]:
    """Return the entries of `authority` in the decision as sent; empty where `rules` do not name it.

    It is computed from the recipient's own copy, and reveals nothing about other authorities. Holds that a person
    released before sending are left out. `earlier` is the notification that this one is about, where the recipient
    has it. Raises `MalformedError` where the format is too broken for the rules.
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
        raise MalformedError(
            detail="the notification breaks its format, so the rules cannot be applied to it"
        ) from error
    return [replace(entry, outcome="send", because=()) for entry in decision.entries if entry.authority == authority]


def _told(authority: str, rule: str, paragraph: str) -> Entry:
    return Entry(authority, "send", (Reason(rule, paragraph),))
