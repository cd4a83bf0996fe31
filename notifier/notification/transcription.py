"""Names in national script and their form in a machine readable zone (ICAO Doc 9303-3, section 6). Pure.

The tables give what a State is recommended to write for each character, in capitals. Where they leave a choice, or
the languages that share a script differ, every choice counts: what is asked is only whether a form can follow.
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
"""By code point, so that this page reads from left to right."""

_SHADDA: Final = "\u0651"
"""Says that the consonant before it is doubled."""

Spellings = Mapping[str, tuple[str, ...]]


def _read(table: str) -> Spellings:
    pairs = [entry.partition("=") for entry in table.split()]
    return {chr(int(key, 16)) if len(key) > 1 else key: tuple(spelled.split("/")) for key, _, spelled in pairs}


@cache
def tables() -> Mapping[str, Spellings]:
    """The characters of each script (ISO 15924) that section 6 speaks of."""
    return {"Latn": _read(_LATIN), "Cyrl": _read(_CYRILLIC), "Arab": _read(_ARABIC)}


def follows(icao: str, text: str, script: str) -> bool | None:
    """Whether every part of the ICAO form is a transcription of a word of `text`.

    None where section 6 does not say: another script, or a letter that stands in no table.
    """
    table = tables().get(script)
    words = _words(text)
    if table is None or not all(_is_known(char, table) for word in words for char in word):
        return None
    return all(any(_spells(part, word, table) for word in words) for part in icao.replace("<", " ").split())


def written_in(text: str, script: str) -> bool | None:
    """Whether every letter of `text` is of `script`; None for a script without a table."""
    name = {"Latn": "LATIN", "Cyrl": "CYRILLIC", "Arab": "ARABIC"}.get(script)
    if name is None:
        return None
    letters = [char for char in text if unicodedata.category(char).startswith("L")]
    return all(unicodedata.name(char, "").startswith(name) or unicodedata.category(char) == "Lm" for char in letters)


def _words(text: str) -> list[str]:
    """The name's words in capitals: hyphens divide, apostrophes and full stops go (ICAO 9303-3, 4.6)."""
    text = unicodedata.normalize("NFKC", text)
    kept = "".join(" " if char in "-\u2010\u2011" else char for char in text if char not in "'\u2019\u02bc.,\u060c")
    return [word.replace("ß", "ẞ").upper() for word in kept.split()]


def _spells(part: str, word: str, table: Spellings) -> bool:
    """Whether `part` is one of the transcriptions of `word`; there are too many of them to write all down."""
    ends = {0}
    last: tuple[str, ...] = ("",)
    for char in word:
        last = last if char == _SHADDA else table.get(char) or _plain(char)
        ends = {at + len(one) for at in ends for one in last if part.startswith(one, at)}
    return len(part) in ends


def _is_known(char: str, table: Spellings) -> bool:
    return char in table or _plain(char) != ("",) or not unicodedata.category(char).startswith("L")


def _plain(char: str) -> tuple[str, ...]:
    """A letter without its accents; marks, vowel signs and what no table has are not written."""
    return ("".join(one for one in unicodedata.normalize("NFKD", char) if one.isascii() and one.isalpha()),)
