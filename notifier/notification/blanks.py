"""Detection of text that shows nothing.

A mandatory text that nobody can see counts as absent. `str.strip` only knows spaces; Unicode also has letters (Hangul
fillers), marks and symbols (the empty braille cell) that print as blank.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_WHITE: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols, by their category, that show nothing: four Hangul fillers and the empty braille cell."""


def is_blank(text: str | None) -> bool:
    """Return whether nothing of `text` can be seen: no letter, digit, punctuation or symbol."""
    return not any(_shows(char, "LNPS") for char in text or "")


def says_something(text: str | None) -> bool:
    """Return whether `text` has a letter or digit, which every name and reference needs."""
    return any(_shows(char, "LN") for char in text or "")


def _shows(char: str, categories: str) -> bool:
    return unicodedata.category(char)[0] in categories and char not in _WHITE
