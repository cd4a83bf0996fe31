"""The committed vectors: each shows one failure, and names its class."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from notifier.crypto.keys import DecryptionKey, KeyUse, key_id
from notifier.directory.model import Authority, Key
from notifier.envelope import check_stanzas, open_body, open_slip, verify, verify_delivery
from notifier.errors import EnvelopeError

FOLDER = Path(__file__).parents[2] / "vectors" / "envelope"
KEYS = json.loads((FOLDER / "keys.json").read_text())
VECTORS = sorted(path for path in FOLDER.glob("*.json") if path.stem != "keys")


def key(use, public):
    return Key(key_id(use, public), use, public, 0, 2**60)


def directory():
    """Return signers and recipients by key id, from the public halves alone."""
    found = {}
    for name in ("originator", "other"):
        one = key(KeyUse.SIGN, bytes.fromhex(KEYS[f"{name}_public"]))
        found[one.key_id] = (Authority(KEYS[name], "p", "f", (one,), frozenset()), one)
    for name, secret in KEYS["recipients"].items():
        one = key(KeyUse.ENCRYPT, DecryptionKey.from_secret(bytes.fromhex(secret)).public)
        found[one.key_id] = (Authority(name, "p", "f", (one,), frozenset()), one)
    return found


def judge(view, data):
    """Return the class that this implementation gives."""
    known, hub_id = directory(), bytes.fromhex(KEYS["hub_id"])
    hub = DecryptionKey.from_secret(bytes.fromhex(KEYS["hub_secret"]))
    statement = key(KeyUse.SIGN, bytes.fromhex(KEYS["hub_statement_public"]))
    try:
        if view == "hub":
            envelope = verify(data, hub_id=hub_id, signer=known.get)
            check_stanzas(envelope, open_slip(envelope, {hub.key_id: hub}), known.get)
        else:
            mine = DecryptionKey.from_secret(bytes.fromhex(KEYS["recipients"]["DEU/spoc"]))
            delivery = verify_delivery(
                data,
                hub_id=hub_id,
                signer=known.get,
                hub_signer={statement.key_id: statement}.get,
                audience="DEU/spoc",
                now=KEYS["now"],
            )
            open_body(delivery, {mine.key_id: mine})
    except EnvelopeError as error:
        return error.reason
    return "accepted"


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_a_vector_has_its_class(path):
    """The result is the one in the file."""
    vector = json.loads(path.read_text())
    data = bytes.fromhex(vector["bytes"]) if "bytes" in vector else bytes(vector["length"])
    assert judge(vector["view"], data) == vector["class"]


def test_the_committed_vectors_are_what_the_generator_writes(tmp_path):
    """A format that changes by mistake changes these bytes."""
    spec = importlib.util.spec_from_file_location("generate_envelope", FOLDER.parent / "generate_envelope.py")
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    generator.main(tmp_path)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_text() for path in FOLDER.iterdir()}


def test_both_views_have_an_accepted_vector():
    """A judge that refused everything would not pass."""
    accepted = {json.loads(path.read_text())["view"] for path in VECTORS if path.stem.endswith("accepted")}
    assert accepted == {"hub", "recipient"}
