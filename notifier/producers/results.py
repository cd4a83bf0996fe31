"""Results of the publisher: what was prepared, and what was stored."""

from __future__ import annotations

from dataclasses import dataclass

from notifier.notification import Notification
from notifier.notification.warnings import NotificationWarning
from notifier.outbox.states import RecipientState
from notifier.outbox.submissions import Submission
from notifier.policy.plan import Plan


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to `publish`: the notification's id (UUID text), its plan, and its state now.

    `state` is waiting, or the state that the same notification reached when it was published before. `warnings`
    name, by kind and JSON pointer, parts that are worth a second look; they stop nothing.
    """

    id: str
    plan: Plan
    state: RecipientState
    reason: str | None = None
    warnings: tuple[NotificationWarning, ...] = ()

    @property
    def recipients(self) -> tuple[str, ...]:
        """The authorities that it is sent to."""
        return self.plan.recipients


@dataclass(frozen=True, slots=True)
class Prepared:
    """A notification as `publish` would store it: with its plan (an update's is made later), and its warnings."""

    submission: Submission
    warnings: tuple[NotificationWarning, ...]

    @property
    def notification(self) -> Notification:
        """The notification, with its id."""
        return self.submission.notification

    @property
    def plan(self) -> Plan | None:
        """The outcome for each authority; None of an update, whose plan depends on its case."""
        return self.submission.plan
