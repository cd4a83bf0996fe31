"""PostgreSQL, where several instances share one database: its transactions, and what its errors mean.

A writer waits for the database's one lock first, and then sees all that was committed before: across
processes and machines writers take turns, as they do in a file of SQLite, and row ids are committed in their order.
A reader sees one moment, and can write nothing.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from notifier.aio import shield
from notifier.errors import ConfigError, NotFoundError, StorageError

T = TypeVar("T")

DRIVER: Final = "postgresql+asyncpg"
ADDRESSES: Final = frozenset({"postgresql", DRIVER})
LOCAL: Final = ("localhost", "127.0.0.1", "::1")
TIMEOUT_S: Final = 10  # for another writer, and for a connection
STATEMENT_TIMEOUT_S: Final = 30  # a server that is silent for so long in the middle of a statement is gone
IDLE_S: Final = 15  # a client that is silent for so long inside a transaction loses it, as it loses its lease
WRITE_LOCK_ID: Final = int.from_bytes(b"notifier")
"""The lock of writers; the server keeps such numbers apart by database."""

_SETTINGS: Final = {
    "application_name": "notifier",
    "synchronous_commit": "on",  # what was committed survives a power cut
    "lock_timeout": f"{TIMEOUT_S}s",
    "idle_in_transaction_session_timeout": f"{IDLE_S}s",
}
_TAKE_WRITE_LOCK: Final = sa.select(sa.func.pg_advisory_xact_lock(sa.literal(WRITE_LOCK_ID, sa.BigInteger)))

NOT_MADE: Final = "42P01"  # a table is missing

_GONE: Final = ("the database's server cannot be reached", "start it, or check host, port and ssl of the address")
_MEANINGS: Final = (  # by the beginning of the SQLSTATE
    ("25006", "the database is read-only", "name the server that is written to, and a role that may"),
    ("25P03", "this process was silent inside a transaction for too long", "check what keeps the machine busy"),
    ("42501", "the role may not do this in the database", "make it the owner of the database"),
    ("53100", "the disk is full", "make room on the server's disk"),
    ("53", "the database's server has no more room or connections", "give it more, or end other processes"),
    ("55P03", "another process keeps the database busy", "try again, or end the other process"),
    ("57P", *_GONE),
    ("58", "the server's disk fails to read or write", "check the disk and its free space"),
    ("08", *_GONE),
    ("28", "the database's server refuses the role", "check role, password and pg_hba.conf"),
    ("3D", "there is no such database", "create it first, owned by the role of the address"),
    ("XX", "the database is damaged", "restore it from a backup"),
)


class PostgresqlEngine:
    """A database server that several instances share."""

    def __init__(self, url: sa.URL, *, writes: bool = True) -> None:
        try:
            engine = create_async_engine(
                _secured(url.set(drivername=DRIVER)),
                isolation_level="READ COMMITTED",
                connect_args={
                    "timeout": TIMEOUT_S,
                    "command_timeout": STATEMENT_TIMEOUT_S,
                    "server_settings": _SETTINGS,
                },
                pool_pre_ping=True,  # a server that was started again is felt by nobody
                hide_parameters=True,
            )
        except ModuleNotFoundError as error:
            raise ConfigError(
                "extra_missing",
                "asyncpg, the driver of PostgreSQL, is not installed: it comes with the extra postgres",
                hint="install it from the lock file of the checkout (docs/how-to/install.md)",
            ) from error
        self._reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._writing = engine if writes else self._reading

    @asynccontextmanager
    async def begin(self, *, writes: bool) -> AsyncIterator[PostgresqlConnection]:
        """One transaction: committed at the end of the block, rolled back when it raises."""
        connection = PostgresqlConnection(self._writing if writes else self._reading)
        with _mapped():
            try:
                await connection.open()
                if writes:
                    await connection.execute(_TAKE_WRITE_LOCK)
                yield connection
                if writes:
                    await shield(connection.commit())
            finally:
                if connection.sync_connection is not None:
                    await shield(connection.close())  # which rolls back what was not committed

    async def dispose(self) -> None:
        """Close every connection."""
        await self._writing.dispose()


def _secured(url: sa.URL) -> sa.URL:
    """Over a network the server shows a certificate for its name, unless the address says otherwise."""
    if url.host in (None, *LOCAL) or "ssl" in url.query:
        return url
    return url.update_query_dict({"ssl": "verify-full"})


class PostgresqlConnection(AsyncConnection):
    """A connection of which no statement is cut off half-way when its caller is cancelled.

    A cancellation in the middle of a statement leaves the server with an open transaction and its locks; so the
    cancellation waits until the statement is through.
    """

    async def open(self) -> None:
        """Take a connection of the pool, or make one."""
        try:
            await shield(self.start())
        except ssl.SSLError as error:
            raise StorageError(
                detail="the database's server shows no certificate that is trusted for its name",
                hint="check the host of the address, and PGSSLROOTCERT",
            ) from error
        except (TypeError, ValueError, InterfaceError) as error:  # the driver's, about its own options
            raise StorageError(
                detail="the database's address asks for what the driver cannot do",
                hint="check its options; ssl=verify-full needs PGSSLROOTCERT",
            ) from error

    async def execute(self, *arguments: Any, **options: Any) -> Any:
        """Execute a statement, and return its result."""
        return await shield(super().execute(*arguments, **options))

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Return what `work` returns; for making tables."""
        return await shield(self.run_sync(work))


@contextmanager
def _mapped() -> Iterator[None]:
    """Turn errors of the server and the connection into `StorageError`, without statement, values and address.

    `NotFoundError` where nobody made the tables yet.
    """
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        if _state(error) == NOT_MADE:
            raise NotFoundError(detail="there is no such database yet") from error
        detail, hint = _meaning(error)
        raise StorageError(detail=detail, hint=hint) from error


def _state(error: BaseException) -> str:
    """Return the server's code for an error (SQLSTATE), or nothing."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _meaning(error: SQLAlchemyError | OSError) -> tuple[str, str | None]:
    """Return the detail and the hint for an error."""
    state = _state(error)
    for beginning, detail, hint in _MEANINGS:
        if state.startswith(beginning):
            return detail, hint
    if isinstance(error, OSError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return _GONE
    return f"the database failed ({state or type(error).__name__})", None
