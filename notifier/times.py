"""Times as text: RFC 3339 in documents, Unix milliseconds everywhere inside."""

from __future__ import annotations

import datetime as dt


def rfc3339(milliseconds: int) -> str:
    """The UTC time of Unix milliseconds, with milliseconds."""
    time = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
