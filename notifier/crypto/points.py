"""Checks of public keys at enrolment and use (docs/reference/envelope.md, "Keys")."""

from __future__ import annotations

from typing import Final

from nacl import bindings

from notifier.crypto.primitives import exchange
from notifier.errors import KeyRejectedError

KEY_BYTES: Final = 32
_FIELD: Final = 2**255 - 19
_PROBE: Final = bytes([0x40]) * KEY_BYTES  # any scalar shows a low-order point: it clears the cofactor


def check_signing_key(key: bytes) -> None:
    """Raise `KeyRejectedError` unless `key` is 32 bytes that encode an Ed25519 point of the main subgroup."""
    _check_length(key)
    if not bindings.crypto_core_ed25519_is_valid_point(key):
        raise KeyRejectedError(detail="the signing key is not a canonical point of the main subgroup")


def check_encryption_key(key: bytes) -> None:
    """Raise `KeyRejectedError` unless `key` is 32 canonical bytes that give X25519 a shared secret other than zero.

    Only the canonical encoding is accepted (RFC 7748, 5), so that a key has one id, by which it is revoked.
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
