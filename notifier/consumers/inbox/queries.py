"""The inbox's statements, built once: building one costs more than running it."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from notifier.consumers.inbox.tables import (
    cursors,
    gap_ranges,
    instance,
    messages,
    parked,
    receipts,
    refusals,
    streams,
)

ASKED: Final = 0
"""The due time of a retry that somebody asked for."""

_IS_INDEX: Final = messages.c.blind_index == sa.bindparam("which")
_IS_CURABLE: Final = refusals.c.cure.is_not(None)
_OF_STREAM: Final = gap_ranges.c.stream == sa.bindparam("of")
_OF_CURSOR: Final = parked.c.cursor == sa.bindparam("which")
_IN_ORDER: Final = refusals.c.feed_offset

INSTANCE: Final = sa.select(instance.c.authority, instance.c.check)

MESSAGE_BY_INDEX: Final = sa.select(messages).where(_IS_INDEX)
MESSAGES_BY_ID: Final = (
    sa.select(messages).where(messages.c.notification_id == sa.bindparam("notification")).order_by(messages.c.id)
)
MESSAGES_AFTER: Final = (
    sa.select(messages)
    .where(messages.c.id > sa.bindparam("row"))
    .order_by(messages.c.id)
    .limit(sa.bindparam("limit"))
)
STREAM_BY_INDEX: Final = sa.select(streams).where(streams.c.blind_index == sa.bindparam("which"))

REFUSALS: Final = sa.select(refusals).order_by(_IN_ORDER)
REFUSAL_AT: Final = sa.select(refusals).where(refusals.c.feed_offset == sa.bindparam("offset"))
CURABLE: Final = sa.select(refusals).where(_IS_CURABLE)
CURABLE_AFTER: Final = (
    CURABLE.where(refusals.c.feed_offset > sa.bindparam("after")).order_by(_IN_ORDER).limit(sa.bindparam("limit"))
)
CURABLE_DUE: Final = CURABLE_AFTER.where(refusals.c.due <= sa.bindparam("due_by"))
LAST_CURABLE: Final = (
    sa.select(refusals.c.feed_offset).where(_IS_CURABLE).order_by(_IN_ORDER.desc()).limit(sa.bindparam("limit"))
)
ASKED_COUNT: Final = sa.select(sa.func.count()).select_from(refusals).where(refusals.c.due == ASKED)

RECEIPTS: Final = sa.select(receipts).order_by(receipts.c.made)
RECEIPT_OF: Final = sa.select(receipts.c.made).where(
    receipts.c.envelope == sa.bindparam("digest"), receipts.c.outcome == sa.bindparam("said")
)
ANY_RECEIPT_OF: Final = sa.select(receipts.c.made).where(receipts.c.envelope == sa.bindparam("digest")).limit(1)

GAPS: Final = (
    sa.select(streams.c.blind_index, streams.c.name, gap_ranges)
    .join(gap_ranges, gap_ranges.c.stream == streams.c.blind_index)
    .order_by(gap_ranges.c.id)
)
GAP_COUNT: Final = sa.select(sa.func.count()).select_from(gap_ranges).where(_OF_STREAM)
LAST_GAP: Final = sa.select(gap_ranges).where(_OF_STREAM).order_by(gap_ranges.c.first.desc()).limit(1)
GAPS_AROUND: Final = sa.select(gap_ranges).where(
    _OF_STREAM & (gap_ranges.c.first <= sa.bindparam("number")) & (gap_ranges.c.last >= sa.bindparam("number"))
)

CURSOR: Final = sa.select(cursors).where(cursors.c.name == sa.bindparam("cursor"))
PARKED_AT: Final = sa.select(parked).where(_OF_CURSOR, parked.c.message == sa.bindparam("row"))
PARKED_BETWEEN: Final = sa.select(parked).where(
    _OF_CURSOR, parked.c.message > sa.bindparam("after"), parked.c.message < sa.bindparam("row")
)
PARKED_DUE: Final = sa.select(parked).where(_OF_CURSOR, parked.c.due.is_not(None)).order_by(parked.c.message)
PARKED_COUNT: Final = sa.select(sa.func.count()).select_from(parked)
