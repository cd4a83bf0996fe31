"""The leaf of the audit log: the offset of a record, and a commitment to it.

The leaf does not reveal the record, so the record can be erased while the tree still verifies. The record's random
salt keeps the commitment from being guessed. A leaf needs no parsing of the record: auditors of different versions
build the same tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from notifier.audit import merkle
from notifier.crypto.primitives import blake
from notifier.errors import MalformedError

LEAF_SIZE: Final = 8 + 32


def commitment(value: bytes) -> bytes:
    """Return B("ntf1/audit", value): 32 bytes over the whole value of a record of the audit topic."""
    return blake(b"ntf1/audit", value)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf: `offset` is the record's offset in the audit topic, `commitment` has 32 bytes."""

    offset: int
    commitment: bytes

    @classmethod
    def of(cls, offset: int, value: bytes) -> Leaf:
        """Return the leaf of the record with this offset and value (empty for a tombstone)."""
        return cls(offset, commitment(value))

    def encode(self) -> bytes:
        """Return the form in an entry bundle: u64 offset | commitment."""
        return self.offset.to_bytes(8, "big") + self.commitment

    @classmethod
    def decode(cls, data: bytes) -> Leaf:
        """Return the leaf in `data`; raises `MalformedError` for another length."""
        if len(data) != LEAF_SIZE:
            raise MalformedError(detail=f"a leaf must have {LEAF_SIZE} bytes")
        return cls(int.from_bytes(data[:8], "big"), data[8:])

    def hash(self) -> bytes:
        """Return the leaf's hash in the tree."""
        return merkle.leaf_hash(self.encode())
