"""Parser of machine readable zones of ICAO Doc 9303: TD1, TD2, TD3 (parts 5, 6, 4), MRV-A and MRV-B (part 7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from notifier.errors import MrzError

_LEGAL: Final = re.compile(r"[A-Z0-9<]*")
_DATE: Final = re.compile(r"[0-9<]{6}")
_WEIGHTS: Final = (7, 3, 1)
_NATIONAL: Final = {
    "a French identity card of 1988 to 2021": re.compile(
        r"IDFRA[A-Z<]{25}[A-Z0-9<]{6}\n[A-Z0-9]{12}[0-9][A-Z<]{14}[0-9<]{6}[0-9][MFX<][0-9]"
    ),
    "a driving licence (ISO/IEC 18013)": re.compile(r"D[A-Z0-9<]{29}"),
}
"""National formats that are often mistaken for a zone of ICAO 9303."""
_LEAVE_OUT: Final = "lines of a national format are no zone of ICAO 9303: leave them out"


@dataclass(frozen=True, slots=True)
class Mrz:
    """The content of a machine readable zone; dates are YYMMDD as printed, with fillers where unknown.

    `format` is TD1, TD2, TD3, MRV-A or MRV-B. `optional` is the optional data without trailing fillers. `full` is
    true where the names fill their field: they count as truncated then (9303-3, 4.6).
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
    full: bool = False


def check_digit(text: str) -> str:
    """Return the check digit of `text` (ICAO 9303-3, 4.9): weights 7, 3, 1; letters count from 10; fillers are 0."""
    total = sum(_value(char) * _WEIGHTS[index % 3] for index, char in enumerate(text))
    return str(total % 10)


def _value(char: str) -> int:
    return 0 if char == "<" else int(char, 36)


def parse(lines: Sequence[str]) -> Mrz:
    """Return the content of `lines`; raises `MrzError` with the field, and the check digit where it differs."""
    if isinstance(lines, str) or not all(isinstance(line, str) for line in lines):
        raise MrzError("lines", "must be a list of two or three lines of text")
    shape = tuple(len(line) for line in lines)
    if not all(_LEGAL.fullmatch(line) for line in lines):
        raise MrzError("lines", "must be capital letters, digits and < only")
    for name, form in _NATIONAL.items():
        if form.fullmatch("\n".join(lines)):
            raise MrzError("lines", f"are those of {name}: {_LEAVE_OUT}")
    if shape == (30, 30, 30):
        return _td1(*lines)
    if shape in ((36, 36), (44, 44)):
        visa = lines[0].startswith("V")
        return _visa(*lines) if visa else _two_lines(*lines)
    raise MrzError("lines", f"must be 3 of 30, 2 of 36 or 2 of 44 characters; {_LEAVE_OUT}")


def read(lines: Sequence[str]) -> Mrz | None:
    """Return the content of `lines`, or None where they are no zone that checks."""
    try:
        return parse(lines)
    except MrzError:
        return None


def _td1(first: str, second: str, third: str) -> Mrz:
    _check_is_icao(first[5:15], second[0:7], second[8:15])
    number, optional = _number(first[5:14], first[14], first[15:30])
    birth, expiry = _dates(second[0:6], second[6], second[8:14], second[14])
    _check("composite", first[5:30] + second[0:7] + second[8:15] + second[18:29], second[29])
    surname, given = _names(third)
    kind, issuer = _strip(first[0:2]), _strip(first[2:5])
    nationality = _strip(second[15:18])
    rest = " ".join(part for part in (optional, _strip(second[18:29])) if part)
    sex, full = _sex(second[7]), _is_full(third)
    return Mrz("TD1", kind, issuer, number, nationality, birth, sex, expiry, surname, given, rest, full)


def _two_lines(first: str, second: str) -> Mrz:
    """Parse TD2 and TD3, whose second lines differ only in optional data and its check digit."""
    _check_is_icao(second[0:10], second[13:20], second[21:28])
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
    """Parse MRV-A and MRV-B, which have no composite check digit."""
    _check_is_icao(second[0:10], second[13:20], second[21:28])
    number, _ = _number(second[0:9], second[9], None)
    birth, expiry = _dates(second[13:19], second[19], second[21:27], second[27])
    name = "MRV-A" if len(second) == 44 else "MRV-B"
    return _assembled(name, first, second, number, birth, expiry, _strip(second[28:]))


def _assembled(name: str, first: str, second: str, number: str, birth: str, expiry: str, optional: str) -> Mrz:
    surname, given = _names(first[5:])
    kind, issuer, nationality = _strip(first[0:2]), _strip(first[2:5]), _strip(second[10:13])
    sex, full = _sex(second[20]), _is_full(first)
    return Mrz(name, kind, issuer, number, nationality, birth, sex, expiry, surname, given, optional, full)


def _check_is_icao(*fields: str) -> None:
    """Raise `MrzError` where no field (its check digit last) checks at the position that ICAO 9303 gives it."""
    if not any(_holds(field[:-1], field[-1]) or field[-1] == "<" for field in fields):
        raise MrzError("lines", f"no check digit holds; {_LEAVE_OUT}")


def _number(number: str, digit: str, optional: str | None) -> tuple[str, str]:
    """Return the document number and the rest of the optional data.

    The check digit of a number longer than nine characters is a filler. The number goes on in the optional data,
    closed by its check digit and a filler (ICAO 9303-5, note j; 9303-6, note j). The standard does not count the
    first filler (9303-5, 4.2.4); genuine cards do, so either sum is accepted.
    """
    if digit == "<" and optional is not None and optional.strip("<") and number.strip("<"):
        head, _, rest = optional.partition("<")
        if len(head) < 2:
            raise MrzError("document number", "goes on in the optional data, but is not closed there")
        whole = number + head[:-1]
        if not _holds(f"{number}<{head[:-1]}", head[-1]):
            _check("document number", whole, head[-1])
        return whole, _strip(rest)
    _check("document number", number, digit)
    return _strip(number), _strip(optional or "")


def _dates(birth: str, birth_digit: str, expiry: str, expiry_digit: str) -> tuple[str, str]:
    for field, text, digit in (("date of birth", birth, birth_digit), ("date of expiry", expiry, expiry_digit)):
        if not _DATE.fullmatch(text):
            raise MrzError(field, f"must be six digits, or fillers where unknown; {_LEAVE_OUT}")
        _check(field, text, digit)
    return birth, expiry


def _check(field: str, text: str, digit: str) -> None:
    if not _holds(text, digit):
        raise MrzError(field, "the check digit does not hold", check_digit(text))


def _holds(text: str, digit: str) -> bool:
    """Return whether the check digit is right; a filler is right for an empty field."""
    return digit == check_digit(text) or (digit == "<" and not text.strip("<"))


def _sex(char: str) -> str:
    if char not in "MFX<":
        raise MrzError("sex", "must be M, F, X or <")
    return "X" if char == "<" else char


def _is_full(line: str) -> bool:
    """Return whether the name field at the end of its line is filled to the last position."""
    return not line.endswith("<")


def _names(text: str) -> tuple[str, str]:
    surname, _, given = text.partition("<<")
    return surname.replace("<", " ").strip(), given.replace("<", " ").strip()


def _strip(text: str) -> str:
    return text.rstrip("<")
