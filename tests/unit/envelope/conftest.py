"""A small cast for envelopes: an originator, a hub, recipients, all from one seed."""

from __future__ import annotations

import importlib.util
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from notifier.codec.single_object import codec
from notifier.crypto.keys import DecryptionKey, KeyUse, SigningKey
from notifier.crypto.primitives import blake, encrypt, exchange, u64
from notifier.directory.model import Authority, Key
from notifier.envelope import (
    Addressee,
    Body,
    Header,
    Slip,
    Statement,
    check_stanzas,
    delivery,
    open_body,
    open_slip,
    seal,
    sign_statements,
    verify,
    verify_delivery,
)
from notifier.envelope.format import Prefix, signed_form, slip_digest, stanza_hash, transcript
from notifier.rules.facts import Leg, RoutingFacts

NOW = 1_795_000_000_000
NAMES = ("DEU/spoc", "FRA/spoc", "UTO/spoc")


def _key(use, pair):
    return Key(pair.key_id, use, pair.public, NOW - 10**9, NOW + 10**10)


@dataclass
class Cast:
    """Everybody's keys, and the calls that each of them makes."""

    seed: int = 1
    random: random.Random = field(init=False)

    def __post_init__(self):
        self.random = random.Random(self.seed)
        draw = self.random.randbytes
        self.signer = SigningKey.from_secret(draw(32))
        self.other = SigningKey.from_secret(draw(32))
        self.hub = DecryptionKey.from_secret(draw(32))
        self.hub_signer = SigningKey.from_secret(draw(32))
        self.recipients = {name: DecryptionKey.from_secret(draw(32)) for name in NAMES}
        self.hub_id, self.stream, self.envelope_id, self.notification_id = (draw(16) for _ in range(4))
        self.signers = {
            self.signer.key_id: ("TUR/spoc", self.signer),
            self.other.key_id: ("BGR/spoc", self.other),
        }

    def header(self, **change):
        plain = {
            "hub_id": self.hub_id,
            "envelope_id": self.envelope_id,
            "originator": "TUR/spoc",
            "stream": self.stream,
            "issued_at": NOW,
            "expires_at": NOW + 7 * 86_400_000,
        }
        return Header(**(plain | change))

    def slip(self, **change):
        plain = {
            "envelope_id": self.envelope_id,
            "notification_id": self.notification_id,
            "originator": "TUR/spoc",
            "stream": self.stream,
            "number": 1,
            "previous": bytes(32),
            "digest_key": bytes(16),
            "rules_version": 1,
            "directory_version": 1,
            "facts": RoutingFacts("deportation", in_custody=True, legs=(Leg("destination", "DEU"),)),
            "recipients": NAMES,
            "withheld": (),
        }
        return Slip(**(plain | change))

    def body(self, text=b"a notification"):
        return Body(self.envelope_id, self.stream, "TUR/spoc", self.notification_id, "full", text)

    def addressees(self, names=NAMES):
        return [Addressee(self.recipients[name].public, place) for place, name in enumerate(names, 1)]

    def seal(self, **change):
        plain = {
            "header": self.header(),
            "slip": self.slip(),
            "body": self.body(),
            "signer": self.signer,
            "hub_key": self.hub.public,
            "addressees": self.addressees(),
            "entropy": self.random.randbytes,
        } | change
        return seal(plain.pop("header"), plain.pop("slip"), plain.pop("body"), **plain)

    def signer_of(self, key_id):
        if key_id not in self.signers:
            return None
        name, pair = self.signers[key_id]
        key = _key(KeyUse.SIGN, pair)
        return Authority(name, "principal", "feed", (key,), frozenset({"deportation"})), key

    def recipient_of(self, rid):
        for name, pair in self.recipients.items():
            if pair.key_id == rid:
                key = _key(KeyUse.ENCRYPT, pair)
                return Authority(name, "principal", "feed", (key,), frozenset()), key
        return None

    def hub_key_of(self, key_id):
        return _key(KeyUse.SIGN, self.hub_signer) if key_id == self.hub_signer.key_id else None

    def verify(self, data):
        return verify(data, hub_id=self.hub_id, signer=self.signer_of)

    def open_slip(self, data):
        return open_slip(self.verify(data), {self.hub.key_id: self.hub})

    def stanzas(self, data):
        verified = self.verify(data)
        return check_stanzas(verified, open_slip(verified, {self.hub.key_id: self.hub}), self.recipient_of)

    def deliver(self, data, name="DEU/spoc", **change):
        verified = self.verify(data)
        plain = {
            "salt": bytes(16),
            "kind": "delivery",
            "digest": verified.digest,
            "audience": name,
            "outcome": "accepted",
            "reason": None,
            "accepted_at": NOW + 5,
            "rules_version": 1,
            "directory_version": 1,
        } | change
        (signed,) = sign_statements(
            [Statement(**plain)], hub_id=self.hub_id, key=self.hub_signer, entropy=self.random.randbytes
        )
        return delivery(verified, self.recipients[name].key_id, signed)

    def verify_delivery(self, data, name="DEU/spoc", now=NOW + 10):
        return verify_delivery(
            data,
            hub_id=self.hub_id,
            signer=self.signer_of,
            hub_signer=self.hub_key_of,
            audience=name,
            now=now,
        )

    def open(self, data, name="DEU/spoc"):
        key = self.recipients[name]
        return open_body(self.verify_delivery(data, name), {key.key_id: key})


