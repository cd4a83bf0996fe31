"""Bind rows again in a migration that changes what their MACs cover: the name of a table, or values in a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from notifier.storage.integrity import MODULUS, TOTAL
from notifier.storage.migrations import MigrationContext


@dataclass(frozen=True, slots=True)
class Rebinding:
    """One table to bind again.

    `columns` are those under the MAC, in their order, and `keys` those of the primary key. `former` is the name that
    the MACs were made with. `values` maps the former values of a column to the new ones.
    """

    table: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    former: str
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


async def rebind(context: MigrationContext, own_columns: Sequence[str], changes: Sequence[Rebinding]) -> None:
    """Apply `changes`, and correct the sum of all rows in the database's own row.

    A row with a wrong MAC keeps it, and so does the own row: what was changed by somebody else is found as before.
    """
    delta = 0
    for change in changes:
        delta += await _rebind_table(context, change)
    connection, cipher = context.connection, context.cipher
    own = sa.table("instance", *(sa.column(name) for name in (*own_columns, "bound")))
    for row in (await connection.execute(sa.select(own))).all():
        if not cipher.is_bound(cipher.bind("instance", *(getattr(row, name) for name in own_columns)), row.bound):
            continue
        total = (int.from_bytes(cipher.open(TOTAL, row.total), "big") + delta) % MODULUS
        sealed = cipher.seal(TOTAL, total.to_bytes(32, "big"))
        values = row._asdict() | {"total": sealed}
        bound = cipher.bind("instance", *(values[name] for name in own_columns))
        await connection.execute(own.update().values(total=sealed, bound=bound))


async def _rebind_table(context: MigrationContext, change: Rebinding) -> int:
    """Bind the rows of one table again; return by how much that changes the sum of all rows."""
    connection, cipher = context.connection, context.cipher
    table = sa.table(change.table, *(sa.column(name) for name in (*change.columns, "bound")))
    changed = (*change.values, "bound")
    update = (
        table.update()
        .where(*(table.c[name] == sa.bindparam(f"key_{name}") for name in change.keys))
        .values({name: sa.bindparam(f"new_{name}") for name in changed})
    )
    delta, parameters = 0, []
    for row in (await connection.execute(sa.select(table))).all():
        before: dict[str, Any] = row._asdict()
        after = before | {name: new.get(before[name], before[name]) for name, new in change.values.items()}
        if cipher.is_bound(cipher.bind(change.former, *(before[name] for name in change.columns)), row.bound):
            after["bound"] = cipher.bind(change.table, *(after[name] for name in change.columns))
            delta += _share(context, after["bound"]) - _share(context, row.bound)
        if after != before:
            keyed = {f"key_{name}": before[name] for name in change.keys}
            parameters.append(keyed | {f"new_{name}": after[name] for name in changed})
    if parameters:
        await connection.execute(update, parameters)
    return delta


def _share(context: MigrationContext, bound: bytes) -> int:
    return int.from_bytes(context.cipher.bind("total", bound), "big")
