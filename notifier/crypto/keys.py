"""Private keys as values, and the ids of public keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from notifier.crypto.primitives import ID_BYTES, blake, public_of
from notifier.runtime import Entropy


class KeyUse(StrEnum):
    """Use of a key pair; a key of one use is never converted into the other."""

    SIGN = "sign"
    ENCRYPT = "encrypt"


KEY_BYTES: Final = 32
_PERSON: Final = {KeyUse.SIGN: b"ntf1/kid/sig", KeyUse.ENCRYPT: b"ntf1/kid/enc"}


def key_id(use: KeyUse, public: bytes) -> bytes:
    """Return the 16-byte id of a public key. The id of an encryption key is a rid or hid on the wire."""
    return blake(_PERSON[use], public, size=ID_BYTES)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair. `secret` is the 32-byte seed."""

    secret: bytes = field(repr=False)
    public: bytes
    key_id: bytes
    _pair: bytes = field(repr=False)

    @classmethod
    def from_secret(cls, secret: bytes) -> SigningKey:
        """Return the key pair of a 32-byte seed."""
        public, pair = bindings.crypto_sign_seed_keypair(secret)
        return cls(secret, public, key_id(KeyUse.SIGN, public), pair)

    @classmethod
    def generate(cls, entropy: Entropy) -> SigningKey:
        """Return a new key pair."""
        return cls.from_secret(entropy(KEY_BYTES))

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte detached signature of `message`."""
        signed: bytes = bindings.crypto_sign(message, self._pair)
        return signed[: bindings.crypto_sign_BYTES]


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """An X25519 key pair. `secret` is the 32-byte scalar."""

    secret: bytes = field(repr=False)
    public: bytes
    key_id: bytes

    @classmethod
    def from_secret(cls, secret: bytes) -> DecryptionKey:
        """Return the key pair of a 32-byte secret."""
        public = public_of(secret)
        return cls(secret, public, key_id(KeyUse.ENCRYPT, public))

    @classmethod
    def generate(cls, entropy: Entropy) -> DecryptionKey:
        """Return a new key pair."""
        return cls.from_secret(entropy(KEY_BYTES))


def signature_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether `signature` is that of `public` over `message`; False for a malformed key or signature."""
    try:
        bindings.crypto_sign_open(signature + message, public)
    except (CryptoError, ValueError, TypeError):
        return False
    return True
