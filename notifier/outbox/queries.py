"""The outbox's prepared statements, each built once: building one costs as much as running it.

Every statement has one name and is used by that name. `..._BY_...` finds rows by a key, `..._OF_...` by what they
belong to. A list of keys is an expanding parameter. What a statement selects is checked by who executes it
(`storage.integrity.Ledger.check`).
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from notifier.outbox import tables
from notifier.outbox.states import (
    BACKOFF_MAX_MS,
    CLOSING,
    SET_ASIDE,
    UNDECIDED,
    EntryState,
    EnvelopeState,
    RecipientState,
    StreamState,
)

_messages, _entries, _recipients = tables.messages.c, tables.entries.c, tables.recipients.c
_envelopes, _streams, _links = tables.envelopes.c, tables.streams.c, tables.links.c


def _some(name: str) -> sa.BindParameter[object]:
    """Return a parameter that takes a list."""
    return sa.bindparam(name, expanding=True)


_IS_DUE: Final = (_entries.state == EntryState.PENDING) & (
    (_entries.due <= sa.bindparam("now"))
    # No delay is so long: the clock was ahead when it was set, and was put right since.
    | (_entries.due > sa.bindparam("now") + BACKOFF_MAX_MS)
)
_IS_UNDECIDED: Final = _entries.state.in_(UNDECIDED)
_IS_SET_ASIDE: Final = _IS_UNDECIDED & _entries.reason.in_(SET_ASIDE)
_IS_WAITING: Final = _IS_UNDECIDED & (_entries.reason.is_(None) | _entries.reason.not_in(SET_ASIDE))
_IS_EVENT: Final = _entries.event.is_not(None)
_IS_CLOSING: Final = _entries.event == CLOSING
_IN_FLIGHT: Final = _envelopes.state == EnvelopeState.IN_FLIGHT

# The outbox's own row.

OWNER: Final = sa.select(tables.instance.c.authority)
OWNER_AND_SECRET: Final = sa.select(tables.instance.c.authority, tables.instance.c.secret)

# Messages.

MESSAGES_BY_ROW: Final = sa.select(tables.messages).where(_messages.id.in_(_some("messages"))).order_by(_messages.id)
MESSAGES_BY_NOTIFICATION: Final = sa.select(tables.messages).where(_messages.notification_id.in_(_some("ids")))
MESSAGE_BY_NOTIFICATION: Final = sa.select(tables.messages).where(_messages.notification_id == sa.bindparam("id"))
MESSAGES_AFTER: Final = (
    sa.select(tables.messages)
    .where(_messages.id > sa.bindparam("after"))
    .order_by(_messages.id)
    .limit(sa.bindparam("limit"))
)
HELD_MESSAGES: Final = (
    sa.select(tables.messages)
    .where(_messages.id.in_(sa.select(_recipients.message).where(_recipients.state == RecipientState.HELD)))
    .order_by(_messages.id)
)
MESSAGES_BY_FINGERPRINT: Final = sa.select(_messages.fingerprint, _messages.notification_id).where(
    _messages.fingerprint.in_(_some("fingerprints")),
    _messages.created > sa.bindparam("since"),
    _messages.id.not_in(
        sa.select(_entries.message).where(_entries.state == EntryState.REJECTED, _entries.message.is_not(None))
    )
    | _messages.id.in_(sa.select(_recipients.message).where(_recipients.state == RecipientState.TOLD)),
)
"""Messages of which somebody was told, or may yet be: those are not to be submitted a second time."""
UNSETTLED_MESSAGES: Final = sa.select(_messages.id, _messages.notification_id).where(
    _messages.id.in_(sa.select(_entries.message).where(_IS_UNDECIDED, _entries.message.is_not(None)))
    | _messages.id.in_(sa.select(_recipients.message).where(_recipients.state == RecipientState.HELD))
)
"""Messages of which an envelope may have been made since a backup: something of them was not settled."""
DECISION_BY_NOTIFICATION: Final = sa.select(
    _messages.id, _messages.created, _messages.submission, _messages.plan
).where(_messages.notification_id == sa.bindparam("id"))

LINKS_TO: Final = (
    sa.select(tables.links)
    .where(_links.relation == sa.bindparam("relation"), _links.target == sa.bindparam("target"))
    .order_by(_links.message)
)

# Entries.

ENTRIES_BY_ROW: Final = sa.select(tables.entries).where(_entries.id.in_(_some("entries")))
DUE_ENTRIES: Final = sa.select(tables.entries).where(_IS_DUE).order_by(_entries.id).limit(sa.bindparam("limit"))
DUE_SUBSTITUTES: Final = (
    sa.select(tables.entries)
    .where(_entries.stands_for.is_not(None), _IS_DUE)
    .order_by(_entries.stands_for)
    .limit(sa.bindparam("limit"))
)
"""Few; sealed before all others, so that each comes into the place that it is for."""
DUE_CLOSING_EVENTS: Final = DUE_ENTRIES.where(_IS_CLOSING)
ANY_DUE_ENTRY: Final = sa.select(_entries.id).where(_IS_DUE).limit(1)
UNDECIDED_ENTRIES: Final = sa.select(tables.entries).where(_IS_UNDECIDED)
SUBSTITUTED_ENTRIES: Final = sa.select(_entries.stands_for).where(
    _entries.id.in_(_some("entries")), _entries.stands_for.is_not(None)
)
ENTRIES_OF_MESSAGES: Final = (
    sa.select(tables.entries, sa.exists().where(_recipients.entry == _entries.id).label("carries"))
    .where(_entries.message.in_(_some("messages")), ~_IS_EVENT)
    .order_by(_entries.updated)
)
"""`carries` is false of an entry that was emptied in its place in the stream."""
EVENTS_OF_MESSAGE: Final = (
    sa.select(_entries.event, _entries.created, _entries.state)
    .where(_entries.message == sa.bindparam("message"), _IS_EVENT)
    .order_by(_entries.id)
)
_PROOFS: Final = (
    sa.select(
        *(_entries.event, _entries.created, _entries.state, _entries.message, _entries.contents),
        *(_envelopes.digest, _envelopes.slip),
    )
    .join_from(
        tables.entries,
        tables.envelopes,
        (_envelopes.entry == _entries.id) & (_envelopes.state == EnvelopeState.ACCEPTED),
        isouter=True,
    )
    .where(_IS_EVENT)
    .order_by(_entries.id)
)
PROOFS_OF_MESSAGE: Final = _PROOFS.where(_entries.message == sa.bindparam("message"))
PROOFS_OF_NO_MESSAGE: Final = _PROOFS.where(_entries.message.is_(None))
NEWEST_EVENT: Final = (
    sa.select(_entries.message, _entries.contents).where(_IS_EVENT).order_by(_entries.id.desc()).limit(1)
)
WAITING_ENTRIES: Final = (
    sa.select(_messages.notification_id, _entries.event)
    .join_from(tables.entries, tables.messages, _messages.id == _entries.message, isouter=True)
    .where(_IS_WAITING)
    .order_by(_entries.message, _entries.id)
)
BACKLOG: Final = sa.select(sa.func.count().label("depth"), sa.func.min(_entries.created).label("oldest")).where(
    _IS_WAITING
)
SET_ASIDE_ENTRIES: Final = sa.select(tables.entries).where(_IS_SET_ASIDE)
SET_ASIDE_COUNTS: Final = (
    sa.select(_entries.reason, sa.func.count().label("number")).where(_IS_SET_ASIDE).group_by(_entries.reason)
)
DEFERRED_ENTRIES: Final = sa.select(tables.entries).where(
    _entries.state == EntryState.PENDING, _entries.reason.in_(_some("reasons"))
)
OPEN_CLOSING_EVENT: Final = sa.select(tables.entries).where(_IS_CLOSING, _IS_UNDECIDED)
LAST_CLOSING_EVENT: Final = sa.select(tables.entries).where(_IS_CLOSING).order_by(_entries.id.desc()).limit(1)
OBSOLETE_EVENTS: Final = sa.select(tables.entries).where(
    _IS_UNDECIDED, _IS_EVENT, _entries.stands_for.is_not(None) | _IS_CLOSING
)
"""Events that have no place to take any more once their stream is closed."""
PAYLOADS_BEFORE: Final = sa.select(tables.entries).where(
    _IS_UNDECIDED, ~_IS_EVENT, _entries.created <= sa.bindparam("before")
)
PARKED_ENTRIES: Final = (
    sa.select(_entries.id, _entries.message, _messages.notification_id)
    .join_from(tables.entries, tables.messages, _messages.id == _entries.message)
    .where(_entries.state == EntryState.PARKED)
    .order_by(_entries.message, _entries.id)
)

# Recipients.

RECIPIENTS_OF_MESSAGES: Final = (
    sa.select(tables.recipients, _entries.state.label("entry_state"), _entries.reason)
    .join_from(tables.recipients, tables.entries, _entries.id == _recipients.entry, isouter=True)
    .where(_recipients.message.in_(_some("messages")))
    .order_by(_recipients.message, _recipients.place)
)
RECIPIENTS_OF_ENTRIES: Final = sa.select(tables.recipients).where(_recipients.entry.in_(_some("entries")))
RECIPIENT_AT: Final = sa.select(tables.recipients).where(
    _recipients.message == sa.bindparam("message"), _recipients.place == sa.bindparam("place")
)
UNASSIGNED_PLACES: Final = sa.select(_recipients.place).where(
    _recipients.message == sa.bindparam("message"), _recipients.entry.is_(None)
)

# Envelopes and streams.

_ENVELOPES: Final = sa.select(*(column for column in tables.envelopes.c if column.name != "bytes"))
ENVELOPES_IN_FLIGHT: Final = _ENVELOPES.where(_IN_FLIGHT).order_by(_envelopes.number)
ENVELOPES_BY_DIGEST: Final = _ENVELOPES.where(_envelopes.digest.in_(_some("digests")))
ENVELOPE_BYTES: Final = sa.select(_envelopes.digest, _envelopes.bytes).where(_envelopes.digest.in_(_some("digests")))
ANY_ENVELOPE: Final = sa.select(_envelopes.digest).limit(1)
DIGESTS_IN_FLIGHT: Final = sa.select(_envelopes.digest).where(_IN_FLIGHT).order_by(_envelopes.number)
BYTES_IN_FLIGHT: Final = (
    sa.select(_envelopes.digest, _envelopes.stream, _envelopes.bytes)
    .where(_envelopes.digest.in_(_some("digests")), _IN_FLIGHT)
    .order_by(_envelopes.number)
)
CURRENT_STREAMS: Final = sa.select(tables.streams).where(_streams.state != StreamState.CLOSED)
LAST_RESTORED_STREAM: Final = (
    sa.select(tables.streams)
    .where(_streams.closing_since.is_not(None))
    .order_by(_streams.closing_since.desc())
    .limit(1)
)
LAST_TIMES: Final = tuple(
    sa.select(sa.func.max(column)).where(column <= sa.bindparam("before"))
    for column in (_messages.created, _entries.updated, _envelopes.created)
)
"""The last times, not after `before`, at which a message, an entry and an envelope were written."""
STRAYS: Final = sa.select(tables.strays)
STRAY_BY_DIGEST: Final = sa.select(tables.strays.c.digest).where(tables.strays.c.digest == sa.bindparam("digest"))

# Persons and what they decided.

PERSONS: Final = sa.select(tables.persons).order_by(tables.persons.c.id)
RULINGS_OF_MESSAGE: Final = (
    sa.select(tables.rulings).where(tables.rulings.c.message == sa.bindparam("of")).order_by(tables.rulings.c.id)
)
RULED_MESSAGES: Final = sa.select(tables.rulings.c.message).distinct()
ADOPTIONS: Final = sa.select(tables.adoptions).order_by(tables.adoptions.c.id)
CHAIN: Final = sa.select(tables.chain).order_by(tables.chain.c.number)
INSERT_PERSON: Final = tables.persons.insert().returning(tables.persons.c.id)
INSERT_RULING: Final = tables.rulings.insert().returning(tables.rulings.c.id)
INSERT_ADOPTION: Final = tables.adoptions.insert().returning(tables.adoptions.c.id)
INSERT_CHAIN_LINK: Final = tables.chain.insert()
RETIRE_PERSON: Final = (
    tables.persons.update().where(tables.persons.c.id == sa.bindparam("person")).values(retired=sa.bindparam("now"))
)
