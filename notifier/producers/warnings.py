"""Warnings that a publisher adds to those of the notification itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from notifier.notification import Notification
from notifier.notification.timeliness import untimely
from notifier.notification.warnings import NotificationWarning, WarningKind, warned, warnings
from notifier.persons.approvals import NEEDS
from notifier.persons.submissions import Submitter
from notifier.policy.plan import Plan


def warnings_of(
    notification: Notification, now: int, plan: Plan | None, submitter: Submitter | None
) -> Iterator[NotificationWarning]:
    """Yield the parts of a notification that are worth a second look before it is sent."""
    yield from warnings(notification)
    if notification.type == "update":
        yield from warned(untimely(notification, now))
    if notification.local is not None and notification.local.approvals:
        yield NotificationWarning(
            WarningKind.APPROVAL_WITHOUT_EFFECT,
            "/local/approvals",
            "count in a dry run only and release nothing here: see notifier review",
        )
    holds = plan.holds if plan is not None else ()
    if submitter is None and any(hold in NEEDS for entry in holds for hold in entry.because):
        yield NotificationWarning(
            WarningKind.SUBMITTED_BY_NOBODY,
            "",
            "waits for a person, and nobody signed its submission: see notifier review resubmit",
        )
