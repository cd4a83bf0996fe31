"""The project's examples, with dates of the day on which they are used.

Their files hold the dates of the day that they were written for. Submitting refuses dates that have passed, so an
example gets its dates when it is run or copied. They move by whole periods and not by the day: for most of a year an
example stays the same text, and so does the digest by which the others of its case name it.
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
"""Whole weeks, and less than the time from that day to the examples' dates of review."""

_TIMES: Final = ("event_time", "reply_by", "review_date", "erase_date")
_CASE: Final = "case-1-arrest"
"""The one that other examples are about."""


def is_example(path: Path) -> bool:
    """Whether the file is one of the project's own examples."""
    try:
        return path.resolve().parent == examples_folder().resolve()
    except (OSError, RuntimeError):  # no such place, or a circle of links
        return False


def example(name: str, now: int | None = None) -> dict[str, Any]:
    """The example `name`, dated for `now` (Unix milliseconds, by default the clock's): a document for `publish`.

    Raises FileNotFoundError where there is none of that name.
    """
    document: dict[str, Any] = json.loads(_file(name).read_text())
    return dated(document, REAL.clock() if now is None else now)


def dated(document: dict[str, Any], now: int) -> dict[str, Any]:
    """A copy of an example's document with its dates moved to `now` (Unix milliseconds)."""
    days = _moved_by(now)
    made = _moved(document, days, _renamed(days)) if days else copy.deepcopy(document)
    if (due := made.get("reply_by")) is not None:  # nobody names this one: it moves by the day
        late = dt.datetime.fromtimestamp(now / 1000, dt.UTC) - dt.datetime.fromisoformat(due)
        made["reply_by"] = _later(due, dt.timedelta(days=max(late.days + 1, 0)))
    return made


def dated_text(text: str, now: int) -> str:
    """The text of an example's file with its dates moved to `now`; as it is where none moves."""
    document = json.loads(text)
    made = dated(document, now)
    return text if made == document else json.dumps(made, ensure_ascii=False, indent=2)


def _later(text: str, days: dt.timedelta) -> str:
    """A date or time in text, as many days later."""
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
    """The digest of the example that others are about, and the one that it has when its dates have moved."""
    document = json.loads(_file(_CASE).read_text())
    return {digest_of(parse(document)): digest_of(parse(_moved(document, days, {})))}


def _file(name: str) -> Path:
    return examples_folder() / f"{name}.json"
