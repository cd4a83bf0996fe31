"""Private keys of the directory's roles as their holders keep them: ``<role>-<n>.pem`` in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, Key, Signer, SSlibKey

from notifier.directory.roles import ALL_ROLES
from notifier.errors import DirectoryError, MalformedError
from notifier.keyfiles import read_secret, write_private


def read_signers(folders: Iterable[Path]) -> dict[str, list[Signer]]:
    """Return the signers in these folders by role.

    Raises `DirectoryError` for a file that holds no key, and `ConfigError` for one that others can read.
    """
    found: dict[str, list[Signer]] = {}
    for folder in folders:
        for path in sorted(folder.glob("*-*.pem")):
            role = path.stem.rpartition("-")[0]
            if role in ALL_ROLES:
                found.setdefault(role, []).append(_signer(path))
    return found


def make_key(folder: Path, role: str) -> Key:
    """Create a private key of `role` in `folder`, beside the existing ones; return the public key."""
    numbers = [int(path.stem.rpartition("-")[2]) for path in folder.glob(f"{role}-*.pem") if _numbered(path)]
    signer = CryptoSigner.generate_ed25519()
    write_private(folder / f"{role}-{max(numbers, default=0) + 1}.pem", signer.private_bytes)
    return signer.public_key


def key_document(role: str, key: Key) -> dict[str, str]:
    """Return the public key of a holder as the file from which the others add it."""
    return {"role": role, "keyid": key.keyid, "public": key.keyval["public"]}


def from_key_document(document: object) -> tuple[str, Key]:
    """Return the role and public key in a holder's file; raises `MalformedError`."""
    names = {"role", "keyid", "public"}
    if (
        not isinstance(document, dict)
        or set(document) != names
        or not all(isinstance(value, str) for value in document.values())
    ):
        raise MalformedError(detail=f"must have exactly the fields {', '.join(sorted(names))}")
    if document["role"] not in ALL_ROLES:
        raise MalformedError(detail=f"role must be one of {', '.join(ALL_ROLES)}")
    try:
        private_or_public = bytes.fromhex(document["public"])
    except ValueError as error:
        raise MalformedError(detail="the public key must be hex") from error
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(private_or_public))
    except ValueError as error:
        raise MalformedError(detail="the public key is not an Ed25519 key") from error
    if key.keyid != document["keyid"]:
        raise MalformedError(detail="the key's id is another key's")
    return document["role"], key


def _numbered(path: Path) -> bool:
    return path.stem.rpartition("-")[2].isdecimal()


def _signer(path: Path) -> Signer:
    try:
        private = load_pem_private_key(read_secret(path, "a role's key"), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DirectoryError(detail=f"{path} is not a private key") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise DirectoryError(detail=f"{path} is not an Ed25519 key")
    return CryptoSigner(private)
