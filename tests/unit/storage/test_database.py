"""Local databases: private files, durable settings, one holder, sealed rows, errors of one line."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess

import pytest
import sqlalchemy as sa

from notifier.crypto.row_cipher import RowCipher
from notifier.errors import OwnershipLostError, RefusedError, StorageError
from notifier.storage.database import Database
from notifier.storage.lease import Lease
from support.leases import assert_one_at_a_time

TABLES = sa.MetaData()
THINGS = sa.Table("thing", TABLES, sa.Column("name", sa.String(20), primary_key=True))


class Clock:
    """A clock that stands still until it is moved."""

    now = 1_000_000

    def __call__(self):
        return self.now


@pytest.fixture
def address(tmp_path):
    return f"sqlite:///{tmp_path}/private/box.db"


@pytest.fixture
async def database(address):
    database = await Database.open(address, TABLES, schema="box", version=1)
    yield database
    await database.close()


async def names(database):
    async with database.read() as connection:
        return sorted(await connection.scalars(sa.select(THINGS.c.name)))


async def test_the_files_are_their_owner_s_alone(database, tmp_path):
    """Nobody else on the machine can read the database, its log or its folder."""
    async with database.write() as connection:
        await connection.execute(THINGS.insert().values(name="a"))
    for path in [tmp_path / "private", *(tmp_path / "private").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


async def test_what_was_committed_survives_a_power_cut(database):
    """The settings on which the durable answer rests are in force on every connection."""
    async with database.read() as connection:
        found = [
            await connection.scalar(sa.text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 2, 1]


async def test_a_transaction_is_whole_or_nothing(database):
    """What a block wrote before it failed is not there afterwards."""
    with pytest.raises(ZeroDivisionError):
        async with database.write() as connection:
            await connection.execute(THINGS.insert().values(name="a"))
            _ = 1 / 0
    assert await names(database) == []


async def test_a_database_is_opened_again_with_what_it_held(address):
    """Closing and opening loses nothing."""
    first = await Database.open(address, TABLES, schema="box", version=1)
    async with first.write() as connection:
        await connection.execute(THINGS.insert().values(name="a"))
    await first.close()
    second = await Database.open(address, TABLES, schema="box", version=1)
    assert await names(second) == ["a"]
    await second.close()


async def test_another_schema_version_is_refused(database, address):
    """A database of a later version is not touched by an earlier program."""
    with pytest.raises(StorageError, match="an earlier version"):
        await Database.open(address, TABLES, schema="box", version=2)


async def test_a_database_is_for_one_thing(database, address):
    """What holds an outbox does not become an inbox beside it: their tables have the same names."""
    with pytest.raises(StorageError, match="holds the box already"):
        await Database.open(address, TABLES, schema="chest", version=1)


@pytest.mark.parametrize(
    "address",
    ["nothing", "postgresql://role:secret@host:port/box", "mysql://role:secret@host/box", "postgresql+pg8000:///box"],
)
async def test_an_address_that_names_no_database_is_told_without_its_secret(address):
    """What cannot be read, and what is neither kind of database, is one line that says how to name one."""
    with pytest.raises(StorageError) as raised:
        await Database.open(address, TABLES, schema="box", version=1)
    assert "secret" not in str(raised.value)
    assert "postgresql://" in raised.value.hint


async def test_a_file_that_is_no_database_is_one_clear_line(tmp_path):
    """Damage is told in one line with a hint, without a traceback's detail."""
    (tmp_path / "box.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError) as raised:
        await Database.open(f"sqlite:///{tmp_path}/box.db", TABLES, schema="box", version=1)
    assert raised.value.reason == "storage_failed"
    assert raised.value.hint


async def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    """A path through a file is refused with the path's name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"box\.db"):
        await Database.open(f"sqlite:///{tmp_path}/file/box.db", TABLES, schema="box", version=1)


@pytest.mark.parametrize("steps", range(1, 400, 19))
async def test_a_cancelled_transaction_leaves_no_lock(database, steps):
    """Whoever is cancelled at any moment, the next writer need not wait, and nothing is half done."""

    async def work():
        while True:
            async with database.write() as connection:
                await connection.execute(THINGS.delete())
                await connection.execute(THINGS.insert().values(name="a"))
                await connection.execute(THINGS.insert().values(name="b"))
            assert await names(database) == ["a", "b"]

    task = asyncio.create_task(work())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(2), database.write() as connection:
        await connection.execute(THINGS.insert().values(name="c"))
    assert await names(database) in (["c"], ["a", "b", "c"])


async def test_a_writer_waits_for_another_process_and_keeps_nobody_else_waiting(database, tmp_path):
    """While somebody else writes, readers and everything else go on; then it is the writer's turn."""
    other = sqlite3.connect(tmp_path / "private" / "box.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO thing VALUES ('theirs')")

    async def write():
        async with database.write() as connection:
            await connection.execute(THINGS.insert().values(name="ours"))

    writer = asyncio.create_task(write())
    for _ in range(20):
        assert await names(database) == []
        await asyncio.sleep(0)
    assert not writer.done()
    other.execute("COMMIT")
    other.close()
    await writer
    assert await names(database) == ["ours", "theirs"]


async def test_only_one_instance_holds_the_lease(database):
    """A second instance is refused while the first is alive, and gets it when it was released."""
    clock = Clock()
    await assert_one_at_a_time(Lease(database, "sender", clock), Lease(database, "sender", clock))


async def test_a_silent_holder_is_taken_over_and_cannot_write(database):
    """After the lease ran out another takes it; the former holder's transactions fail as fenced."""
    clock = Clock()
    first, second = Lease(database, "sender", clock, 1000), Lease(database, "sender", clock, 1000)
    await first.acquire()
    clock.now += 900
    await first.renew()
    clock.now += 900
    with pytest.raises(StorageError):
        await second.acquire()
    clock.now += 200
    await second.acquire()
    with pytest.raises(OwnershipLostError):
        async with database.write() as connection:
            await connection.execute(THINGS.insert().values(name="late"))
            await first.check(connection)
    await first.release()
    await second.renew()
    assert await names(database) == []


@pytest.fixture
def gone():
    """The id of a process that has ended."""
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


async def test_the_lease_of_a_dead_process_is_free_at_once(database, gone):
    """A holder whose process is gone is not waited for."""
    clock = Clock()
    first, second = Lease(database, "sender", clock), Lease(database, "sender", clock)
    first._holder = first._holder.replace(str(os.getpid()), str(gone), 1)
    await first.acquire()
    await second.acquire()
    assert second.epoch == 2


def test_a_sealed_row_opens_only_in_its_place():
    """The storage key opens it; another key, another row or changed bytes do not."""
    cipher = RowCipher(b"k" * 32)
    sealed = cipher.seal(b"message/1", b"contents")
    assert cipher.open(b"message/1", sealed) == b"contents"
    assert b"contents" not in sealed
    for attempt in (
        lambda: cipher.open(b"message/2", sealed),
        lambda: RowCipher(b"x" * 32).open(b"message/1", sealed),
        lambda: cipher.open(b"message/1", sealed[:-1]),
        lambda: cipher.open(b"message/1", b""),
    ):
        with pytest.raises(StorageError):
            attempt()


def test_every_flipped_bit_of_a_sealed_row_is_noticed():
    """No byte of a sealed row can be changed unseen."""
    cipher = RowCipher(b"k" * 32)
    sealed = cipher.seal(b"row", b"x")
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1
        with pytest.raises(StorageError):
            cipher.open(b"row", bytes(changed))


async def test_whoever_opens_a_database_to_read_sees_it_live_and_cannot_write(database, address, tmp_path):
    """What the writer commits is there at once; a statement that would change anything is refused."""
    reader = await Database.open_to_read(address, schema="box", version=1)
    async with database.write() as connection:
        await connection.execute(THINGS.insert().values(name="a"))
    assert await names(reader) == ["a"]
    with pytest.raises(StorageError) as raised:
        async with reader.write() as connection:
            await connection.execute(THINGS.insert().values(name="b"))
    assert raised.value.detail == "the database is read-only"
    with pytest.raises(StorageError):
        async with reader.write() as connection:
            await connection.execute(sa.text("PRAGMA query_only=OFF"))
            await connection.execute(THINGS.insert().values(name="b"))
    await reader.close()
    assert await names(database) == ["a"]


async def test_what_is_opened_to_read_is_made_by_nobody(tmp_path, address, database):
    """No file, another schema, another version: a refusal, and no trace."""
    with pytest.raises(RefusedError) as raised:
        await Database.open_to_read(f"sqlite:///{tmp_path}/none.db", schema="box", version=1)
    assert raised.value.reason == "not_found"
    assert not (tmp_path / "none.db").exists()
    for schema, version, why in (("box", 2, "an earlier version"), ("chest", 1, "holds the box")):
        with pytest.raises(StorageError, match=why):
            await Database.open_to_read(address, schema=schema, version=version)
