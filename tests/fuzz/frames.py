"""A small world of fixed keys, and sealed frames around any bytes: so that a fuzzer gets past the signatures.

Everything here is deterministic. What is cheap for an insider is allowed: an originator that signs nonsense, a hub
that signs nonsense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from notifier.audit.merkle import inclusion_path, leaf_hash, root_hash
from notifier.codec.single_object import codec
from notifier.consumers.verification import Recipient
from notifier.crypto.keys import DecryptionKey, KeyUse, SigningKey
from notifier.crypto.primitives import blake, encrypt, exchange, pad, pae, public_of, u32, u64
from notifier.directory.model import Authority, Directory, Hub, Key
from notifier.directory.snapshot import Snapshot
from notifier.envelope import Header, Slip, Statement
from notifier.envelope.format import (
    BODY_STEP,
    MAGIC,
    SLIP_STEP,
    SUITE,
    Body,
    Prefix,
    envelope_digest,
    signed_form,
    slip_digest,
    stanza_hash,
    transcript,
)
from notifier.envelope.statements import STATEMENT_TYPE
from notifier.rules.facts import PERMISSIONS, Leg, RoutingFacts
from notifier.rules.ruleset import default_rules
from notifier.topics import feed_of

NOW = 1_795_000_000_000
YEAR_MS = 365 * 86_400_000
ORIGINATOR, RECIPIENT = "TUR/spoc", "DEU/spoc"
HUB_ID, STREAM, ENVELOPE_ID = (bytes((number,)) * 16 for number in range(1, 4))
NOTIFICATION_ID = bytes.fromhex("0190b5a000007000800000000000000a")
ESK, CEK = b"\x21" * 32, b"\x22" * 32
EPK = public_of(ESK)


def _key(use: KeyUse, pair: SigningKey | DecryptionKey) -> Key:
    return Key(pair.key_id, use, pair.public, NOW - YEAR_MS, NOW + YEAR_MS)


@dataclass(frozen=True)
class World:
    """Two authorities and a hub, with their private keys."""

    signer: SigningKey
    mine: DecryptionKey
    hub: DecryptionKey
    hub_signer: SigningKey
    directory: Directory

    @property
    def snapshot(self) -> Snapshot:
        """What the hub decides with."""
        return Snapshot(self.directory, default_rules(1, NOW))

    @property
    def recipient(self) -> Recipient:
        """What DEU/spoc reads its feed with."""
        return Recipient(RECIPIENT, {self.mine.key_id: self.mine}, self.directory)


@cache
def world() -> World:
    """The same in every run."""
    signer, hub_signer = (SigningKey.from_secret(bytes((number,)) * 32) for number in (11, 12))
    mine, hub = (DecryptionKey.from_secret(bytes((number,)) * 32) for number in (13, 14))
    keys = {ORIGINATOR: _key(KeyUse.SIGN, signer), RECIPIENT: _key(KeyUse.ENCRYPT, mine)}
    authorities = {
        name: Authority(name, "principal", feed_of(name), (key,), PERMISSIONS) for name, key in keys.items()
    }
    hub_keys = (_key(KeyUse.SIGN, hub_signer), _key(KeyUse.ENCRYPT, hub))
    directory = Directory(1, NOW, Hub(HUB_ID, hub_keys, 1, "", ""), authorities)
    return World(signer, mine, hub, hub_signer, directory)


def header() -> bytes:
    """A valid header."""
    return Header(HUB_ID, ENVELOPE_ID, ORIGINATOR, STREAM, NOW, NOW + 86_400_000).encode()


def slip() -> bytes:
    """A valid slip: a deportation to DEU, number 1 of its stream."""
    facts = RoutingFacts("deportation", in_custody=True, legs=(Leg("destination", "DEU"),))
    ids = (ENVELOPE_ID, NOTIFICATION_ID, ORIGINATOR, STREAM)
    return Slip(*ids, 1, bytes(32), bytes(16), 1, 1, facts, (RECIPIENT,), ()).encode()


def body(notification: bytes) -> bytes:
    """A valid body around the encoded notification."""
    return Body(ENVELOPE_ID, STREAM, ORIGINATOR, NOTIFICATION_ID, "full", notification).encode()


@dataclass(frozen=True)
class Frame:
    """An envelope's plaintexts; `None` is the valid one. `padded` says that slip and body come with padding."""

    header: bytes | None = None
    slip: bytes | None = None
    body: bytes | None = None
    stanzas: Sequence[tuple[bytes, bytes]] | None = None
    sequence: int = 1
    padded: bool = False

    def envelope(self) -> bytes:
        """Sealed to the hub and to DEU/spoc, and signed by TUR/spoc."""
        return codec("Envelope").encode(self._parts()[0])

    def delivery(self, **change: Any) -> bytes:
        """What DEU/spoc finds in its feed, with the hub's statement; `change` replaces fields of the record."""
        record, digest, hashes = self._parts()
        statement = Statement(bytes(16), "delivery", digest, RECIPIENT, "accepted", None, NOW + 5, 1, 1)
        own = next(one for one in record["stanzas"] if one["rid"] == world().mine.key_id)
        plain = {
            "prefix": record["prefix"],
            "epk": record["epk"],
            "commit": record["commit"],
            "slip_digest": slip_digest(record["hid"], record["slip"]),
            "list": hashes,
            "body": record["body"],
            "signature": record["signature"],
            "statement": signed(statement.encode()),
        }
        return codec("Delivery").encode(plain | own | change)

    def _parts(self) -> tuple[dict[str, Any], bytes, list[bytes]]:
        head = header() if self.header is None else self.header
        raw = MAGIC + bytes((SUITE,)) + world().signer.key_id + u32(len(head)) + head
        hh = Prefix(raw, SUITE, world().signer.key_id, head).hh
        commit = blake(b"ntf1/commit", hh, key=CEK)
        hub, mine = world().hub, world().mine
        slip_text = slip() if self.slip is None else self.slip
        body_text = body(b"") if self.body is None else self.body
        if not self.padded:
            slip_text, body_text = pad(slip_text, SLIP_STEP), pad(body_text, BODY_STEP)

        def sealed(person: bytes, key: DecryptionKey, text: bytes) -> bytes:
            kek = blake(person, hh + EPK + key.public, key=exchange(ESK, key.public))
            return encrypt(kek, hh + key.key_id + commit, text)

        own = (mine.key_id, sealed(b"ntf1/wrap", mine, CEK + u64(self.sequence)))
        dummies = [(bytes((number,)) * 16, bytes(56)) for number in range(7)]
        stanzas = sorted([own, *dummies]) if self.stanzas is None else list(self.stanzas)
        record: dict[str, Any] = {
            "prefix": raw,
            "epk": EPK,
            "commit": commit,
            "hid": hub.key_id,
            "slip": sealed(b"ntf1/slip", hub, slip_text),
            "stanzas": [{"rid": rid, "wrap": wrap} for rid, wrap in stanzas],
            "body": encrypt(blake(b"ntf1/body", hh, key=CEK), hh + EPK + commit, body_text),
        }
        hashes = [stanza_hash(hh, rid, wrap) for rid, wrap in stanzas]
        listed = slip_digest(record["hid"], record["slip"])
        text = transcript(raw, EPK, commit, listed, hashes, record["body"])
        record["signature"] = world().signer.sign(signed_form(text))
        return record, envelope_digest(text, record["signature"]), hashes


def signed(statement: bytes) -> dict[str, Any]:
    """The record of a signed statement around any bytes, as the hub would sign it."""
    leaves = [leaf_hash(statement), *(bytes((number,)) * 32 for number in range(15))]
    text = pae(STATEMENT_TYPE, HUB_ID + u64(len(leaves)) + root_hash(leaves))
    return {
        "statement": statement,
        "index": 0,
        "size": len(leaves),
        "path": inclusion_path(0, leaves),
        "key_id": world().hub_signer.key_id,
        "signature": world().hub_signer.sign(text),
    }
