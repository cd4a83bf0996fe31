"""Reading records with what this recipient has: its directory source, its keys, its clock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from notifier.consumers.verification import Recipient, Refusal, Result, read
from notifier.crypto.keys import DecryptionKey, SigningKey
from notifier.directory.key_check import check_private_keys
from notifier.directory.model import Directory
from notifier.directory.snapshot import DirectorySource, Snapshot
from notifier.envelope import raw_digest
from notifier.errors import DirectoryError
from notifier.runtime import Clock

log = structlog.get_logger("notifier.subscriber")


@dataclass(frozen=True, slots=True)
class Verification:
    """Keys, directory and clock with which one authority verifies and opens records."""

    name: str
    directory: DirectorySource
    signing: SigningKey
    decryption: Mapping[bytes, DecryptionKey]
    clock: Clock

    def snapshot(self) -> Snapshot:
        """Return the directory, fresh and with the keys at hand in it.

        Raise as `check`, and `DirectoryStaleError`.
        """
        snapshot = self.directory.snapshot()
        snapshot.check_fresh(self.clock())
        self.check(snapshot.directory)
        return snapshot

    def check(self, directory: Directory) -> None:
        """Raise `DirectoryError` where what comes cannot be opened or acknowledged: nothing is read past then."""
        authority = directory.authority(self.name)
        if authority is None:
            raise DirectoryError("unknown_authority", f"the directory has no authority {self.name}")
        check_private_keys(self.name, authority.keys, self.signing.key_id, self.decryption, self.clock())

    async def results(self, values: Sequence[bytes | None]) -> list[Result]:
        """Verify and open record values, in a thread; raise as `snapshot`."""
        return await asyncio.to_thread(self._results, values)

    def _results(self, values: Sequence[bytes | None]) -> list[Result]:
        recipient = Recipient(self.name, self.decryption, self.snapshot().directory)
        now = self.clock()
        return [_read_one(value, recipient, now) for value in values]


def _read_one(value: bytes | None, recipient: Recipient, now: int) -> Result:
    """As `read`; whatever else a hostile record brings about is a refusal too: the feed goes on."""
    try:
        return read(value, recipient, now)
    except Exception as error:
        raw = value or b""
        digest = raw_digest(raw)
        log.error("record not read", digest=digest.hex(), kind=type(error).__name__)
        return Refusal(digest, "malformed", raw)
