"""Encryption of database rows under a storage key, and MACs that bind a row's values."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from notifier.errors import StorageError
from notifier.runtime import Entropy


class RowCipher:
    """Cipher of rows under a storage key of 32 bytes.

    Each row has a key of its own, which the storage key wraps and which is destroyed with the row. `context` (table,
    row and column) is associated data: a sealed value does not open in another place. Layout: version 1 | nonce (24)
    | wrapped row key (48) | ciphertext.
    """

    _HEAD: Final = 1 + 24 + 48

    def __init__(self, key: bytes, entropy: Entropy = secrets.token_bytes) -> None:
        if len(key) != 32:
            raise ValueError("a storage key has 32 bytes")
        self._key = key
        self._entropy = entropy
        self._binding = hashlib.blake2b(key=key, person=b"ntf1/binding", digest_size=32).digest()

    def seal(self, context: bytes, plaintext: bytes) -> bytes:
        """Return `plaintext` sealed for the row that `context` names."""
        nonce, row_key = self._entropy(24), self._entropy(32)
        wrapped = crypto_aead_xchacha20poly1305_ietf_encrypt(row_key, context, nonce, self._key)
        return (
            b"\x01"
            + nonce
            + wrapped
            + crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, context, bytes(24), row_key)
        )

    def bind(self, table: str, *values: int | str | bytes | None) -> bytes:
        """Return a MAC of 32 bytes over a row's `values`, in their order. Its key never encrypts."""
        text = b"".join([_counted(table), *map(_counted, values)])
        return hashlib.blake2b(text, digest_size=32, key=self._binding).digest()

    def is_bound(self, expected: bytes, found: object) -> bool:
        """Compare `found`, the MAC that a row carries, with `expected` in constant time."""
        return isinstance(found, bytes) and hmac.compare_digest(expected, found)

    def open(self, context: bytes, sealed: bytes) -> bytes:
        """Return the plaintext that was sealed; raises `StorageError` for another key or row, or changed bytes."""
        try:
            if len(sealed) < self._HEAD + 16 or sealed[:1] != b"\x01":
                raise CryptoError
            wrapped = sealed[25 : self._HEAD]
            row_key = crypto_aead_xchacha20poly1305_ietf_decrypt(wrapped, context, sealed[1:25], self._key)
            return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[self._HEAD :], context, bytes(24), row_key)
        except CryptoError as error:
            raise StorageError(
                detail="a row does not open with the storage key",
                hint="name the key that this database was made with",
            ) from error


def _counted(value: int | str | bytes | None) -> bytes:
    """Return a row's value with its kind and length before it, so that no two rows encode alike."""
    if value is None:
        return b"n"
    kind, text = b"b", value
    if isinstance(value, int):
        kind, text = b"i", value.to_bytes(8, "big", signed=True)
    elif isinstance(value, str):
        kind, text = b"s", value.encode()
    assert isinstance(text, bytes)
    return kind + len(text).to_bytes(8, "big") + text
