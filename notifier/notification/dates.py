"""Dates of birth and expiry: EDTF (ISO 8601-2) as stated, YYMMDD in machine readable zones."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Callable
from typing import Final

MAX_LIFE_YEARS: Final = 125
"""The longest verified life is 122 years: an earlier year of birth is an error, or of another calendar."""

_FORM: Final = re.compile(r"(\d{2}[\dX]{2})(?:-(\d\d|XX)(?:-(\d\d|XX))?)?[?~%]?", re.ASCII)
_PRINTED: Final = re.compile(r"(\d\d|<<)(\d\d|<<)(\d\d|<<)", re.ASCII)
_UNCERTAIN: Final = "?~%"
_UNCERTAIN_YEARS: Final = 10

Span = tuple[dt.date, dt.date]
"""The first and the last day that a date can mean."""

CALENDARS: Final[tuple[tuple[str, Callable[[int], int]], ...]] = (
    ("a year of the solar Hijri calendar", lambda year: year + 621),
    ("a year of the lunar Hijri calendar", lambda year: round(year * 0.970229 + 621.57)),
    ("a year of the Buddhist era", lambda year: year - 543),
    ("a year of Bikram Sambat", lambda year: year - 57),
    ("a year of the Hebrew calendar", lambda year: year - 3760),
    ("a year of the Coptic calendar", lambda year: year + 284),
    ("a year of the Minguo or Juche calendar", lambda year: year + 1911),
)
"""Calendars that an implausible year may belong to, each with its approximate conversion to Gregorian."""


def is_birth(text: str) -> bool:
    """Return whether `text` is an EDTF date of a single day, month, year, decade or century.

    Examples are 1974-08-12, 1974-08, 1974-XX, 1974-08-XX, 197X, 19XX. Each may end in uncertain (?), approximate (~)
    or both (%). Intervals and sets are refused: several dates state the alternatives.
    """
    return _span(text) is not None


def earliest(text: str) -> dt.date | None:
    """Return the first possible day of birth; None where `text` is no date.

    Uncertainty widens the span by ten years, as in `latest`.
    """
    span = _span(text)
    return None if span is None else span[0]


def latest(text: str) -> dt.date | None:
    """Return the last possible day of birth; None where `text` is no date.

    Uncertainty (?, ~, %) widens the span by ten years: an estimate must not decide that a person is an adult.
    """
    span = _span(text)
    return None if span is None else span[1]


def _span(text: str) -> Span | None:
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    month, day = (part and part.replace("XX", "") for part in match.groups()[1:])
    if day and not month:
        return None
    wide = _UNCERTAIN_YEARS if text[-1] in _UNCERTAIN else 0
    days = [found for number in _years(match[1]) if (found := _days(number, month, day)) is not None]
    return (_moved(days[0][0], -wide), _moved(days[-1][1], wide)) if days else None


def _years(year: str) -> range | list[int]:
    """Return every year that four characters can mean; X is an unspecified digit."""
    fits = re.compile(year.replace("X", "[0-9]")).fullmatch
    first, last = int(year.replace("X", "0")), int(year.replace("X", "9"))
    return [number for number in range(max(first, 1), last + 1) if fits(f"{number:04}")]


def _days(year: int, month: str | None, day: str | None) -> Span | None:
    """Return the first and last day of a year, month or day; None where the calendar lacks it."""
    if not month:
        return dt.date(year, 1, 1), dt.date(year, 12, 31)
    number = int(month)
    if not 1 <= number <= 12:
        return None
    length = calendar.monthrange(year, number)[1]
    if not day:
        return dt.date(year, number, 1), dt.date(year, number, length)
    return (dt.date(year, number, int(day)),) * 2 if 1 <= int(day) <= length else None


def _moved(day: dt.date, years: int) -> dt.date:
    year = min(max(day.year + years, dt.MINYEAR), dt.MAXYEAR)
    return day.replace(year=year, day=28 if (day.month, day.day) == (2, 29) and years else day.day)


def may_be(text: str, printed: str) -> bool:
    """Return whether this date of birth fits that of a machine readable zone (YYMMDD, fillers where unknown)."""
    match = _FORM.fullmatch(text)
    if match is None or text[-1] in _UNCERTAIN:
        return match is not None
    year, month, day = match.groups()
    stated = year[2:] + (month or "XX") + (day or "XX")
    return all(a == b or "X" in a or "<" in b for a, b in zip(stated, printed, strict=True))


def is_printed_date(printed: str) -> bool:
    """Return whether a zone's YYMMDD is a day of some year; two fillers stand for an unknown part."""
    return any(_printed_days(printed, century) is not None for century in (0, 100, 200, 300))


