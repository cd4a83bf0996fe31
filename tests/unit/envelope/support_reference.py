"""docs/reference/envelope.md, "Sealing" and "Opening", line by line: a second implementation, from the page alone.

It shares no code with the product: libsodium's BLAKE2b, its own Avro writer, its own order of steps. Slow and
literal on purpose.
"""

import hashlib
import json
import struct
from pathlib import Path

from nacl import bindings

SCHEMAS = Path(__file__).parents[3] / "schemas" / "avro"


def B(person, data, key=b"", size=32):  # noqa: N802 - the document's name
    return bindings.crypto_generichash_blake2b_salt_personal(data, size, key, b"", person)


def AE(key, aad, text):  # noqa: N802
    return bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(text, aad, bytes(24), key)


def pad(text, step):
    """ISO/IEC 7816-4: 0x80, then zeros to a multiple of the step."""
    text += b"\x80"
    return text + bytes(-len(text) % step)


def pae(kind, payload):
    return b"DSSEv1 " + str(len(kind)).encode() + b" " + kind + b" " + str(len(payload)).encode() + b" " + payload


def zigzag(number):
    value = (number << 1) ^ (number >> 63)
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def avro(schema, value, names):
    """Return the binary form of `value` (Avro specification, "Binary Encoding")."""
    if isinstance(schema, dict) and schema["type"] in ("record", "enum", "fixed"):
        names[schema["name"]] = schema
    if isinstance(schema, str) and schema in names:
        schema = names[schema]
    if isinstance(schema, list):
        place = schema.index("null") if value is None else next(n for n, one in enumerate(schema) if one != "null")
        return zigzag(place) + (b"" if value is None else avro(schema[place], value, names))
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "record":
        return b"".join(avro(field["type"], value[field["name"]], names) for field in schema["fields"])
    if kind == "array":
        items = b"".join(avro(schema["items"], item, names) for item in value)
        return (zigzag(len(value)) + items if value else b"") + b"\x00"
    if kind == "enum":
        return zigzag(schema["symbols"].index(value))
    if kind == "fixed":
        return value
    if kind == "boolean":
        return b"\x01" if value else b"\x00"
    if kind in ("int", "long"):
        return zigzag(value)
    raw = value.encode() if kind == "string" else value
    return zigzag(len(raw)) + raw


def canonical(schema, space="notifier.v1"):
    """Parsing Canonical Form (Avro specification): full names, no docs, defaults or namespaces."""
    if isinstance(schema, str):
        plain = {"null", "boolean", "int", "long", "string", "bytes"}
        return json.dumps(schema if schema in plain else f"{space}.{schema}")
    if isinstance(schema, list):
        return "[" + ",".join(canonical(one, space) for one in schema) + "]"
    kind = schema["type"]
    if kind == "array":
        return '{"type":"array","items":' + canonical(schema["items"], space) + "}"
    head = f'{{"name":"{space}.{schema["name"]}","type":"{kind}"'
    if kind == "record":
        fields = ",".join(
            f'{{"name":"{field["name"]}","type":{canonical(field["type"], space)}}}' for field in schema["fields"]
        )
        return head + f',"fields":[{fields}]}}'
    if kind == "enum":
        return head + ',"symbols":[' + ",".join(f'"{one}"' for one in schema["symbols"]) + "]}"
    return head + f',"size":{schema["size"]}}}'


def crc64(text):
    """CRC-64-AVRO (Rabin fingerprint), little-endian."""
    empty = 0xC15D213AA4D7A795
    table = []
    for number in range(256):
        value = number
        for _ in range(8):
            value = (value >> 1) ^ (empty & -(value & 1))
        table.append(value)
    result = empty
    for byte in text.encode():
        result = (result >> 8) ^ table[(result ^ byte) & 0xFF]
    return struct.pack("<Q", result)


def single_object(name, value):
    schema = json.loads((SCHEMAS / f"{name}.avsc").read_text())
    return b"\xc3\x01" + crc64(canonical(schema)) + avro(schema, value, {})


