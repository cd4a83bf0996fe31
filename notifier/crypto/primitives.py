"""The few primitives of suite 1, by the names of docs/envelope.md. libsodium through PyNaCl; pure.

BLAKE2b alone is the standard library's: the same function, ten times faster for the many short texts here.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

DIGEST_BYTES: Final = 32
ID_BYTES: Final = 16
_NONCE: Final = bytes(bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)


def blake(person: bytes, data: bytes, key: bytes = b"", size: int = DIGEST_BYTES) -> bytes:
    """`B(person, data, key)`: BLAKE2b of `size` bytes with a personalisation of at most 16 ASCII bytes."""
    return blake2b(data, digest_size=size, key=key, person=person).digest()


def blakes(person: bytes, head: bytes, tails: Iterable[bytes]) -> list[bytes]:
    """`B(person, head | tail)` of every tail: what they begin with is hashed once."""
    begun = blake2b(head, digest_size=DIGEST_BYTES, person=person)
    found = []
    for tail in tails:
        one = begun.copy()
        one.update(tail)
        found.append(one.digest())
    return found


def encrypt(key: bytes, aad: bytes, text: bytes) -> bytes:
    """`AE(key, aad, text)`: XChaCha20-Poly1305-IETF with a zero nonce; every key encrypts exactly one text."""
    sealed: bytes = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(text, aad, _NONCE, key)
    return sealed


def decrypt(key: bytes, aad: bytes, sealed: bytes) -> bytes:
    """The text of `encrypt`; raises ValueError for anything else."""
    try:
        text: bytes = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, aad, _NONCE, key)
    except (CryptoError, TypeError, ValueError) as error:
        raise ValueError("does not decrypt") from error
    return text


def exchange(secret: bytes, public: bytes) -> bytes:
    """X25519; raises ValueError where the shared secret is all zero (a low-order point)."""
    try:
        shared: bytes = bindings.crypto_scalarmult(secret, public)
    except (CryptoError, RuntimeError, ValueError) as error:  # libsodium's word for all-zero is RuntimeError
        raise ValueError("no shared secret") from error
    return shared


def public_of(secret: bytes) -> bytes:
    """The X25519 public key of `secret`."""
    public: bytes = bindings.crypto_scalarmult_base(secret)
    return public


def pad(text: bytes, step: int) -> bytes:
    """libsodium's padding (ISO/IEC 7816-4) to a positive multiple of `step`."""
    padded: bytes = bindings.sodium_pad(text, step)
    return padded


def unpad(padded: bytes, step: int) -> bytes:
    """The text of `pad`; raises ValueError where the length is no positive multiple or the padding is wrong."""
    if not padded or len(padded) % step:
        raise ValueError("not padded")
    try:
        text: bytes = bindings.sodium_unpad(padded, step)
    except CryptoError as error:
        raise ValueError("not padded") from error
    return text


def pae(kind: bytes, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding of one payload of type `kind`."""
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def u16(value: int) -> bytes:
    """Two bytes, big-endian."""
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    """Four bytes, big-endian."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """Eight bytes, big-endian."""
    return value.to_bytes(8, "big")
