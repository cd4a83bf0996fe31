"""The chain of what persons are and decided: so that no row of it is swapped, deleted, rolled back or made by hand.

Every registration, retirement, ruling and adoption adds an entry: which row, and a MAC over all of the row. Entries
are hashed into a chain whose head stands in the outbox's own row, under a MAC too, and in what every act says, so in
the audit log. All other rows are bound by `storage.integrity`, as `SCHEME` says. The MACs need a key that comes from
the storage key (`OutboxCipher.bind`): the key of decisions, which oversight has, makes none. The chain is read once;
afterwards only its head is, until it moves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from notifier.crypto.primitives import ID_BYTES, blake, u64
from notifier.outbox import tables
from notifier.outbox.key_separation import OutboxCipher
from notifier.storage.base import Connection
from notifier.storage.integrity import Ledger, Scheme, tampered

START: Final = bytes(32)
PERSON, RULING, ADOPTION = "person", "ruling", "adoption"

_APART: Final = frozenset({"bound", "bytes"})
SCHEME: Final = Scheme(
    tables.instance,
    (
        *("authority", "secret", "chain_number", "chain_head", "feed_offset", "total", "last_message"),
        "last_entry",
    ),
    {
        table: tuple(column.name for column in table.columns if column.name not in _APART)
        for table in (
            tables.messages,
            tables.entries,
            tables.recipients,
            tables.links,
            tables.envelopes,
            tables.streams,
            tables.strays,
        )
    },
)
"""What is bound of an outbox. Whoever adds a column binds all rows again in the same migration."""

_NEWEST_ACT: Final = (
    sa.select(tables.entries.c.message, tables.entries.c.contents)
    .where(tables.entries.c.event.is_not(None))
    .order_by(tables.entries.c.id.desc())
    .limit(1)
)
_ENTRIES: Final = sa.select(tables.chain).order_by(tables.chain.c.number)


def letter_context(message: int | None) -> bytes:
    """Where the letters and deeds of a message are sealed to."""
    return b"letter/contents/" + (message or 0).to_bytes(8, "big")


def linked(before: bytes, number: int, table: str, row: int, subject: int, state: bytes) -> bytes:
    """Return the chain's head after one more entry."""
    return blake(b"ntf1/chain", before + u64(number) + table.encode() + b"/" + u64(row) + u64(subject) + state)


def person_mac(cipher: OutboxCipher, row: Mapping[str, Any]) -> bytes:
    """Return the MAC over a row of the persons."""
    return cipher.bind("person", *(row[name] for name in ("id", "added", "retired", "contents")))


def ruling_mac(cipher: OutboxCipher, row: Mapping[str, Any]) -> bytes:
    """Return the MAC over a row of the rulings."""
    return cipher.bind("ruling", *(row[name] for name in ("id", "message", "recorded", "contents")))


def adoption_mac(cipher: OutboxCipher, row: Mapping[str, Any]) -> bytes:
    """Return the MAC over a row of the adoptions."""
    return cipher.bind("adoption", *(row[name] for name in ("id", "recorded", "contents")))


def bound(connection: Connection, cipher: OutboxCipher) -> Ledger:
    """Return `connection` as one whose writes are bound."""
    return Ledger(connection, cipher, SCHEME)


@dataclass(frozen=True, slots=True)
class Known:
    """A chain that was read whole: its head, and the MAC of every row by table, subject and row."""

    number: int
    head: bytes
    rows: Mapping[tuple[str, int], Mapping[int, bytes]]
    heads: tuple[bytes, ...]
    """The head after every entry, from before the first on."""

    def has(self, said: str) -> bool:
        """Return whether the chain had the head that an act names."""
        number, _, head = said.partition(":")
        return number.isdecimal() and int(number) <= self.number and self.heads[int(number)].hex() == head

    def of(self, table: str, subject: int = 0) -> Mapping[int, bytes]:
        """Return the MACs of the rows that there must be, by row id."""
        return self.rows.get((table, subject), {})


class Chain:
    """The chain in one transaction."""

    def __init__(self, connection: Connection, cipher: OutboxCipher) -> None:
        self._connection = connection
        self._cipher = cipher
        self._ledger = connection if isinstance(connection, Ledger) else bound(connection, cipher)

    async def head(self) -> tuple[int, bytes]:
        """Return number and hash of the last entry. Raises `StorageError` (rows_changed)."""
        row = await self._ledger.own()
        return row["chain_number"], row["chain_head"]

    async def known(self) -> Known:
        """Return the chain as it stands, whole. Raises `StorageError` (rows_changed) where it is not."""
        number, head = await self.head()
        before = self._cipher.known
        if isinstance(before, Known) and (before.number, before.head) == (number, head):
            return before
        link, last, heads = START, 0, [START]
        rows: dict[tuple[str, int], dict[int, bytes]] = {}
        for one in await self._connection.execute(_ENTRIES):
            last += 1
            link = linked(link, last, one.kind, one.row_id, one.subject, one.state)
            if one.number != last:
                break
            heads.append(link)
            rows.setdefault((one.kind, one.subject), {})[one.row_id] = one.state
        if (last, link) != (number, head):
            raise tampered("the chain of persons and rulings")
        found = Known(number, head, rows, tuple(heads))
        newest = (await self._connection.execute(_NEWEST_ACT)).one_or_none()
        if newest is not None and not found.has(self.said(newest)):
            raise tampered("the chain of persons and rulings")
        self._cipher.known = found
        return found

    def said(self, row: sa.Row[Any]) -> str:
        """Return the head that an act names; that before the first entry of one that was made before version 11."""
        said = self._cipher.open(letter_context(row.message), row.contents)[ID_BYTES:]
        named: str = json.loads(said).get("chain", f"0:{START.hex()}")
        return named

    async def add(self, table: str, row: int, subject: int, state: bytes) -> None:
        """Add an entry, and move the head."""
        number, head = await self.head()
        number += 1
        head = linked(head, number, table, row, subject, state)
        entry = {"number": number, "kind": table, "row_id": row, "subject": subject, "state": state}
        await self._connection.execute(tables.chain.insert().values(entry))
        await self._ledger.set_own(chain_number=number, chain_head=head)
