"""Every parser that reads what others wrote: a name, the call, and the refusals that it documents.

A call that raises anything else is a finding, and so is one that takes long or much memory. Where a parser
accepts, the call goes on to what the software does next with the value: that must hold for it, too.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastavro._read_py import schemaless_reader

from notifier.audit import checkpoint, tiles
from notifier.audit.entry import AuditEntry
from notifier.audit.leaf import Leaf
from notifier.codec.single_object import MARKER, codec
from notifier.config import load
from notifier.consumers.verification import VerifiedMessage, read
from notifier.directory.builtin import builtin_snapshot
from notifier.directory.document import from_document, read_document, to_document
from notifier.directory.enrolment import Challenge, Request, answer, challenge, check_request
from notifier.envelope import SignedStatement, inputs_digest, record_digest, verify_statement
from notifier.envelope.statements import parse_notice
from notifier.errors import (
    ConfigError,
    DirectoryError,
    EnvelopeError,
    KeyRejectedError,
    MalformedError,
    MrzError,
    NoteError,
    NotificationInvalidError,
    NotifierError,
)
from notifier.notification import Notification, decode, encode, for_sealing, mrz, parse, to_json
from notifier.notification.warnings import warnings
from notifier.policy.decision import decide, expected, facts_of
from notifier.producers.sources import documents
from notifier.routing import batch
from notifier.routing.admission import OpenedEnvelope, TransactionContext, open_record
from notifier.routing.budget import Budget
from notifier.routing.streams import Streams
from notifier.rules.facts import Leg, RoutingFacts
from notifier.rules.ruleset import RuleSet

from . import frames

SCHEMAS = (
    *("Envelope", "Delivery", "Header", "Slip", "Body", "Notification", "Statement", "Notice"),
    *("Receipt", "Rejection", "AuditEntry", "StreamState", "IntakePosition"),
)


@dataclass(frozen=True)
class Target:
    """`call` reads the bytes, and answers whether it took them; `refusals` is what else it may do with them."""

    name: str
    call: Callable[[bytes], bool]
    refusals: tuple[type[NotifierError], ...]

    def __call__(self, data: bytes) -> bool:
        """Whether the bytes were accepted; raises what is a finding."""
        try:
            return self.call(data)
        except self.refusals:
            return False


def _hub(data: bytes) -> bool:
    """An intake record, all the way through the hub; nothing may stop a partition."""
    world = frames.world()
    found = open_record(data, world.directory, {world.hub.key_id: world.hub})
    if not isinstance(found, OpenedEnvelope):
        return False
    feeds = world.directory.feeds()
    context = TransactionContext(world.snapshot, None, 0, feeds, frames.NOW, bytes)  # nothing is written
    ((decided,), _) = batch.decide_batch([(0, found)], Streams(), context, Budget())
    assert len(inputs_digest(found.slip)) == 32
    assert record_digest(data) == found.digest
    return decided.accepted


def _feed(data: bytes) -> bool:
    """A feed record, all the way to the notification; nothing may stop a feed."""
    result = read(data, frames.world().recipient, frames.NOW + 10)
    if isinstance(result, VerifiedMessage):
        to_json(result.notification, local=False)
    return isinstance(result, VerifiedMessage)


def _stanzas(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(data[at : at + 16], data[at + 16 : at + 72]) for at in range(0, len(data) - 71, 72)]


def _signed_envelope(data: bytes) -> bool:
    """One part of an envelope from the fuzzer, sealed and signed by an originator that signs anything."""
    kind, rest = data[:1], data[1:]
    frame = {
        b"h": lambda: frames.Frame(header=rest),
        b"s": lambda: frames.Frame(slip=rest),
        b"p": lambda: frames.Frame(slip=rest, padded=True, body=b""),
        b"z": lambda: frames.Frame(stanzas=_stanzas(rest)),
    }.get(kind, frames.Frame)()
    return _hub(frame.envelope())


def _signed_delivery(data: bytes) -> bool:
    """One part of a delivery from the fuzzer, signed by whoever has to."""
    kind, rest = data[:1], data[1:]
    frame = {
        b"h": lambda: frames.Frame(header=rest),
        b"b": lambda: frames.Frame(body=rest),
        b"p": lambda: frames.Frame(body=rest, slip=b"", padded=True),
        b"n": lambda: frames.Frame(body=frames.body(rest)),
        b"q": lambda: frames.Frame(sequence=int.from_bytes(rest[:8], "big")),
    }.get(kind, frames.Frame)()
    return _feed(frame.delivery(statement=frames.signed(rest)) if kind == b"t" else frame.delivery())


def _statement(data: bytes) -> bool:
    """A notice as it comes in a feed."""
    return _verified(parse_notice(data))


def _signed_statement(data: bytes) -> bool:
    """A statement from the fuzzer under the hub's signature, or a tree's shape from the fuzzer over a good one."""
    if data[:1] != b"p":
        return _verified(SignedStatement.of(frames.signed(data[1:])))
    index, size = (int.from_bytes(data[at : at + 8], "big", signed=True) for at in (1, 9))
    path = [data[at : at + 32] for at in range(17, len(data), 32)]
    return _verified(SignedStatement.of(frames.signed(b"") | {"index": index, "size": size, "path": path}))


def _verified(signed: SignedStatement) -> bool:
    world = frames.world()
    found = verify_statement(signed, hub_id=frames.HUB_ID, hub_signer=world.directory.hub.signing_key)
    assert found.encode() == signed.statement
    return True


def _avro(data: bytes) -> bool:
    """The binary form behind the right fingerprint; the first byte says of which schema."""
    own = codec(SCHEMAS[data[0] % len(SCHEMAS)] if data else SCHEMAS[0])
    value = MARKER + own.fingerprint + data[1:]
    with contextlib.suppress(Exception):  # the compiled reader shows no coverage: this one guides the fuzzer
        schemaless_reader(io.BytesIO(data[1:]), own.schema, None)
    found = own.decode(value)
    assert own.encode(found) == value
    assert schemaless_reader(io.BytesIO(data[1:]), own.schema, None) == found, "two readers read two records"
    return True


def _directory(data: bytes) -> bool:
    directory = from_document(read_document(data, "directory/current.json"), bytes(16))
    assert from_document(json.loads(json.dumps(to_document(directory))), bytes(16)) == directory
    assert not directory.revoked_since(directory) or any(not one.keys for one in directory.authorities.values())
    for authority in directory.authorities.values():
        authority.encryption_key(frames.NOW)
    return bool(directory.feeds() or directory.hub)


_FACTS = RoutingFacts("deportation", in_custody=True, interpol=True, legs=(Leg("destination", "DEU"),))


def _rules(data: bytes) -> bool:
    rules = RuleSet.from_document(read_document(data, "rules/current.json"))
    assert RuleSet.from_document(rules.to_document()) == rules
    expected(_FACTS, "TUR/spoc", builtin_snapshot().directory, rules)
    return True


def _notification(data: bytes) -> bool:
    """JSON, as `publish` takes it, through the decision to the bytes that are sealed."""
    for text in documents(data.decode(errors="surrogateescape")):
        _go_on(parse(text))
    return True


def _go_on(found: Notification) -> None:
    snapshot = builtin_snapshot()
    assert parse(json.loads(json.dumps(to_json(found, local=True)))) == found
    warnings(found)
    facts = facts_of(found, snapshot.rules)
    named = expected(facts, found.originator, snapshot.directory, snapshot.rules)
    decision = decide(found, snapshot.directory, snapshot.rules)
    assert sorted((*decision.recipients, *decision.withheld)) == sorted(named)
    if found.id is not None:
        leaves = for_sealing(found)
        assert decode(encode(leaves)) == leaves


def _avro_notification(data: bytes) -> bool:
    """What another authority's software may have encoded."""
    own = codec("Notification")
    found = decode(data if data[:2] == MARKER else MARKER + own.fingerprint + data)
    if data[:2] != MARKER and found.id is not None:
        assert encode(found) == MARKER + own.fingerprint + data
    # What is passed on is made of it, and parsed first.
    warnings(parse(to_json(found, local=False)))
    return True


