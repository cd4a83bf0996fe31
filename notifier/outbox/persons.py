"""The persons whom an authority registered, and their decisions, in one transaction of the outbox."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa

from notifier.crypto.row_cipher import RowCipher
from notifier.errors import RefusedError
from notifier.outbox import queries
from notifier.outbox.key_separation import OutboxCipher
from notifier.outbox.person_chain import ADOPTION, PERSON, RULING, Chain, adoption_mac, person_mac, ruling_mac
from notifier.persons.adoptions import Adoption
from notifier.persons.approvals import ReviewDecision
from notifier.persons.model import Person, PersonKind, canonical
from notifier.storage.base import Connection
from notifier.storage.integrity import tampered

_MACS: Final = {PERSON: person_mac, RULING: ruling_mac, ADOPTION: adoption_mac}


class PersonRegistry:
    """Reads and writes persons, rulings and adoptions; `approvals` and `adoptions` say who may decide.

    Every row is checked against the chain on use; a difference raises `StorageError` (rows_changed). A reader with
    the key of decisions alone (oversight) cannot check, and decides nothing.
    """

    def __init__(self, connection: Connection, cipher: RowCipher) -> None:
        self._connection = connection
        self._cipher = cipher
        self._chain = Chain(connection, cipher) if isinstance(cipher, OutboxCipher) else None

    async def persons(self) -> list[Person]:
        """Return everybody who is, or was, registered, in the order of registration."""
        rows = (await self._connection.execute(queries.PERSONS)).all()
        await self._check(PERSON, 0, rows)
        return [self._person(row) for row in rows]

    async def _check(self, table: str, subject: int, rows: Sequence[sa.Row[Any]]) -> None:
        """Raise `StorageError` (rows_changed) unless `rows` are those of the chain: all, and no others."""
        if self._chain is None:
            return
        expected = (await self._chain.known()).of(table, subject)
        if {row.id for row in rows} != set(expected):
            raise tampered(f"the number of {table}s")
        for row in rows:
            if not self._cipher.is_bound(self._mac(table, row._asdict()), expected[row.id]):
                raise tampered(f"{table} {row.id}")

    def _mac(self, table: str, row: Mapping[str, Any]) -> bytes:
        if not isinstance(self._cipher, OutboxCipher):
            raise RuntimeError("rows are bound with the storage key")
        return _MACS[table](self._cipher, row)

    async def _note(self, table: str, row: Mapping[str, Any]) -> None:
        """Add a row, as it is now, to the chain."""
        if self._chain is None:
            raise RuntimeError("the chain grows with the storage key")
        subject = row["message"] if table == RULING else 0
        await self._chain.add(table, row["id"], subject, self._mac(table, row))

    async def head(self) -> str:
        """Return the chain's head in hex, for the document of an audit event."""
        if self._chain is None:
            raise RuntimeError("audit events are made with the storage key")
        number, head = await self._chain.head()
        return f"{number}:{head.hex()}"

    def _person(self, row: sa.Row[Any]) -> Person:
        value = json.loads(self._cipher.open(_context("person", row.added), row.contents))
        public, permissions = bytes.fromhex(value["public"]), frozenset(value["permissions"])
        kind = PersonKind(value.get("kind", PersonKind.PERSON))  # earlier versions stored none
        return Person(value["name"], public, permissions, row.added, row.retired, kind)

    async def add(self, person: Person) -> None:
        """Store a person whom `persons.register` made."""
        value = {
            "name": person.name,
            "public": person.public.hex(),
            "permissions": sorted(person.permissions),
            "kind": person.kind,
        }
        contents = self._cipher.seal(_context("person", person.added), canonical(value))
        row = {"added": person.added, "retired": None, "contents": contents}
        made = await self._connection.scalar(queries.INSERT_PERSON, row)
        await self._note(PERSON, row | {"id": made})

    async def retire(self, name: str, now: int) -> Person:
        """Retire a person: from now on they decide nothing.

        Raises `RefusedError`: `unknown_person`, or `person_retired` already.
        """
        rows = (await self._connection.execute(queries.PERSONS)).all()
        await self._check(PERSON, 0, rows)
        for row in rows:
            person = self._person(row)
            if not person.matches(name):
                continue
            if person.retired is not None:
                raise RefusedError("person_retired")
            await self._connection.execute(queries.RETIRE_PERSON, {"person": row.id, "now": now})
            await self._note(PERSON, row._asdict() | {"retired": now})
            return replace(person, retired=now)
        raise RefusedError("unknown_person", hint="notifier person list shows who is registered")

    async def rulings(self, message: int) -> list[ReviewDecision]:
        """Return the rulings about a message (its row id), in order."""
        rows = (await self._connection.execute(queries.RULINGS_OF_MESSAGE, {"of": message})).all()
        await self._check(RULING, message, rows)
        return [
            ReviewDecision.from_document(json.loads(self._cipher.open(_context("ruling", message), row.contents)))
            for row in rows
        ]

    async def record(self, message: int, ruling: ReviewDecision, now: int) -> None:
        """Store a ruling that `approvals.check` let in."""
        contents = self._cipher.seal(_context("ruling", message), canonical(ruling.document()))
        row = {"message": message, "recorded": now, "contents": contents}
        made = await self._connection.scalar(queries.INSERT_RULING, row)
        await self._note(RULING, row | {"id": made})

    async def adoptions(self) -> list[Adoption]:
        """Return the decisions after restores, in order."""
        rows = (await self._connection.execute(queries.ADOPTIONS)).all()
        await self._check(ADOPTION, 0, rows)
        return [
            Adoption.from_document(json.loads(self._cipher.open(_context("adoption", row.recorded), row.contents)))
            for row in rows
        ]

    async def adopt(self, adoption: Adoption, now: int) -> None:
        """Store an adoption that `adoptions.check` let in."""
        contents = self._cipher.seal(_context("adoption", now), canonical(adoption.document()))
        row = {"recorded": now, "contents": contents}
        made = await self._connection.scalar(queries.INSERT_ADOPTION, row)
        await self._note(ADOPTION, row | {"id": made})


def _context(table: str, number: int) -> bytes:
    return f"{table}/contents/".encode() + number.to_bytes(8, "big")
