"""Rows that are bound to what they are: none is made, changed, exchanged, deleted or put back by anybody else.

Every row carries a MAC over all that it says, which is checked on use. The sum of all rows (of a keyed digest of each
MAC, modulo 2^256) stands, sealed, in the database's own row: a row that was deleted, or put back with the MAC that it
once had, does not add up (`Ledger.verify`). A change costs the same however many rows there are. The keys come from
the storage key; the key of decisions, which oversight has, gives none of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from notifier.crypto.row_cipher import RowCipher
from notifier.errors import StorageError
from notifier.storage.base import Connection
from notifier.storage.database import Database

T = TypeVar("T")

Values = Mapping[str, Any] | sa.RowMapping
"""The columns of a row by name."""

HINT: Final = "somebody wrote into the database; restore a backup, and ask who has the file"
PAGE: Final = 200  # rows in memory, where all are read
MODULUS: Final = 2**256
TOTAL: Final = b"instance/total"
"""Where the sum of all rows is sealed to."""


def tampered(what: str) -> StorageError:
    """Return the error for a row that is not what this software wrote."""
    return StorageError("rows_changed", f"{what} is not what this software wrote", hint=HINT)


@dataclass(frozen=True, slots=True)
class Scheme:
    """The tables and columns of a database that MACs cover.

    `own` is the table of the database's own row, and `own_columns` are its covered columns. `covered` maps each
    further table that MACs cover to its columns. Each MAC takes the columns in the order given here.
    """

    own: sa.Table
    own_columns: tuple[str, ...]
    covered: Mapping[sa.Table, tuple[str, ...]]


class Ledger:
    """A connection that binds what it writes; `settle` ends a transaction that wrote."""

    @classmethod
    @asynccontextmanager
    async def writing(cls, database: Database, cipher: RowCipher, scheme: Scheme) -> AsyncIterator[Ledger]:
        """Yield a transaction that binds what it writes, committed at the end of the block."""
        async with database.write() as connection:
            ledger = cls(connection, cipher, scheme)
            yield ledger
            await ledger.settle()

    @classmethod
    @asynccontextmanager
    async def reading(cls, database: Database, cipher: RowCipher, scheme: Scheme) -> AsyncIterator[Ledger]:
        """Yield a transaction that checks what it reads."""
        async with database.read() as connection:
            yield cls(connection, cipher, scheme)

    def __init__(self, connection: Connection, cipher: RowCipher, scheme: Scheme) -> None:
        self._connection = connection
        self._cipher = cipher
        self._scheme = scheme
        self._delta = 0
        self._own: Mapping[str, Any] | None = None
        self._moved = False

    async def execute(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[Any]:
        """Execute `statement`, and return its result."""
        return await self._connection.execute(statement, parameters)

    async def scalar(self, statement: sa.Executable, parameters: Any = None) -> Any:
        """Return the first column of the first row; None where there is none."""
        return await self._connection.scalar(statement, parameters)

    async def scalars(self, statement: sa.Executable, parameters: Any = None) -> sa.ScalarResult[Any]:
        """Return the first column of every row."""
        return await self._connection.scalars(statement, parameters)

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Return what `work` returns."""
        return await self._connection.run(work)

    def mac(self, table: sa.Table, row: Values) -> bytes:
        """Return the MAC over a row of `table`."""
        return self._cipher.bind(table.name, *(row[name] for name in self._scheme.covered[table]))

    def check(self, table: sa.Table, row: sa.Row[Any]) -> None:
        """Raise `StorageError` (rows_changed) unless `row` carries the MAC over what it says."""
        if not self._cipher.is_bound(self.mac(table, row._mapping), row.bound):
            raise tampered(f"a row of {table.name}")

    async def insert(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Add rows, with all covered columns but an `id`, which they are given; return these ids, in order.

        The last id of each table stands in the database's own row: none is given twice.
        """
        if not rows:
            return []
        made = [dict(row) for row in rows]
        ids: list[int] = []
        if (counter := f"last_{table.name}") in self._scheme.own_columns:
            last: int = (await self.own())[counter]
            ids = list(range(last + 1, last + 1 + len(rows)))
            for row, given in zip(made, ids, strict=True):
                row["id"] = given
            await self.set_own(**{counter: ids[-1]})
        await self._connection.execute(_adding(table), [self._bound(table, row) for row in made])
        return ids

    async def change(self, table: sa.Table, rows: Sequence[sa.Row[Any]], **values: Any) -> None:
        """Give columns of `rows`, which were read whole, other values. Raises `StorageError` as `check`."""
        if not rows:
            return
        keys = [column.name for column in table.primary_key]
        parameters = []
        for row in rows:
            self._take_out(table, row)
            after = self._bound(table, {**row._mapping, **values})
            keyed = {f"key_{name}": row._mapping[name] for name in keys}
            parameters.append(keyed | {f"new_{name}": after[name] for name in (*values, "bound")})
        await self._connection.execute(_changing(table, (*values, "bound")), parameters)

    async def remove(self, table: sa.Table, rows: Sequence[sa.Row[Any]]) -> None:
        """Delete `rows`, which were read whole. Raises `StorageError` as `check`."""
        keys = [column.name for column in table.primary_key]
        for row in rows:
            self._take_out(table, row)
        if rows:
            gone = [{f"key_{name}": row._mapping[name] for name in keys} for row in rows]
            await self._connection.execute(_removing(table), gone)

    def _bound(self, table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
        row["bound"] = self.mac(table, row)
        self._delta += self._share(row["bound"])
        return row

    def _take_out(self, table: sa.Table, row: sa.Row[Any]) -> None:
        self.check(table, row)
        self._delta -= self._share(row.bound)

    def _share(self, bound: bytes) -> int:
        return int.from_bytes(self._cipher.bind("total", bound), "big")

    async def own(self) -> Mapping[str, Any]:
        """Return the database's own row, as this transaction has it.

        Raises `StorageError` (rows_changed) where somebody else wrote it.
        """
        if self._own is None:
            row = (await self._connection.execute(_reading(self._scheme.own))).one_or_none()
            if row is None or not self._cipher.is_bound(self._own_mac(row._mapping), row.bound):
                raise tampered("the database's own row")
            self._own = dict(row._mapping)
        return self._own

    async def set_own(self, **values: Any) -> None:
        """Give columns of the database's own row other values; written by `settle`."""
        self._own = {**await self.own(), **values}
        self._moved = True

    def _own_mac(self, row: Values) -> bytes:
        return self._cipher.bind("instance", *(row[name] for name in self._scheme.own_columns))

    async def begin(self, **values: Any) -> None:
        """Make the own row of a new database; the sum of no rows stands in it."""
        row = {**values, "total": self._sealed(0)}
        await self._connection.execute(self._scheme.own.insert().values(**row, bound=self._own_mac(row)))

    async def settle(self) -> None:
        """Store the sum of all rows, and what else the own row says; nothing else may be written afterwards."""
        if self._delta:
            total = self._total(await self.own()) + self._delta
            await self.set_own(total=self._sealed(total))
            self._delta = 0
        if self._moved and self._own is not None:
            values = {name: self._own[name] for name in self._scheme.own_columns} | {
                "bound": self._own_mac(self._own)
            }
            names = tuple(values)
            await self._connection.execute(_owning(self._scheme.own, names), {f"new_{n}": values[n] for n in names})
            self._moved = False

    def _total(self, row: Mapping[str, Any]) -> int:
        return int.from_bytes(self._cipher.open(TOTAL, row["total"]), "big")

    def _sealed(self, total: int) -> bytes:
        return self._cipher.seal(TOTAL, (total % MODULUS).to_bytes(32, "big"))

    async def verify(self, look: Callable[[sa.Table, sa.Row[Any]], None] = lambda _table, _row: None) -> None:
        """Check every row and their sum; `look` is given each, too.

        Raises `StorageError` (rows_changed) that names the table of the first that somebody else made or changed.
        """
        expected, found = self._total(await self.own()), 0
        for table in self._scheme.covered:
            keys, last = list(table.primary_key), None
            while True:
                page = sa.select(table).order_by(*keys).limit(PAGE)
                if last is not None:
                    page = page.where(
                        sa.tuple_(*keys) > sa.tuple_(*(sa.literal(last[one.name], one.type) for one in keys))
                    )
                rows = (await self._connection.execute(page)).all()
                for row in rows:
                    self.check(table, row)
                    look(table, row)
                    found += self._share(row.bound)
                if len(rows) < PAGE:
                    break
                last = rows[-1]._mapping
        if found % MODULUS != expected:
            raise tampered("the sum of all rows (one is missing, more, or of an earlier time)")


# Statements of every message, built once: building costs as much as running.


@cache
def _reading(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table)


@cache
def _adding(table: sa.Table) -> sa.Insert:
    return table.insert()


@cache
def _owning(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in names}
    return table.update().values(values)


@cache
def _changing(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in names}
    return table.update().where(*_keyed(table)).values(values)


@cache
def _removing(table: sa.Table) -> sa.Delete:
    return table.delete().where(*_keyed(table))


def _keyed(table: sa.Table) -> list[sa.ColumnElement[bool]]:
    return [column == sa.bindparam(f"key_{column.name}") for column in table.primary_key]
