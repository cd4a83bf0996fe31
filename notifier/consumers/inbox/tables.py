"""The inbox's tables as this version makes them; `migrations` brings older ones to the same form.

What says who or what is sealed to the storage key; rows are found by keyed digests. `bound` is the MAC over a row
(`notifier.storage.integrity`, `SCHEME`).
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from notifier.storage.integrity import Scheme
from notifier.storage.tables import RowId

SCHEMA: Final = "inbox"

TABLES: Final = sa.MetaData()

messages = sa.Table(
    "message",
    TABLES,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("notification_id", sa.LargeBinary(16), nullable=False),
    sa.Column("blind_index", sa.LargeBinary(32), nullable=False, unique=True),  # keyed: originator and id
    sa.Column("body_digest", sa.LargeBinary(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # opened, conflict
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("metadata", sa.LargeBinary, nullable=False),  # sealed: transaction.MessageMetadata
    sa.Column("content", sa.LargeBinary, nullable=False),  # sealed: the notification as it came
    sa.Column("bound", sa.LargeBinary(32)),
    sqlite_autoincrement=True,  # an erased row's number is never another's: cursors go on from theirs
)
sa.Index("message_notification", messages.c.notification_id)

refusals = sa.Table(
    "refusal",
    TABLES,
    sa.Column("feed_offset", sa.BigInteger, primary_key=True),
    sa.Column("digest", sa.LargeBinary(32), nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),  # sealed: the record as it came
    sa.Column("cure", sa.String(16)),  # errors.Cure; null: nothing cures it
    sa.Column("due", sa.BigInteger),  # when it is tried again; null: when what cures it is there
    sa.Column("bound", sa.LargeBinary(32)),
)
sa.Index("refusal_cure", refusals.c.cure, refusals.c.feed_offset)

streams = sa.Table(
    "stream",
    TABLES,
    sa.Column("blind_index", sa.LargeBinary(32), primary_key=True),  # keyed: originator and stream
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("name", sa.LargeBinary, nullable=False),  # sealed: originator and stream
    sa.Column("bound", sa.LargeBinary(32)),
)

gap_ranges = sa.Table(
    "gap_range",
    TABLES,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("stream", sa.LargeBinary(32), sa.ForeignKey("stream.blind_index"), nullable=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("missing", sa.BigInteger, nullable=False),  # how many of them: all, below the cap (gaps.CAP)
    sa.Column("found", sa.BigInteger, nullable=False),
    sa.Column("bound", sa.LargeBinary(32)),
)
sa.Index("gap_range_stream", gap_ranges.c.stream, gap_ranges.c.first)

receipts = sa.Table(
    "receipt",
    TABLES,
    sa.Column("envelope", sa.LargeBinary(32), primary_key=True),
    sa.Column("outcome", sa.String(16), primary_key=True),  # opened, refused
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Column("signed", sa.LargeBinary, nullable=False),  # sealed: signature (64) and receipt
    sa.Column("bound", sa.LargeBinary(32)),
)

cursors = sa.Table(
    "cursor",
    TABLES,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),  # the last message that was acknowledged
    sa.Column("bound", sa.LargeBinary(32)),
)

parked = sa.Table(
    "parked",
    TABLES,
    sa.Column("cursor", sa.String(64), primary_key=True),
    sa.Column("message", sa.BigInteger, primary_key=True),  # its id
    sa.Column("reason", sa.String(64), nullable=False),  # a stable reason, or the name of an exception's class
    sa.Column("attempts", sa.BigInteger, nullable=False),
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Column("due", sa.BigInteger),  # when somebody asked for another attempt; null: nobody did
    sa.Column("bound", sa.LargeBinary(32)),
)

instance = sa.Table(
    "instance",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("authority", sa.String(64), nullable=False),
    sa.Column("check", sa.LargeBinary, nullable=False),  # sealed: shows whether the storage key is the right one
    sa.Column("feed_offset", sa.BigInteger, nullable=False),  # the next record of the feed
    sa.Column("bound", sa.LargeBinary(32)),
    sa.Column("total", sa.LargeBinary),  # sealed: the sum of all bound rows
    sa.Column("last_message", sa.BigInteger, nullable=False, server_default="0"),  # the last ids that were given
    sa.Column("last_gap_range", sa.BigInteger, nullable=False, server_default="0"),
)

SCHEME: Final = Scheme(
    instance,
    ("authority", "check", "feed_offset", "total", "last_message", "last_gap_range"),
    {
        table: tuple(column.name for column in table.columns if column.name != "bound")
        for table in (messages, refusals, streams, gap_ranges, receipts, cursors, parked)
    },
)
"""The bound columns of an inbox. A migration that adds a column binds all rows again."""
