"""Local databases: durable, private, sealed row by row, with one active instance each.

SQLite by default (WAL, synchronous=FULL: what was committed survives a power cut), PostgreSQL where several
instances share one (`postgresql`). Every failure is a `StorageError` of one line with a hint. Rows that say who or
what are sealed to a storage key of their own (`RowCipher`), so that the file alone tells nothing.

SQLite is asked in the thread of the event loop: a statement takes less time than its way to another thread
and back. What may wait for long is done in a thread: for another writer at the beginning of a transaction,
for the disk at its end.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import socket
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote

import sqlalchemy as sa
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from notifier.config import file_of
from notifier.errors import ConfigError, Fenced, Refused, StorageError
from notifier.postgresql import ADDRESSES, Server
from notifier.runtime import Clock, Entropy
from notifier.tasks import whole

T = TypeVar("T")

BUSY_MS: Final = 10_000
LEASE_MS: Final = 15_000
LONGEST_PATH: Final = 504  # bytes; of 512 SQLite needs eight for the names of what it puts beside a database
ADDRESS_HINT: Final = "a file, or postgresql://role:password@host:port/database"

_own = sa.MetaData()
_schemas = sa.Table(
    "notifier_schema",
    _own,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)
_leases = sa.Table(
    "notifier_lease",
    _own,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("holder", sa.String(200)),  # null: nobody
    sa.Column("until", sa.BigInteger, nullable=False),
)


class Connection(Protocol):
    """The statements of one transaction."""

    async def execute(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[Any]:
        """The result of `statement`."""

    async def scalar(self, statement: sa.Executable, parameters: Any = None) -> Any:
        """The first column of the first row; None where there is none."""

    async def scalars(self, statement: sa.Executable, parameters: Any = None) -> sa.ScalarResult[Any]:
        """The first column of every row."""

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """What `work` returns; for the making of tables."""


class Engine(Protocol):
    """One database, whatever its kind."""

    def begin(self, *, writes: bool) -> AbstractAsyncContextManager[Connection]:
        """One transaction: committed at the end of the block, rolled back when it raises."""

    async def dispose(self) -> None:
        """Closes every connection."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """How an older database is brought up to date: from version `oldest` on, by `run`, given the version found."""

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
                await connection.run(_own.create_all)
                found = await _found(connection, schema)
                if found is None:
                    await connection.run(tables.create_all)
                    await connection.execute(_schemas.insert().values(name=schema, version=version))
                elif found != version:
                    if upgrade is None or not upgrade.oldest <= found < version:
                        raise _other_version(schema, found, version)
                    await upgrade.run(connection, found)
                    mine = _schemas.update().where(_schemas.c.name == schema)
                    await connection.execute(mine.values(version=version))
        except BaseException:
            await database.close()
            raise
        return database

    @classmethod
    async def open_to_read(cls, address: str, *, schema: str, version: int) -> Database:
        """Opens a database that is there, and can do nothing but read: whoever has it this way cannot write.

        A server (PostgreSQL) is asked for read-only transactions. Raises `StorageError` as `open` does, also where
        the database is older than this software, and `Refused` (not_found) where none was made yet.
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
        """Whether a database was made at `address`; nothing is changed. `StorageError` where that cannot be known."""
        try:
            database = cls(_engine(address, writes=False))
            try:
                async with database.read() as connection:
                    await connection.execute(sa.select(_schemas))
            finally:
                await database.close()
        except Refused as error:
            if error.reason != "not_found":
                raise
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
        """Lets go of the file."""
        await whole(self._engine.dispose())


async def _found(connection: Connection, schema: str) -> int | None:
    """The version of `schema` that the database holds; None of an empty one, `StorageError` of one that is taken."""
    held = {row.name: row.version for row in await connection.execute(sa.select(_schemas))}
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
        hint="open it once with a version that brings it up to date, as its owner (docs/operations.md)",
    )


def _engine(address: str, *, writes: bool) -> Engine:
    """What the address names."""
    with _mapped():
        file = file_of(address)
        if file is not None:
            return _Sqlite(file.absolute(), writes=writes)
        try:
            url = make_url(address)
        except (ArgumentError, ValueError):  # what it says may hold the password
            raise StorageError(detail="the database's address cannot be read", hint=ADDRESS_HINT) from None
        if url.drivername not in ADDRESSES:
            raise StorageError(detail="the database is neither SQLite nor PostgreSQL", hint=ADDRESS_HINT)
        return Server(url, writes=writes)


