"""Local databases: durable, private, sealed row by row, with one active instance each.

SQLite by default (WAL, synchronous=FULL: what was committed survives a power cut), PostgreSQL where several
instances share one. Every failure is a `StorageError` of one line with a hint. Rows that say who or what are sealed
to a storage key of their own (`crypto.row_cipher`), so that the file alone tells nothing.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from notifier.aio import shield
from notifier.config import file_of
from notifier.errors import NotFoundError, StorageError
from notifier.storage.base import Connection, Engine
from notifier.storage.postgresql import ADDRESSES, PostgresqlEngine
from notifier.storage.sqlite import SqliteEngine
from notifier.storage.tables import BOOKKEEPING, schemas

T = TypeVar("T")

ADDRESS_HINT: Final = "a file, or postgresql://role:password@host:port/database"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The upgrade of an older database to the current version of its tables.

    `oldest` is the first version that can be upgraded. `run` gets the opening transaction and the version found.
    """

    oldest: int
    run: Callable[[Connection, int], Awaitable[None]]


class Database:
    """One open database. Writers take turns inside the process; other processes wait for each other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()

    @classmethod
    async def open(
        cls, address: str, tables: sa.MetaData, *, schema: str, version: int, upgrade: Upgrade | None = None
    ) -> Database:
        """Open or create the database at `address`: `address_of(file)`, or `postgresql://role@host/database`.

        `schema` names what `tables` are for, `version` their number. An older database is brought up to date by
        `upgrade`, in the same transaction: it is new afterwards, or as it was. Raises `StorageError` for a version
        that is later, or that `upgrade` does not know, and for a database that holds something else; and what
        `upgrade` raises. A new SQLite file, and its folder, are readable by their owner alone.
        """
        database = cls(_engine(address, writes=True))
        try:
            async with database.write() as connection:
                await connection.run(BOOKKEEPING.create_all)
                found = await _found(connection, schema)
                if found is None:
                    await connection.run(tables.create_all)
                    await connection.execute(schemas.insert().values(name=schema, version=version))
                elif found != version:
                    if upgrade is None or not upgrade.oldest <= found < version:
                        raise _other_version(schema, found, version)
                    await upgrade.run(connection, found)
                    mine = schemas.update().where(schemas.c.name == schema)
                    await connection.execute(mine.values(version=version))
        except BaseException:
            await database.close()
            raise
        return database

    @classmethod
    async def open_to_read(cls, address: str, *, schema: str, version: int) -> Database:
        """Open a database that is there, for reading alone: nothing can be written through it.

        A server (PostgreSQL) is asked for read-only transactions. Raises `StorageError` as `open` does, also where
        the database is older than this software, and `NotFoundError` where none was made yet.
        """
        database = cls(_engine(address, writes=False))
        try:
            async with database.read() as connection:
                found = await _found(connection, schema)
            if found != version:
                raise _other_version(schema, found, version)
        except BaseException:
            await database.close()
            raise
        return database

    @classmethod
    async def is_there(cls, address: str) -> bool:
        """Return whether a database was made at `address`, without changing anything.

        Raises `StorageError` where the database cannot be read.
        """
        try:
            database = cls(_engine(address, writes=False))
            try:
                async with database.read() as connection:
                    await connection.execute(sa.select(schemas))
            finally:
                await database.close()
        except NotFoundError:
            return False
        return True

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """One transaction that may write: committed at the end of the block, rolled back when it raises."""
        with _mapped():
            async with self._turn, self._engine.begin(writes=True) as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """One transaction that only reads: a consistent view."""
        with _mapped():
            async with self._engine.begin(writes=False) as connection:
                yield connection

    async def close(self) -> None:
        """Close all connections."""
        await shield(self._engine.dispose())


async def _found(connection: Connection, schema: str) -> int | None:
    """Return the version of `schema` in the database; None of an empty one.

    Raises `StorageError` where it holds something else.
    """
    held = {row.name: row.version for row in await connection.execute(sa.select(schemas))}
    if held and schema not in held:
        raise StorageError(
            detail=f"the database holds the {min(held)} already: the {schema} has one of its own",
            hint="name another database",
        )
    return held.get(schema)


def _other_version(schema: str, found: int | None, wanted: int) -> StorageError:
    """Return what says how a database of another version can be opened."""
    if found is not None and found > wanted:
        return StorageError(
            detail=f"the {schema} was made by a later version of this software (schema {found}, not {wanted})",
            hint=f"use the version that reads schema {found}",
        )
    return StorageError(
        detail=f"the {schema} was made by an earlier version of this software (schema {found}, not {wanted})",
        hint="open it once with a version that brings it up to date, as its owner (docs/how-to/operations.md)",
    )


def _engine(address: str, *, writes: bool) -> Engine:
    """Return the engine of the database that `address` names."""
    with _mapped():
        file = file_of(address)
        if file is not None:
            return SqliteEngine(file.absolute(), writes=writes)
        try:
            url = make_url(address)
        except (ArgumentError, ValueError):  # what it says may hold the password
            raise StorageError(detail="the database's address cannot be read", hint=ADDRESS_HINT) from None
        if url.drivername not in ADDRESSES:
            raise StorageError(detail="the database is neither SQLite nor PostgreSQL", hint=ADDRESS_HINT)
        return PostgresqlEngine(url, writes=writes)


HINTS: Final = (
    ("disk is full", "the disk is full", "make room on the disk"),
    ("readonly", "the database is read-only", "check the file's owner and permissions"),
    ("read-only", "the database is read-only", "check the file's owner and permissions"),
    ("locked", "another process keeps the database busy", "try again, or end the other process"),
    ("unable to open", "the database cannot be opened", "check the path and its permissions"),
    ("not a database", "the file is no database, or is damaged", "restore it from a backup"),
    ("malformed", "the database is damaged", "restore it from a backup"),
    ("disk i/o", "the disk fails to read or write", "check the disk and its free space"),
)


@contextmanager
def _mapped() -> Iterator[None]:
    """Turn the database library's errors into `StorageError`, without the statement and its values."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        text = str(getattr(error, "orig", None) or error).lower()
        for mark, detail, hint in HINTS:
            if mark in text:
                raise StorageError(detail=detail, hint=hint) from error
        raise StorageError(detail=f"the database failed ({type(error).__name__})") from error
