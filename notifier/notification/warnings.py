"""What is allowed in a notification and yet probably wrong: said to the originator before it sends. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from notifier.errors import Fault
from notifier.notification.model import Name, Notification

_SPELLINGS = {
    "Ä": ("AE", "A"),
    "Å": ("AA", "A"),
    "Æ": ("AE",),
    "Đ": ("D",),
    "Ð": ("D",),
    "Ł": ("L",),
    "Ñ": ("N", "NXX"),
    "Ö": ("OE", "O"),
    "Ø": ("OE",),
    "Œ": ("OE",),
    "ẞ": ("SS",),
    "Þ": ("TH",),
    "Ü": ("UE", "U", "UXX"),
}
"""National characters with more than one transcription (ICAO 9303-3, section 6)."""


def warnings(notification: Notification) -> list[Fault]:
    """Everything worth a second look, by JSON pointer; no value is repeated."""
    return list(_warnings(notification))


def _warnings(notification: Notification) -> Iterator[Fault]:
    if notification.subject is not None:
        for number, name in enumerate(notification.subject.names):
            if name.icao is not None and name.script == "Latn" and not follows(name):
                yield Fault(f"/subject/names/{number}/icao", "does not follow from the name as it is written")
        if notification.local is None or notification.local.refugee == "unknown":
            yield Fault("/local/refugee/status", "is unknown, and treated as none: find out before you send")


def follows(name: Name) -> bool:
    """Whether every part of the ICAO form is a transcription of a part of the name in Latin script."""
    if name.icao is None:
        return True
    given = _parts(name.text)
    return all(any(_spells(part, word) for word in given) for part in name.icao.replace("<", " ").split())


def _parts(text: str) -> list[str]:
    """The name's words in capitals: hyphens divide, apostrophes and full stops go (ICAO 9303-3, 4.6)."""
    kept = "".join(" " if char in "-\u2010" else char for char in text if char not in "'\u2019.,")
    return [word.replace("ß", "ẞ").upper() for word in kept.split()]


def _spells(part: str, word: str) -> bool:
    """Whether `part` is one of the transcriptions of `word`; there are too many of them to write all down."""
    ends = {0}
    for char in unicodedata.normalize("NFC", word):
        spelled = _SPELLINGS.get(char)
        if spelled is None:
            plain = unicodedata.normalize("NFKD", char)
            spelled = ("".join(one for one in plain if one.isascii() and one.isalpha()),)
        ends = {at + len(one) for at in ends for one in spelled if part.startswith(one, at)}
    return len(part) in ends
