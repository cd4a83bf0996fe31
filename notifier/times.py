"""Times as text: RFC 3339 in documents, Unix milliseconds everywhere inside."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
"""RFC 3339, 5.6, which is narrower than ISO 8601: extended forms alone, seconds and offset mandatory."""


def rfc3339(milliseconds: int) -> str:
    """Write the UTC time of Unix milliseconds, with milliseconds."""
    time = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def full_date(text: str) -> dt.date | None:
    """Read an RFC 3339 full-date, YYYY-MM-DD; None for anything else, ISO 8601's other forms among it."""
    match = _DATE.fullmatch(text)
    try:
        return None if match is None else dt.date(*(int(part) for part in match.groups()))
    except ValueError:
        return None


def moment(text: str) -> dt.datetime | None:
    """Read an RFC 3339 date-time with its offset; None for anything else.

    Fractions count to the microsecond. A leap second, which only the last minute of a UTC day has, reads as the
    second before it.
    """
    match = _TIME.fullmatch(text)
    day = full_date(match[1]) if match is not None else None
    if match is None or day is None:
        return None
    hour, minute, second = (int(match[part]) for part in (2, 3, 4))
    micros = int((match[5] or "").ljust(6, "0")[:6])
    offset_hours, offset_minutes = int(match[7] or 0), int(match[8] or 0)
    if offset_hours > 23 or offset_minutes > 59:
        return None
    offset = dt.timedelta(hours=offset_hours, minutes=offset_minutes) * (-1 if match[6] == "-" else 1)
    try:
        found = dt.datetime.combine(day, dt.time(hour, minute, min(second, 59), micros), tzinfo=dt.timezone(offset))
        utc = found.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    leap = second == 60 and (utc.hour, utc.minute) == (23, 59)
    return found if second < 60 or leap else None


def day_of(text: str) -> dt.date:
    """The calendar day, where it happened, of a time that was checked or that an earlier version stored.

    Earlier versions took every form of ISO 8601 that Python reads. Raises ValueError for what is no time at all.
    """
    found = moment(text)
    return found.date() if found is not None else dt.datetime.fromisoformat(text).date()
