"""docs/envelope.md, "Sealing", written down line by line: another implementation, made from the document alone.

It shares no code with the product: libsodium's BLAKE2b, its own Avro writer, its own order of steps. Slow and
literal on purpose.
"""

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
    """The binary form of `value` (Avro specification, "Binary Encoding")."""
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
    """Seals as the document says; all inputs are plain values; returns (envelope, digest)."""
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