class _Sqlite:
    """A file of this machine."""

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        if len(os.fsencode(os.path.realpath(path))) > LONGEST_PATH:
            raise ConfigError(
                detail=f"a database's path may have {LONGEST_PATH} bytes: {path}", hint="name a shorter one"
            )
        if writes:
            _prepare_file(path)
        elif not path.exists():
            raise Refused("not_found", "there is no such database yet")
        # The one place where a path stands in a URI, which is what asks the driver for a file that is only read.
        name = str(path) if writes else f"file:{quote(os.fsencode(path))}?mode=ro"

        def connect() -> sqlite3.Connection:
            # A connection is used by one task at a time, in whichever thread; the loop must never wait for one.
            return sqlite3.connect(name, uri=not writes, check_same_thread=False)

        self._engine = sa.create_engine(
            "sqlite://", creator=connect, poolclass=sa.QueuePool, max_overflow=-1, hide_parameters=True
        )
        sa.event.listen(self._engine, "connect", _sqlite_connect if writes else _sqlite_connect_to_read)
        sa.event.listen(self._engine, "begin", _sqlite_begin)

    @asynccontextmanager
    async def begin(self, *, writes: bool) -> AsyncIterator[Connection]:
        connection = self._engine.connect()
        try:
            if writes:
                await self._begin(connection)
            yield _Here(connection)
            if writes:
                await whole(asyncio.to_thread(connection.commit))
        finally:
            connection.close()  # which rolls back what was not committed

    async def _begin(self, connection: sa.Connection) -> None:
        """Begins to write: at once where nobody else does, or after a wait, in a thread."""
        try:
            connection.execution_options(notifier_patience_ms=0).begin()
        except sqlite3.OperationalError:
            connection.execution_options(notifier_patience_ms=BUSY_MS)
            await whole(asyncio.to_thread(connection.begin))

    async def dispose(self) -> None:
        await asyncio.to_thread(self._engine.dispose)


class _Here:
    """Statements that are done at once, in this thread."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    async def execute(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[Any]:
        return self._connection.execute(statement, parameters)

    async def scalar(self, statement: sa.Executable, parameters: Any = None) -> Any:
        return self._connection.scalar(statement, parameters)

    async def scalars(self, statement: sa.Executable, parameters: Any = None) -> sa.ScalarResult[Any]:
        return self._connection.scalars(statement, parameters)

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        return work(self._connection)


def _sqlite_connect(connection: Any, _record: object) -> None:
    # The driver's own transaction handling is switched off: it would begin late, and not at all for DDL.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_connect_to_read(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_MS}", "query_only=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: sa.Connection) -> None:
    # A writer takes the lock at once: a deferred one could fail half-way, after another has written. The driver is
    # asked itself: by way of the engine these few words take longer than many a statement.
    patience_ms = connection.get_execution_options().get("notifier_patience_ms")
    driver: Any = connection.connection.driver_connection
    if patience_ms is None:
        driver.execute("BEGIN")
        return
    driver.execute(f"PRAGMA busy_timeout={patience_ms}")
    try:
        driver.execute("BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_MS}")


def _prepare_file(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StorageError(
            detail=f"{path}: {(error.strerror or 'cannot be opened').lower()}",
            hint="check the folder's owner, permissions and free space",
        ) from error


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
    """Turns the database library's errors into `StorageError`, without the statement and its values."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        text = str(getattr(error, "orig", None) or error).lower()
        for mark, detail, hint in HINTS:
            if mark in text:
                raise StorageError(detail=detail, hint=hint) from error
        raise StorageError(detail=f"the database failed ({type(error).__name__})") from error


class RowCipher:
    """Seals rows to a storage key of 32 bytes.

    Each row has a key of its own, wrapped by the storage key and destroyed with the row. `context` (which
    table, which row, which column) is authenticated: a sealed value does not open in another place. Layout:
    version 1 | nonce (24) | wrapped row key (48) | ciphertext.
    """

    _HEAD: Final = 1 + 24 + 48

    def __init__(self, key: bytes, entropy: Entropy = secrets.token_bytes) -> None:
        if len(key) != 32:
            raise ValueError("a storage key has 32 bytes")
        self._key = key
        self._entropy = entropy
        self._binding = hashlib.blake2b(key=key, person=b"ntf1/binding", digest_size=32).digest()

    def seal(self, context: bytes, plaintext: bytes) -> bytes:
        """`plaintext` sealed for the row that `context` names."""
        nonce, row_key = self._entropy(24), self._entropy(32)
        wrapped = crypto_aead_xchacha20poly1305_ietf_encrypt(row_key, context, nonce, self._key)
        return (
            b"\x01"
            + nonce
            + wrapped
            + crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, context, bytes(24), row_key)
        )

    def bind(self, table: str, *values: int | str | bytes | None) -> bytes:
        """Return a MAC (32 bytes) over what a row is; `values` in a fixed order. Its key only seals no row."""
        text = b"".join([_counted(table), *map(_counted, values)])
        return hashlib.blake2b(text, digest_size=32, key=self._binding).digest()

    def is_bound(self, expected: bytes, found: object) -> bool:
        """Return whether `found`, what a row carries, is the MAC `expected`, in constant time."""
        return isinstance(found, bytes) and hmac.compare_digest(expected, found)

    def open(self, context: bytes, sealed: bytes) -> bytes:
        """What `seal` was given; `StorageError` for another key, another row, or changed bytes."""
        try:
            if len(sealed) < self._HEAD + 16 or sealed[:1] != b"\x01":
                raise CryptoError
            wrapped = sealed[25 : self._HEAD]
            row_key = crypto_aead_xchacha20poly1305_ietf_decrypt(wrapped, context, sealed[1:25], self._key)
            return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[self._HEAD :], context, bytes(24), row_key)
        except CryptoError as error:
            raise StorageError(
                detail="a row does not open with the storage key",
                hint="name the key that this database was made with",
            ) from error


