"""Writes tests/vectors/envelope/*.json: `python tests/vectors/generate_envelope.py`. Deterministic.

Each vector is one envelope or delivery with everything that is needed to judge it, shows one failure, and names
its class; `accepted` vectors show what must be read. Bytes are in hex.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

from notifier.codec import codec
from notifier.envelope import DecryptionKey

HERE = Path(__file__).parent
CONFTEST = HERE.parent / "unit" / "envelope" / "conftest.py"


def load_cast():
    spec = importlib.util.spec_from_file_location("envelope_cast", CONFTEST)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module.Cast(seed=2396)


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


def main():
    cast = load_cast()
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
    folder = HERE / "envelope"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    (folder / "keys.json").write_text(json.dumps(people, indent=1) + "\n")
    for view, vectors in (("hub", envelopes(cast)), ("recipient", deliveries(cast))):
        for name, reason, data in vectors:
            # A record that is only too long is told by its length: nothing else about it matters.
            content = {"length": len(data)} if reason == "too_large" else {"bytes": data.hex()}
            document = {"view": view, "class": reason} | content
            (folder / f"{view}-{name}.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
