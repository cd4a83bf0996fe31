"""Suggestions for a mistyped code, authority or word.

A suggestion is for the submitter alone. It is kept apart from the message of a fault, which goes to logs.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final

from notifier.errors import Fault
from notifier.names import AuthorityName
from notifier.notification.states import code_today, from_alpha_2, is_state, name_of, names

MAX_SUGGESTIONS: Final = 3
MAX_LENGTH: Final = 64
MAX_HINTED: Final = 10
"""Faults of one document that get a suggestion; a document full of faults is not worth the search."""

LIKENESS: Final = 0.75

_CODE: Final = re.compile(
    r"/subject/nationalities/\d+/state|/subject/residences/\d+|/subject/documents/\d+/issuer"
    r"|/movement/(origin|destination|transit/\d+)|/corridor/(from|to)"
    r"|/local/(refugee/feared|risk/torture|risk/death_penalty)/\d+|/local/approvals/\d+/state"
)
_PARTY: Final = re.compile(r"/originator|/parent/originator|/handling/(release_to|not_to)/\d+")
_CHOICES: Final = re.compile(r"must be one of (.+)")
_ROLES: Final = ("spoc", "ncb", "consular", "fiu", "border", "oversight")
_OTHER_CODES: Final[Mapping[str, str]] = {
    "UK": "GBR",
    "UAE": "ARE",
    "KSA": "SAU",
    "RSA": "ZAF",
    "DRC": "COD",
    "SUI": "CHE",
    "NED": "NLD",
    "GREAT BRITAIN": "GBR",
    "ENGLAND": "GBR",
    "SCOTLAND": "GBR",
    "HOLLAND": "NLD",
    "BURMA": "MMR",
}
"""Common abbreviations and names that ISO 3166-1 lacks."""


def with_hints(document: object, faults: Iterable[Fault]) -> list[Fault]:
    """Return the faults of a notification, each with a hint where the document's value resembles a right one."""
    listed = list(faults)
    hinted = [replace(fault, hint=_hint(_value_at(document, fault.pointer), fault)) for fault in listed[:MAX_HINTED]]
    return [*hinted, *listed[MAX_HINTED:]]


def _hint(value: object, fault: Fault) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_LENGTH:
        return None
    choices = _CHOICES.search(fault.message)
    if choices is not None:
        return did_you_mean(closest(value, choices[1].split(", ")))
    if _CODE.fullmatch(fault.pointer):
        return did_you_mean([described(code) for code in states_like(value)])
    if _PARTY.fullmatch(fault.pointer):
        return did_you_mean(parties_like(value))
    return None


def did_you_mean(suggestions: Sequence[str]) -> str | None:
    """Return the suggestions as a question; None where there are none."""
    return f"did you mean {' or '.join(suggestions)}?" if suggestions else None


def described(code: str) -> str:
    """Return a state's code with its name."""
    return f"{code} ({name_of(code)})"


def closest(word: str, known: Collection[str]) -> list[str]:
    """Return the members of `known` nearest to `word`, best first; an equal one but for case comes alone."""
    folded: dict[str, str] = {}
    for one in sorted(known):
        folded.setdefault(_folded(one), one)
    wanted = _folded(word)
    if wanted in folded:
        return [folded[wanted]]
    found = difflib.get_close_matches(wanted, folded, MAX_SUGGESTIONS, LIKENESS)
    return [folded[one] for one in found]


def states_like(text: str) -> list[str]:
    """Return the codes of the states that `text` may mean: a name, another code, or a code with a typing error."""
    wanted, upper = _folded(text), text.strip().upper()
    if is_state(upper):
        return [upper]
    if code_today(upper) is not None:  # the fault's message names the code to write
        return []
    other = _OTHER_CODES.get(upper) or (from_alpha_2(upper) if len(upper) == 2 else None)
    exact = (other,) if other is not None else _by_name().get(wanted, ())
    if exact:
        return list(exact[:MAX_SUGGESTIONS])
    begins = {code: None for name, codes in _by_name().items() if name.startswith(wanted) for code in codes}
    found = list(begins)[:MAX_SUGGESTIONS] if len(wanted) > 2 else []
    if len(upper) == 3 and upper.isascii() and upper.isalpha():
        found += [code for code in _codes_like(upper) if not found or sorted(code) == sorted(upper)]
    elif not found:
        near = difflib.get_close_matches(wanted, _by_name(), MAX_SUGGESTIONS, LIKENESS)
        found = [code for name in near for code in _by_name()[name]]
    return list(dict.fromkeys(found))[:MAX_SUGGESTIONS]


def parties_like(text: str, known: Collection[str] | None = None) -> list[str]:
    """Return the participants or authorities that `text` may mean, among `known` where that is given."""
    participant, slash, role = text.strip().partition("/")
    roles = closest(role, _ROLES) if slash else [""]
    own = closest(participant, ["INTERPOL"]) or states_like(participant)
    found = [name for code in own for one in roles if (name := f"{code}{slash}{one}") != text]
    if known is None:
        return found[:MAX_SUGGESTIONS]
    there = [name for name in found if name in known]
    if not slash and not there:  # an authority is wanted, and its participant was named
        there = sorted((name for name in known if AuthorityName(name).participant in own), key=_by_role)
    return there[:MAX_SUGGESTIONS]


def _by_role(name: str) -> tuple[int, str]:
    """Return a sort key that puts the contact point first, then the order of roles."""
    role = AuthorityName(name).role
    return (_ROLES.index(role) if role in _ROLES else len(_ROLES), name)


@cache
def _by_name() -> dict[str, tuple[str, ...]]:
    """Return the codes by folded name, also without the part after a comma (Korea, Republic of)."""
    found: dict[str, dict[str, None]] = {}
    for code, known in sorted(names().items()):
        for name in known:
            for one in (name, name.partition(",")[0]):
                found.setdefault(_folded(one), {})[code] = None
    return {name: tuple(codes) for name, codes in found.items()}


def _codes_like(wanted: str) -> list[str]:
    """Return codes with one letter changed or two exchanged; those with the same first letter come first."""
    near = [code for code in sorted(names()) if _differ_by_one(code, wanted)]
    return sorted(near, key=lambda code: (code[0] != wanted[0], code))[:MAX_SUGGESTIONS]


def _differ_by_one(one: str, other: str) -> bool:
    different = sum(a != b for a, b in zip(one, other, strict=True))
    return different == 1 or (different == 2 and sorted(one) == sorted(other))


def _folded(text: str) -> str:
    """Return the text without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return " ".join(
        "".join(char if char.isalnum() else " " for char in plain if not unicodedata.combining(char)).split()
    )


def _value_at(document: Any, pointer: str) -> object:
    """Return the value at a JSON pointer, or None."""
    for part in pointer.split("/")[1:]:
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document
