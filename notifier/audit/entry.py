"""The audit entry: an action of the hub, by ids, digests and outcomes."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from notifier.codec.single_object import codec

Kind = Literal["decision", "delivery", "directory", "act"]

_SCHEMA: Final = "AuditEntry"


class AuditEntry(NamedTuple):
    """A record of the audit topic; its schema documents the fields.

    `salt` and `stream` have 16 bytes, `digest` and `statement_leaf` 32. `accepted_at` is in Unix milliseconds.
    `reason` is a stable reason, or None where accepted.
    """

    salt: bytes
    kind: Kind
    digest: bytes | None
    originator: str | None
    audience: str | None
    stream: bytes | None
    number: int | None
    outcome: str
    reason: str | None
    accepted_at: int
    statement_leaf: bytes | None
    inputs_digest: bytes | None
    rules_version: int
    directory_version: int

    def encode(self) -> bytes:
        """Return the single-object encoding; raises ValueError or TypeError where a field does not fit the schema."""
        return codec(_SCHEMA).encode_object(self)

    @classmethod
    def decode(cls, data: bytes) -> AuditEntry:
        """Return the entry in `data`; raises `MalformedError` for anything but a canonical encoding."""
        return cls(**codec(_SCHEMA).decode(data))