@cache
def _config_file() -> Path:
    return Path(tempfile.mkdtemp(prefix="notifier-fuzz-")) / "config.toml"


def _config(data: bytes) -> bool:
    _config_file().write_bytes(data)
    load(_config_file())
    return True


def _enrolment(data: bytes) -> bool:
    """A request as the registrar reads it, or a challenge as the applicant does."""
    document = read_document(data, "enrolment")
    world = frames.world()
    if isinstance(document, dict) and "epk" in document:
        return len(answer(Challenge.from_document(document), frames.HUB_ID, world.mine)) == 32
    asked = Request.from_document(document)
    check_request(asked, frames.HUB_ID)
    challenge(asked, frames.HUB_ID, lambda size: bytes(range(1, size + 1)))
    return True


def _note(data: bytes) -> bool:
    """A checkpoint, or, where there is no line in it, a verifier's key."""
    if b"\n" not in data:
        vkey = data.decode(errors="surrogateescape")
        assert checkpoint.Verifier.from_vkey(vkey).vkey == vkey
        return True
    found = checkpoint.parse(data)
    assert checkpoint.parse(str(found)) == found
    checkpoint.verify(found.note, [checkpoint.Verifier("notifier.example/log", frames.world().hub_signer.public)])
    return True


def _tiles(data: bytes) -> bool:
    """What the auditor's folder holds; the first byte says which file."""
    kind, rest = data[:1], data[1:]
    if kind == b"n":
        name = rest.decode(errors="surrogateescape")
        found, records = tiles.parse_tile_path(name), tiles.parse_records_path(name)
        assert found is None or found.path == name
        assert records is None or tiles.records_path(records) == name
        return found is not None or records is not None
    if kind == b"b":
        leaves = tiles.decode_bundle(rest)
        assert tiles.encode_bundle(leaves) == rest
        return all(Leaf.decode(leaf).encode() == leaf for leaf in leaves)
    if kind == b"r":
        values, end = tiles.decode_records(rest[2:], int.from_bytes(rest[:2], "big"))
        assert tiles.encode_records(values) == rest[2 : 2 + end]
        return True
    if kind == b"h":
        assert tiles.encode_hashes(tiles.decode_hashes(rest)) == rest
        return True
    assert AuditEntry.decode(rest).encode() == rest
    return True


def _mrz(data: bytes) -> bool:
    return bool(mrz.parse(data.decode(errors="surrogateescape").split("\n")).format)


TARGETS = {
    target.name: target
    for target in (
        Target("avro", _avro, (MalformedError,)),
        Target("avro-notification", _avro_notification, (MalformedError, NotificationInvalidError)),
        Target("configuration", _config, (ConfigError,)),
        Target("delivery", _feed, ()),
        Target("delivery-signed", _signed_delivery, ()),
        Target("directory", _directory, (DirectoryError,)),
        Target("enrolment", _enrolment, (DirectoryError, MalformedError, KeyRejectedError, NotificationInvalidError)),
        Target("envelope", _hub, ()),
        Target("envelope-signed", _signed_envelope, ()),
        Target("mrz", _mrz, (MrzError,)),
        Target("note", _note, (NoteError,)),
        Target("notification", _notification, (MalformedError, NotificationInvalidError)),
        Target("rules", _rules, (DirectoryError,)),
        Target("statement", _statement, (EnvelopeError,)),
        Target("statement-signed", _signed_statement, (EnvelopeError,)),
        Target("tiles", _tiles, (MalformedError,)),
    )
}
