"""Notification ids: 16 bytes inside, UUID text outside. Pure."""

from __future__ import annotations

from notifier.errors import NotFoundError
from notifier.names import NotificationId


def parse_id(text: str) -> NotificationId:
    """Return the id that `text` writes. Raises `NotFoundError` for what is no UUID."""
    try:
        return NotificationId.parse(text)
    except ValueError:
        raise NotFoundError(detail="that is not the id of a notification (a UUID)") from None