def _counted(value: int | str | bytes | None) -> bytes:
    """Return a value of a row with its kind and length before it, so that two rows never read alike."""
    if value is None:
        return b"n"
    kind, text = b"b", value
    if isinstance(value, int):
        kind, text = b"i", value.to_bytes(8, "big", signed=True)
    elif isinstance(value, str):
        kind, text = b"s", value.encode()
    assert isinstance(text, bytes)
    return kind + len(text).to_bytes(8, "big") + text


class Lease:
    """One active instance per database: a row with an epoch, taken over when its holder is gone or silent.

    `clock` gives Unix milliseconds. `check` belongs inside every transaction of the holder: what an instance
    that lost the lease still tries to write is rolled back with `Fenced`.
    """

    def __init__(self, database: Database, name: str, clock: Clock, lasts_ms: int = LEASE_MS) -> None:
        self._database = database
        self._name = name
        self._clock = clock
        self._lasts_ms = lasts_ms
        self._holder = f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())} {secrets.token_hex(8)}"
        self.epoch: int | None = None
        self._select = sa.select(_leases).where(_leases.c.name == name)

    async def acquire(self) -> None:
        """Takes the lease; `StorageError` with reason `storage_locked` where a live instance holds it."""
        async with self._database.write() as connection:
            row = (await connection.execute(self._select)).one_or_none()
            if row is not None and row.holder is not None and self._alive(row.holder, row.until):
                raise StorageError(
                    "storage_locked",
                    f"process {row.holder.split()[1]} on {row.holder.split()[0]} is at work on this database",
                    hint="end it first, or let it do the work",
                )
            epoch = 1 if row is None else row.epoch + 1
            values = {"epoch": epoch, "holder": self._holder, "until": self._clock() + self._lasts_ms}
            if row is None:
                await connection.execute(_leases.insert().values(name=self._name, **values))
            else:
                await connection.execute(_leases.update().where(_leases.c.name == self._name).values(**values))
            # Before the commit: whoever is cancelled in the middle of it can still release what it took.
            self.epoch = epoch

    async def renew(self) -> None:
        """Holds on to it; call it more often than it lasts. `Fenced` where another instance took over."""
        async with self._database.write() as connection:
            await self.check(connection)
            until = self._clock() + self._lasts_ms
            await connection.execute(_leases.update().where(_leases.c.name == self._name).values(until=until))

    async def check(self, connection: Connection) -> None:
        """Inside a writing transaction: `Fenced` unless this instance still holds the lease."""
        row = (await connection.execute(self._select)).one_or_none()
        if row is None or self.epoch is None or row.epoch != self.epoch or row.holder != self._holder:
            raise Fenced(detail="another instance took over this database")

    async def release(self) -> None:
        """Lets the next instance take it at once; does nothing where it was lost."""
        if self.epoch is None:
            return
        mine = (_leases.c.name == self._name) & (_leases.c.epoch == self.epoch) & (_leases.c.holder == self._holder)
        async with self._database.write() as connection:
            await connection.execute(_leases.update().where(mine).values(holder=None, until=0))
        self.epoch = None

    async def held_by_other(self) -> bool:
        """Whether another live instance holds it now."""
        async with self._database.read() as connection:
            row = (await connection.execute(sa.select(_leases).where(_leases.c.name == self._name))).one_or_none()
        return row is not None and row.holder not in (None, self._holder) and self._alive(row.holder, row.until)

    def _alive(self, holder: str, until: int) -> bool:
        """Whether `holder` may still be at work: not silent for too long, and its process not known to be gone."""
        if until <= self._clock():
            return False
        host, pid, started, _ = holder.split()
        return host != socket.gethostname() or _started(int(pid)) == started


def _started(pid: int) -> str:
    """When a process of this machine began (clock ticks since boot); '-' where there is none or it is hidden."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "-"
