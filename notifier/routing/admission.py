"""What the hub checks of one envelope, in the order of docs/reference/envelope.md. Pure.

Three steps. `open_record` does the expensive work that needs no order: it verifies the signature, opens the slip and
rebuilds the stanzas. `Admission.unauthorised` asks whether the signer may say this now; only what passes it comes
near streams and numbers. `Admission.rejection_reason` asks, of an envelope that is in turn, what can change with
time: freshness, versions, rules, feeds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from notifier.crypto.keys import DecryptionKey
from notifier.directory.model import CLOCK_SKEW_MS, MAX_EXPIRY_MS, VERSION_GRACE_MS, Directory, KeyState
from notifier.directory.snapshot import Snapshot
from notifier.envelope import (
    Header,
    Slip,
    VerifiedEnvelope,
    check_stanzas,
    open_slip,
    partition_of,
    raw_digest,
    record_digest,
    verify,
)
from notifier.errors import EnvelopeError, MalformedError
from notifier.policy.decision import expected
from notifier.rules.facts import NAMING
from notifier.rules.ruleset import RuleSet
from notifier.topics import feed_of

PERHAPS_LATER: Final = frozenset({"unknown_signer", "directory_unknown"})
"""Refusals that a later version of the directory may cure: it is time to look for one."""

NOBODY_IS_TOLD: Final = frozenset({"unknown_signer", "signer_revoked"})
"""Refusals of a signature that verified, which its authority is not told: no key that it holds made it."""


@dataclass(frozen=True, slots=True)
class OpenedEnvelope:
    """An envelope that the hub could read: signature good, slip open, stanzas exactly its recipients'."""

    envelope: VerifiedEnvelope
    slip: Slip
    rids: Mapping[str, bytes]

    @property
    def digest(self) -> bytes:
        """The envelope's digest, 32 bytes."""
        return self.envelope.digest

    @property
    def header(self) -> Header:
        """The signed header."""
        return self.envelope.header


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that was refused before its place in a stream could be known.

    `envelope` is there only where the signature verified: then, and only then, its originator may be told.
    """

    digest: bytes
    reason: str
    envelope: VerifiedEnvelope | None = None

    @property
    def header(self) -> Header | None:
        """The signed header, where the signature verified."""
        return None if self.envelope is None else self.envelope.header


def open_record(
    value: bytes | None, directory: Directory, keys: Mapping[bytes, DecryptionKey]
) -> OpenedEnvelope | RejectedRecord:
    """All that does not depend on order or time.

    `value` is an intake record's value; `keys` the hub's decryption keys by their id (hid).
    """
    if value is None:
        return RejectedRecord(raw_digest(b""), "malformed")
    try:
        envelope = verify(value, hub_id=directory.hub.hub_id, signer=directory.signer)
    except (EnvelopeError, MalformedError) as error:
        return RejectedRecord(record_digest(value), error.reason)
    try:
        slip = open_slip(envelope, keys)
    except (EnvelopeError, MalformedError) as error:
        held = envelope.parts.hid in keys or any(key.key_id == envelope.parts.hid for key in directory.hub.keys)
        return RejectedRecord(envelope.digest, error.reason if held else "directory_unknown", envelope)
    try:
        rids = check_stanzas(envelope, slip, directory.recipient)
    except EnvelopeError as error:
        # By another version of the directory the stanzas may be right: nothing here says that somebody hides one.
        reason = error.reason
        if slip.directory_version != directory.version:
            reason = "directory_unknown" if slip.directory_version > directory.version else "rules_outdated"
        return RejectedRecord(envelope.digest, reason, envelope)
    return OpenedEnvelope(envelope, slip, rids)


@dataclass(frozen=True, slots=True)
class Admission:
    """What one transaction decides by: the directory and rules of now, the intake partition, the topics that exist,
    and the hub's time in Unix milliseconds. It knows nothing of streams."""

    snapshot: Snapshot
    partition: int
    feeds: Collection[str]
    now: int

    def unauthorised(self, item: OpenedEnvelope | RejectedRecord) -> str | None:
        """Return why the signer of `item` may not say this now, or None; of what could not be read, or was not
        signed, as much as can be asked."""
        envelope = item.envelope
        if envelope is None:
            return None
        signer = self.snapshot.directory.signer(envelope.signer_key_id)
        if signer is None or signer[0].name != envelope.header.originator:  # withdrawn since it was examined
            return "unknown_signer"
        authority, key = signer
        if not key.accepted(self.now):
            if key.state is KeyState.REVOKED:
                return "signer_revoked"
            return "not_yet_valid" if self.now < key.not_before else "signer_retired"
        if not authority.active:
            return "signer_suspended"
        if not key.made(envelope.header.issued_at):
            return "signer_retired"
        if isinstance(item, RejectedRecord):
            return None
        # What names nobody needs no permission: an act is for the log alone.
        type_ = item.slip.facts.type
        permitted = type_ in authority.publishes or NAMING.get(type_) == "nobody"
        return None if permitted else "not_permitted"

    def revoked_keys(self, name: str) -> frozenset[bytes]:
        """Return the ids of the keys of this authority that are revoked: nothing under them is taken any more."""
        authority = self.snapshot.directory.authority(name)
        keys = () if authority is None else authority.keys
        return frozenset(key.key_id for key in keys if key.state is KeyState.REVOKED and not key.accepted(self.now))

    def lives_here(self, header: Header) -> bool:
        """Tell whether the stream lives on this partition."""
        home = partition_of(header.originator, header.stream, self.snapshot.directory.hub.partitions)
        return home == self.partition

    def rejection_reason(self, readable: OpenedEnvelope) -> str | None:
        """Return what is against an envelope that its signer may send and that is in turn, or None.

        The originator may try again after `rules_unknown` and `feed_missing`.
        """
        header, slip = readable.header, readable.slip
        if header.issued_at > self.now + CLOCK_SKEW_MS:
            return "not_yet_valid"
        if header.expires_at < self.now:
            return "expired"
        if header.expires_at - header.issued_at > MAX_EXPIRY_MS:
            return "malformed"
        versions = _versions(slip, self.snapshot, self.now)
        if isinstance(versions, str):
            return versions
        return _misaddressed(readable, self.snapshot.directory, *versions, self.feeds, self.now)


