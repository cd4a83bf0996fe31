"""The search for a canary: words that may be nowhere, in every form in which software writes a text down.

A word is sought as it is and in small and capital letters, in UTF-8 (composed and not) and UTF-16, base64 at each
alignment, hex, percent and JSON and Python escapes; a code of three letters as a word of its own in text, and with
what stands around it in binary files (three bytes alone are in any ciphertext). Record batches and compressed files
are searched as they are and as they unpack.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import os
import re
import stat
import struct
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import cramjam

MAGIC = 2  # of a record batch
HEAD = struct.Struct(">qiIbIh")  # base offset, length, leader epoch, magic, crc, attributes (Kafka's RecordBatch, v2)
RECORDS_AT = 61
CODECS = {1: cramjam.gzip, 2: cramjam.snappy, 3: cramjam.lz4, 4: cramjam.zstd}
NOTHING = rb"(?!)"  # a pattern that nothing matches: an empty one is everywhere
HOLE = 64 * 1024  # a file that is smaller may lie where its name does, in no block of its own
SNAPPY_STREAM = b"\x82SNAPPY\x00"

Piece = tuple[str, bytes]
"""Where something stands, and what stands there."""


def forms(word: str) -> set[bytes]:
    """Every way in which `word` may be written."""
    spelt = {word, word.lower(), word.upper(), word.title()}
    spelt |= {unicodedata.normalize("NFD", one) for one in spelt}
    return {form for one in spelt for form in _encodings(one)}


def _encodings(word: str) -> set[bytes]:
    text = word.encode()
    found = {text, word.encode("utf-16-le"), word.encode("utf-16-be")}
    found |= {text.hex().encode(), text.hex().upper().encode(), text.hex(" ").encode(), text.hex(":").encode()}
    found |= {quote(word).encode(), quote_plus(word).encode(), "".join(f"%{byte:02X}" for byte in text).encode()}
    found |= {"".join(f"%{byte:02x}" for byte in text).encode()}
    found |= {json.dumps(word)[1:-1].encode(), word.encode("unicode_escape"), repr(text)[2:-1].encode()}
    found |= {"".join(f"\\u{ord(letter):04x}" for letter in word).encode()}
    found |= {"".join(f"\\u{ord(letter):04X}" for letter in word).encode()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            whole = encode(bytes(shift) + text).rstrip(b"=")
            # The first and the last letter also depend on what stands around the word.
            found.add(whole[(0, 2, 3)[shift] : len(whole) - (1 if (shift + len(text)) % 3 else 0)])
    return found


@dataclass(frozen=True)
class Canary:
    """`words` are long texts; `codes` have three letters; `binary` is what may be nowhere byte by byte."""

    words: tuple[str, ...]
    codes: tuple[str, ...] = ()
    binary: tuple[bytes, ...] = ()
    _needles: tuple[bytes, ...] = field(init=False, repr=False)
    _as_text: re.Pattern[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        needles = {form for word in self.words for form in forms(word)} | set(self.binary)
        # One search after the other is many times as fast as one expression of them all.
        object.__setattr__(self, "_needles", tuple(sorted(needles, key=len)))
        # Not in the middle of base64.
        codes = "|".join(self.codes).encode() or NOTHING
        object.__setattr__(self, "_as_text", re.compile(rb"(?<![A-Za-z0-9+/])(?:" + codes + rb")(?![A-Za-z0-9+=])"))

    def in_bytes(self, data: bytes) -> bool:
        """Whether any form of it stands in `data`; where that is a text, a code as a word of its own, too."""
        if any(needle in data for needle in self._needles):
            return True
        return is_text(data) and self._as_text.search(data) is not None

    def places(self, haystack: Iterable[Piece]) -> list[str]:
        """Where in the haystack it is."""
        return sorted({place for place, data in haystack if self.in_bytes(data)})


def files(folder: Path) -> Iterator[Piece]:
    """Every file and folder below `folder`: its name, its bytes, and whatever in them unpacks."""
    for parent, folders, names in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *names)):
            place = str(path.relative_to(folder))
            yield place, place.encode(errors="surrogateescape")
            yield from ((place, data) for data in contents(path))


def processes(pids: Iterable[int]) -> Iterator[Piece]:
    """What everybody may see of a process, its environment, and the files that it has open and that have no name."""
    for pid in pids:
        seen = Path(f"/proc/{pid}")
        for name in ("cmdline", "environ"):
            yield f"{name} of process {pid}", (seen / name).read_bytes().replace(b"\0", b"\n")
        for descriptor in (seen / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                if os.readlink(descriptor).endswith(" (deleted)"):
                    yield f"open file of process {pid}", descriptor.read_bytes()


def contents(path: Path) -> Iterator[bytes]:
    """What a file holds: its bytes, and whatever in them unpacks."""
    try:
        found = path.stat()
        # An index of the broker is ten megabytes of which nothing is on the disk yet.
        if not stat.S_ISREG(found.st_mode) or (found.st_size > HOLE and found.st_blocks == 0):
            return
        data = path.read_bytes()
    except FileNotFoundError:
        return
    yield data.rstrip(b"\0")
    yield from _batches(data)
    if data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)
    elif data[:4] == b"\x28\xb5\x2f\xfd":
        yield bytes(cramjam.zstd.decompress(data))
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def _batches(data: bytes) -> Iterator[bytes]:
    """The records of every compressed batch in a segment of the broker's log, unpacked."""
    at = 0
    while at + RECORDS_AT <= len(data):
        _, length, _, magic, _, attributes = HEAD.unpack_from(data, at)
        end = at + 12 + length
        if magic != MAGIC or not at < end <= len(data):
            return
        if codec := attributes & 0x07:
            yield _unpacked(codec, data[at + RECORDS_AT : end])
        at = end


def _unpacked(codec: int, records: bytes) -> bytes:
    if codec == 2 and records.startswith(SNAPPY_STREAM):  # xerial's frames, as Java and aiokafka write them
        found, at = b"", 16
        while at + 4 <= len(records):
            (size,) = struct.unpack_from(">i", records, at)
            found += bytes(cramjam.snappy.decompress_raw(records[at + 4 : at + 4 + size]))
            at += 4 + size
        return found
    if codec == 2:
        return bytes(cramjam.snappy.decompress_raw(records))
    return bytes(CODECS[codec].decompress(records))


def is_text(data: bytes) -> bool:
    """Whether `data` is something that people read."""
    head = data[:4096]
    return b"\0" not in head and sum(byte > 126 for byte in head) * 10 < len(head) + 1
