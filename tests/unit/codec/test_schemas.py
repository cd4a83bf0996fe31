"""The schemas: documented field by field, pinned, and compatible both ways with every version before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from notifier.codec.single_object import Codec, codec, fingerprint_in
from notifier.envelope import Statement
from notifier.envelope.format import Slip
from notifier.notification import decode, to_json
from notifier.shipped import schemas_folder
from unit.envelope.test_vectors import judge

FOLDER = schemas_folder()
NAMES = sorted(path.stem for path in FOLDER.glob("*.avsc"))
PINNED = sorted((FOLDER / "history").glob("*.avsc"))
WRITTEN = Path(__file__).parents[2] / "vectors" / "schemas"
"""What earlier versions of this software wrote, byte by byte: kept as it was, and never generated anew."""
PROMOTED = {"int": {"int", "long"}, "long": {"long"}, "string": {"string", "bytes"}, "bytes": {"bytes", "string"}}


def load(path):
    return json.loads(Path(path).read_text())


def named(schema, found):
    """Return every named type of a schema, by name."""
    if isinstance(schema, list):
        for one in schema:
            named(one, found)
    elif isinstance(schema, dict):
        if "name" in schema:
            found[schema["name"]] = schema
        for field in schema.get("fields", ()):
            named(field["type"], found)
        if "items" in schema:
            named(schema["items"], found)
    return found


def faults(reader, writer, readers, writers, where="/"):
    """Why `reader` cannot read everything that `writer` writes (Avro specification, "Schema Resolution")."""
    reader = readers.get(reader, reader) if isinstance(reader, str) else reader
    writer = writers.get(writer, writer) if isinstance(writer, str) else writer
    if isinstance(writer, list):
        for arm in writer:
            yield from faults(reader, arm, readers, writers, where)
        return
    if isinstance(reader, list):
        if not any(not list(faults(arm, writer, readers, writers, where)) for arm in reader):
            yield f"{where}: no arm of the union fits"
        return
    kinds = [one["type"] if isinstance(one, dict) else one for one in (reader, writer)]
    if kinds[0] not in PROMOTED.get(kinds[1], {kinds[1]}):
        yield f"{where}: {kinds[1]} became {kinds[0]}"
    elif kinds[0] == "record":
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            inner = f"{where}{field['name']}/"
            if field["name"] in written:
                yield from faults(field["type"], written[field["name"]]["type"], readers, writers, inner)
            elif "default" not in field:
                yield f"{inner}: is new and has no default"
    elif kinds[0] == "array":
        yield from faults(reader["items"], writer["items"], readers, writers, where + "items/")
    elif kinds[0] == "enum" and set(writer["symbols"]) - set(reader["symbols"]) and "default" not in reader:
        yield f"{where}: symbols that the reader lacks"
    elif kinds[0] == "fixed" and reader["size"] != writer["size"]:
        yield f"{where}: another size"


def compare(reader, writer):
    return list(faults(reader, writer, named(reader, {}), named(writer, {})))


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.stem)
def test_old_reads_new_and_new_reads_old(path):
    """Every published schema can be read, and can read today's records."""
    current = load(FOLDER / f"{path.stem.rpartition('-')[0]}.avsc")
    assert compare(current, load(path)) == []
    assert compare(load(path), current) == []


def written_by(version):
    """(name, bytes, what was meant) of each record that was written by this version of a schema."""
    fingerprint = Codec(load(FOLDER / "history" / f"{version}.avsc")).fingerprint
    for one in load(WRITTEN / f"{version}.json"):
        data = bytes.fromhex(one["bytes"])
        assert fingerprint_in(data) == fingerprint, one["name"]
        yield one["name"], data, one.get("reads_as")


def test_every_version_before_the_current_has_bytes_that_it_wrote():
    """Or nobody would notice that they are read no more."""
    for path in PINNED:
        name = path.stem.rpartition("-")[0]
        superseded = Codec(load(path)).fingerprint != Codec(load(FOLDER / f"{name}.avsc")).fingerprint
        assert not superseded or (WRITTEN / f"{path.stem}.json").exists(), path.stem


