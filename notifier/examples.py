"""The project's examples, with dates that fit the day of their use.

The files hold the dates of the day on which they were written. Submitting refuses dates that have passed, so an
example gets new dates when it is run or copied. Dates move by whole periods: an example keeps its text for most of a
year, and with it the digest by which the others of its case name it.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from notifier.notification import parse
from notifier.notification.digest import digest_of
from notifier.runtime import REAL
from notifier.shipped import examples_folder

WRITTEN_FOR: Final = dt.date(2026, 11, 25)
PERIOD: Final = dt.timedelta(days=336)
"""Whole weeks, shorter than the time from `WRITTEN_FOR` to the examples' review dates."""

_TIMES: Final = ("event_time", "reply_by", "review_date", "erase_date")
_CASE: Final = "case-1-arrest"
"""The example that the others of the case are about."""


def is_example(path: Path) -> bool:
    """Return whether `path` is one of the project's own examples."""
    try:
        return path.resolve().parent == examples_folder().resolve()
    except (OSError, RuntimeError):  # no such place, or a circle of links
        return False


def example(name: str, now: int | None = None) -> dict[str, Any]:
    """Return the example `name` as a document for `publish`, dated for `now` (Unix milliseconds; None: the clock's).

    Raises FileNotFoundError where no example has that name.
    """
    document: dict[str, Any] = json.loads(_file(name).read_text())
    return dated(document, REAL.clock() if now is None else now)


def dated(document: dict[str, Any], now: int) -> dict[str, Any]:
    """Return a copy of an example's document with its dates moved to `now` (Unix milliseconds)."""
    days = _moved_by(now)
    made = _moved(document, days, _renamed(days)) if days else copy.deepcopy(document)
    if (due := made.get("reply_by")) is not None:  # no digest depends on this date: it moves by the day
        late = dt.datetime.fromtimestamp(now / 1000, dt.UTC) - dt.datetime.fromisoformat(due)
        made["reply_by"] = _later(due, dt.timedelta(days=max(late.days + 1, 0)))
    return made


def dated_text(text: str, now: int) -> str:
    """Return the text of an example's file with its dates moved to `now`; unchanged where no date moves."""
    document = json.loads(text)
    made = dated(document, now)
    return text if made == document else json.dumps(made, ensure_ascii=False, indent=2)


def _later(text: str, days: dt.timedelta) -> str:
    """Return the text of a date or time, moved later by `days`."""
    return (dt.date.fromisoformat(text[:10]) + days).isoformat() + text[10:]


def _moved_by(now: int) -> dt.timedelta:
    today = dt.datetime.fromtimestamp(now / 1000, dt.UTC).date()
    return (today - WRITTEN_FOR) // PERIOD * PERIOD


def _moved(document: dict[str, Any], days: dt.timedelta, renamed: dict[str, str]) -> dict[str, Any]:
    made = copy.deepcopy(document)
    for holder, names in ((made, _TIMES), *((one, ("at",)) for one in made.get("local", {}).get("approvals", ()))):
        for name in names:
            if isinstance(text := holder.get(name), str):
                holder[name] = _later(text, days)
    about = made.get("about")
    if about:
        about["digest"] = renamed.get(about["digest"], about["digest"])
    return made


@cache
def _renamed(days: dt.timedelta) -> dict[str, str]:
    """Return the case's digest as written, mapped to its digest after its dates have moved."""
    document = json.loads(_file(_CASE).read_text())
    return {digest_of(parse(document)): digest_of(parse(_moved(document, days, {})))}


def _file(name: str) -> Path:
    return examples_folder() / f"{name}.json"
