"""The two compartments of an outbox: what was said about a person, and what was decided about telling it. Pure.

Both are sealed row by row. Oversight is given the key of decisions, which is derived from the storage key one way:
it opens every reason, hold, suppression and approval, and never a notification (docs/how-to/oversight.md).
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final

from notifier.crypto.row_cipher import RowCipher
from notifier.runtime import Entropy

DECISIONS: Final = (
    b"message/plan/",
    b"message/submitted_by/",
    b"message/submission/",
    b"person/contents/",
    b"ruling/contents/",
    b"adoption/contents/",
)
"""Where decisions stand: the beginnings of what each is sealed for. Everything else is contents."""


def decisions_key(storage_key: bytes) -> bytes:
    """Derive the 32-byte key of the decisions in the databases of `storage_key`, which it tells nothing about."""
    return hashlib.blake2b(key=storage_key, person=b"ntf1/decisions", digest_size=32).digest()


class OutboxCipher(RowCipher):
    """Seals the rows of an outbox to its storage key, each in its compartment."""

    def __init__(self, key: bytes, entropy: Entropy = secrets.token_bytes) -> None:
        super().__init__(key, entropy)
        self._decisions = RowCipher(decisions_key(key), entropy)
        self.known: object = None
        """The chain of persons and rulings as it was last read (`person_chain.Known`)."""
        self.envelopes: dict[bytes, tuple[tuple[Any, ...], object]] = {}
        """By digest, the rows of envelopes that were checked, and their contents (`stream.InFlightEnvelope`)."""

    def seal(self, context: bytes, plaintext: bytes) -> bytes:
        """As `RowCipher.seal`."""
        return self._decisions.seal(context, plaintext) if _decided(context) else super().seal(context, plaintext)

    def open(self, context: bytes, sealed: bytes) -> bytes:
        """As `RowCipher.open`."""
        return self._decisions.open(context, sealed) if _decided(context) else super().open(context, sealed)


def _decided(context: bytes) -> bool:
    return context.startswith(DECISIONS)
