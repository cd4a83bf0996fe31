"""Check of a party's private keys against the directory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from notifier.crypto.keys import KeyUse
from notifier.directory.model import Key, newest_to_seal_to
from notifier.errors import DirectoryError

ENROL: Final = "use the key that is enrolled, or have this one enrolled (notifier directory request)"


def check_private_keys(name: str, listed: Sequence[Key], signing: bytes, held: Collection[bytes], now: int) -> int:
    """Return the first end of the keys in use (Unix milliseconds); `signing` and `held` are ids of private keys.

    Raises `DirectoryError`: unknown_signer where the signing key is not a valid one; cannot_open where the newest
    encryption key, to which everybody seals now, is missing, because later envelopes would be lost.
    """
    usable = [key for key in listed if key.makes(now)]
    if not any(key.use is KeyUse.SIGN and key.key_id == signing for key in usable):
        raise DirectoryError(
            "unknown_signer", f"the directory does not list this signing key as a valid one of {name}", hint=ENROL
        )
    newest = newest_to_seal_to(listed, now)
    if newest is not None and newest.key_id not in held:
        raise DirectoryError(
            "cannot_open",
            f"the directory lists an encryption key of {name} whose private key is missing here",
            hint="name its file in keys.encryption, or have it retired (notifier directory rotate)",
        )
    return min(key.not_after for key in usable)
