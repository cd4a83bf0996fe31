"""The parts of an envelope as values, and their Avro forms.

Header, slip and body are Avro in single-object encoding. They are carried verbatim and never re-encoded, so that
schemas may evolve. The signed transcript is rebuilt here from its parts, for the hub and for a recipient.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from notifier.codec.single_object import codec
from notifier.crypto.primitives import ID_BYTES, blake, blakes, pae, u16, u32
from notifier.errors import EnvelopeError, MalformedError
from notifier.rules.facts import Leg, RoutingFacts

MAGIC: Final = b"NTF"
SUITE: Final = 1
RECORD_BYTES: Final = 256 * 1024  # cap of a delivery, and of every other record
ENVELOPE_BYTES: Final = RECORD_BYTES - 4 * 1024  # an envelope leaves room for the statement in its deliveries
HEADER_BYTES: Final = 4 * 1024
RECIPIENTS: Final = 256
SLIP_STEP: Final = 256
BODY_STEP: Final = 1024
MIN_STANZAS: Final = 8
SIGNATURE_TYPE: Final = b"application/vnd.notifier.envelope.v1"
_PREFIX_FIXED: Final = len(MAGIC) + 1 + ID_BYTES + 4


@dataclass(frozen=True, slots=True)
class Header:
    """The cleartext header, which every carrier can read: ids of 16 bytes, times in Unix milliseconds."""

    hub_id: bytes
    envelope_id: bytes
    originator: str
    stream: bytes
    issued_at: int
    expires_at: int

    def encode(self) -> bytes:
        """Return the single-object encoding."""
        return codec("Header").encode_object(self)

    @classmethod
    def decode(cls, data: bytes) -> Header:
        """Return the header in `data`; raises `MalformedError`."""
        return cls(**codec("Header").decode(data))


@dataclass(frozen=True, slots=True)
class Act:
    """An action of an authority, for the log: `kind` is a word, `digest` (32 bytes) names a kept document."""

    kind: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Slip:
    """The sealed routing header, which only the hub can read; `recipients` and `withheld` are sorted names.

    `act` is set for type act only. `carried` is the encoded form that the slip was read from; it may be of an earlier
    schema, so `encode` may give other bytes.
    """

    envelope_id: bytes
    notification_id: bytes
    originator: str
    stream: bytes
    number: int
    previous: bytes
    digest_key: bytes
    rules_version: int
    directory_version: int
    facts: RoutingFacts
    recipients: tuple[str, ...]
    withheld: tuple[str, ...]
    act: Act | None = None
    carried: bytes | None = field(default=None, repr=False, compare=False)

    def encode(self) -> bytes:
        """Return the single-object encoding."""
        facts = self.facts
        corridor = facts.corridor
        record: dict[str, Any] = {name: getattr(self, name) for name in _SLIP_PLAIN}
        record["recipients"] = list(self.recipients)
        record["withheld"] = list(self.withheld)
        record["facts"] = {
            "type": facts.type,
            "in_custody": facts.in_custody,
            "interpol": facts.interpol,
            "corridor": None if corridor is None else {"start": corridor[0], "end": corridor[1]},
            "legs": [{"rule": leg.rule, "state": leg.state} for leg in facts.legs],
            "of": facts.of,
        }
        record["act"] = None if self.act is None else {"kind": self.act.kind, "digest": self.act.digest}
        return codec("Slip").encode(record)

    @classmethod
    def decode(cls, data: bytes) -> Slip:
        """Return the slip in `data`; raises `MalformedError`."""
        record = codec("Slip").decode(data)
        facts, act = record.pop("facts"), record.pop("act")
        corridor = facts["corridor"]
        return cls(
            facts=RoutingFacts(
                facts["type"],
                facts["in_custody"],
                facts["interpol"],
                None if corridor is None else (corridor["start"], corridor["end"]),
                tuple(Leg(leg["rule"], leg["state"]) for leg in facts["legs"]),
                facts["of"],
            ),
            recipients=tuple(record.pop("recipients")),
            withheld=tuple(record.pop("withheld")),
            act=None if act is None else Act(**act),
            carried=data,
            **record,
        )


_SLIP_PLAIN: Final = (
    "envelope_id",
    "notification_id",
    "originator",
    "stream",
    "number",
    "previous",
    "digest_key",
    "rules_version",
    "directory_version",
)


@dataclass(frozen=True, slots=True)
class Body:
    """The sealed content, which only the recipients can read; `notification` is its encoding, verbatim."""

    envelope_id: bytes
    stream: bytes
    originator: str
    notification_id: bytes
    profile: str
    notification: bytes

    def encode(self) -> bytes:
        """Return the single-object encoding."""
        return codec("Body").encode_object(self)

    @classmethod
    def decode(cls, data: bytes) -> Body:
        """Return the body in `data`; raises `MalformedError`."""
        return cls(**codec("Body").decode(data))


class Stanza(NamedTuple):
    """The content key sealed to one recipient, or a random dummy; `rid` has 16 bytes, `wrap` 56."""

    rid: bytes
    wrap: bytes


@dataclass(frozen=True, slots=True)
class Prefix:
    """The first, cleartext and signed part: suite, signer's key id, and header; `raw` is as carried."""

    raw: bytes
    suite: int
    signer: bytes
    header_bytes: bytes

    @property
    def hh(self) -> bytes:
        """Return the digest of the prefix, which is bound into every key."""
        return blake(b"ntf1/header", self.raw)

    @classmethod
    def build(cls, signer: bytes, header: Header) -> Prefix:
        """Return the prefix of suite 1; raises `EnvelopeError` (too_large) for a header over its cap."""
        encoded = header.encode()
        if len(encoded) > HEADER_BYTES:
            raise EnvelopeError("too_large", "the header exceeds its size cap")
        return cls(MAGIC + bytes((SUITE,)) + signer + u32(len(encoded)) + encoded, SUITE, signer, encoded)

    @classmethod
    def parse(cls, raw: bytes) -> Prefix:
        """Return the prefix in `raw`; raises `EnvelopeError` (malformed) for a wrong length or magic."""
        signer = raw[len(MAGIC) + 1 : len(MAGIC) + 1 + ID_BYTES]
        length = int.from_bytes(raw[_PREFIX_FIXED - 4 : _PREFIX_FIXED], "big")
        whole = len(raw) == _PREFIX_FIXED + length and length <= HEADER_BYTES
        if raw[: len(MAGIC)] != MAGIC or not whole:
            raise EnvelopeError("malformed", "the prefix does not parse")
        return cls(raw, raw[len(MAGIC)], signer, raw[_PREFIX_FIXED:])


