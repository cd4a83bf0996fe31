"""A party's private key files: 32 raw bytes each, readable by their owner alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from notifier.config import KeySettings, Overseen
from notifier.crypto.keys import DecryptionKey, SigningKey
from notifier.errors import ConfigError
from notifier.files import write_atomic

KEY_BYTES = 32
MAX_SECRET_BYTES = 64 * 1024


def signing_key(keys: KeySettings) -> SigningKey:
    """Return the Ed25519 key that signs for this party."""
    return SigningKey.from_secret(_read(keys.signing, "signing"))


def decryption_keys(keys: KeySettings) -> Mapping[bytes, DecryptionKey]:
    """Return the X25519 keys that open envelopes to this party, by their id."""
    if not keys.encryption:
        raise ConfigError(detail="keys.encryption names no file")
    found = [DecryptionKey.from_secret(_read(path, "encryption")) for path in keys.encryption]
    return {key.key_id: key for key in found}


def storage_key(keys: KeySettings) -> bytes:
    """Return the key that seals the rows of this party's databases."""
    return _read(keys.storage, "storage")


def decisions_key_of(overseen: Overseen) -> bytes:
    """Return the decisions key of an authority that this party oversees."""
    return _read(overseen.key, "key", of=f"oversees.{overseen.name}")


def submitter_key(keys: KeySettings) -> SigningKey | None:
    """Return the Ed25519 key of the service that submits where no person is named; None where none is set."""
    return None if keys.submitter is None else SigningKey.from_secret(_read(keys.submitter, "submitter"))


def person_key(path: Path) -> SigningKey:
    """Return the Ed25519 key with which a person signs rulings."""
    return SigningKey.from_secret(_read_file(path, "the person's key", "with --key"))


def read_secret(path: Path, what: str, place: str | None = None) -> bytes:
    """Return the bytes of a secret file; `what` and `place` (the way to name it) stand in the error.

    Raises `ConfigError` where it cannot be read, and with key_rejected where the user owns it and others can read it,
    as ssh does.
    """
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            if readable_by_others(state):
                raise ConfigError(
                    "key_rejected",
                    f"{what}: others can read {path}",
                    hint=f"chmod 600 {path}; replace the key if another user may have read it",
                )
            return file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        why = (error.strerror or "cannot be read").lower()
        hint = None if place is None else f"name the file {place}"
        raise ConfigError(detail=f"{what}: {path}: {why}", hint=hint) from error


def readable_by_others(state: os.stat_result) -> bool:
    """Return whether a file that this user owns can be read, written or run by another."""
    return state.st_uid == os.getuid() and bool(stat.S_IMODE(state.st_mode) & 0o077)


def write_private(path: Path, secret: bytes) -> None:
    """Write `secret` to a file that only its owner can read from its first byte on; whole or not at all."""
    write_atomic(path, secret, mode=0o600)


def _read(path: Path | None, which: str, of: str = "keys") -> bytes:
    if path is None:
        raise ConfigError(detail=f"{of}.{which} is not set")
    return _read_file(path, f"{of}.{which}", f"in {of}.{which}")


def _read_file(path: Path, what: str, place: str) -> bytes:
    secret = read_secret(path, what, place)
    if len(secret) != KEY_BYTES:
        raise ConfigError(detail=f"{what}: {path} does not hold {KEY_BYTES} bytes", hint="restore it")
    return secret