def _versions(slip: Slip, snapshot: Snapshot, now: int) -> tuple[Directory, RuleSet] | str:
    """The directory and rules that the slip names, where they are still good; else the reason."""
    directory, rules = snapshot.directory, snapshot.rules
    if slip.directory_version > directory.version or slip.rules_version > rules.version:
        return "rules_unknown"
    if slip.directory_version != directory.version:
        before = snapshot.previous_directory
        recent = now - directory.issued_at <= VERSION_GRACE_MS
        if before is None or slip.directory_version != before.version or not recent:
            return "rules_outdated"
        if directory.revoked_since(before):
            return "rules_outdated"
        directory = before
    if slip.rules_version != rules.version:
        earlier = snapshot.previous_rules
        recent = now - rules.issued_at <= VERSION_GRACE_MS
        if earlier is None or slip.rules_version != earlier.version or not recent:
            return "rules_outdated"
        rules = earlier
    return directory, rules


def _misaddressed(
    readable: OpenedEnvelope,
    current: Directory,
    directory: Directory,
    rules: RuleSet,
    feeds: Collection[str],
    now: int,
) -> str | None:
    slip = readable.slip
    named = set(slip.recipients) | set(slip.withheld)
    if len(named) != len(slip.recipients) + len(slip.withheld):
        return "recipients_mismatch"
    if not _rightly_named(slip, named, directory, rules):
        return "recipients_mismatch"
    if (slip.act is None) is (slip.facts.type == "act"):
        return "malformed"
    for name, rid in readable.rids.items():
        owner = current.recipient(rid)
        if owner is None or not owner[0].active or not owner[1].accepted(now):
            return "rules_outdated"
        if feed_of(name) not in feeds:
            return "feed_missing"
    return None


def _rightly_named(slip: Slip, named: set[str], directory: Directory, rules: RuleSet) -> bool:
    """Whether recipients and withheld are those who must be named in a slip of this type (`NAMING`)."""
    naming = NAMING.get(slip.facts.type)
    if naming == "nobody":
        return not named
    if naming == "asserted":
        return all(directory.participates(name) for name in named)
    by_rules = set(expected(slip.facts, slip.originator, directory, rules))
    if naming == "rules_and_told_before":
        return by_rules <= named and all(directory.participates(name) for name in named)
    return by_rules == named
