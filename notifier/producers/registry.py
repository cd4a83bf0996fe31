"""The chain of what persons are and decided: so that no row of it is swapped, deleted, rolled back or made by hand.

Every registration, retirement, ruling and adoption adds an entry: which row, and a MAC over all of the row. Entries
are hashed into a chain whose head stands in the instance's row, under a MAC too, and in what every act says, so in
the audit log. The MACs need a key that comes from the storage key (`OutboxCipher.bind`): the key of decisions, which
oversight has, makes none. The chain is read once; afterwards only its head is, until it moves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from notifier.envelope.primitives import ID_BYTES, blake, u64
from notifier.errors import StorageError
from notifier.producers import tables
from notifier.producers.compartments import OutboxCipher
from notifier.storage import Connection

START: Final = bytes(32)
PERSON, RULING, ADOPTION = "person", "ruling", "adoption"
HINT: Final = "somebody wrote into the database; restore a backup, and ask who has the file"

_HEAD: Final = sa.select(
    *(tables.instance.c[name] for name in ("authority", "secret", "chain_number", "chain_head", "bound"))
)
_NEWEST_ACT: Final = (
    sa.select(tables.letters.c.message, tables.letters.c.contents)
    .where(tables.letters.c.act.is_not(None))
    .order_by(tables.letters.c.id.desc())
    .limit(1)
)
_ENTRIES: Final = sa.select(tables.chain).order_by(tables.chain.c.number)


def letter_context(message: int | None) -> bytes:
    """Where the letters and deeds of a message are sealed to."""
    return b"letter/contents/" + (message or 0).to_bytes(8, "big")


def tampered(what: str) -> StorageError:
    """Return the error for a row that is not what this software wrote."""
    return StorageError("rows_changed", f"{what} is not what this software wrote", hint=HINT)


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


def message_mac(cipher: OutboxCipher, row: Mapping[str, Any]) -> bytes:
    """Return the MAC over a row of the messages: whose plan, submission and content belong together."""
    names = ("id", "notification_id", "created", "content", "submitted_by", "plan", "submission")
    return cipher.bind("message", *(row[name] for name in names))


def head_mac(cipher: OutboxCipher, authority: str, secret: bytes, number: int, head: bytes) -> bytes:
    """Return the MAC over the instance's row and the head of its chain."""
    return cipher.bind("instance", authority, secret, number, head)


def check_message(cipher: OutboxCipher, row: sa.Row[Any]) -> None:
    """Raise `StorageError` (rows_changed) unless the row of a message is bound to all that it says."""
    if not cipher.is_bound(message_mac(cipher, row._asdict()), row.bound):
        raise tampered(f"message {row.id}")


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

    async def head(self) -> tuple[int, bytes]:
        """Return number and hash of the last entry. Raises `StorageError` (rows_changed)."""
        row = (await self._connection.execute(_HEAD)).one()
        expected = head_mac(self._cipher, row.authority, row.secret, row.chain_number, row.chain_head)
        if not self._cipher.is_bound(expected, row.bound):
            raise tampered("the outbox's own row")
        return row.chain_number, row.chain_head

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
        await self._move(number, head)

    async def _move(self, number: int, head: bytes) -> None:
        row = (await self._connection.execute(_HEAD)).one()
        bound = head_mac(self._cipher, row.authority, row.secret, number, head)
        moved = tables.instance.update().values(chain_number=number, chain_head=head, bound=bound)
        await self._connection.execute(moved)
