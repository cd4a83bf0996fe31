"""The canary's search can fail: planted in every kind of place and in every form, it is found."""

from __future__ import annotations

import base64
import gzip
import json
import os
import secrets
import sqlite3
import subprocess
import sys
import unicodedata
import zipfile
from contextlib import closing
from urllib.parse import quote

import cramjam
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from notifier.outbox.key_separation import OutboxCipher
from support.canary import Canary, files, processes
from support.opened import opened

NAME = "Zyxwvutsrq Cañarybird"
CANARY = Canary((NAME, "QZ7CANARY"), ("TUV",), (b"\x00\x06TUV\x02",))
CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}

FORMS = {
    "utf-8": NAME.encode(),
    "small": NAME.lower().encode(),
    "capital": NAME.upper().encode(),
    "decomposed": unicodedata.normalize("NFD", NAME).encode(),
    "utf-16": NAME.encode("utf-16"),
    "small, utf-16, big-endian": NAME.lower().encode("utf-16-be"),
    "capital, base64": base64.b64encode(NAME.upper().encode()),
    "base64": base64.b64encode(f"{NAME}".encode()),
    "base64 in the middle": base64.b64encode(f"x{NAME} was seen".encode()),
    "base64 in the middle, further on": base64.b64encode(f"xy{NAME} was seen".encode()),
    "base64 for addresses": base64.urlsafe_b64encode(f"a?>{NAME}".encode()),
    "hex": NAME.encode().hex().encode(),
    "HEX": NAME.encode().hex().upper().encode(),
    "percent": quote(NAME).encode(),
    "percent, all of it": "".join(f"%{byte:02X}" for byte in NAME.encode()).encode(),
    "json": json.dumps({"name": NAME}).encode(),
    "json, all of it": "".join(f"\\u{ord(letter):04x}" for letter in NAME).encode(),
    "python": repr(NAME.encode()).encode(),
    "log": NAME.encode("unicode_escape"),
    "number": b"passport QZ7CANARY",
    "nationality in text": b'{"state": "TUV"}',
    "feed's name": b"topic notifier.feed.TUV.spoc.v1",
    "nationality in Avro": bytes(50) + b"\x00\x06TUV\x02" + b"\xff" * 50,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found(tmp_path, form):
    """In the middle of a file."""
    (tmp_path / "file").write_bytes(b"before\n" + FORMS[form] + b"\nafter")
    assert CANARY.places(files(tmp_path)) == ["file"]


def batch(codec, *, key=None, value=b"", headers=()):
    """Return a segment with a foreign batch before ours, as the client library writes it."""
    segment = b""
    for kind, record in ((0, (None, b"harmless", [])), (codec, (key, value, list(headers)))):
        builder = DefaultRecordBatchBuilder(2, kind, 0, 0, 0, 0, 1 << 20)
        for offset in range(50):  # enough of it that packing pays: a small batch stays as it is
            builder.append(offset, 0, *record)
        segment += bytes(builder.build())
    return segment


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("part", ["key", "value", "headers"])
def test_a_compressed_batch_is_unpacked(tmp_path, codec, part):
    """Every codec is unpacked: key, value and headers."""
    planted = [("name", NAME.encode())] if part == "headers" else NAME.encode()
    segment = batch(CODECS[codec], **{part: planted})
    assert segment.count(NAME.encode()) <= 1, "it is compressed indeed"
    (tmp_path / "00000000000000000000.log").write_bytes(segment + bytes(100))
    assert CANARY.places(files(tmp_path)) == ["00000000000000000000.log"]


def test_a_compressed_file_is_unpacked(tmp_path):
    """A log rotation or a heap dump may leave one."""
    text = f"{NAME} " * 50
    (tmp_path / "a.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "b.zst").write_bytes(bytes(cramjam.zstd.compress(text.encode())))
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside", text)
    assert CANARY.places(files(tmp_path)) == ["a.gz", "b.zst", "c.zip"]


@pytest.mark.parametrize("where", [0, 5_000_000, 9_999_000])
def test_a_file_that_is_mostly_nothing_is_read_to_its_end(tmp_path, where):
    """As the broker makes its indexes, ten megabytes at a time."""
    with (tmp_path / "index").open("wb") as file:
        file.truncate(10_000_000)
        file.seek(where)
        file.write(NAME.encode())
        file.flush()
        os.fsync(file.fileno())
    assert CANARY.places(files(tmp_path)) == ["index"]


@pytest.mark.parametrize("name", ["notifier.feed.TUV.spoc.v1-0/x", "of Zyxwvutsrq Cañarybird", "tmp/QZ7CANARY.tmp"])
def test_a_name_of_a_file_or_folder_is_looked_at(tmp_path, name):
    """A topic is a folder of the broker."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    assert CANARY.places(files(tmp_path))


KEEPS_A_FILE = """
import sys, tempfile
with tempfile.TemporaryFile() as file:
    file.write(sys.stdin.readline().encode())
    file.flush()
    print("written", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("where", ["cmdline", "environ", "open file"])
def test_a_process_is_looked_at(where):
    """Everybody on a machine may read a command line; a file without a name is still on the disk."""
    command = [sys.executable, "-c", KEEPS_A_FILE, *([NAME] if where == "cmdline" else [])]
    environment = os.environ | ({"SUBJECT": NAME} if where == "environ" else {})
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        process.stdin.write(f"{NAME if where == 'open file' else 'harmless'}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "written\n"
        try:
            assert CANARY.places(processes([os.getppid(), process.pid])) == [f"{where} of process {process.pid}"]
        finally:
            process.communicate("\n")


def test_pages_and_keys_are_looked_at():
    """Metrics, topics' names, keys: whatever is a text, and whatever is not."""
    page, key = b'notifier_received_total{state="TUV"} 1', b"\xff\0" + NAME.encode()
    assert CANARY.places([("page", page), ("key", key), ("page", b"notifier_received_total 1")]) == ["key", "page"]


def test_words_and_codes_are_sought_by_themselves():
    """With none of the one, the other is found where it is, and nowhere else."""
    haystack = [("word", NAME.encode()), ("code", b"state TUV"), ("neither", b"harmless")]
    assert Canary((NAME,)).places(haystack) == ["word"]
    assert Canary((), ("TUV",)).places(haystack) == ["code"]
    assert Canary(()).places(haystack) == []


@pytest.mark.parametrize(("table", "column"), [("message", "content"), ("message", "plan"), ("new", "column")])
@pytest.mark.parametrize("length", [0, 1, 40, 1000])
def test_a_sealed_row_is_opened(tmp_path, table, column, length):
    """The table and the purpose of the seal do not matter."""
    key, text = secrets.token_bytes(32), b"x" * length + NAME.encode()
    sealed = OutboxCipher(key).seal(f"{table}/{column}/1".encode(), text)
    with closing(sqlite3.connect(tmp_path / "outbox.db")) as database, database:
        database.execute(f"CREATE TABLE {table} (id INTEGER, {column} BLOB)")
        database.execute(f"INSERT INTO {table} VALUES (1, ?)", [sealed])
    assert CANARY.places(files(tmp_path)) == []
    found = dict(opened(tmp_path / "outbox.db", key))
    assert found[f"{tmp_path.name}/outbox.db {table}.{column}"] == text


def test_what_is_harmless_is_not_found(tmp_path):
    """Ciphertext, certificates and words that only look like it: else nobody would believe an alarm."""
    (tmp_path / "ciphertext").write_bytes(bytes(range(256)) * 100 + b"TUV" + bytes(range(256)))
    (tmp_path / "ca.pem").write_text("MIIBTUVabcd\nTUVX+/TUV+ab==\n")
    (tmp_path / "log").write_text("a STUV of canaries, canarybird, zyxwvutsrq\n")
    (tmp_path / "segment.log").write_bytes(batch(1, value=b"harmless"))
    assert CANARY.places(files(tmp_path)) == []