def seal(header, slip, body, seed, hub_pk, recipients, entropy):
    """Seal as the document says, from plain values; return (envelope, digest)."""
    signer_pk, signer_sk = bindings.crypto_sign_seed_keypair(seed)
    head = single_object("Header", header)
    prefix = b"NTF" + b"\x01" + B(b"ntf1/kid/sig", signer_pk, size=16) + struct.pack(">I", len(head)) + head
    hh = B(b"ntf1/header", prefix)
    slip = single_object("Slip", slip)
    body = single_object("Body", body) if body is not None else b""
    rids = [B(b"ntf1/kid/enc", public, size=16) for public, _ in recipients]
    numbered = b"".join(rid + struct.pack(">Q", seq) for rid, (_, seq) in zip(rids, recipients, strict=True))
    sealed = prefix + struct.pack(">I", len(slip)) + slip + struct.pack(">I", len(body)) + body + numbered
    m = B(b"ntf1/hedge", sealed)
    cek = B(b"ntf1/h-cek", m, key=entropy(32))
    esk = B(b"ntf1/h-esk", m, key=entropy(32))
    commit = B(b"ntf1/commit", hh, key=cek)
    epk = bindings.crypto_scalarmult_base(esk)
    stanzas = []
    for rid, (public, seq) in zip(rids, recipients, strict=True):
        kek = B(b"ntf1/wrap", hh + epk + public, key=bindings.crypto_scalarmult(esk, public))
        stanzas.append((rid, AE(kek, hh + rid + commit, cek + struct.pack(">Q", seq))))
    hid = B(b"ntf1/kid/enc", hub_pk, size=16)
    kek = B(b"ntf1/slip", hh + epk + hub_pk, key=bindings.crypto_scalarmult(esk, hub_pk))
    slip = AE(kek, hh + hid + commit, pad(slip, 256))
    total = 8
    while total < len(stanzas):
        total *= 2
    while len(stanzas) < total:
        stanzas.append((entropy(16), entropy(56)))
    stanzas.sort()
    if recipients:
        body = AE(B(b"ntf1/body", hh, key=cek), hh + epk + commit, pad(body, 1024))
    hashes = [B(b"ntf1/stanza", hh + rid + wrap) for rid, wrap in stanzas]
    transcript = (
        prefix
        + epk
        + commit
        + B(b"ntf1/d-slip", hid + slip)
        + B(b"ntf1/d-list", b"".join(hashes))
        + B(b"ntf1/d-body", body)
    )
    signature = bindings.crypto_sign(pae(b"application/vnd.notifier.envelope.v1", transcript), signer_sk)[:64]
    envelope = {
        "prefix": prefix,
        "epk": epk,
        "commit": commit,
        "hid": hid,
        "slip": slip,
        "stanzas": [{"rid": rid, "wrap": wrap} for rid, wrap in stanzas],
        "body": body,
        "signature": signature,
    }
    return single_object("Envelope", envelope), B(b"ntf1/digest", transcript + signature)


class Refused(Exception):
    """An input that the document refuses."""


def must(truth):
    if not truth:
        raise Refused


def unpad(text, step):
    must(text and len(text) % step == 0)
    stripped = text.rstrip(b"\x00")
    must(stripped.endswith(b"\x80") and len(text) - len(stripped) < step)
    return stripped[:-1]


class Reader:
    """Reads one record off its bytes (Avro specification, "Binary Encoding")."""

    def __init__(self, data):
        self.data = data
        self.names = {}

    def take(self, count):
        must(0 <= count <= len(self.data))
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self):
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)

    def array(self, items):
        found = []
        while count := self.number():
            must(count > 0)
            found += [self.value(items) for _ in range(count)]
        return found

    def value(self, schema):
        if isinstance(schema, dict) and schema["type"] in ("record", "enum", "fixed"):
            self.names[schema["name"]] = schema
        if isinstance(schema, str) and schema in self.names:
            schema = self.names[schema]
        if isinstance(schema, list):
            return self.value(schema[self.number()])
        kind = schema["type"] if isinstance(schema, dict) else schema
        if kind == "record":
            return {field["name"]: self.value(field["type"]) for field in schema["fields"]}
        if kind == "array":
            return self.array(schema["items"])
        if kind == "null":
            return None
        if kind == "boolean":
            return self.take(1) == b"\x01"
        if kind in ("int", "long"):
            return self.number()
        if kind == "enum":
            return schema["symbols"][self.number()]
        raw = self.take(schema["size"] if kind == "fixed" else self.number())
        return raw.decode() if kind == "string" else raw


def read(name, data):
    """Return the record in `data`: pinned fingerprint, no trailing byte, identical when encoded again."""
    schema = json.loads((SCHEMAS / f"{name}.avsc").read_text())
    must(data[:10] == b"\xc3\x01" + crc64(canonical(schema)))
    reader = Reader(data[10:])
    value = reader.value(schema)
    must(reader.data == b"" and single_object(name, value) == data)
    return value


