"""Checks of public keys on enrolment and on use (docs/envelope.md, "Keys"). Pure."""

from __future__ import annotations

from typing import Final

from nacl import bindings

from notifier.crypto.primitives import exchange
from notifier.errors import KeyRejectedError

KEY_BYTES: Final = 32
_FIELD: Final = 2**255 - 19
_PROBE: Final = bytes([0x40]) * KEY_BYTES  # any scalar shows a low-order point: it clears the cofactor


def check_signing_key(key: bytes) -> None:
    """Raises `KeyRejectedError` unless `key` is 32 bytes that encode an Ed25519 point of the main subgroup."""
    _check_length(key)
    if not bindings.crypto_core_ed25519_is_valid_point(key):
        raise KeyRejectedError(detail="the signing key is no canonical point of the main subgroup")


def check_encryption_key(key: bytes) -> None:
    """Raises `KeyRejectedError` unless `key` is 32 bytes of which X25519 makes a shared secret that is not zero.

    The bytes must be the one canonical encoding (RFC 7748, 5): a key has one id, and is revoked by it.
    """
    _check_length(key)
    if int.from_bytes(key, "little") >= _FIELD:
        raise KeyRejectedError(detail="the encryption key is not in its canonical encoding")
    try:
        exchange(_PROBE, key)
    except ValueError as error:
        raise KeyRejectedError(detail="the encryption key is a point of low order") from error


def _check_length(key: bytes) -> None:
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        raise KeyRejectedError(detail=f"a public key has {KEY_BYTES} bytes")
