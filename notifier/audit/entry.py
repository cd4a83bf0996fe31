"""The audit entry: what the hub did, by ids, digests and outcomes (docs/reference/audit-log.md). Pure."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from notifier.codec.single_object import codec

Kind = Literal["decision", "delivery", "directory", "act"]

_SCHEMA: Final = "AuditEntry"


class AuditEntry(NamedTuple):
    """One record of the audit topic, as the schema of the same name explains it.

    `salt` 16 bytes; `digest` and `statement_leaf` 32 bytes; `stream` 16 bytes; `accepted_at` in Unix
    milliseconds; `reason` is a stable reason, or None where accepted.
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
        """The single-object encoding; ValueError or TypeError where a field does not fit the schema."""
        return codec(_SCHEMA).encode_object(self)

    @classmethod
    def decode(cls, data: bytes) -> AuditEntry:
        """The entry in `data`; raises `MalformedError` for bytes that are not the canonical form of one."""
        return cls(**codec(_SCHEMA).decode(data))
