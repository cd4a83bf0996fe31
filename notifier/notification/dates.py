"""Dates of birth as EDTF (ISO 8601-2): partly unknown, uncertain or approximate. Pure."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from typing import Final

_FORM: Final = re.compile(r"(\d{2}[\dX]{2})(?:-(\d\d|XX)(?:-(\d\d|XX))?)?[?~%]?", re.ASCII)


def is_birth(text: str) -> bool:
    """Whether `text` is an EDTF date of a single day, month or year, such as 1974-08-12, 1974-XX or 1970~."""
    match = _FORM.fullmatch(text)
    return match is not None and latest(text) is not None


def latest(text: str) -> dt.date | None:
    """The last day on which somebody with this date of birth can have been born; None where it is no date.

    Uncertainty (?, ~, %) widens by ten years: whether a person is an adult must not hang on an estimate.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    year, month, day = match.groups()
    number = int(year.replace("X", "9"))
    try:
        if month in (None, "XX"):
            if day not in (None, "XX"):
                return None
            last = dt.date(number, 12, 31)
        elif day in (None, "XX"):
            last = dt.date(number, int(month), calendar.monthrange(number, int(month))[1])
        else:
            last = dt.date(number, int(month), int(day))
        return last.replace(year=last.year + 10, day=min(last.day, 28)) if text[-1] in "?~%" else last
    except ValueError:
        return None


def proves_adult(births: tuple[str, ...], on: dt.date) -> bool:
    """Whether every stated date of birth makes the person at least 18 on the day `on`."""
    if not births:
        return False
    for text in births:
        born = latest(text)
        if born is None or (on.year - born.year, on.month, on.day) < (18, born.month, born.day):
            return False
    return True
