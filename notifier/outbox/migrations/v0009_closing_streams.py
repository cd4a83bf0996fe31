"""Let an outbox close a stream of which the hub knows more, and go on in another one."""

from __future__ import annotations

import sqlalchemy as sa

from notifier.storage.migrations import Migration, MigrationContext, add_column, create, execute

STRAYS = sa.Table(
    "stray",
    sa.MetaData(),
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("stream", sa.LargeBinary(16), nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("decided", sa.BigInteger, nullable=False),
    sa.Column("message", sa.BigInteger().with_variant(sa.Integer, "sqlite")),
)


async def apply(context: MigrationContext) -> None:
    """Add the table `stray` and what is kept of a stream that is closed.

    A stream that an earlier version stopped is closed by this one: its feed is read again from the start.
    """
    await create(context.connection, STRAYS)
    await add_column(
        context.connection, "stream", sa.Column("decided_at", sa.BigInteger, nullable=False, server_default="0")
    )
    await add_column(context.connection, "stream", sa.Column("closing_since", sa.BigInteger))
    await add_column(context.connection, "stream", sa.Column("backup_at", sa.BigInteger))
    await add_column(context.connection, "stream", sa.Column("backup_before", sa.BigInteger))
    await execute(
        context.connection,
        "UPDATE instance SET feed_offset = 0 WHERE EXISTS (SELECT 1 FROM stream WHERE state = 'foreign')",
        "UPDATE envelope SET state = 'void', bytes = NULL "
        "WHERE state = 'flying' AND EXISTS (SELECT 1 FROM stream WHERE state = 'foreign')",
    )
    closing = (
        "UPDATE stream SET state = 'closing', closing_since = :now, backup_at = :now, backup_before = :now "
        "WHERE state = 'foreign'"
    )
    await context.connection.execute(sa.text(closing), {"now": context.now})


MIGRATION = Migration(9, "streams of a restored outbox are closed", apply)
