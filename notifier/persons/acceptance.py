"""Acceptance of safety warnings: they stop a notification until the submitter accepts them by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from notifier.crypto.primitives import blake
from notifier.errors import RefusedError
from notifier.notification import Notification, to_json
from notifier.notification.warnings import CONCERN_SAFETY, NotificationWarning, WarningKind
from notifier.persons.model import canonical

REPEAT_MS: Final = 24 * 3_600_000
REPEATED: Final = NotificationWarning(
    WarningKind.REPEATED, "", "the same was published within 24 hours under another id: its recipients are told again"
)


class WarningsNotAccepted(RefusedError):
    """A notification refused because of `warnings` that were not accepted."""

    default_reason = "warnings_not_accepted"

    def __init__(self, warnings: Iterable[NotificationWarning]) -> None:
        self.warnings = tuple(warnings)
        kinds = ",".join(sorted({one.kind for one in self.warnings}))
        super().__init__(
            None,
            "; ".join(f"{one.kind} ({one.pointer})" if one.pointer else str(one.kind) for one in self.warnings),
            hint=f"correct it, or add --accept-warnings {kinds}",
        )


def stopping(warnings: Iterable[NotificationWarning], accepted: Collection[str]) -> tuple[NotificationWarning, ...]:
    """Return the warnings that stop a notification: safety warnings whose kind is not `accepted`."""
    return tuple(one for one in warnings if one.kind in CONCERN_SAFETY and one.kind not in accepted)


def check_accepted(warnings: Iterable[NotificationWarning], accepted: Collection[str]) -> None:
    """Raise `WarningsNotAccepted` where any of `warnings` stops the notification."""
    if found := stopping(warnings, accepted):
        raise WarningsNotAccepted(found)


def fingerprint(notification: Notification, secret: bytes) -> bytes | None:
    """Return a keyed digest of the readable content without its id; None for an exercise, which may be repeated."""
    if notification.exercise:
        return None
    read = to_json(replace(notification, id=None), local=False)
    return blake(b"ntf1/repeated", canonical(read), key=secret)
