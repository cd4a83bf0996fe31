"""Writes the valid seeds of every target: `python tests/fuzz --seeds`, after a format has changed. Deterministic.

`valid-*` is accepted, and a test says so: a corpus that no parser takes would teach the fuzzer nothing. `bomb-*`
and `found-*` (what once was a finding) are kept by hand and stay.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from notifier.audit.checkpoint import Signer, Verifier, sign_checkpoint
from notifier.audit.entry import AuditEntry
from notifier.audit.leaf import Leaf
from notifier.audit.tiles import encode_bundle, encode_hashes, encode_records
from notifier.codec.single_object import PREFIX_SIZE, codec
from notifier.crypto.keys import DecryptionKey
from notifier.directory.document import to_document
from notifier.directory.enrolment import challenge, request
from notifier.envelope import Statement
from notifier.notification import encode, for_sealing, parse
from notifier.rules.ruleset import default_rules

from . import frames
from .targets import SCHEMAS

EXAMPLES = Path(__file__).parents[2] / "examples"
ID = str(uuid.UUID(bytes=frames.NOTIFICATION_ID))
CONFIGURATION = """name = "TUR/spoc"
outbox = "outbox.db"
inbox = "postgresql://localhost/inbox"
log_folder = "log"
listen = "127.0.0.1:9000"

[kafka]
bootstrap = "localhost:9093"
ca = "ca.pem"
certificate = "certificate.pem"
key = "key.pem"

[directory]
source = "https://directory.example/tuf"
root = "1.root.json"
cache = "cache"
grace_seconds = 60

[keys]
signing = "signing.key"
encryption = ["new.key", "old.key"]
storage = "storage.key"
"""
MRZS = {
    "td1": "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
    "td3": "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
}


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _notification() -> bytes:
    document = json.loads((EXAMPLES / "deportation-ordered.json").read_text())
    document |= {"id": ID, "originator": frames.ORIGINATOR}
    return encode(for_sealing(parse(document)))


def _statement() -> bytes:
    ids = {"stream": frames.STREAM, "number": 1, "envelope_id": frames.ENVELOPE_ID}
    plain = (bytes(16), "decision", bytes(32), frames.ORIGINATOR, "rejected", "expired", frames.NOW, 1, 1)
    return Statement(*plain, **ids).encode()


def _records() -> dict[str, bytes]:
    """One record of each of the small schemas, as its parser is fed."""
    frame = frames.Frame()
    entry = AuditEntry(
        bytes(16), "act", bytes(32), "TUR/spoc", None, None, None, "accepted", None, 5, None, None, 1, 1
    )
    return {
        "Envelope": frame.envelope(),
        "Header": frames.header(),
        "Slip": frames.slip(),
        "Statement": _statement(),
        "AuditEntry": entry.encode(),
    }


def seeds() -> dict[str, dict[str, bytes]]:
    """For each target its valid files."""
    world, notification = frames.world(), _notification()
    own = frames.Frame(body=frames.body(notification))
    records = _records()
    signer = Signer(Verifier("notifier.example/log", world.hub_signer.public), world.hub_signer)
    applicant = DecryptionKey.from_secret(b"\x31" * 32)
    asked = request("TUR/spoc", frames.HUB_ID, world.signer, applicant)
    posed, _ = challenge(
        request("DEU/spoc", frames.HUB_ID, world.signer, world.mine), frames.HUB_ID, lambda size: b"\x32" * size
    )
    rules = default_rules(3, 1).to_document() | {
        "corridors": [{"from": "TUR", "to": "DEU", "subscribers": ["FRA/spoc"]}],
        "consular_mandatory": ["FRA"],
    }
    rules["rows"] = rules["rows"][:2] + rules["rows"][7:8]
    leaves = [Leaf(number, bytes(32)).encode() for number in range(2)]
    return {
        "avro": {name.lower(): bytes((SCHEMAS.index(name),)) + data[PREFIX_SIZE:] for name, data in records.items()},
        "avro-notification": {"deportation": notification[PREFIX_SIZE:]},
        "configuration": {"party": CONFIGURATION.encode()},
        "delivery": {"deportation": own.delivery()},
        "delivery-signed": {"body": b"b" + frames.body(notification), "notification": b"n" + notification},
        "directory": {"two-authorities": _json(to_document(world.directory))},
        "enrolment": {"request": _json(asked.to_document()), "challenge": _json(posed.to_document())},
        "envelope": {"deportation": frames.Frame().envelope()},
        "envelope-signed": {"header": b"h" + frames.header(), "slip": b"s" + frames.slip()},
        "mrz": {name: text.encode() for name, text in MRZS.items()},
        "note": {
            "checkpoint": str(sign_checkpoint(signer, 7, bytes(32))).encode(),
            "vkey": signer.verifier.vkey.encode(),
        },
        "notification": {
            name: _json(json.loads((EXAMPLES / f"{name}.json").read_text()))
            for name in ("detention-of-refugee", "pattern", "finint")
        },
        "rules": {"three-rows": _json(rules)},
        "statement": {"notice": codec("Notice").encode(frames.signed(_statement()))},
        "statement-signed": {"decision": b"s" + _statement()},
        "tiles": {
            "name": b"ntile/entries/x001/234.p/7",
            "bundle": b"b" + encode_bundle(leaves),
            "records": b"r\x00\x02" + encode_records([b"one", b""]),
            "hashes": b"h" + encode_hashes([bytes(32)]),
        },
    }


def write(folder: Path) -> None:
    """Replaces the valid seeds in `folder`."""
    for target, files in seeds().items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for old in (folder / target).glob("valid-*"):
            old.unlink()
        for name, data in files.items():
            (folder / target / f"valid-{name}").write_bytes(data)
