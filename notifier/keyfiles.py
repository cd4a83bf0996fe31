"""A party's private keys in files: 32 raw bytes each, readable by their owner alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from notifier.config import KeySettings, Overseen
from notifier.envelope import DecryptionKey, SigningKey
from notifier.errors import ConfigError
from notifier.files import put

KEY_BYTES = 32


def signing_key(keys: KeySettings) -> SigningKey:
    """The Ed25519 key that signs for this party."""
    return SigningKey.from_secret(_read(keys.signing, "signing"))


def decryption_keys(keys: KeySettings) -> Mapping[bytes, DecryptionKey]:
    """The X25519 keys that open what is sealed to this party, by their id."""
    if not keys.encryption:
        raise ConfigError(detail="keys.encryption names no file")
    found = [DecryptionKey.from_secret(_read(path, "encryption")) for path in keys.encryption]
    return {key.key_id: key for key in found}


def storage_key(keys: KeySettings) -> bytes:
    """The key that seals the rows of this party's databases."""
    return _read(keys.storage, "storage")


def decisions_key_of(overseen: Overseen) -> bytes:
    """The key of the decisions of an authority that this party oversees."""
    return _read(overseen.key, "key", of=f"oversees.{overseen.name}")


def submitter_key(keys: KeySettings) -> SigningKey | None:
    """The Ed25519 key of the service that submits where nobody is named; None where the settings name none."""
    return None if keys.submitter is None else SigningKey.from_secret(_read(keys.submitter, "submitter"))


def person_key(path: Path) -> SigningKey:
    """The Ed25519 key with which a person signs rulings."""
    return SigningKey.from_secret(_read_file(path, "the person's key", "with --key"))


def write_private(path: Path, secret: bytes) -> None:
    """Writes `secret` to a file that only its owner can read, from its first byte on: the whole of it, or nothing."""
    put(path, secret, mode=0o600)


def _read(path: Path | None, which: str, of: str = "keys") -> bytes:
    if path is None:
        raise ConfigError(detail=f"{of}.{which} is not set")
    return _read_file(path, f"{of}.{which}", f"in {of}.{which}")


def _read_file(path: Path, what: str, place: str) -> bytes:
    try:
        secret = path.read_bytes()
    except OSError as error:
        why = (error.strerror or "cannot be read").lower()
        raise ConfigError(detail=f"{what}: {path}: {why}", hint=f"name the file {place}") from error
    if len(secret) != KEY_BYTES:
        raise ConfigError(detail=f"{what}: {path} does not hold {KEY_BYTES} bytes", hint="restore it")
    return secret
