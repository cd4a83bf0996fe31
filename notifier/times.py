"""Times as text: RFC 3339 in documents, Unix milliseconds inside the software."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
"""RFC 3339, 5.6, is narrower than ISO 8601: extended form only, with mandatory seconds and offset."""


def rfc3339(milliseconds: int) -> str:
    """Return the UTC time of Unix milliseconds as RFC 3339 text with milliseconds."""
    time = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def full_date(text: str) -> dt.date | None:
    """Parse an RFC 3339 full-date (YYYY-MM-DD); return None for anything else, other ISO 8601 forms included."""
    match = _DATE.fullmatch(text)
    try:
        return None if match is None else dt.date(*(int(part) for part in match.groups()))
    except ValueError:
        return None


def moment(text: str) -> dt.datetime | None:
    """Parse an RFC 3339 date-time with its offset; return None for anything else.

    Fractions count to the microsecond. A leap second reads as the second before it; only the last minute of a UTC day
    has one.
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
    """Return the local calendar day of a time that was checked, or that an earlier version stored.

    Earlier versions accepted every ISO 8601 form that Python reads. Raises ValueError for text that is no time.
    """
    found = moment(text)
    return found.date() if found is not None else dt.datetime.fromisoformat(text).date()