@pytest.mark.parametrize("version", ["Notification-1", "Notification-2", "Notification-3"])
def test_a_notification_that_an_earlier_version_wrote_is_read_as_it_was_meant(version):
    """Every example of its day; `not_to` too, which leaves no more."""
    found = {name: (to_json(decode(data), local=False), meant) for name, data, meant in written_by(version)}
    assert found
    for name, (read, meant) in found.items():
        assert read == meant, name
    if version == "Notification-1":
        assert found["deportation-not-to"][0]["handling"]["not_to"] == ["BGR"]


def test_a_slip_that_an_earlier_version_wrote_is_read_as_it_was_meant():
    """Facts and names; what came later is not there."""
    for name, data, meant in written_by("Slip-1"):
        slip = Slip.decode(data)
        facts = slip.facts
        assert (slip.number, [*slip.recipients], [*slip.withheld]) == (
            meant["number"],
            meant["recipients"],
            meant["withheld"],
        ), name
        assert (slip.act, facts.of) == (None, None)
        assert meant["facts"] == {
            "type": facts.type,
            "in_custody": facts.in_custody,
            "interpol": facts.interpol,
            "corridor": list(facts.corridor) if facts.corridor else None,
            "legs": [[leg.rule, leg.state] for leg in facts.legs],
        }


def test_an_envelope_that_an_earlier_version_sealed_is_accepted_by_the_hub():
    """Whole: signature, stanzas, and a slip of its day inside."""
    for name, data, _ in written_by("Envelope-1"):
        assert judge("hub", data) == "accepted", name


@pytest.mark.parametrize("name", NAMES)
def test_the_current_schema_is_pinned(name):
    """A change of a schema is a new version in history, or it would break who has the one before."""
    fingerprints = [Codec(load(path)).fingerprint for path in PINNED if path.stem.rpartition("-")[0] == name]
    assert Codec(load(FOLDER / f"{name}.avsc")).fingerprint in fingerprints


@pytest.mark.parametrize("name", NAMES)
def test_every_field_says_what_it_means(name):
    """Records and their fields carry documentation."""
    for one in named(load(FOLDER / f"{name}.avsc"), {}).values():
        if one["type"] == "record":
            assert one.get("doc"), one["name"]
            assert [field["name"] for field in one["fields"] if not field.get("doc")] == []


def test_the_comparison_finds_what_it_is_for():
    """A mandatory field more, a type changed, a symbol gone: each is a fault."""
    before = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}

    def after(*fields):
        return {"type": "record", "name": "R", "fields": list(fields)}

    a, b = {"name": "a", "type": "long"}, {"name": "b", "type": "string"}
    assert compare(after(a, b | {"default": ""}), before) == []
    assert compare(after(a, b), before) == ["/b/: is new and has no default"]
    assert compare(after({"name": "a", "type": "string"}), before) == ["/a/: long became string"]
    assert compare({"type": "fixed", "name": "F", "size": 2}, {"type": "fixed", "name": "F", "size": 3})
    wide = {"type": "enum", "name": "E", "symbols": ["a", "b"]}
    assert compare(wide | {"symbols": ["a"]}, wide)
    assert compare(wide | {"symbols": ["a"], "default": "a"}, wide) == []


def test_a_statement_that_an_earlier_version_made_is_read_as_it_was_meant():
    """It names no signer."""
    for name, data, meant in written_by("Statement-1"):
        found = Statement.decode(data)._asdict()
        assert found.pop("signer") is None, name
        assert {key: value.hex() if isinstance(value, bytes) else value for key, value in found.items()} == meant, (
            name
        )


def test_a_stream_s_state_that_an_earlier_version_wrote_is_read_as_it_was_meant():
    """Its only signer is not known, so that nobody drops it."""
    for name, data, meant in written_by("StreamState-1"):
        found = codec("StreamState").decode(data)
        assert (found.pop("signer"), found.pop("dropped")) == (None, False), name
        assert {key: value.hex() if isinstance(value, bytes) else value for key, value in found.items()} == meant, (
            name
        )


def in_hex(record):
    """Return the record with its bytes in hex, as JSON holds them."""
    return {key: value.hex() if isinstance(value, bytes) else value for key, value in record.items()}
