"""Private keys as values, and the ids of public ones. Signing and encryption keys never become each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from notifier.crypto.primitives import ID_BYTES, blake, public_of
from notifier.runtime import Entropy


class KeyUse(StrEnum):
    """Signing and encryption keys are separate keys; neither is ever converted into the other."""

    SIGN = "sign"
    ENCRYPT = "encrypt"


KEY_BYTES: Final = 32
_PERSON: Final = {KeyUse.SIGN: b"ntf1/kid/sig", KeyUse.ENCRYPT: b"ntf1/kid/enc"}


def key_id(use: KeyUse, public: bytes) -> bytes:
    """The 16-byte id of a public key; rid and hid are those of encryption keys."""
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
        """The key pair of a 32-byte seed."""
        public, pair = bindings.crypto_sign_seed_keypair(secret)
        return cls(secret, public, key_id(KeyUse.SIGN, public), pair)

    @classmethod
    def generate(cls, entropy: Entropy) -> SigningKey:
        """A new key pair."""
        return cls.from_secret(entropy(KEY_BYTES))

    def sign(self, message: bytes) -> bytes:
        """The 64-byte detached signature."""
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
        """The key pair of a 32-byte secret."""
        public = public_of(secret)
        return cls(secret, public, key_id(KeyUse.ENCRYPT, public))

    @classmethod
    def generate(cls, entropy: Entropy) -> DecryptionKey:
        """A new key pair."""
        return cls.from_secret(entropy(KEY_BYTES))


def signature_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is that of `public` over `message`; False for keys and signatures of any wrong form."""
    try:
        bindings.crypto_sign_open(signature + message, public)
    except (CryptoError, ValueError, TypeError):
        return False
    return True
