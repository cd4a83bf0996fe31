"""One durable write for keys, the directory's repository and the log's tiles: whole, on the disk, or not there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from notifier import files
from notifier.auditor.store import Disk
from notifier.errors import StorageError
from notifier.keyfiles import write_private


@pytest.fixture
def steps(monkeypatch, tmp_path):
    """Return the disk operations in order: a file or folder that is synced, and a name that is given."""
    done = []
    names = {}
    fsync, replace, opened = os.fsync, Path.replace, os.open

    def note_open(path, *rest):
        handle = opened(path, *rest)
        names[handle] = Path(path).relative_to(tmp_path).as_posix()
        return handle

    def note_fsync(handle):
        done.append(f"sync {names[handle if isinstance(handle, int) else handle.fileno()]}")
        fsync(handle)

    def note_replace(path, target):
        done.append(f"name {Path(target).relative_to(tmp_path)}")
        return replace(path, target)

    monkeypatch.setattr(files.os, "open", note_open)
    monkeypatch.setattr(files.os, "fsync", note_fsync)
    monkeypatch.setattr(files.Path, "replace", note_replace)
    return done


WRITES = {
    "a file": lambda path: files.write_atomic(path, b"data"),
    "a private key": lambda path: write_private(path, b"data"),
    "a tile of the log": lambda path: Disk().put(path, b"data"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_after(steps, tmp_path, write):
    """A power cut at any moment leaves what was there before, or all of what is new."""
    write(tmp_path / "new" / "folder" / "file")
    assert steps == [
        "sync .",
        "sync new",
        "sync new/folder/file.tmp",
        "name new/folder/file",
        "sync new/folder",
    ]
    assert (tmp_path / "new" / "folder" / "file").read_bytes() == b"data"
    assert os.listdir(tmp_path / "new" / "folder") == ["file"]


def test_a_private_key_is_its_owner_s_alone_from_the_first_byte(tmp_path, monkeypatch):
    """The umask does not matter, and the mode holds before the file has its name."""
    modes = []
    replace = Path.replace

    def note(path, target):
        modes.append(stat.S_IMODE(path.stat().st_mode))
        return replace(path, target)

    monkeypatch.setattr(files.Path, "replace", note)
    before = os.umask(0)
    try:
        write_private(tmp_path / "key", bytes(32))
    finally:
        os.umask(before)
    assert modes == [0o600]


def test_a_disk_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    """The error names the file; nothing half-written is left behind."""
    files.write_atomic(tmp_path / "file", b"before")

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(StorageError, match="file: no space left on device"):
        files.write_atomic(tmp_path / "file", b"after")
    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"before"
