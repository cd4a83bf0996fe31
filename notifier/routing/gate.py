"""Until every safeguard is built, whoever needs one is told of to nobody. Pure.

Holds everything, and no approval releases it, where the person may be a child, is or may be a refugee, or
fears or risks something in a state. It goes when the safeguards themselves come.
"""

from __future__ import annotations

from typing import Final

from notifier.notification import Notification

PENDING: Final = "safeguards_pending"


def gated(notification: Notification) -> bool:
    """Whether nothing about this person may leave yet."""
    subject, local = notification.subject, notification.local
    if subject is not None and subject.age != "adult":
        return True
    if notification.shows_refugee:
        return True
    return local is not None and bool(local.feared or local.torture or local.death_penalty)
