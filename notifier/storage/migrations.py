"""Numbered migrations: what brings a database from one version of its tables to the next (docs/adr/0005).

An outbox or inbox opens in one transaction. Where it is older than this software, that transaction runs every
migration behind its version, in order, and stores the new version: the database is then whole and new, or as it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from notifier.crypto.row_cipher import RowCipher
from notifier.runtime import Clock
from notifier.storage.base import Connection
from notifier.storage.database import Database, Upgrade


@dataclass(frozen=True, slots=True)
class MigrationContext:
    """The opening transaction, the cipher of the rows and the time (Unix milliseconds), given to a migration."""

    connection: Connection
    cipher: RowCipher
    now: int


@dataclass(frozen=True, slots=True)
class Migration:
    """One step, to `version` from the one before; `apply` uses no table definition that a later step may change."""

    version: int
    summary: str
    apply: Callable[[MigrationContext], Awaitable[None]]


async def migrate(migrations: Sequence[Migration], found: int, context: MigrationContext) -> None:
    """Apply, in order, every migration behind the version `found`. Raises what a migration raises."""
    for migration in migrations:
        if migration.version > found:
            await migration.apply(context)


async def open_migrated(
    address: str,
    tables: sa.MetaData,
    *,
    schema: str,
    oldest: int,
    migrations: Sequence[Migration],
    cipher: RowCipher,
    clock: Clock,
    check: Callable[[Connection], Awaitable[object]],
) -> Database:
    """Open or create the database at `address`, as `Database.open`, and migrate it from `oldest` on.

    `check` looks at a database of an earlier version before anything is changed; what it raises leaves it as it is.
    """

    async def upgrade(connection: Connection, found: int) -> None:
        await check(connection)
        await migrate(migrations, found, MigrationContext(connection, cipher, clock()))

    version = latest(oldest, migrations)
    return await Database.open(address, tables, schema=schema, version=version, upgrade=Upgrade(oldest, upgrade))


def latest(first: int, migrations: Sequence[Migration]) -> int:
    """Return the version that `migrations` lead to from `first`; `ValueError` where their numbers have a gap."""
    numbers = [migration.version for migration in migrations]
    if numbers != list(range(first + 1, first + 1 + len(numbers))):
        raise ValueError(f"migrations are numbered from {first + 1} without a gap, not {numbers}")
    return first + len(numbers)


async def execute(connection: Connection, *statements: str) -> None:
    """Execute SQL that both kinds of database take as it is."""
    for statement in statements:
        await connection.execute(sa.text(statement))


async def execute_on_postgresql(connection: Connection, *statements: str) -> None:
    """Execute SQL about what SQLite gives no names to: constraints and sequences. Do nothing on SQLite."""

    def work(sync: sa.Connection) -> None:
        if sync.dialect.name == "postgresql":
            for statement in statements:
                sync.execute(sa.text(statement))

    await connection.run(work)


async def create(connection: Connection, *tables: sa.Table) -> None:
    """Create tables that a migration defines for itself (in a `MetaData` of its own), with their indexes."""

    def work(sync: sa.Connection) -> None:
        for table in tables:
            table.create(sync)

    await connection.run(work)


async def add_column(connection: Connection, table: str, column: sa.Column[object]) -> None:
    """Add `column` to `table`: nullable, or with a `server_default` that the rows there get."""

    def work(sync: sa.Connection) -> None:
        quoted = sync.dialect.identifier_preparer.quote(table)
        holder = sa.Table(table, sa.MetaData(), column)
        created = sa.schema.CreateColumn(holder.columns[column.name]).compile(dialect=sync.dialect)
        sync.execute(sa.text(f"ALTER TABLE {quoted} ADD COLUMN {created}"))

    await connection.run(work)
