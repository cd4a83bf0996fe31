"""Writes tests/vectors/envelope/*.json: `python tests/vectors/generate_envelope.py`. Deterministic.

Each vector is one envelope or delivery with everything that is needed to judge it, shows one failure, and names
its class; `accepted` vectors show what must be read. Bytes are in hex.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

from notifier.codec.single_object import codec
from notifier.crypto.keys import DecryptionKey
from notifier.crypto.primitives import pad
from notifier.envelope.format import ENVELOPE_BYTES

HERE = Path(__file__).parent
CONFTEST = HERE.parent / "unit" / "envelope" / "conftest.py"


def load_tools():
    spec = importlib.util.spec_from_file_location("envelope_cast", CONFTEST)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def flipped(data, place):
    broken = bytearray(data)
    broken[place] ^= 1
    return bytes(broken)


def envelopes(cast):
    """(name, reason, bytes) as the hub reads them."""
    good = cast.seal().envelope
    record = codec("Envelope").decode(good)
    encode = codec("Envelope").encode
    yield "accepted", "accepted", good
    yield "no-recipients", "accepted", cast.seal(slip=cast.slip(recipients=()), body=None, addressees=[]).envelope
    yield "truncated", "malformed", good[:-1]
    yield "trailing-byte", "malformed", good + b"\x00"
    yield "too-large", "too_large", bytes(256 * 1024 + 1)
    yield "unsorted-stanzas", "malformed", encode(record | {"stanzas": record["stanzas"][::-1]})
    yield (
        "suite-2",
        "unsupported_suite",
        encode(record | {"prefix": record["prefix"][:3] + b"\x02" + record["prefix"][4:]}),
    )
    yield "another-hub", "wrong_hub", cast.seal(header=cast.header(hub_id=bytes(16))).envelope
    yield "another-authority-s-key", "unknown_signer", cast.seal(signer=cast.other).envelope
    yield "flipped-signature", "bad_signature", encode(record | {"signature": flipped(record["signature"], 0)})
    yield "flipped-slip", "bad_signature", encode(record | {"slip": flipped(record["slip"], 0)})
    yield "flipped-body", "bad_signature", encode(record | {"body": flipped(record["body"], 0)})
    yield "cut-stanza", "bad_signature", encode(record | {"stanzas": record["stanzas"][1:]})
    retired = DecryptionKey.from_secret(bytes(range(32)))
    yield "retired-hub-key", "hub_key_retired", cast.seal(hub_key=retired.public).envelope
    yield "hidden-addressee", "unreadable_slip", cast.seal(slip=cast.slip(recipients=("DEU/spoc",))).envelope
    yield "slip-of-another-stream", "unreadable_slip", cast.seal(slip=cast.slip(stream=bytes(16))).envelope


def deliveries(cast):
    """(name, reason, bytes) as DEU/spoc reads them."""
    good = cast.deliver(cast.seal().envelope)
    record = codec("Delivery").decode(good)
    encode = codec("Delivery").encode
    yield "accepted", "accepted", good
    yield "flipped-body", "bad_signature", encode(record | {"body": flipped(record["body"], 0)})
    yield "cut-list", "bad_signature", encode(record | {"list": record["list"][1:]})
    yield "another-s-statement", "bad_statement", cast.deliver(cast.seal().envelope, audience="FRA/spoc")
    yield (
        "rejected-statement",
        "bad_statement",
        cast.deliver(cast.seal().envelope, outcome="rejected", reason="expired"),
    )
    yield "accepted-too-late", "bad_statement", cast.deliver(cast.seal().envelope, accepted_at=2_000_000_000_000)
    yield "flipped-wrap", "not_addressed", encode(record | {"wrap": flipped(record["wrap"], 0)})
    stranger = cast.seal(slip=cast.slip(recipients=("FRA/spoc",)), addressees=cast.addressees(("FRA/spoc",)))
    yield "another-s-stanza", "not_addressed", cast.deliver(stranger.envelope, "FRA/spoc", audience="DEU/spoc")


def insiders_envelopes(cast, insider):
    """(name, reason, bytes): well signed by an originator that cheats, or in another form of the same record."""
    good, record = insider.data, insider.record
    encode = codec("Envelope").encode
    start, first = 10, record["stanzas"][0]["rid"]
    yield "long-varint", "malformed", good[: start + 1] + bytes((good[start + 1] | 0x80, 0)) + good[start + 2 :]
    count = good.index(first) - 1
    size = b"\x80\x09"  # zigzag of 576: eight stanzas of 72 bytes
    yield "negative-block", "malformed", good[:count] + b"\x0f" + size + good[count + 1 :]
    split = b"\x02" + good[count + 1 : count + 73] + b"\x0e" + good[count + 73 :]
    yield "split-block", "malformed", good[:count] + split
    yield "another-fingerprint", "malformed", good[:2] + flipped(good[2:], 0)
    many = [{"rid": number.to_bytes(16, "big"), "wrap": bytes(56)} for number in range(257)]
    yield "257-stanzas", "too_large", encode(record | {"stanzas": many})
    yield "bad-magic", "malformed", encode(record | {"prefix": b"NTG" + record["prefix"][3:]})
    yield "short-prefix", "malformed", encode(record | {"prefix": record["prefix"][:-1]})
    yield "low-order-epk", "unreadable_slip", insider.signed(epk=bytes(32))
    yield "no-body", "unreadable_slip", insider.signed(body=b"")
    yield "unpadded-body", "unreadable_slip", insider.signed(body=record["body"][:-1])
    yield "signed-cut-stanza", "unreadable_slip", insider.signed(stanzas=record["stanzas"][1:])
    slip = flipped(record["slip"], 0)
    yield "signed-broken-slip", "unreadable_slip", insider.signed(slip=slip)


def insiders_deliveries(cast, insider):
    """(name, reason, bytes): well signed by an originator that cheats, or forged by somebody who knows its keys."""
    encode, deliver = codec("Delivery").encode, cast.deliver
    record = codec("Delivery").decode(deliver(insider.data))
    statement = record["statement"]
    other = codec("Delivery").decode(deliver(cast.seal().envelope))["statement"]
    other_key = insider.with_stanza(insider.stanza("DEU/spoc", 1, cek=bytes(range(32))))
    text = insider.body_under(bytes(range(32)), pad(cast.body(b"another text").encode(), 1024))
    yield "renumbered", "not_addressed", encode(record | insider.stanza("DEU/spoc", 2))
    yield "two-content-keys", "cannot_open", deliver(insider.signed(stanzas=other_key, body=text))
    yield "low-order-epk", "cannot_open", deliver(insider.signed(epk=bytes(32)))
    yield "wrong-padding", "cannot_open", deliver(insider.signed(body=insider.body_under(insider.cek, bytes(1024))))
    no_record = insider.body_under(insider.cek, pad(b"no record", 1024))
    yield "no-record-inside", "cannot_open", deliver(insider.signed(body=no_record))
    contradicting = replace(cast.body(), stream=bytes(16))
    yield "body-of-another-stream", "cannot_open", deliver(cast.seal(body=contradicting).envelope)
    yield "statement-of-another-envelope", "bad_statement", encode(record | {"statement": other})
    for name, change in (
        ("statement-flipped-signature", {"signature": flipped(statement["signature"], 0)}),
        ("statement-cut-path", {"path": statement["path"][:-1]}),
        ("statement-other-index", {"index": 1}),
        ("statement-unknown-key", {"key_id": bytes(16)}),
    ):
        yield name, "bad_statement", encode(record | {"statement": statement | change})
    early = cast.deliver(insider.data, accepted_at=insider.cast.header().issued_at - 5 * 60_000 - 1)
    yield "accepted-too-early", "bad_statement", early


def main(folder=HERE / "envelope"):
    tools = load_tools()
    cast = tools.Cast(seed=2396)
    insider = tools.Insider(cast)
    people = {
        "hub_id": cast.hub_id.hex(),
        "hub_secret": cast.hub.secret.hex(),
        "hub_statement_public": cast.hub_signer.public.hex(),
        "originator": "TUR/spoc",
        "originator_public": cast.signer.public.hex(),
        "other": "BGR/spoc",
        "other_public": cast.other.public.hex(),
        "recipients": {name: key.secret.hex() for name, key in cast.recipients.items()},
        "now": 1_795_000_000_010,
    }
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    (folder / "keys.json").write_text(json.dumps(people, indent=1) + "\n")
    for view, vectors in (
        ("hub", (*envelopes(cast), *insiders_envelopes(cast, insider))),
        ("recipient", (*deliveries(cast), *insiders_deliveries(cast, insider))),
    ):
        for name, reason, data in vectors:
            # A record that is too long is told by its length: nothing else about it matters.
            content = {"length": len(data)} if len(data) > ENVELOPE_BYTES else {"bytes": data.hex()}
            document = {"view": view, "class": reason} | content
            (folder / f"{view}-{name}.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
