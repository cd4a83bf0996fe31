"""Replay of notifications through two versions of the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from notifier.directory.snapshot import Snapshot
from notifier.notification import Notification
from notifier.notification.model import Approval
from notifier.policy.case import planned
from notifier.policy.comparison import compare
from notifier.policy.plan import CaseContext
from notifier.rules.ruleset import RuleSet


class Replay:
    """A comparison of the decisions of two rules versions, with counts; it stores no notification."""

    def __init__(self, snapshot: Snapshot, before: RuleSet, after: RuleSet) -> None:
        self._snapshots = [replace(snapshot, rules=rules) for rules in (before, after)]
        self.counts = dict.fromkeys(("notifications", "differ", "added", "removed", "otherwise"), 0)

    def compare(
        self, message_id: str, notification: Notification, ties: CaseContext, approvals: Sequence[Approval] = ()
    ) -> dict[str, Any] | None:
        """Return the difference for one notification as a document, or None if both versions decide the same."""
        before, after = (planned(notification, ties, one, approvals).entries for one in self._snapshots)
        found = compare(before, after)
        self.counts["notifications"] += 1
        if not found:
            return None
        self.counts["differ"] += 1
        self.counts["added"] += len(found.added)
        self.counts["removed"] += len(found.removed)
        self.counts["otherwise"] += len(found.entries) - len(found.added) - len(found.removed)
        return {"id": message_id, "type": notification.type, "originator": notification.originator} | found.to_json()