def checked(record, d_slip, hashes, signer_pk, hub_id):
    """Suite, hub, signer, signature; returns (header, hh, digest)."""
    prefix = record["prefix"]
    must(prefix[:4] == b"NTF\x01" and len(prefix) == 24 + struct.unpack(">I", prefix[20:24])[0])
    header = read("Header", prefix[24:])
    must(header["hub_id"] == hub_id)
    must(prefix[4:20] == B(b"ntf1/kid/sig", signer_pk, size=16))
    d_list, d_body = B(b"ntf1/d-list", b"".join(hashes)), B(b"ntf1/d-body", record["body"])
    transcript = prefix + record["epk"] + record["commit"] + d_slip + d_list + d_body
    signed = pae(b"application/vnd.notifier.envelope.v1", transcript)
    bindings.crypto_sign_open(record["signature"] + signed, signer_pk)
    return header, B(b"ntf1/header", prefix), B(b"ntf1/digest", transcript + record["signature"])


def AD(key, aad, sealed):  # noqa: N802
    return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, aad, bytes(24), key)


def open_slip(envelope, hub_id, signer_pk, hub_sk):
    """Return the hub's view: (slip, the rids in their order, digest)."""
    must(len(envelope) <= 256 * 1024)
    record = read("Envelope", envelope)
    prefix, epk, commit, hid = record["prefix"], record["epk"], record["commit"], record["hid"]
    stanzas = [(one["rid"], one["wrap"]) for one in record["stanzas"]]
    rids = [rid for rid, _ in stanzas]
    must(rids == sorted(set(rids)))
    hh = B(b"ntf1/header", prefix)
    hashes = [B(b"ntf1/stanza", hh + rid + wrap) for rid, wrap in stanzas]
    header, hh, digest = checked(record, B(b"ntf1/d-slip", hid + record["slip"]), hashes, signer_pk, hub_id)
    hub_pk = bindings.crypto_scalarmult_base(hub_sk)
    must(hid == B(b"ntf1/kid/enc", hub_pk, size=16))
    kek = B(b"ntf1/slip", hh + epk + hub_pk, key=bindings.crypto_scalarmult(hub_sk, epk))
    slip = read("Slip", unpad(AD(kek, hh + hid + commit, record["slip"]), 256))
    must(all(slip[name] == header[name] for name in ("envelope_id", "originator", "stream")))
    return slip, rids, digest


def root_of(leaf, index, size, path):
    """RFC 9162, 2.1.3.2, for a tree whose size is a power of two."""
    must(size == 2 ** len(path) and 0 <= index < size)
    for sibling in path:
        pair = sibling + leaf if index & 1 else leaf + sibling
        leaf = hashlib.sha256(b"\x01" + pair).digest()
        index >>= 1
    return leaf


def open_delivery(delivery, hub_id, signer_pk, hub_signer_pk, audience, now, sk):
    """Return a recipient's view: (body, its sequence number, the hub's statement)."""
    must(len(delivery) <= 256 * 1024)
    record = read("Delivery", delivery)
    epk, commit, rid, wrap = record["epk"], record["commit"], record["rid"], record["wrap"]
    header, hh, digest = checked(record, record["slip_digest"], record["list"], signer_pk, hub_id)
    signed = record["statement"]
    leaf = hashlib.sha256(b"\x00" + signed["statement"]).digest()
    root = root_of(leaf, signed["index"], signed["size"], signed["path"])
    said = pae(b"application/vnd.notifier.hub.v1", hub_id + struct.pack(">Q", signed["size"]) + root)
    must(signed["key_id"] == B(b"ntf1/kid/sig", hub_signer_pk, size=16))
    bindings.crypto_sign_open(signed["signature"] + said, hub_signer_pk)
    statement = read("Statement", signed["statement"])
    must((statement["kind"], statement["outcome"]) == ("delivery", "accepted"))
    must((statement["digest"], statement["audience"]) == (digest, audience))
    minutes = 5 * 60 * 1000
    latest = min(header["expires_at"], now + minutes)
    must(header["issued_at"] - minutes <= statement["accepted_at"] <= latest)
    must(B(b"ntf1/stanza", hh + rid + wrap) in record["list"])
    pk = bindings.crypto_scalarmult_base(sk)
    must(rid == B(b"ntf1/kid/enc", pk, size=16))
    kek = B(b"ntf1/wrap", hh + epk + pk, key=bindings.crypto_scalarmult(sk, epk))
    text = AD(kek, hh + rid + commit, wrap)
    cek, seq = text[:32], struct.unpack(">Q", text[32:])[0]
    must(B(b"ntf1/commit", hh, key=cek) == commit)
    body = read("Body", unpad(AD(B(b"ntf1/body", hh, key=cek), hh + epk + commit, record["body"]), 1024))
    must(all(body[name] == header[name] for name in ("envelope_id", "originator", "stream")))
    return body, seq, statement
