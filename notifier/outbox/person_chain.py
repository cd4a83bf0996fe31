"""The chain of registrations and decisions: no row of them is swapped, deleted, rolled back or made by hand.

Every registration, retirement, ruling and adoption adds a link: which row, and a MAC over all of the row. Links are
hashed into a chain. Its head stands in the outbox's own row, under a MAC too, and in every audit event, so in the
audit log. All other rows are bound by `storage.integrity`, as `SCHEME` says. The MACs need a key that comes from
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
from notifier.outbox import queries, tables
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
"""The columns under MACs. A migration that adds a column binds all rows of its table again."""


def entry_context(message: int | None) -> bytes:
    """Return the associated data that binds the contents of an entry to its message (None: of none).

    The label keeps the former name of the table: another one would mean to seal every entry again.
    """
    return b"letter/contents/" + (message or 0).to_bytes(8, "big")


def linked(before: bytes, number: int, table: str, row: int, subject: int, state: bytes) -> bytes:
    """Return the chain's head after one more link."""
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


@dataclass(frozen=True, slots=True)
class Known:
    """A chain as it was read: its head, and the MAC of every row by table, subject and row."""

    number: int
    head: bytes
    rows: Mapping[tuple[str, int], Mapping[int, bytes]]
    heads: tuple[bytes, ...]
    """The head after every link, from before the first on."""

    def has(self, said: str) -> bool:
        """Return whether the chain had the head that an audit event names."""
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
        self._ledger = connection if isinstance(connection, Ledger) else Ledger(connection, cipher, SCHEME)

    async def head(self) -> tuple[int, bytes]:
        """Return number and hash of the last link. Raises `StorageError` (rows_changed)."""
        row = await self._ledger.own()
        return row["chain_number"], row["chain_head"]

    async def known(self) -> Known:
        """Return the chain as it stands, whole. Raises `StorageError` (rows_changed) where it is not."""
        number, head = await self.head()
        before = self._cipher.known
        if isinstance(before, Known) and (before.number, before.head) == (number, head):
            return before
        head_now, last, heads = START, 0, [START]
        rows: dict[tuple[str, int], dict[int, bytes]] = {}
        for one in await self._connection.execute(queries.CHAIN):
            last += 1
            head_now = linked(head_now, last, one.kind, one.row_id, one.subject, one.state)
            if one.number != last:
                break
            heads.append(head_now)
            rows.setdefault((one.kind, one.subject), {})[one.row_id] = one.state
        if (last, head_now) != (number, head):
            raise tampered("the chain of persons and rulings")
        found = Known(number, head, rows, tuple(heads))
        newest = (await self._connection.execute(queries.NEWEST_EVENT)).one_or_none()
        if newest is not None and not found.has(self.said(newest)):
            raise tampered("the chain of persons and rulings")
        self._cipher.known = found
        return found

    def said(self, row: sa.Row[Any]) -> str:
        """Return the head that an audit event names; of one made before schema 11, that before the first link."""
        said = self._cipher.open(entry_context(row.message), row.contents)[ID_BYTES:]
        named: str = json.loads(said).get("chain", f"0:{START.hex()}")
        return named

    async def add(self, table: str, row: int, subject: int, state: bytes) -> None:
        """Add a link, and move the head."""
        number, head = await self.head()
        number += 1
        head = linked(head, number, table, row, subject, state)
        link = {"number": number, "kind": table, "row_id": row, "subject": subject, "state": state}
        await self._connection.execute(queries.INSERT_CHAIN_LINK, link)
        await self._ledger.set_own(chain_number=number, chain_head=head)
