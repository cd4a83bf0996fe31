"""Names in national script and their form in a machine readable zone (ICAO Doc 9303-3, section 6).

The tables give the recommended transcription of each character, in capitals. Where they leave a choice, or languages
of one script differ, every choice counts: the question is only whether a form can follow.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Final

_LATIN: Final = "Ä=AE/A Å=AA/A Æ=AE Đ=D Ð=D Ħ=H Ł=L Ŋ=N Ñ=N/NXX Ö=OE/O Ø=OE/O Œ=OE Ŧ=T Þ=TH Ü=UE/U/UXX ẞ=SS ĸ=Q Ə=E"
_CYRILLIC: Final = (
    "А=A Б=B В=V Г=G/H Ґ=G Д=D Ђ=D Ѓ=G/GJ Е=E Ё=E/IO Є=IE/YE Ж=ZH/Z З=Z Ѕ=DZ И=I/Y І=I Ї=I/YI"  # noqa: RUF001 - they are meant
    " Й=I/Y Ј=J К=K Л=L Љ=LJ М=M Н=N Њ=NJ О=O П=P Р=R С=S Т=T Ћ=C Ќ=K/KJ У=U Ў=U Ф=F Х=KH/H"  # noqa: RUF001 - they are meant
    " Ц=TS/C Ч=CH/C Џ=DZ/DJ Ш=SH/S Щ=SHCH/SHT Ъ=IE Ы=Y Ь= Ѣ=IE Э=E Ю=IU/YU Я=IA/YA Ѫ=U Ѵ=Y Ѳ=F"  # noqa: RUF001 - they are meant
    " Һ=C"
)
_ARABIC: Final = (
    "0621=XE 0622=XAA 0623=XAE 0624=U 0625=I 0626=XI 0627=A 0628=B 0629=XTA/XAH 062A=T 062B=XTH 062C=J 062D=XH"
    " 062E=XKH 062F=D 0630=XDH 0631=R 0632=Z 0633=S 0634=XSH 0635=XSS 0636=XDZ 0637=XTT 0638=XZZ 0639=E 063A=G 0640="
    " 0641=F 0642=Q 0643=K 0644=L 0645=M 0646=N 0647=H 0648=W 0649=XAY 064A=Y 0671=XXA 0679=XXT 067C=XRT 067E=P"
    " 0681=XKE 0685=XXH 0686=XC 0688=XXD 0689=XDR 0691=XXR 0693=XRR 0696=XRX 0698=XJ 069A=XXS 06A9=XKK 06AB=XXK"
    " 06AD=XNG 06AF=XGG 06BA=XNN 06BC=XXN 06BE=XDO 06C0=XYH 06C1=XXG 06C2=XGE 06C3=XTG 06CC=XYA 06CD=XXY 06D0=Y"
    " 06D2=XYB 06D3=XBE"
)
"""By code point, so that this file reads from left to right."""

_SHADDA: Final = "\u0651"
"""The mark of a doubled consonant."""

_APOSTROPHES: Final = frozenset(
    "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u02ca\u02cb\u055a\u05f3"
    "\u2018\u2019\u201a\u201b\u2032\u2035\uff07\uff40"
)
"""Characters that people type for an apostrophe, bare accents and modifier letters among them."""
_DIVIDING: Final = frozenset(",\u060c\u3001\uff0c\u2212")
"""Characters that divide words as a hyphen does; every dash does, too."""
_ABBREVIATED: Final = "\ue000"
_ORDINAL: Final = {"\u00aa": f"{_ABBREVIATED}a", "\u00ba": f"{_ABBREVIATED}o"}
"""Raised letters at the end of an abbreviated word: M\u00aa is Mar\u00eda."""
NAME_FIELDS: Final = (30, 31, 39)
"""The positions of the name field: TD1 (9303-5), TD2 and MRV-B (9303-6, 7), TD3 and MRV-A (9303-4, 7)."""

Spellings = Mapping[str, tuple[str, ...]]


def _read(table: str) -> Spellings:
    pairs = [entry.partition("=") for entry in table.split()]
    return {chr(int(key, 16)) if len(key) > 1 else key: tuple(spelled.split("/")) for key, _, spelled in pairs}


@cache
def tables() -> Mapping[str, Spellings]:
    """Return the characters of each script (ISO 15924) that section 6 covers."""
    return {"Latn": _read(_LATIN), "Cyrl": _read(_CYRILLIC), "Arab": _read(_ARABIC)}


def follows(icao: str, text: str, script: str) -> bool | None:
    """Return whether every part of the ICAO form transcribes a word of `text`, or ICAO's own truncation of one.

    A form that fills the name field counts as truncated: each part may be the beginning of its word, even an initial
    (ICAO 9303-4, 4.2.3; 9303-5 and 9303-6, 4.2.3). A form without a letter follows from nothing. None where section 6
    has no rule: another script, or a letter in no table.
    """
    parts = icao.replace("<", " ").split()
    if not parts:
        return False
    found = [_every(parts, words, script, cut=is_full(icao)) for words in _readings(text)]
    return None if None in found else any(found)


def is_full(icao: str) -> bool:
    """Return whether a form fills the name field of a document, with a letter in its last position."""
    return len(icao) in NAME_FIELDS and icao[-1] != "<"


def is_name_of(printed: str, text: str, script: str, *, full: bool) -> bool | None:
    """Return whether the names in a zone can be those of `text`: all of one among the other's, either way.

    `full` is true where the zone's names may be truncated. None where the tables have no rule, and for names that
    passports transcribe by sound: Arabic script, and Cyrillic where at least one part follows.
    """
    parts = printed.split()
    if not parts or script == "Arab":
        return None
    found = []
    for words in _readings(text):
        of_parts = _each(parts, words, script, cut=full)
        if of_parts is None:
            return None
        named = all(any(_names_one(word, part, script, full) for part in parts) for word in words)
        found.append(all(of_parts) or named or (None if script == "Cyrl" and any(of_parts) else False))
    return True if True in found else None if None in found else False


def _names_one(word: str, part: str, script: str, full: bool) -> bool:
    """Return whether a stated word is this part, or its initial."""
    return _spells(part, word, tables()[script], cut=full) or (len(word) == 1 and part.startswith(word))


def _every(parts: list[str], words: list[str], script: str, *, cut: bool) -> bool | None:
    found = _each(parts, words, script, cut=cut)
    return None if found is None else all(found)


def _each(parts: list[str], words: list[str], script: str, *, cut: bool) -> list[bool] | None:
    """Return for each part whether it is one of the words; None where a letter is in no table."""
    table = tables().get(script)
    if table is None or not all(_is_known(char, table) for word in words for char in word):
        return None
    return [any(_spells(part, word, table, cut=cut) for word in words) for part in parts]


def _readings(text: str) -> list[list[str]]:
    """Return the name's words in capitals, in two readings (ICAO 9303-3, 4.6).

    Hyphens and commas divide words; apostrophes are dropped. Other punctuation is dropped in the first reading, and
    divides in the second (J.R., Anna/Maria).
    """
    return [_words(text, other) for other in ("", " ")]


def _words(text: str, other: str) -> list[str]:
    kept = "".join(_kept(char, other) for char in unicodedata.normalize("NFC", text))
    # After the marks are gone: NFKC turns some of them into a space and an accent.
    kept = unicodedata.normalize("NFKC", kept)
    return [word.replace("ß", "ẞ").upper() for word in kept.split()]


def _kept(char: str, other: str) -> str:
    """Return the replacement of one character: itself, a space, nothing, or `other`."""
    category = unicodedata.category(char)
    if char in _APOSTROPHES:
        return ""
    if category == "Pd" or char in _DIVIDING:
        return " "
    if char in _ORDINAL:
        return _ORDINAL[char]
    return other if category[0] in "PS" else "" if category == "Cf" else char


def _spells(part: str, word: str, table: Spellings, *, cut: bool = False) -> bool:
    """Return whether `part` is a transcription of `word`, without building all of them.

    With `cut` the beginning of one is enough.
    """
    if _ABBREVIATED in word:
        stem, _, end = word.partition(_ABBREVIATED)
        return part.startswith(stem) and part.endswith(end)
    ends = {0}
    last: tuple[str, ...] = ("",)
    for char in word:
        if cut and len(part) in ends:
            return True
        last = last if char == _SHADDA else table.get(char) or _plain(char)
        if cut and any(one.startswith(part[at:]) for at in ends if at < len(part) for one in last):
            return True
        ends = {at + len(one) for at in ends for one in last if part.startswith(one, at)}
    return len(part) in ends


def _is_known(char: str, table: Spellings) -> bool:
    return char in table or _plain(char) != ("",) or not unicodedata.category(char).startswith("L")


def _plain(char: str) -> tuple[str, ...]:
    """Return a letter without its accents; marks, vowel signs and characters in no table give nothing."""
    return ("".join(one for one in unicodedata.normalize("NFKD", char) if one.isascii() and one.isalpha()),)