def stanza_hash(hh: bytes, rid: bytes, wrap: bytes) -> bytes:
    """Return `h_j`, the entry of one stanza in the signed list."""
    return blake(b"ntf1/stanza", hh + rid + wrap)


def stanza_hashes(hh: bytes, stanzas: Iterable[Stanza]) -> list[bytes]:
    """Return the signed list: `h_j` of every stanza, in their order."""
    return blakes(b"ntf1/stanza", hh, (rid + wrap for rid, wrap in stanzas))


def slip_digest(hid: bytes, slip: bytes) -> bytes:
    """Return the digest of the sealed slip in the transcript."""
    return blake(b"ntf1/d-slip", hid + slip)


def transcript(
    prefix: bytes, epk: bytes, commit: bytes, digest_of_slip: bytes, hashes: Iterable[bytes], body: bytes
) -> bytes:
    """Return the text that the originator signs."""
    listed = blake(b"ntf1/d-list", b"".join(hashes))
    return prefix + epk + commit + digest_of_slip + listed + blake(b"ntf1/d-body", body)


def signed_form(text: bytes) -> bytes:
    """Return the bytes under the originator's signature."""
    return pae(SIGNATURE_TYPE, text)


def envelope_digest(text: bytes, signature: bytes) -> bytes:
    """Return the digest that names an envelope in statements, receipts and audit."""
    return blake(b"ntf1/digest", text + signature)


def raw_digest(value: bytes) -> bytes:
    """Return the digest that names a record that cannot be parsed."""
    return blake(b"ntf1/raw", value)


def notification_digest(encoded: bytes) -> bytes:
    """Return the digest of a notification's own bytes, which is the same in every envelope.

    Conflicts and approvals compare it.
    """
    return blake(b"ntf1/notif", encoded)


def inputs_digest(slip: Slip) -> bytes:
    """Return the digest of a decision's inputs for the audit log, keyed from the slip so that it cannot be guessed.

    It covers the slip's bytes as carried, so that originator and hub agree across schema versions.
    """
    return blake(b"ntf1/inputs", slip.carried or slip.encode(), key=slip.digest_key)


def envelope_id_of(secret: bytes, notification_id: bytes, previous: bytes) -> bytes:
    """Return the envelope's id, keyed with a secret of the outbox, so that a restored publisher knows its own."""
    return blake(b"ntf1/eid", notification_id + previous, key=secret, size=ID_BYTES)


def _named_stream(originator: str, stream: bytes) -> bytes:
    name = originator.encode()
    return u16(len(name)) + name + stream


def partition_of(originator: str, stream: bytes, partitions: int) -> int:
    """Return the intake partition of a stream."""
    return int.from_bytes(blake(b"ntf1/partition", _named_stream(originator, stream))[:8], "big") % partitions


def stream_key(originator: str, stream: bytes) -> bytes:
    """Return the opaque record key of a stream's state, 16 bytes."""
    return blake(b"ntf1/stream", _named_stream(originator, stream), size=ID_BYTES)


def parse_record(name: str, data: bytes) -> dict[str, Any]:
    """Decode an envelope or delivery record; raises `EnvelopeError` (too_large before parsing, malformed)."""
    if len(data) > (ENVELOPE_BYTES if name == "Envelope" else RECORD_BYTES):
        raise EnvelopeError("too_large")
    try:
        return codec(name).decode(data)
    except MalformedError as error:
        raise EnvelopeError("malformed", error.detail) from error
