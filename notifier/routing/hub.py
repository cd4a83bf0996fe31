"""What the hub checks of one envelope, in the order of ENVELOPE.md "Opening". Pure.

Two steps, so that the expensive and order-free one need not wait for its turn: `examine` verifies the signature,
opens the slip and rebuilds the stanzas; `judge` looks at the sequence first and then at all that can change
with time (freshness, permission, versions, rules, feeds).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from notifier.directory.model import CLOCK_SKEW_MS, LONGEST_EXPIRY_MS, VERSION_GRACE_MS, Directory
from notifier.directory.snapshot import Snapshot
from notifier.envelope import (
    DecryptionKey,
    Header,
    Slip,
    VerifiedEnvelope,
    check_stanzas,
    digest_of,
    open_slip,
    partition_of,
    raw_digest,
    verify,
)
from notifier.errors import EnvelopeError, Malformed
from notifier.routing.decision import expected
from notifier.routing.facts import NAMING
from notifier.routing.rules import RuleSet
from notifier.routing.sequences import StreamState, place
from notifier.topics import feed_of


@dataclass(frozen=True, slots=True)
class Readable:
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
class Unreadable:
    """A record that was refused before its place in a stream could be known.

    `header` is there only where the signature verified: then, and only then, its originator is told.
    """

    digest: bytes
    reason: str
    header: Header | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision upon a readable envelope; `in_turn` says whether it becomes its stream's tail."""

    reason: str | None
    in_turn: bool

    @property
    def accepted(self) -> bool:
        """Accepted means: no reason against it."""
        return self.reason is None


def examine(value: bytes | None, directory: Directory, keys: Mapping[bytes, DecryptionKey]) -> Readable | Unreadable:
    """All that does not depend on order or time.

    `value` is an intake record's value; `keys` the hub's decryption keys by their id (hid).
    """
    if value is None:
        return Unreadable(raw_digest(b""), "malformed")
    try:
        envelope = verify(value, hub_id=directory.hub.hub_id, signer=directory.signer)
    except (EnvelopeError, Malformed) as error:
        return Unreadable(digest_of(value), error.reason)
    try:
        slip = open_slip(envelope, keys)
        rids = check_stanzas(envelope, slip, directory.recipient)
    except (EnvelopeError, Malformed) as error:
        return Unreadable(envelope.digest, error.reason, envelope.header)
    return Readable(envelope, slip, rids)


def judge(
    readable: Readable, state: StreamState, snapshot: Snapshot, *, partition: int, feeds: Collection[str], now: int
) -> Verdict:
    """The verdict upon `readable` after everything before it in its partition.

    `state` is its stream's state, `feeds` the topics that exist, `now` the hub's time (Unix milliseconds).
    The reasons `rules_unknown` and `feed_missing` may be retried by the originator.
    """
    header, slip = readable.header, readable.slip
    if partition_of(header.originator, header.stream, snapshot.directory.hub.partitions) != partition:
        return Verdict("wrong_partition", in_turn=False)
    turn = place(state, slip.number, slip.previous, readable.digest)
    if turn != "in_turn":
        return Verdict(turn, in_turn=False)
    return Verdict(_objection(readable, snapshot, feeds, now), in_turn=True)


def _objection(readable: Readable, snapshot: Snapshot, feeds: Collection[str], now: int) -> str | None:
    header, slip = readable.header, readable.slip
    if header.issued_at > now + CLOCK_SKEW_MS:
        return "not_yet_valid"
    if header.expires_at < now:
        return "expired"
    if header.expires_at - header.issued_at > LONGEST_EXPIRY_MS:
        return "not_permitted"
    signer = snapshot.directory.signer(readable.envelope.signer_key_id)
    if signer is None:  # it was known when the envelope was examined: withdrawn since
        return "not_permitted"
    authority, key = signer
    # What names nobody needs no permission: an act is for the log alone.
    permitted = slip.facts.type in authority.publishes or NAMING.get(slip.facts.type) == "nobody"
    if not (authority.active and key.accepted(now) and permitted):
        return "not_permitted"
    versions = _versions(slip, snapshot, now)
    if isinstance(versions, str):
        return versions
    return _misaddressed(readable, snapshot.directory, *versions, feeds, now)


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
    readable: Readable, current: Directory, directory: Directory, rules: RuleSet, feeds: Collection[str], now: int
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
