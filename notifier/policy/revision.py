"""Plan again: under the directory and rules of now, after an approval, and with those who were told before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from notifier.directory.snapshot import Snapshot
from notifier.notification import Notification
from notifier.notification.model import Approval
from notifier.policy.case import NO_CANDIDATE, planned
from notifier.policy.decision import Entry
from notifier.policy.plan import Plan, released


def is_current(plan: Plan, snapshot: Snapshot) -> bool:
    """Return whether `plan` was made under the versions of rules and directory in `snapshot`."""
    versions = (snapshot.rules.version, snapshot.directory.version)
    return (plan.rules_version, plan.directory_version) == versions


def evaluate_again(notification: Notification, plan: Plan, snapshot: Snapshot, approvals: Sequence[Approval]) -> Plan:
    """Return the plan under `snapshot`. Nobody is sent to who was not in the approved set of `plan`."""
    return planned(notification, plan.ties, snapshot, approvals, plan.approved)


def evaluate_approval(
    notification: Notification,
    plan: Plan,
    snapshot: Snapshot,
    approvals: tuple[Sequence[Approval], Sequence[Approval]],
    hold: str,
    state: str | None,
) -> Plan:
    """Return the plan once a person approved `hold` for `state` (None: for all).

    `approvals` are those that count, before and with this one.
    """
    earlier, now = approvals
    before = planned(notification, plan.ties, snapshot, earlier).recipients
    after = planned(notification, plan.ties, snapshot, now).recipients
    allowed = plan.approved | released(plan, before, after, hold, state)
    return planned(notification, plan.ties, snapshot, now, allowed)


def with_told(plan: Plan, told: Iterable[Entry]) -> Plan:
    """Return `plan` with the entries of all who were told, or may be by an envelope in flight: none is forgotten.

    Where `plan` does not name such an authority any more, its entry is suppressed: no rule asks for it.
    """
    return plan.with_extra_entries(replace(entry, outcome="suppress", because=(NO_CANDIDATE,)) for entry in told)
