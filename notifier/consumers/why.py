"""Why this recipient was told: the rules and paragraphs, for its own authority alone. Pure."""

from __future__ import annotations

from typing import Any

from notifier.directory.model import Directory
from notifier.errors import Malformed
from notifier.notification import Notification
from notifier.routing.decision import decide
from notifier.routing.rules import RuleSet


def why_told(
    notification: Notification, authority: str, directory: Directory, rules: RuleSet
) -> list[dict[str, Any]]:
    """The entry of `authority` in the decision, as it was sent; empty where `rules` do not name it.

    Computed from what the recipient can read anyway; it says nothing of anybody else. What the originator
    weighed before it sent (holds that a person released) is its own business and is not said. Raises
    `Malformed` where the notification breaks its format so far that the rules say nothing of it.
    """
    try:
        decision = decide(notification, directory, rules)
    except ValueError as error:
        raise Malformed(detail="the notification breaks its format: the rules say nothing of it") from error
    return [
        {**entry.to_json(), "outcome": "send", "because": []}
        for entry in decision.entries
        if entry.authority == authority
    ]
