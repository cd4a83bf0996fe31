"""The hub's checks of one envelope, in the order of docs/reference/envelope.md. Pure.

Three steps. `open_record` does the expensive work that needs no order: it verifies the signature, opens the slip and
rebuilds the stanzas. `check_signer` tells whether the signer may say this now; no stream is read before it passes.
`check` looks, in an envelope that is in turn, at what can change with time: freshness, versions, rules, feeds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from notifier.crypto.keys import DecryptionKey, SigningKey
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
from notifier.runtime import Entropy
from notifier.topics import feed_of

PERHAPS_LATER: Final = frozenset({"unknown_signer", "directory_unknown"})
"""Refusals that a later version of the directory may cure; the router looks for one."""

NOBODY_IS_TOLD: Final = frozenset({"unknown_signer", "signer_revoked"})
"""Refusals of a good signature that its authority is not told of: none of its present keys made it."""


@dataclass(frozen=True, slots=True)
class TransactionContext:
    """The values shared by all records of one transaction.

    `snapshot` holds the directory and rules that decide. `key` is the hub's signing key for statements. `partition`
    is the number of the intake partition. `feeds` are the topics that exist. `now` is the hub's time in Unix
    milliseconds. `entropy` gives random bytes.
    """

    snapshot: Snapshot
    key: SigningKey
    partition: int
    feeds: Collection[str]
    now: int
    entropy: Entropy

    @property
    def hub_id(self) -> bytes:
        """Return the hub's id, which every statement is bound to."""
        return self.snapshot.directory.hub.hub_id

    @property
    def rules_version(self) -> int:
        """Return the version of the rules that decide."""
        return self.snapshot.rules.version

    @property
    def directory_version(self) -> int:
        """Return the version of the directory that decides."""
        return self.snapshot.directory.version


@dataclass(frozen=True, slots=True)
class OpenedEnvelope:
    """An envelope with a good signature, an open slip, and exactly the stanzas of its recipients."""

    envelope: VerifiedEnvelope
    slip: Slip
    rids: Mapping[str, bytes]

    @property
    def digest(self) -> bytes:
        """Return the envelope's digest, 32 bytes."""
        return self.envelope.digest

    @property
    def header(self) -> Header:
        """Return the signed header."""
        return self.envelope.header


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that was refused before its place in a stream could be known.

    `envelope` is set only where the signature verified; only then may its originator be told.
    """

    digest: bytes
    reason: str
    envelope: VerifiedEnvelope | None = None

    @property
    def header(self) -> Header | None:
        """Return the signed header, None where the signature did not verify."""
        return None if self.envelope is None else self.envelope.header


def open_record(
    value: bytes | None, directory: Directory, keys: Mapping[bytes, DecryptionKey]
) -> OpenedEnvelope | RejectedRecord:
    """Verify and open the value of an intake record: every check that depends on neither order nor time.

    `keys` are the hub's decryption keys by their id (hid).
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


def check_signer(item: OpenedEnvelope | RejectedRecord, context: TransactionContext) -> str | None:
    """Return why the signer of `item` may not say this now, or None.

    A record that could not be read is checked as far as possible; one without a good signature passes.
    """
    envelope = item.envelope
    if envelope is None:
        return None
    signer = context.snapshot.directory.signer(envelope.signer_key_id)
    if signer is None or signer[0].name != envelope.header.originator:  # withdrawn since the record was opened
        return "unknown_signer"
    authority, key = signer
    if not key.accepted(context.now):
        if key.state is KeyState.REVOKED:
            return "signer_revoked"
        return "not_yet_valid" if context.now < key.not_before else "signer_retired"
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


def revoked_keys(name: str, context: TransactionContext) -> frozenset[bytes]:
    """Return the ids of the revoked keys of the authority `name`; nothing signed with them is accepted any more."""
    authority = context.snapshot.directory.authority(name)
    keys = () if authority is None else authority.keys
    return frozenset(key.key_id for key in keys if key.state is KeyState.REVOKED and not key.accepted(context.now))


def is_here(header: Header, context: TransactionContext) -> bool:
    """Return whether the stream belongs to the partition of `context`."""
    home = partition_of(header.originator, header.stream, context.snapshot.directory.hub.partitions)
    return home == context.partition


def check(envelope: OpenedEnvelope, context: TransactionContext) -> str | None:
    """Return why an envelope in turn, from a signer that may send it, is rejected, or None.

    The originator may try again after `rules_unknown` and `feed_missing`.
    """
    header, slip, now = envelope.header, envelope.slip, context.now
    if header.issued_at > now + CLOCK_SKEW_MS:
        return "not_yet_valid"
    if header.expires_at < now:
        return "expired"
    if header.expires_at - header.issued_at > MAX_EXPIRY_MS:
        return "malformed"
    versions = _versions(slip, context.snapshot, now)
    if isinstance(versions, str):
        return versions
    return _misaddressed(envelope, context.snapshot.directory, *versions, context.feeds, now)


def _versions(slip: Slip, snapshot: Snapshot, now: int) -> tuple[Directory, RuleSet] | str:
    """Return the directory and rules that the slip names where they are still good, else the reason."""
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
    """Return whether recipients and withheld are those that a slip of this type must name (`NAMING`)."""
    naming = NAMING.get(slip.facts.type)
    if naming == "nobody":
        return not named
    if naming == "asserted":
        return all(directory.participates(name) for name in named)
    by_rules = set(expected(slip.facts, slip.originator, directory, rules))
    if naming == "rules_and_told_before":
        return by_rules <= named and all(directory.participates(name) for name in named)
    return by_rules == named
