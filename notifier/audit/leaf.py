"""A leaf of the audit log: where the record stood, and a commitment to it. Pure.

The leaf says nothing of the record's contents, so the record can be erased while the tree goes on to verify.
The record's own random salt keeps the commitment from being guessed. The leaf does not depend on whether
the record could be understood: auditors of different versions build the same tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from notifier.audit import merkle
from notifier.crypto.primitives import blake
from notifier.errors import MalformedError

LEAF_SIZE: Final = 8 + 32


def commitment(value: bytes) -> bytes:
    """B("ntf1/audit", value): 32 bytes over the whole value of a record of the audit topic."""
    return blake(b"ntf1/audit", value)


@dataclass(frozen=True, slots=True)
class Leaf:
    """`offset` is the record's in the audit topic; `commitment` 32 bytes."""

    offset: int
    commitment: bytes

    @classmethod
    def of(cls, offset: int, value: bytes) -> Leaf:
        """The leaf of the record with this offset and value (empty for a tombstone)."""
        return cls(offset, commitment(value))

    def encode(self) -> bytes:
        """u64 offset | commitment: what an entry bundle holds."""
        return self.offset.to_bytes(8, "big") + self.commitment

    @classmethod
    def decode(cls, data: bytes) -> Leaf:
        """The leaf in `data`; raises `MalformedError` for another length."""
        if len(data) != LEAF_SIZE:
            raise MalformedError(detail=f"a leaf has {LEAF_SIZE} bytes")
        return cls(int.from_bytes(data[:8], "big"), data[8:])

    def hash(self) -> bytes:
        """The leaf's hash in the tree."""
        return merkle.leaf_hash(self.encode())
