"""The compiled writers and readers against fastavro, which reads all of Avro: the second opinion."""

from __future__ import annotations

import io
import json
from functools import cache
from types import SimpleNamespace

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.codec.single_object import codec
from notifier.codec.strict_avro import compiled, number, read_number
from notifier.shipped import schemas_folder

NAMES = sorted(path.stem for path in schemas_folder().glob("*.avsc"))
INTEGERS = {"int": st.integers(-(2**31), 2**31 - 1), "long": st.integers(-(2**63), 2**63 - 1)}


@cache
def records(name):
    """Return a strategy for all values that the schema `name` allows."""
    types = {}

    def values(schema):
        if isinstance(schema, list):
            return st.none() | values(schema[1])
        if isinstance(schema, str):
            plain = INTEGERS | {
                "boolean": st.booleans(),
                "bytes": st.binary(max_size=200),
                "string": st.text(max_size=9),
            }
            return plain[schema] if schema in plain else values(types[schema])
        types[schema.get("name")] = schema
        match schema["type"]:
            case "record":
                return st.fixed_dictionaries({one["name"]: values(one["type"]) for one in schema["fields"]})
            case "array":
                return st.lists(values(schema["items"]), max_size=4)
            case "fixed":
                return st.binary(min_size=schema["size"], max_size=schema["size"])
            case "enum":
                return st.sampled_from(schema["symbols"])
            case kind:
                return values(kind)

    return values(json.loads((schemas_folder() / f"{name}.avsc").read_text()))


def second(name, record):
    """Return the binary form that fastavro writes."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, codec(name).schema, record, strict=True)
    return out.getvalue()


def objects(value):
    """Return the record as objects with attributes."""
    if isinstance(value, dict):
        return SimpleNamespace(**{name: objects(inner) for name, inner in value.items()})
    return [objects(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_both_write_the_same_and_read_it_back(name, data):
    """For every schema of the formats, whatever it allows; dictionaries and objects alike."""
    record = data.draw(records(name))
    encoded = codec(name).encode(record)
    assert encoded[10:] == second(name, record)
    assert codec(name).encode_object(objects(record)) == encoded
    assert codec(name).decode(encoded) == record


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50, deadline=None)
@given(st.data())
def test_whatever_is_read_is_what_fastavro_would_have_written(name, data):
    """A record with a byte changed, put in or taken out: refused, unless it is another record's one form."""
    good = second(name, data.draw(records(name)))
    at, byte = data.draw(st.integers(0, len(good))), data.draw(st.binary(max_size=2))
    changed = good[:at] + byte + good[at + data.draw(st.integers(0, 2)) :]
    read = compiled(json.loads((schemas_folder() / f"{name}.avsc").read_text()), b"")[2]
    source = io.BytesIO(changed)
    try:
        theirs = fastavro.schemaless_reader(source, codec(name).schema, None)
        canonical = second(name, theirs) == changed
    except Exception:
        canonical = False
    try:
        ours = read(changed, 0)
    except (ValueError, LookupError):
        # An int of more than 32 bits is the one thing that fastavro lets pass.
        assert not canonical or wide(theirs, codec(name).schema)
    else:
        assert canonical
        assert ours == theirs


def wide(value, schema):
    """Return whether it holds an int of more than 32 bits."""
    if isinstance(schema, list):
        return value is not None and wide(value, schema[1])
    if isinstance(schema, dict) and schema["type"] == "record":
        return any(wide(value[one["name"]], one["type"]) for one in schema["fields"])
    kind = schema["type"] if isinstance(schema, dict) else schema
    return kind == "int" and not -(2**31) <= value < 2**31


@pytest.mark.parametrize("bits", [32, 64])
def test_numbers_at_their_edges(bits):
    """Every length of a varint, and the last number that fits: the next is refused, and so is a longer form."""
    for edge in (*(1 << shift for shift in range(bits - 1)), (1 << bits - 1) - 1, 0):
        for value in (edge, -edge, ~edge):
            encoded = number(value, bits)
            assert read_number(encoded + b"\x7f", 0, bits) == (value, len(encoded))
            with pytest.raises(ValueError, match="out of range"):
                read_number(encoded[:-1] + bytes((encoded[-1] | 128, 0)), 0, bits)
    for beyond in (1 << bits - 1, ~(1 << bits - 1)):
        with pytest.raises(ValueError, match="out of range"):
            number(beyond, bits)
    for beyond in (number(1 << bits, bits + 8), b"\xff" * 10 + b"\x01"):
        with pytest.raises(ValueError, match="out of range"):
            read_number(beyond, 0, bits)


@pytest.mark.parametrize("value", ["seven", 1.0, None, b"7", [7]])
def test_what_is_no_whole_number_is_no_number(value):
    """Also where an equal number was written before: 1.0 is not 1."""
    number(1)
    with pytest.raises(TypeError):
        number(value)


def test_a_union_of_more_than_two_is_not_ours():
    """Its form would depend on the order in which the arms are tried."""
    wide = {"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "int", "string"]}]}
    with pytest.raises(ValueError, match="union"):
        compiled(wide, b"")
