"""The primitives of suite 1, by their names in docs/reference/envelope.md, from libsodium through PyNaCl.

BLAKE2b is the standard library's: the same function, ten times faster for the many short inputs here.
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
    """Return `B(person, data, key)`: BLAKE2b of `size` bytes; `person` has at most 16 ASCII bytes."""
    return blake2b(data, digest_size=size, key=key, person=person).digest()


def blakes(person: bytes, head: bytes, tails: Iterable[bytes]) -> list[bytes]:
    """Return `B(person, head | tail)` of every tail; the common head is hashed once."""
    begun = blake2b(head, digest_size=DIGEST_BYTES, person=person)
    found = []
    for tail in tails:
        one = begun.copy()
        one.update(tail)
        found.append(one.digest())
    return found


def encrypt(key: bytes, aad: bytes, text: bytes) -> bytes:
    """Return `AE(key, aad, text)`: XChaCha20-Poly1305-IETF with a zero nonce. A key must encrypt one text only."""
    sealed: bytes = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(text, aad, _NONCE, key)
    return sealed


def decrypt(key: bytes, aad: bytes, sealed: bytes) -> bytes:
    """Return the text that `encrypt` sealed; raises ValueError for anything else."""
    try:
        text: bytes = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, aad, _NONCE, key)
    except (CryptoError, TypeError, ValueError) as error:
        raise ValueError("does not decrypt") from error
    return text


def exchange(secret: bytes, public: bytes) -> bytes:
    """Return the X25519 shared secret; raises ValueError where it is all zero (a low-order point)."""
    try:
        shared: bytes = bindings.crypto_scalarmult(secret, public)
    except (CryptoError, RuntimeError, ValueError) as error:  # PyNaCl raises RuntimeError for an all-zero secret
        raise ValueError("no shared secret") from error
    return shared


def public_of(secret: bytes) -> bytes:
    """Return the X25519 public key of `secret`."""
    public: bytes = bindings.crypto_scalarmult_base(secret)
    return public


def pad(text: bytes, step: int) -> bytes:
    """Return `text` padded (libsodium, ISO/IEC 7816-4) to a positive multiple of `step`."""
    padded: bytes = bindings.sodium_pad(text, step)
    return padded


def unpad(padded: bytes, step: int) -> bytes:
    """Return the text that `pad` padded; raises ValueError for a wrong length or padding."""
    if not padded or len(padded) % step:
        raise ValueError("not padded")
    try:
        text: bytes = bindings.sodium_unpad(padded, step)
    except CryptoError as error:
        raise ValueError("not padded") from error
    return text


def pae(kind: bytes, payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding of one payload of type `kind`."""
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def u16(value: int) -> bytes:
    """Return `value` as two bytes, big-endian."""
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    """Return `value` as four bytes, big-endian."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """Return `value` as eight bytes, big-endian."""
    return value.to_bytes(8, "big")
