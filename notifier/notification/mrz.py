"""Machine readable zones of ICAO Doc 9303: TD1, TD2, TD3 (parts 5, 6, 4), MRV-A and MRV-B (part 7). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from notifier.errors import MrzError

_LEGAL: Final = re.compile(r"[A-Z0-9<]*")
_DATE: Final = re.compile(r"[0-9<]{6}")
_WEIGHTS: Final = (7, 3, 1)


@dataclass(frozen=True, slots=True)
class Mrz:
    """What a machine readable zone says; dates are YYMMDD as printed, fillers where unknown.

    `format` is TD1, TD2, TD3, MRV-A or MRV-B; `optional` is the optional data without fillers at its end.
    """

    format: str
    kind: str
    issuer: str
    number: str
    nationality: str
    birth: str
    sex: str
    expiry: str
    surname: str
    given: str
    optional: str = ""


def check_digit(text: str) -> str:
    """The check digit of `text` (ICAO 9303-3, 4.9): weights 7, 3, 1; letters count from 10; fillers are 0."""
    total = sum(_value(char) * _WEIGHTS[index % 3] for index, char in enumerate(text))
    return str(total % 10)


def _value(char: str) -> int:
    return 0 if char == "<" else int(char, 36)


def parse(lines: Sequence[str]) -> Mrz:
    """What `lines` say; raises `MrzError` naming the field, and the expected check digit where one differs."""
    if isinstance(lines, str) or not all(isinstance(line, str) for line in lines):
        raise MrzError("lines", "must be a list of two or three lines of text")
    shape = tuple(len(line) for line in lines)
    if not all(_LEGAL.fullmatch(line) for line in lines):
        raise MrzError("lines", "only capital letters, digits and < may stand there")
    if shape == (30, 30, 30):
        return _td1(*lines)
    if shape in ((36, 36), (44, 44)):
        visa = lines[0].startswith("V")
        return _visa(*lines) if visa else _two_lines(*lines)
    raise MrzError("lines", "must be 3 of 30, 2 of 36 or 2 of 44 characters")


def _td1(first: str, second: str, third: str) -> Mrz:
    number, optional = _number(first[5:14], first[14], first[15:30])
    birth, expiry = _dates(second[0:6], second[6], second[8:14], second[14])
    _check("composite", first[5:30] + second[0:7] + second[8:15] + second[18:29], second[29])
    surname, given = _names(third)
    kind, issuer = _strip(first[0:2]), _strip(first[2:5])
    nationality = _strip(second[15:18])
    rest = " ".join(part for part in (optional, _strip(second[18:29])) if part)
    return Mrz("TD1", kind, issuer, number, nationality, birth, _sex(second[7]), expiry, surname, given, rest)


def _two_lines(first: str, second: str) -> Mrz:
    """TD2 and TD3: the same second line but for the length of its optional data and its check digit in TD3."""
    birth, expiry = _dates(second[13:19], second[19], second[21:27], second[27])
    if len(second) == 44:
        number, optional = _number(second[0:9], second[9], None)
        personal, digit = second[28:42], second[42]
        if digit != "<" or personal.strip("<"):  # a filler stands for zero where there is no personal number
            _check("personal number", personal, digit)
        name, optional = "TD3", _strip(personal)
        _check("composite", second[0:10] + second[13:20] + second[21:43], second[43])
    else:
        number, optional = _number(second[0:9], second[9], second[28:35])
        name = "TD2"
        _check("composite", second[0:10] + second[13:20] + second[21:35], second[35])
    return _assembled(name, first, second, number, birth, expiry, optional)


def _visa(first: str, second: str) -> Mrz:
    """MRV-A and MRV-B: no composite check digit."""
    number, _ = _number(second[0:9], second[9], None)
    birth, expiry = _dates(second[13:19], second[19], second[21:27], second[27])
    name = "MRV-A" if len(second) == 44 else "MRV-B"
    return _assembled(name, first, second, number, birth, expiry, _strip(second[28:]))


def _assembled(name: str, first: str, second: str, number: str, birth: str, expiry: str, optional: str) -> Mrz:
    surname, given = _names(first[5:])
    kind, issuer, nationality = _strip(first[0:2]), _strip(first[2:5]), _strip(second[10:13])
    return Mrz(name, kind, issuer, number, nationality, birth, _sex(second[20]), expiry, surname, given, optional)


def _number(number: str, digit: str, optional: str | None) -> tuple[str, str]:
    """The document number and the rest of the optional data.

    A number longer than nine characters has a filler for its check digit, and goes on in the optional data,
    closed by its check digit and a filler (ICAO 9303-5, note j; 9303-6, note j).
    """
    if digit == "<" and optional is not None and optional.strip("<"):
        head, _, rest = optional.partition("<")
        if len(head) < 2:
            raise MrzError("document number", "goes on in the optional data, but is not closed there")
        whole = number + head[:-1]
        _check("document number", whole, head[-1])
        return whole, _strip(rest)
    _check("document number", number, digit)
    return _strip(number), _strip(optional or "")


def _dates(birth: str, birth_digit: str, expiry: str, expiry_digit: str) -> tuple[str, str]:
    for field, text, digit in (("date of birth", birth, birth_digit), ("date of expiry", expiry, expiry_digit)):
        if not _DATE.fullmatch(text):
            raise MrzError(field, "must be six digits, or fillers where unknown")
        _check(field, text, digit)
    return birth, expiry


def _check(field: str, text: str, digit: str) -> None:
    expected = check_digit(text)
    if digit != expected and not (digit == "<" and expected == "0" and not text.strip("<")):
        raise MrzError(field, "the check digit does not hold", expected)


def _sex(char: str) -> str:
    if char not in "MFX<":
        raise MrzError("sex", "must be M, F, X or <")
    return "X" if char == "<" else char


def _names(text: str) -> tuple[str, str]:
    surname, _, given = text.partition("<<")
    return surname.replace("<", " ").strip(), given.replace("<", " ").strip()


def _strip(text: str) -> str:
    return text.rstrip("<")