class Insider:
    """An originator that keeps its ephemeral secret and content key, and can so forge every part and sign it."""

    def __init__(self, cast, names=NAMES):
        self.cast = cast
        drawn = random.Random(11)
        slip, body = cast.slip(recipients=tuple(names)), cast.body() if names else None
        self.data = cast.seal(
            slip=slip, body=body, addressees=cast.addressees(names), entropy=drawn.randbytes
        ).envelope
        self.record = codec("Envelope").decode(self.data)
        self.hh = Prefix.parse(self.record["prefix"]).hh
        again = random.Random(11)
        self.esk, self.cek = self._keys(slip, body, names, again.randbytes(32), again.randbytes(32))

    def _keys(self, slip, body, names, first, second):
        slip_text, body_text = slip.encode(), body.encode() if body is not None else b""
        rids = b"".join(self.cast.recipients[name].key_id + u64(place) for place, name in enumerate(names, 1))
        lengths = [len(text).to_bytes(4, "big") for text in (slip_text, body_text)]
        text = self.record["prefix"] + lengths[0] + slip_text + lengths[1] + body_text + rids
        hedge = blake(b"ntf1/hedge", text)
        return blake(b"ntf1/h-esk", hedge, key=second), blake(b"ntf1/h-cek", hedge, key=first)

    def stanza(self, name, sequence=1, cek=None):
        """Return a stanza for any recipient, with any content key and number."""
        key = self.cast.recipients[name]
        kek = blake(b"ntf1/wrap", self.hh + self.record["epk"] + key.public, key=exchange(self.esk, key.public))
        aad = self.hh + key.key_id + self.record["commit"]
        return {"rid": key.key_id, "wrap": encrypt(kek, aad, (cek or self.cek) + u64(sequence))}

    def with_stanza(self, stanza):
        """Return the signed list with one stanza replaced."""
        return [stanza if one["rid"] == stanza["rid"] else one for one in self.record["stanzas"]]

    def body_under(self, cek, text):
        """`text` sealed as a body to a content key of choice."""
        aad = self.hh + self.record["epk"] + self.record["commit"]
        return encrypt(blake(b"ntf1/body", self.hh, key=cek), aad, text)

    def signed(self, **change):
        """Return the envelope with parts replaced, signed by its originator."""
        record = self.record | change
        hashes = [stanza_hash(self.hh, one["rid"], one["wrap"]) for one in record["stanzas"]]
        sealed_slip = slip_digest(record["hid"], record["slip"])
        head = (record["prefix"], record["epk"], record["commit"])
        text = transcript(*head, sealed_slip, hashes, record["body"])
        return codec("Envelope").encode(record | {"signature": self.cast.signer.sign(signed_form(text))})


@pytest.fixture
def cast():
    return Cast()


@pytest.fixture
def make_cast():
    return Cast


@pytest.fixture
def insider(cast):
    return Insider(cast)


@pytest.fixture
def insider_without_recipients(cast):
    return Insider(cast, ())


@pytest.fixture(scope="session")
def reference():
    """Return the independent transcription of the document."""
    path = Path(__file__).with_name("support_reference.py")
    spec = importlib.util.spec_from_file_location("support_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
