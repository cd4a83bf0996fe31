"""Messages, persons and rulings are bound to what they are, and the last two chained (docs/how-to/oversight.md).

What is there when this runs is taken as it is: nothing could be told before.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from notifier.crypto.primitives import blake, u64
from notifier.storage.migrations import Migration, MigrationContext, add_column, create

_TABLES: Final = sa.MetaData()
_CHAIN: Final = sa.Table(
    "chain",
    _TABLES,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("row_id", sa.BigInteger, nullable=False),
    sa.Column("subject", sa.BigInteger, nullable=False),
    sa.Column("state", sa.LargeBinary(32), nullable=False),
)
_MESSAGE: Final = ("id", "notification_id", "created", "content", "submitted_by", "plan", "submission")
_PERSON: Final = ("id", "added", "retired", "contents")
_INSTANCE: Final = ("authority", "secret", "chain_number", "chain_head", "bound")
_RULING: Final = ("id", "message", "recorded", "contents")


async def apply(context: MigrationContext) -> None:
    """Bind every message, and chain persons and rulings in the order of their ids."""
    connection, bind = context.connection, context.cipher.bind
    await create(connection, _CHAIN)
    await add_column(connection, "message", sa.Column("bound", sa.LargeBinary(32)))
    await add_column(connection, "instance", sa.Column("bound", sa.LargeBinary(32)))
    await add_column(connection, "instance", sa.Column("chain_head", sa.LargeBinary(32)))
    await add_column(
        connection, "instance", sa.Column("chain_number", sa.BigInteger, nullable=False, server_default="0")
    )
    message = sa.table("message", *(sa.column(name) for name in (*_MESSAGE, "bound")))
    for row in (await connection.execute(sa.select(message))).all():
        bound = bind("message", *(getattr(row, name) for name in _MESSAGE))
        await connection.execute(message.update().where(message.c.id == row.id).values(bound=bound))
    number, head = 0, bytes(32)
    for name, columns in (("person", _PERSON), ("ruling", _RULING)):
        table = sa.table(name, *(sa.column(column) for column in columns))
        for row in (await connection.execute(sa.select(table).order_by(table.c.id))).all():
            number += 1
            subject = row.message if name == "ruling" else 0
            state = bind(name, *(getattr(row, column) for column in columns))
            entry = {"number": number, "kind": name, "row_id": row.id, "subject": subject, "state": state}
            await connection.execute(_CHAIN.insert().values(entry))
            text = head + u64(number) + name.encode() + b"/" + u64(row.id) + u64(subject) + state
            head = blake(b"ntf1/chain", text)
    instance = sa.table("instance", *(sa.column(name) for name in _INSTANCE))
    for row in (await connection.execute(sa.select(instance))).all():
        bound = bind("instance", row.authority, row.secret, number, head)
        await connection.execute(instance.update().values(chain_number=number, chain_head=head, bound=bound))


MIGRATION: Final = Migration(11, "messages are bound; persons and rulings are a chain", apply)
