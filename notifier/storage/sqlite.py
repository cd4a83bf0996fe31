"""SQLite: a file of this machine, asked in the thread of the event loop.

A statement takes less time than its way to another thread and back. What may wait for long is done in a thread:
for another writer at the beginning of a transaction, for the disk at its end.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import sqlalchemy as sa

from notifier.aio import shield
from notifier.errors import ConfigError, NotFoundError, StorageError
from notifier.storage.base import Connection

T = TypeVar("T")

BUSY_MS: Final = 10_000


MAX_PATH: Final = 504  # bytes; of 512 SQLite needs eight for the names of what it puts beside a database


class SqliteEngine:
    """A file of this machine."""

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        if len(os.fsencode(os.path.realpath(path))) > MAX_PATH:
            raise ConfigError(
                detail=f"a database's path may have {MAX_PATH} bytes: {path}", hint="name a shorter one"
            )
        if writes:
            _prepare_file(path)
        elif not path.exists():
            raise NotFoundError(detail="there is no such database yet")
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
        """Yield one transaction: committed at the end of the block, rolled back when it raises."""
        connection = self._engine.connect()
        try:
            if writes:
                await self._begin(connection)
            yield InlineConnection(connection)
            if writes:
                await shield(asyncio.to_thread(connection.commit))
        finally:
            connection.close()  # which rolls back what was not committed

    async def _begin(self, connection: sa.Connection) -> None:
        """Begins to write: at once where nobody else does, or after a wait, in a thread."""
        try:
            connection.execution_options(notifier_patience_ms=0).begin()
        except sqlite3.OperationalError:
            connection.execution_options(notifier_patience_ms=BUSY_MS)
            await shield(asyncio.to_thread(connection.begin))

    async def dispose(self) -> None:
        """Close every connection."""
        await asyncio.to_thread(self._engine.dispose)


class InlineConnection:
    """Statements that are done at once, in this thread."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    async def execute(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[Any]:
        """Execute `statement`, and return its result."""
        return self._connection.execute(statement, parameters)

    async def scalar(self, statement: sa.Executable, parameters: Any = None) -> Any:
        """Return the first column of the first row; None where there is none."""
        return self._connection.scalar(statement, parameters)

    async def scalars(self, statement: sa.Executable, parameters: Any = None) -> sa.ScalarResult[Any]:
        """Return the first column of every row."""
        return self._connection.scalars(statement, parameters)

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Return what `work` returns."""
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
