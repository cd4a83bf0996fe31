"""Every row of an inbox is bound to what it is, and the sum of all rows is kept (notifier.storage.integrity).

What is there is taken as it is: nothing could be told before.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from notifier.storage.migrations import Migration, MigrationContext, add_column

_COLUMNS: Final = {
    "message": ("id", "notification_id", "known_by", "body_digest", "state", "received", "facts", "content"),
    "refusal": ("feed_offset", "digest", "reason", "received", "raw", "cure", "due"),
    "stream": ("known_by", "last", "name"),
    "gap_range": ("id", "stream", "first", "last", "missing", "found"),
    "receipt": ("envelope", "outcome", "made", "signed"),
    "sink": ("name", "handed"),
}
_KEYS: Final = {"receipt": ("envelope", "outcome")}
_OWN: Final = ("authority", "check", "feed_offset", "total", "last_message", "last_gap_range")


async def apply(context: MigrationContext) -> None:
    """Bind every row, and store their sum in the inbox's own row."""
    connection, bind = context.connection, context.cipher.bind
    total = 0
    for name, columns in _COLUMNS.items():
        await add_column(connection, name, sa.Column("bound", sa.LargeBinary(32)))
        table = sa.table(name, *(sa.column(one) for one in (*columns, "bound")))
        keys = _KEYS.get(name, columns[:1])
        mine = [table.c[one] == sa.bindparam(f"key_{one}") for one in keys]
        update = table.update().where(*mine).values(bound=sa.bindparam("new_bound"))
        found: list[dict[str, Any]] = []
        for row in (await connection.execute(sa.select(table))).all():
            bound = bind(name, *(getattr(row, one) for one in columns))
            total += int.from_bytes(bind("total", bound), "big")
            found.append({f"key_{one}": getattr(row, one) for one in keys} | {"new_bound": bound})
        if found:
            await connection.execute(update, found)
    await add_column(connection, "instance", sa.Column("bound", sa.LargeBinary(32)))
    await add_column(connection, "instance", sa.Column("total", sa.LargeBinary))
    last = {}
    for name in ("message", "gap_range"):
        counter = f"last_{name}"
        await add_column(
            connection, "instance", sa.Column(counter, sa.BigInteger, nullable=False, server_default="0")
        )
        ids = sa.table(name, sa.column("id")).c.id
        last[counter] = await connection.scalar(sa.select(sa.func.max(ids))) or 0
    last["last_message"] = max(last["last_message"], await _highest(context))
    instance = sa.table("instance", *(sa.column(one) for one in (*_OWN, "bound")))
    sealed = context.cipher.seal(b"instance/total", (total % 2**256).to_bytes(32, "big"))
    for row in (await connection.execute(sa.select(instance))).all():
        values = row._asdict() | {"total": sealed} | last
        bound = bind("instance", *(values[one] for one in _OWN))
        await connection.execute(instance.update().values(total=sealed, bound=bound, **last))


async def _highest(context: MigrationContext) -> int:
    """Return the last row that a sink took: a message that was erased since had that number."""
    handed = sa.table("sink", sa.column("handed")).c.handed
    return await context.connection.scalar(sa.select(sa.func.max(handed))) or 0


MIGRATION: Final = Migration(4, "every row of an inbox is bound, and their sum", apply)
