"""The tables that every database of this software has beside its own: the schema version and the lease."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

RowId: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""The type of a row id; SQLite counts up only a column of type INTEGER."""

BOOKKEEPING: Final = sa.MetaData()
schemas: Final = sa.Table(
    "notifier_schema",
    BOOKKEEPING,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)
leases: Final = sa.Table(
    "notifier_lease",
    BOOKKEEPING,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("holder", sa.String(200)),  # null: nobody
    sa.Column("until", sa.BigInteger, nullable=False),
)
