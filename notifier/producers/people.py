"""The persons whom an authority registered, and what they ruled, in one transaction of the outbox."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from notifier.errors import Refused
from notifier.producers import tables
from notifier.producers.approvals import Person, Ruling, canonical
from notifier.storage import Connection, RowCipher


class People:
    """Reads and writes persons and rulings; what they may is for `approvals` to say."""

    def __init__(self, connection: Connection, cipher: RowCipher) -> None:
        self._connection = connection
        self._cipher = cipher

    async def persons(self) -> list[Person]:
        """Everybody who is, or was, registered, in the order of registration."""
        rows = await self._connection.execute(sa.select(tables.persons).order_by(tables.persons.c.id))
        return [self._person(row) for row in rows]

    def _person(self, row: sa.Row[Any]) -> Person:
        value = json.loads(self._cipher.open(_context("person", row.added), row.contents))
        public, permissions = bytes.fromhex(value["public"]), frozenset(value["permissions"])
        return Person(value["name"], public, permissions, row.added, row.retired)

    async def add(self, person: Person) -> None:
        """Stores a person whom `approvals.register` made."""
        value = {"name": person.name, "public": person.public.hex(), "permissions": sorted(person.permissions)}
        contents = self._cipher.seal(_context("person", person.added), canonical(value))
        await self._connection.execute(tables.persons.insert().values(added=person.added, contents=contents))

    async def retire(self, name: str, now: int) -> Person:
        """From now on the person decides nothing; `Refused`: `unknown_person`, or `person_retired` already."""
        for row in (await self._connection.execute(sa.select(tables.persons))).all():
            person = self._person(row)
            if not person.is_called(name):
                continue
            if person.retired is not None:
                raise Refused("person_retired")
            mine = tables.persons.update().where(tables.persons.c.id == row.id)
            await self._connection.execute(mine.values(retired=now))
            return Person(person.name, person.public, person.permissions, person.added, now)
        raise Refused("unknown_person", hint="notifier person list shows who is registered")

    async def rulings(self, message: int) -> list[Ruling]:
        """What was ruled about a message (its row id), in order."""
        query = sa.select(tables.rulings).where(tables.rulings.c.message == message).order_by(tables.rulings.c.id)
        return [
            Ruling.from_document(json.loads(self._cipher.open(_context("ruling", message), row.contents)))
            for row in await self._connection.execute(query)
        ]

    async def record(self, message: int, ruling: Ruling, now: int) -> None:
        """Stores a ruling that `approvals.check` let in."""
        contents = self._cipher.seal(_context("ruling", message), canonical(ruling.document()))
        await self._connection.execute(
            tables.rulings.insert().values(message=message, recorded=now, contents=contents)
        )


def _context(table: str, number: int) -> bytes:
    return f"{table}/contents/".encode() + number.to_bytes(8, "big")
