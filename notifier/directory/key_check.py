"""Whether the private keys at hand are those that the directory lists for whoever holds them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from notifier.crypto.keys import KeyUse
from notifier.directory.model import Key, newest_to_seal_to
from notifier.errors import DirectoryError

ENROL: Final = "use the key that is enrolled, or have this one enrolled (notifier directory request)"


def check_private_keys(name: str, listed: Sequence[Key], signing: bytes, held: Collection[bytes], now: int) -> int:
    """When the first of the keys in use ends (Unix milliseconds); `signing` and `held` are ids of private keys.

    Raises `DirectoryError`: unknown_signer where nothing may be signed with that key, cannot_open where the key
    that everybody seals to now, the newest, is not held: whoever read on would lose what comes.
    """
    usable = [key for key in listed if key.makes(now)]
    if not any(key.use is KeyUse.SIGN and key.key_id == signing for key in usable):
        raise DirectoryError(
            "unknown_signer", f"the directory lists this signing key not as a valid one of {name}", hint=ENROL
        )
    newest = newest_to_seal_to(listed, now)
    if newest is not None and newest.key_id not in held:
        raise DirectoryError(
            "cannot_open",
            f"the directory lists an encryption key of {name} of which the private key is not here",
            hint="name its file in keys.encryption, or have it retired (notifier directory rotate)",
        )
    return min(key.not_after for key in usable)
