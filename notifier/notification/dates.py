"""Dates of birth as EDTF (ISO 8601-2): partly unknown, uncertain or approximate. Pure."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from typing import Final

_FORM: Final = re.compile(r"(\d{2}[\dX]{2})(?:-(\d\d|XX)(?:-(\d\d|XX))?)?[?~%]?", re.ASCII)


def is_birth(text: str) -> bool:
    """Whether `text` is an EDTF date of a single day, month, year, decade or century.

    Such as 1974-08-12, 1974-08, 1974-XX, 1974-08-XX, 197X, 19XX, each perhaps uncertain (?), approximate (~) or
    both (%) at its end. Neither intervals nor sets: several dates say which ones are possible.
    """
    match = _FORM.fullmatch(text)
    return match is not None and latest(text) is not None


def earliest(text: str) -> dt.date | None:
    """The first day on which somebody with this date of birth can have been born; None where it is no date.

    Uncertainty widens by ten years, as in `latest`.
    """
    match = _FORM.fullmatch(text)
    if match is None or latest(text) is None:
        return None
    year, month, day = match.groups()
    known = [1 if part in (None, "XX") else int(part) for part in (month, day)]
    number = int(year.replace("X", "0")) - (10 if text[-1] in "?~%" else 0)
    return dt.date(max(number, 1), known[0], 28 if known == [2, 29] else known[1])


def may_be(text: str, printed: str) -> bool:
    """Whether this date of birth can be the one of a machine readable zone (YYMMDD, fillers where unknown)."""
    match = _FORM.fullmatch(text)
    if match is None or text[-1] in "?~%":
        return match is not None
    year, month, day = match.groups()
    stated = year[2:] + (month or "XX") + (day or "XX")
    return all(a == b or "X" in a or "<" in b for a, b in zip(stated, printed, strict=True))


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


def proves_child(births: tuple[str, ...], on: dt.date) -> bool:
    """Whether no stated date of birth leaves it possible that the person is 18 on the day `on`."""
    first = [earliest(text) for text in births]
    return bool(first) and all(born is not None and not _is_adult(born, on) for born in first)


def proves_adult(births: tuple[str, ...], on: dt.date) -> bool:
    """Whether every stated date of birth makes the person at least 18 on the day `on`."""
    if not births:
        return False
    for text in births:
        born = latest(text)
        if born is None or not _is_adult(born, on):
            return False
    return True


def _is_adult(born: dt.date, on: dt.date) -> bool:
    return (on.year - born.year, on.month, on.day) >= (18, born.month, born.day)
