"""Formats that several parsers of a notification share, with the messages of their faults."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from notifier.notification import states
from notifier.notification.checking import Object, pattern

AUTHORITY: Final = pattern(r"[A-Z]{3,12}/(spoc|ncb|consular|fiu|border|oversight)")
HEX_DIGEST: Final = pattern(r"[0-9a-f]{64}")
A_DATE: Final = "must be a date, YYYY-MM-DD"
A_TIME: Final = "must be a time with its offset, as 2026-11-20T08:15:00+03:00 (RFC 3339)"
A_STATE: Final = "must be a state's code, as FRA (ISO 3166-1 alpha-3)"


def no_state(code: str) -> str:
    """Return the message for a code that is no state's, with its replacement where it has one."""
    today = states.code_today(code)
    if today is None:
        return A_STATE
    return f"{A_STATE}: this one was given up" + (f", write {today}" if states.is_state(today) else "")


def or_current_code(says: str) -> Callable[[str], str]:
    """Return a message function: `says`, and the current code for a former one."""

    def written(code: str) -> str:
        today = states.code_today(code)
        return says if today is None else f"{says}: this one was given up, write {today} (ISO 3166)"

    return written


def is_uuid7(text: str) -> bool:
    """Return whether `text` is a UUID of version 7 in its canonical form."""
    try:
        return uuid.UUID(text).version == 7 and str(uuid.UUID(text)) == text
    except ValueError:
        return False


def not_empty(one: Object, name: str, found: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return `found`; report a fault at `name` where it is empty and has no fault yet."""
    if not found and not one.faulty(name):
        one.fault(
            name,
            "must not be empty"
            if name in ("legal_basis", "counts")
            else 'must not be empty; say "unknown" where it is',
        )
    return found
