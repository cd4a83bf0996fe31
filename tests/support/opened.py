"""A local database opened with its keys: every sealed value, whatever it was sealed for.

What a value is bound to (its table, row and column) is authenticated, and not needed to read it: so this needs no
list of them, and finds what a column that is new tomorrow says. XChaCha20 as in draft-irtf-cfrg-xchacha-03.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from notifier.outbox.key_separation import decisions_key
from support.canary import Piece

VERSION = b"\x01"
NONCE, WRAPPED, TAG = 24, 48, 16
HEAD = len(VERSION) + NONCE + WRAPPED
DECISIONS = {
    ("message", "plan"),
    ("message", "submitted_by"),
    ("message", "submission"),
    ("person", "contents"),
    ("ruling", "contents"),
    ("adoption", "contents"),
}
"""What an outbox seals to the key of decisions (`notifier.outbox.key_separation`)."""


def opened(database: Path, storage_key: bytes) -> Iterator[Piece]:
    """Every value of every table of an SQLite database, what is sealed as it opens."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            found = connection.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in found.description]
            for row in found:
                for column, value in zip(columns, row, strict=True):
                    key = decisions_key(storage_key) if (table, column) in DECISIONS else storage_key
                    yield f"{database.parent.name}/{database.name} {table}.{column}", _plain(value, key)


def _plain(value: object, key: bytes) -> bytes:
    if not isinstance(value, bytes):
        return str(value).encode()
    if value[:1] != VERSION or len(value) < HEAD + TAG:
        return value
    row_key = _xchacha20(key, value[1 : 1 + NONCE], value[1 + NONCE : HEAD - TAG])
    return _xchacha20(row_key, bytes(NONCE), value[HEAD:-TAG])


def _xchacha20(key: bytes, nonce: bytes, text: bytes) -> bytes:
    """The text of the AEAD without its tag: the first block of the stream is the tag's key."""
    started = struct.pack("<I", 1) + bytes(4) + nonce[16:]
    return Cipher(algorithms.ChaCha20(_hchacha20(key, nonce[:16]), started), None).decryptor().update(text)


def _hchacha20(key: bytes, nonce: bytes) -> bytes:
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))
    for _ in range(10):
        for column in range(4):
            _quarter(state, *(row * 4 + column for row in range(4)))
        for column in range(4):
            _quarter(state, *(row * 4 + (column + row) % 4 for row in range(4)))
    return struct.pack("<8I", *state[:4], *state[12:])


def _quarter(state: list[int], a: int, b: int, c: int, d: int) -> None:
    for first, second, third, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[first] = (state[first] + state[second]) & 0xFFFFFFFF
        mixed = state[third] ^ state[first]
        state[third] = (mixed << turn | mixed >> 32 - turn) & 0xFFFFFFFF