def _printed_days(printed: str, century: int) -> Span | None:
    """Return the days that YYMMDD can mean in the hundred years from 2000 plus `century`."""
    match = _PRINTED.fullmatch(printed)
    if match is None:
        return None
    year, month, day = (part.replace("<<", "") for part in match.groups())
    number = 2000 + century + (int(year) if year else 0)
    if day and not month:
        return (dt.date(number, 1, 1), dt.date(number, 12, 31)) if 1 <= int(day) <= 31 else None
    return _days(number, month, day)


def printed_birth(printed: str, on: dt.date) -> Span | None:
    """Return the days of birth that a zone's YYMMDD can mean, in its younger century (ICAO 9303-3, 4.8).

    That is the latest year not after `on`. None where the year is unknown or the date invalid.
    """
    if printed.startswith("<<"):
        return None
    century = on.year // 100 * 100 - 2000
    readings = (_printed_days(printed, century - back) for back in (0, 100, 200, 300, 400))
    return next((found for found in readings if found is not None and found[0] <= on), None)


def printed_near(printed: str, on: dt.date) -> Span | None:
    """Return the days that a zone's YYMMDD of expiry can mean, in the century nearest to `on`."""
    if printed.startswith("<<"):
        return None
    century = on.year // 100 * 100 - 2000
    readings = [_printed_days(printed, century + step) for step in (-100, 0, 100)]
    found = [days for days in readings if days is not None]
    return min(found, key=lambda days: abs(days[0] - on), default=None)


def is_plausible(text: str, on: dt.date) -> bool:
    """Return whether a person alive on the day `on` can have this date of birth, judged by the year alone."""
    span = _span(text)
    return span is not None and span[1].year >= on.year - MAX_LIFE_YEARS and span[0].year <= on.year


def may_be_of(text: str, on: dt.date) -> list[str]:
    """Return the likely meanings of an implausible date of birth, in words that do not repeat it."""
    span = _span(text)
    if span is None:
        return []
    year = span[1].year
    found = ["a year without its century"] if year < 100 else []
    found += [name for name, gregorian in CALENDARS if on.year - MAX_LIFE_YEARS <= gregorian(year) <= on.year]
    return found


def proves_child(births: tuple[str, ...], on: dt.date) -> bool:
    """Return whether every stated date of birth makes the person younger than 18 on the day `on`."""
    first = [earliest(text) for text in births if is_plausible(text, on)]
    return bool(first) and len(first) == len(births) and all(born and not is_adult(born, on) for born in first)


def proves_adult(births: tuple[str, ...], on: dt.date) -> bool:
    """Return whether every stated date of birth makes the person at least 18 on the day `on`.

    An implausible date proves nothing: it may be a child's in another calendar.
    """
    last = [latest(text) for text in births if is_plausible(text, on)]
    return bool(last) and len(last) == len(births) and all(born and is_adult(born, on) for born in last)


def is_adult(born: dt.date, on: dt.date) -> bool:
    """Return whether a person born on the day `born` is 18 on the day `on`."""
    return (on.year - born.year, on.month, on.day) >= (18, born.month, born.day)
