"""The online roles of a directory: snapshot and timestamp, which say what is current."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Timestamp

from notifier.directory.model import DAY_MS
from notifier.directory.published import PublishedFolder
from notifier.directory.roles import LIFETIME_MS
from notifier.errors import DirectoryError

KEPT_SNAPSHOTS: Final = 20
"""Published snapshots that are kept, for a client that read an earlier timestamp a moment ago."""


class OnlineRoles:
    """Snapshot and timestamp of `published`, signed with the online keys among `signers`."""

    def __init__(self, published: PublishedFolder, signers: Mapping[str, Sequence[Signer]], now: int) -> None:
        self._published = published
        self._signers = signers
        self._now_ms = now

    def expiry(self, role: str) -> dt.datetime:
        """Return the expiry of a version of `role` that is made now."""
        now = dt.datetime.fromtimestamp(self._now_ms / 1000, dt.UTC).replace(microsecond=0)
        return now + dt.timedelta(milliseconds=LIFETIME_MS[role])

    def published(self, root: Root) -> tuple[Snapshot, Timestamp]:
        """Return the published snapshot and timestamp, verified: foreign content is never signed again."""
        timestamp = self._published.read("timestamp.json")
        snapshot = self._published.read(f"{timestamp.signed.snapshot_meta.version}.snapshot.json")
        if not (verifies(root, "timestamp", timestamp) and verifies(root, "snapshot", snapshot)):
            raise DirectoryError(
                detail="the published snapshot or timestamp is not what the online keys signed",
                hint="find out who wrote it; publish the folder again from a copy",
            )
        return snapshot.signed, timestamp.signed

    def publish(
        self,
        root: Root,
        snapshot: Snapshot,
        timestamp: Timestamp,
        changed: Mapping[str, int],
        *,
        also: Root | None = None,
        first: bool = False,
    ) -> None:
        """Publish a new timestamp, and a new snapshot where something changed or the last one is a day old.

        They are signed by the online keys of `root`, and of `also`, whose clients do not know `root` yet.
        """
        age = LIFETIME_MS["snapshot"] - (int(snapshot.expires.timestamp() * 1000) - self._now_ms)
        if first or changed or also is not None or age >= DAY_MS:
            snapshot.meta |= {f"{role}.json": MetaFile(number) for role, number in changed.items()}
            snapshot.version += 0 if first else 1
            snapshot.expires = self.expiry("snapshot")
            self._published.write(
                f"{snapshot.version}.snapshot.json", self._stamped("snapshot", snapshot, root, also)
            )
        timestamp.version += 0 if first else 1
        timestamp.expires = self.expiry("timestamp")
        timestamp.snapshot_meta = MetaFile(snapshot.version)
        self._published.write("timestamp.json", self._stamped("timestamp", timestamp, root, also))
        (self._published.metadata / f"{snapshot.version - KEPT_SNAPSHOTS}.snapshot.json").unlink(missing_ok=True)

    def _stamped(self, role: str, signed: Any, root: Root, also: Root | None) -> Metadata[Any]:
        metadata: Metadata[Any] = Metadata(signed)
        signers = {one.public_key.keyid: one for one in self.signers(role, root)}
        signers |= {one.public_key.keyid: one for one in self.signers(role, also or root)}
        for signer in signers.values():
            metadata.sign(signer, append=True)
        if not verifies(root, role, metadata):
            raise no_holder(f"the role {role}")
        return metadata

    def signers(self, role: str, root: Root) -> list[Signer]:
        """Return the online signers of `role` that `root` trusts."""
        trusted = root.roles[role].keyids
        return [one for one in self._signers.get(role, ()) if one.public_key.keyid in trusted]


def verifies(root: Root, role: str, metadata: Metadata[Any]) -> bool:
    """Return whether `metadata` has the signatures that `root` requires of `role`."""
    verified: bool = root.get_verification_result(role, metadata.signed_bytes, metadata.signatures).verified
    return verified


def no_holder(role: str) -> DirectoryError:
    """Return the error of a missing key."""
    return DirectoryError(
        "unknown_signer", f"no key at hand belongs to a holder of {role}", hint="name your own folder with --keys"
    )
