"""The secrets of one inbox: sealed columns, and blind indexes by which a row is found."""

from __future__ import annotations

import hashlib

from notifier.crypto.row_cipher import RowCipher
from notifier.runtime import Entropy


class InboxCipher(RowCipher):
    """A row cipher that also makes blind indexes, from the inbox's storage key of 32 bytes.

    A row is found without telling who it is about: names appear as keyed digests alone.
    """

    def __init__(self, key: bytes, entropy: Entropy) -> None:
        super().__init__(key, entropy)
        self._names = hashlib.blake2b(key=key, person=b"ntf1/inbox", digest_size=32)

    def blind_index(self, *parts: bytes) -> bytes:
        """Return the keyed digest (32 bytes) of `parts`, each with its length before it."""
        names = self._names.copy()
        for part in parts:
            names.update(len(part).to_bytes(4, "big") + part)
        return names.digest()
