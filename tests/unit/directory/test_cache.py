"""A directory cache that cannot be written: nobody is stopped by it, and no version goes back."""

from __future__ import annotations

import errno
import os
import shutil

import pytest

from notifier import files as durable
from notifier.directory.model import AuthorityState
from notifier.errors import DirectoryError, DirectoryStaleError
from support.published import publish_in

NAME = "NLD/spoc"


@pytest.fixture
def published(tmp_path):
    """Return a directory with one authority."""
    made = publish_in(tmp_path)
    made.enrol(NAME)
    return made


@pytest.fixture
def full(monkeypatch, published):
    """Return a disk that takes the next `room` files and then no more; `full.room = None` makes room."""

    class Disk:
        room: int | None = 0

    disk, write = Disk(), durable._write_new

    def written(path, data, mode):
        if disk.room is not None and published.cache in path.parents:
            if disk.room == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            disk.room -= 1
        return write(path, data, mode)

    monkeypatch.setattr(durable, "_write_new", written)
    return disk


def files(published):
    """Return the content of the cache's folder, by name."""
    found = published.cache.rglob("*")
    return {path.relative_to(published.cache).as_posix(): path.read_bytes() for path in found if path.is_file()}


def gone(published):
    """Make the source stop answering."""
    (published.folder / "metadata").rename(published.folder / "away")


def test_a_start_needs_no_room(published, full):
    """Without any cache: what the source has is verified and used, and the fault is told."""
    client = published.client()
    assert client.load().directory.participates(NAME)
    assert client.cache_fault.reason == "storage_failed"
    assert client.cache_fault.detail.endswith("no space left on device")
    assert files(published) == {}
    full.room = None
    client.load()
    assert client.cache_fault is None
    gone(published)
    assert published.client().load().directory.participates(NAME)


def test_what_the_cache_holds_is_read(published, full):
    """The disk is full and the source is away: a start goes by what was verified before."""
    full.room = None
    published.client().load()
    full.room = 0
    gone(published)
    assert published.client().load().directory.participates(NAME)


@pytest.mark.parametrize("room", range(4))
def test_a_disk_that_fills_up_in_the_middle_leaves_the_version_before(published, full, room):
    """No half of a new version, and nothing that lies about: the cache is read as it was."""
    full.room = None
    published.client().load()
    before = files(published)
    published.registry().change_standing(NAME, state=AuthorityState.SUSPENDED)
    full.room = room
    client = published.client()
    assert not client.load().directory.participates(NAME)
    assert client.cache_fault is not None
    assert files(published) == before
    gone(published)
    assert published.client().load().directory.participates(NAME)


def test_no_version_goes_back_while_the_disk_is_full(published, full):
    """The source cannot show this client an older version than it saw."""
    full.room = None
    published.client().load()
    shutil.copytree(published.folder, published.folder.parent / "older")
    full.room = 0
    published.registry().change_standing(NAME, state=AuthorityState.SUSPENDED)
    client = published.client()
    seen = client.load().directory.version
    shutil.rmtree(published.folder)
    (published.folder.parent / "older").rename(published.folder)
    with pytest.raises(DirectoryError):
        client.load()
    assert client.snapshot().directory.version == seen


def test_without_source_and_cache_nothing_is_served(published, full):
    """It fails closed, as ever."""
    gone(published)
    with pytest.raises(DirectoryStaleError):
        published.client().load()


def test_a_source_folder_that_cannot_be_read_is_one_that_does_not_answer(published):
    """Its fault is not taken for the cache's."""
    client = published.client()
    client.load()
    timestamp = published.folder / "metadata" / "timestamp.json"
    timestamp.unlink()
    timestamp.mkdir()
    assert client.load().directory.participates(NAME)
    assert client.cache_fault is None
