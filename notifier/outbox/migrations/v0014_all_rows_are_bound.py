"""Letters, recipients, links, envelopes and streams are bound, too, and the sum of all rows is kept.

A message of the version before that is not what was written stays unbound, and is found as before. What had no MAC is
taken as it is: nothing could be told before.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from notifier.storage.migrations import Migration, MigrationContext, add_column

_OLD_MESSAGE: Final = ("id", "notification_id", "created", "content", "submitted_by", "plan", "submission")
_COLUMNS: Final = {
    "message": (*_OLD_MESSAGE, "fingerprint"),
    "letter": (
        *("id", "message", "act", "created", "state", "reason", "attempts", "due", "updated", "contents"),
        "stands_for",
    ),
    "recipient": ("message", "place", "letter", "state", "since"),
    "link": ("message", "relation", "target"),
    "envelope": ("digest", "letter", "stream", "number", "previous", "sequences", "state", "slip", "created"),
    "stream": (
        *("id", "number", "tail", "counters", "state", "opened", "decided_at", "closing_since", "backup_at"),
        "backup_before",
    ),
    "stray": ("digest", "stream", "number", "decided", "message"),
}
_KEYS: Final = {
    "recipient": ("message", "place"),
    "link": ("message",),
    "envelope": ("digest",),
    "stray": ("digest",),
}
_OWN: Final = (
    *("authority", "secret", "chain_number", "chain_head", "feed_offset", "total", "last_message"),
    "last_letter",
)


async def apply(context: MigrationContext) -> None:
    """Bind every row, and store their sum in the outbox's own row."""
    connection, bind = context.connection, context.cipher.bind
    total = 0
    for name, columns in _COLUMNS.items():
        if name != "message":
            await add_column(connection, name, sa.Column("bound", sa.LargeBinary(32)))
        table = sa.table(name, *(sa.column(one) for one in (*columns, "bound")))
        keys = _KEYS.get(name, ("id",))
        mine = [table.c[one] == sa.bindparam(f"key_{one}") for one in keys]
        update = table.update().where(*mine).values(bound=sa.bindparam("new_bound"))
        found: list[dict[str, Any]] = []
        for row in (await connection.execute(sa.select(table))).all():
            if name == "message" and bind(name, *(getattr(row, one) for one in _OLD_MESSAGE)) != row.bound:
                continue
            bound = bind(name, *(getattr(row, one) for one in columns))
            total += int.from_bytes(bind("total", bound), "big")
            found.append({f"key_{one}": getattr(row, one) for one in keys} | {"new_bound": bound})
        if found:
            await connection.execute(update, found)
    await add_column(connection, "instance", sa.Column("total", sa.LargeBinary))
    last = {}
    for name in ("message", "letter"):
        counter = f"last_{name}"
        await add_column(
            connection, "instance", sa.Column(counter, sa.BigInteger, nullable=False, server_default="0")
        )
        ids = sa.table(name, sa.column("id")).c.id
        last[counter] = await connection.scalar(sa.select(sa.func.max(ids))) or 0
    instance = sa.table("instance", *(sa.column(one) for one in (*_OWN, "bound")))
    sealed = context.cipher.seal(b"instance/total", (total % 2**256).to_bytes(32, "big"))
    for row in (await connection.execute(sa.select(instance))).all():
        before = bind("instance", row.authority, row.secret, row.chain_number, row.chain_head)
        if before != row.bound:
            continue
        values = row._asdict() | {"total": sealed} | last
        bound = bind("instance", *(values[one] for one in _OWN))
        await connection.execute(instance.update().values(total=sealed, bound=bound, **last))


MIGRATION: Final = Migration(14, "every row of an outbox is bound, and their sum", apply)
