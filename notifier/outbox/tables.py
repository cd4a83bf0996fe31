"""The outbox's tables as this version makes them; `migrations` brings older ones to the same form.

What says who or what is sealed to the storage key; places, states and times are not. `bound` is the MAC over a row
(`notifier.storage.integrity`; which columns are under it stands in `person_chain.SCHEME`).
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from notifier.storage.tables import RowId

SCHEMA: Final = "outbox"

TABLES: Final = sa.MetaData()

messages = sa.Table(
    "message",
    TABLES,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("notification_id", sa.LargeBinary(16), nullable=False, unique=True),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),  # sealed: canonical JSON, local part too
    sa.Column("submitted_by", sa.LargeBinary, nullable=False),  # sealed: a name; before schema 9 what somebody typed
    sa.Column("plan", sa.LargeBinary, nullable=False),  # sealed: plan.Plan
    sa.Column("submission", sa.LargeBinary),  # sealed: submissions.SignedSubmission; null: nobody signed it
    sa.Column("bound", sa.LargeBinary(32)),
    sa.Column("fingerprint", sa.LargeBinary(32)),  # keyed: what recipients read; null: may be repeated
)
sa.Index("message_fingerprint", messages.c.fingerprint)

entries = sa.Table(  # a payload, to all who get the same of a message; or an audit event, to nobody
    "entry",
    TABLES,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("message", RowId, sa.ForeignKey("message.id", ondelete="CASCADE")),  # null: an event about no message
    sa.Column("event", sa.String(16)),  # the kind of an audit event; null: a payload
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # states.EntryState
    sa.Column("reason", sa.String(32)),  # the hub's last word against it
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("due", sa.BigInteger, nullable=False),  # not sealed before (Unix ms)
    sa.Column("updated", sa.BigInteger, nullable=False),
    sa.Column("contents", sa.LargeBinary, nullable=False),  # sealed: payloads.Payload, or payloads.AuditEvent
    sa.Column("stands_for", sa.BigInteger),  # the entry whose place this event takes: it is rejected with it
    sa.Column("bound", sa.LargeBinary(32)),
)
sa.Index("entry_state", entries.c.state, entries.c.id)
sa.Index("entry_message", entries.c.message)
sa.Index("entry_stands_for", entries.c.stands_for)

recipients = sa.Table(
    "recipient",
    TABLES,
    sa.Column("message", RowId, sa.ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True),  # of its entry in the plan
    sa.Column("entry", RowId, sa.ForeignKey("entry.id", ondelete="SET NULL")),  # null: in none yet
    sa.Column("state", sa.String(16), nullable=False),  # states.RecipientState
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("bound", sa.LargeBinary(32)),
)
sa.Index("recipient_entry", recipients.c.entry)

links = sa.Table(  # what an update or release is about, and what was forwarded was made from
    "link",
    TABLES,
    sa.Column("message", RowId, sa.ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("relation", sa.String(8), nullable=False),  # about, parent
    sa.Column("target", sa.LargeBinary(32), nullable=False),  # keyed: originator and id of the other
    sa.Column("bound", sa.LargeBinary(32)),
)
sa.Index("link_target", links.c.target, links.c.message)

envelopes = sa.Table(
    "envelope",
    TABLES,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("entry", RowId, sa.ForeignKey("entry.id", ondelete="SET NULL")),
    sa.Column("stream", sa.LargeBinary(16), nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("previous", sa.LargeBinary(32), nullable=False),
    sa.Column("sequences", sa.LargeBinary, nullable=False),  # sealed: authority -> seq_i
    sa.Column("state", sa.String(16), nullable=False),  # states.EnvelopeState
    sa.Column("bytes", sa.LargeBinary),  # while in flight: sent again after an ack timeout
    sa.Column("slip", sa.LargeBinary),  # sealed: an act's slip, by which it can be shown that the log has it
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("bound", sa.LargeBinary(32)),  # over all but `bytes`, which the digest is of
)
sa.Index("envelope_state", envelopes.c.state, envelopes.c.number)

persons = sa.Table(
    "person",
    TABLES,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("added", sa.BigInteger, nullable=False),
    sa.Column("retired", sa.BigInteger),  # null: not yet
    sa.Column("contents", sa.LargeBinary, nullable=False),  # sealed: name, public key, permissions
)

rulings = sa.Table(  # what persons decided about holds
    "ruling",
    TABLES,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("message", RowId, sa.ForeignKey("message.id", ondelete="CASCADE"), nullable=False),
    sa.Column("recorded", sa.BigInteger, nullable=False),
    sa.Column("contents", sa.LargeBinary, nullable=False),  # sealed: approvals.Ruling
)
sa.Index("ruling_message", rulings.c.message)

adoptions = sa.Table(  # what persons decided about a restore
    "adoption",
    TABLES,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("recorded", sa.BigInteger, nullable=False),
    sa.Column("contents", sa.LargeBinary, nullable=False),  # sealed: adoptions.Adoption
)

chain = sa.Table(  # every registration, retirement, ruling and adoption, in order: person_chain.Chain
    "chain",
    TABLES,
    sa.Column("number", RowId, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(16), nullable=False),  # person, ruling, adoption
    sa.Column("row_id", sa.BigInteger, nullable=False),
    sa.Column("subject", sa.BigInteger, nullable=False),  # of a ruling the row of its message; else 0
    sa.Column("state", sa.LargeBinary(32), nullable=False),  # the MAC over the row
)

streams = sa.Table(
    "stream",
    TABLES,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("tail", sa.LargeBinary(32), nullable=False),
    sa.Column("counters", sa.LargeBinary, nullable=False),  # sealed: authority -> accepted messages
    sa.Column("state", sa.String(16), nullable=False),  # states.StreamState
    sa.Column("opened", sa.BigInteger, nullable=False),
    sa.Column("decided_at", sa.BigInteger, nullable=False, server_default="0"),  # the hub's time of number and tail
    sa.Column("closing_since", sa.BigInteger),  # null: it never had to be closed
    sa.Column("backup_at", sa.BigInteger),  # the last thing that was in the outbox then
    sa.Column("backup_before", sa.BigInteger),  # what is younger was given after the restore
    sa.Column("bound", sa.LargeBinary(32)),
)

strays = sa.Table(  # what the hub accepted of a stream after the backup from which the outbox was restored
    "stray",
    TABLES,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("stream", sa.LargeBinary(16), nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("decided", sa.BigInteger, nullable=False),  # by the hub's clock
    sa.Column("message", RowId),  # whose it is, where that is known
    sa.Column("bound", sa.LargeBinary(32)),
)

instance = sa.Table(
    "instance",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("authority", sa.String(64), nullable=False),
    sa.Column("secret", sa.LargeBinary, nullable=False),  # sealed: keys the envelope ids
    sa.Column("feed_offset", sa.BigInteger, nullable=False),  # the next record of the own feed
    sa.Column("chain_number", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("chain_head", sa.LargeBinary(32)),
    sa.Column("bound", sa.LargeBinary(32)),
    sa.Column("total", sa.LargeBinary),  # sealed: the sum of all bound rows
    sa.Column("last_message", sa.BigInteger, nullable=False, server_default="0"),  # the last ids that were given
    sa.Column("last_entry", sa.BigInteger, nullable=False, server_default="0"),
)
