"""Sinks: whole lines whatever happens, positions of their own, and nothing that acts on a terminal."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from notifier.consumers.sinks import Callback, JsonLines, StandardOutput, document, summary
from notifier.errors import StorageError
from notifier.notification import parse, to_json

HOSTILE = "a\r\nforged line\x1b[2J\x9b31m\u202egnp.exe\u2028\x85\x7fz"


async def test_the_file_has_a_line_a_message_and_is_its_owner_s(received, tmp_path):
    """Each line is the document of `inbox show --json`; nobody else can read the file."""
    path = tmp_path / "out.jsonl"
    sink = JsonLines(path)
    await sink.take(received(1))
    await sink.take(received(2))
    lines = path.read_text().splitlines()
    assert [json.loads(line) for line in lines] == [document(received(1)), document(received(2))]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_line_cut_off_by_a_crash_does_not_swallow_the_next(received, tmp_path):
    """A torn line stays a line of its own, and the message that it was comes again whole."""
    path = tmp_path / "out.jsonl"
    sink = JsonLines(path)
    await sink.take(received(1))
    path.write_bytes(path.read_bytes() + b'{"id": "0199')
    await sink.take(received(2))
    first, torn, second = path.read_text().splitlines()
    assert (json.loads(first)["seq"], torn, json.loads(second)["seq"]) == (1, '{"id": "0199', 2)


async def test_a_file_that_cannot_be_written_is_said_so(received, tmp_path):
    """A folder in the file's place is a temporary failure with the path, not a lost message."""
    with pytest.raises(StorageError, match="is a directory"):
        await JsonLines(tmp_path).take(received())


def test_two_files_never_share_a_position(tmp_path):
    """Long paths that begin alike have names of their own, and a path has the same name each time."""
    deep = tmp_path / ("d" * 80)
    first, second = JsonLines(deep / "a.jsonl"), JsonLines(deep / "b.jsonl")
    assert first.name != second.name
    assert first.name == JsonLines(deep / "a.jsonl").name
    assert len(first.name) <= 64


def test_a_relative_path_is_the_same_sink(tmp_path, monkeypatch):
    """The same file under two spellings goes on from one position."""
    monkeypatch.chdir(tmp_path)
    from pathlib import Path

    assert JsonLines(Path("out.jsonl")).name == JsonLines(tmp_path / "out.jsonl").name


async def test_what_others_wrote_does_not_act_on_the_terminal(received, capsys, tmp_path):
    """Line ends, terminal sequences and direction marks of a text are shown as escapes; the text is not changed."""
    message = received(narrative=HOSTILE)
    await StandardOutput().take(message)
    out = capsys.readouterr().out
    assert out.endswith("\n")
    assert out[:-1].isprintable()
    assert json.loads(out)["notification"]["narrative"] == HOSTILE
    path = tmp_path / "out.jsonl"
    await JsonLines(path).take(message)
    assert len(path.read_text().splitlines()) == 1


async def test_a_callback_may_be_plain_or_asynchronous(received):
    """Both are called with the message, and an asynchronous one is awaited."""
    seen = []

    async def slow(message):
        seen.append(("slow", message.seq))

    await Callback("plain", lambda message: seen.append(("plain", message.seq))).take(received(1))
    await Callback("slow", slow).take(received(2))
    assert seen == [("plain", 1), ("slow", 2)]


def test_documents_have_the_public_names(received):
    """The members of `inbox list` and `inbox show`, times in RFC 3339, and never the local part."""
    message = received()
    row = summary(message)
    assert set(row) == {
        "id",
        "type",
        "originator",
        "stream",
        "seq",
        "event_time",
        "received_at",
        "state",
        "exercise",
    }
    assert row["received_at"] == "2026-11-18T11:06:40.000Z"
    shown = document(message)["notification"]
    assert "local" not in shown
    again = parse(shown | {"local": _local()})
    assert to_json(again, local=False) == shown, "what is shown is the public form, and parses as such"


def _local():
    return {
        "refugee": {"status": "none", "feared": []},
        "risk": {"torture": [], "death_penalty": []},
        "consular": {"requested": "unknown"},
        "approvals": [],
    }


def test_the_file_is_not_followed_into_another_s_permissions(tmp_path):
    """A new file is created private even where the process's mask would let others read it."""
    before = os.umask(0)
    try:
        JsonLines(tmp_path / "x.jsonl")._append(b"{}\n")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["plain", "jürgen #1?", "latin-1 \udcfc", "long " * 100])
def test_a_sink_s_position_can_be_kept_whatever_its_file_is_called(name):
    """A database takes text alone; two files never share a position."""
    kept = JsonLines(Path("/") / name).name
    kept.encode()
    assert kept != JsonLines(Path("/") / f"{name}x").name
