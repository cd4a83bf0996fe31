"""Databases of former versions: they open with everything in them, are migrated once, whole or not at all."""

from __future__ import annotations

import importlib
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa

from notifier.consumers.inbox import migrations as inbox_migrations
from notifier.consumers.inbox.inbox import Inbox
from notifier.crypto.row_cipher import RowCipher
from notifier.errors import StorageError
from notifier.outbox import migrations as outbox_migrations
from notifier.outbox.key_separation import decisions_key
from notifier.outbox.outbox import Outbox
from notifier.outbox.oversight import OversightReader
from notifier.storage.database import Database, Upgrade
from notifier.storage.migrations import Migration, MigrationContext, add_column, create, execute, latest, migrate
from support.attack_harness import STORAGE_KEY, Stage
from support.databases import EXPECTED, FOLDER, FORMER, READER, WRITER, put, received, schema, written
from support.world import build_world

KINDS = {"outbox": (Outbox, WRITER, outbox_migrations), "inbox": (Inbox, READER, inbox_migrations)}
TABLES = sa.MetaData()
THINGS = sa.Table("thing", TABLES, sa.Column("name", sa.String(20), primary_key=True), sa.Column("note", sa.String))
CIPHER = RowCipher(STORAGE_KEY)


def opening(name, address, key=STORAGE_KEY, authority=None):
    """Opens a database of that name as its owner does."""
    kind, owner, _ = KINDS[name.partition("-")[0]]
    return kind.open(address, authority or owner, key, build_world().runtime)


def dump(path):
    """Everything in a file of SQLite."""
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def tables_of(address):
    """The schema of a file of SQLite."""
    engine = sa.create_engine(address)
    try:
        with engine.connect() as connection:
            return schema(connection)
    finally:
        engine.dispose()


OUTBOXES, INBOXES = (tuple(name for name in FORMER if name.startswith(kind)) for kind in KINDS)


@pytest.mark.parametrize("name", OUTBOXES)
async def test_a_former_outbox_opens_with_everything_in_it(tmp_path, name):
    """Messages in every state, holds, rulings, persons, audit events, links and envelopes in flight."""
    outbox = await opening(name, put(tmp_path / "former.db", name))
    found = await written(outbox)
    await outbox.verify()
    await outbox.close()
    assert found == EXPECTED[name]


@pytest.mark.parametrize("name", INBOXES)
async def test_a_former_inbox_opens_with_everything_in_it(tmp_path, name):
    """Opened messages, a conflict, refusals, gaps, receipts, and the position of a cursor."""
    inbox = await opening(name, put(tmp_path / "former.db", name))
    found = await received(inbox)
    await inbox.verify()
    await inbox.close()
    assert found == EXPECTED[name]


@pytest.mark.parametrize("name", OUTBOXES)
async def test_what_a_former_outbox_had_not_sent_is_sent(tmp_path, name):
    """Its stream goes on where it stood, in the hands of the present code, and new messages follow."""
    put(tmp_path / "TUR-spoc.outbox", name)
    stage = Stage(build_world(), tmp_path)
    async with stage.publishing() as publisher:
        await stage.world.until(lambda: sum(len(stage.world.broker.records("notifier.intake.v1", n)) for n in (0, 1)))
        assert await publisher.pending() == EXPECTED[name]["waiting"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("outbox-14", "UPDATE letter SET attempts = attempts + 1 WHERE id = 1"),
        ("outbox-14", "UPDATE envelope SET number = 99 WHERE state = 'flying'"),
        ("outbox-14", "UPDATE envelope SET state = 'accepted' WHERE state = 'flying'"),
        ("outbox-14", "UPDATE instance SET last_letter = 0"),
        ("outbox-14", "DELETE FROM letter WHERE id = 1"),
        ("inbox-4", "UPDATE sink SET handed = 99"),
        ("inbox-4", "DELETE FROM sink"),
        ("inbox-4", "UPDATE message SET received = 0"),
    ],
)
async def test_a_migration_binds_no_row_that_somebody_else_changed(tmp_path, name, change):
    """A row that is wrong in the former version is found in the present one, and so is one that is missing."""
    address = put(tmp_path / "former.db", name)
    with closing(sqlite3.connect(tmp_path / "former.db")) as database, database:
        database.execute("PRAGMA foreign_keys=OFF")
        assert database.execute(change).rowcount
    with pytest.raises(StorageError, match="not what this software wrote"):
        opened = await opening(name, address)
        try:
            await opened.verify()
        finally:
            await opened.close()


@pytest.mark.parametrize("name", FORMER)
async def test_a_migrated_database_is_built_as_a_new_one(tmp_path, name):
    """Whether it grew or was made today: the same tables, columns, keys and indexes."""
    grown, fresh = put(tmp_path / "former.db", name), f"sqlite:///{tmp_path}/fresh.db"
    for address in (grown, fresh):
        await (await opening(name, address)).close()
    assert tables_of(grown) == tables_of(fresh)


@pytest.mark.parametrize("name", FORMER)
@pytest.mark.parametrize("wrong", [{"key": b"x" * 32}, {"authority": "AUT/spoc"}])
async def test_a_former_database_is_left_as_it_is_by_whom_it_does_not_belong_to(tmp_path, name, wrong):
    """With another key, or as another authority, nothing of it changes."""
    address = put(tmp_path / "former.db", name)
    before = dump(tmp_path / "former.db")
    with pytest.raises(StorageError):
        await opening(name, address, **wrong)
    assert dump(tmp_path / "former.db") == before


@pytest.mark.parametrize("name", FORMER)
async def test_a_migration_runs_once(tmp_path, name):
    """Opened again, a database is what it was after the first time."""
    address = put(tmp_path / "former.db", name)
    await (await opening(name, address)).close()
    once = dump(tmp_path / "former.db")
    await (await opening(name, address)).close()
    assert dump(tmp_path / "former.db") == once
    version = KINDS[name.partition("-")[0]][2].VERSION
    assert f"VALUES('{name.partition('-')[0]}',{version})" in "".join(once)


async def test_oversight_reads_a_former_outbox_once_its_owner_has_opened_it(tmp_path):
    """Who may only read migrates nothing."""
    address = put(tmp_path / "former.db", "outbox-6")
    await (await opening("outbox", address)).close()
    (held, *_) = EXPECTED["outbox-6"]["held"]
    async with OversightReader(address, WRITER, decisions_key(STORAGE_KEY)) as overseer:
        found = await overseer.decided(held)
    message = EXPECTED["outbox-6"]["messages"][held]
    states = [{"state": message["recipients"][one["authority"]]} for one in message["entries"]]
    assert [entry.to_json() for entry in found.entries] == [
        one | state for one, state in zip(message["entries"], states, strict=True)
    ]


# The mechanism.


async def boxed(address, migrations, *, oldest=1):
    """Opens a toy database that was of version 1."""

    async def run(connection, found):
        await migrate(migrations, found, MigrationContext(connection, CIPHER, 0))

    version = latest(oldest, migrations)
    return await Database.open(address, TABLES, schema="box", version=version, upgrade=Upgrade(oldest, run))


@pytest.fixture
async def former(tmp_path):
    """A toy database of version 1: one table, one row, and no notes yet."""
    tables = sa.MetaData()
    things = sa.Table("thing", tables, sa.Column("name", sa.String(20), primary_key=True))
    address = f"sqlite:///{tmp_path}/box.db"
    database = await Database.open(address, tables, schema="box", version=1)
    async with database.write() as connection:
        await connection.execute(things.insert().values(name="a"))
    await database.close()
    return address


async def noted(context):
    await add_column(context.connection, "thing", sa.Column("note", sa.String))
    await execute(context.connection, "UPDATE thing SET note = 'old'")


async def listed(context):
    made = sa.MetaData()
    await create(context.connection, sa.Table("list", made, sa.Column("id", sa.Integer, primary_key=True)))


async def broken(context):
    await execute(context.connection, "DELETE FROM thing")
    raise StorageError(detail="no further")


STEPS = (Migration(2, "notes", noted), Migration(3, "lists", listed))


async def test_migrations_run_in_order_from_the_version_that_is_there(former):
    """Each is applied once; a database in between gets the rest."""
    await (await boxed(former, STEPS[:1])).close()
    database = await boxed(former, STEPS)
    async with database.read() as connection:
        rows = (await connection.execute(sa.select(THINGS))).all()
        lists = (await connection.execute(sa.text("SELECT count(*) FROM list"))).scalar_one()
    await database.close()
    assert ([tuple(row) for row in rows], lists) == ([("a", "old")], 0)


async def test_a_migration_that_fails_leaves_the_database_as_it_was(former, tmp_path):
    """Nothing of the steps before it stays either, and the next start begins at the first again."""
    before = dump(tmp_path / "box.db")
    with pytest.raises(StorageError, match="no further"):
        await boxed(former, (*STEPS, Migration(4, "broken", broken)))
    assert dump(tmp_path / "box.db") == before
    await (await boxed(former, STEPS)).close()


async def test_a_later_or_too_old_database_is_refused_with_what_helps(former):
    """A line that names both versions; nothing is changed."""
    await (await boxed(former, STEPS)).close()
    with pytest.raises(StorageError, match=r"later version of this software \(schema 3, not 2\)"):
        await boxed(former, STEPS[:1])
    with pytest.raises(StorageError, match=r"earlier version of this software \(schema 3, not 6\)"):
        await boxed(former, (Migration(6, "far", listed),), oldest=5)
    with pytest.raises(StorageError, match="earlier version"):
        await Database.open_to_read(former, schema="box", version=4)


def test_migrations_have_consecutive_numbers():
    """Two with one number, or a gap, are a fault of the program: it does not start."""
    for numbers in ((2, 4), (3,), (2, 2), (3, 2)):
        with pytest.raises(ValueError, match="without a gap"):
            latest(1, [Migration(number, "", listed) for number in numbers])


@pytest.mark.parametrize("name", ["outbox", "inbox"])
def test_every_migration_says_what_it_is_for(name):
    """A module of its own and a line of text each, and a former database of every version that somebody may have."""
    _, _, package = KINDS[name]
    for migration in package.MIGRATIONS:
        assert migration.summary.strip()
        module = importlib.import_module(migration.apply.__module__)
        assert module.__name__.rpartition(".")[2].startswith(f"v{migration.version:04}_")
    assert (FOLDER / f"{name}-{package.OLDEST}.sqlite.sql").exists()
    assert (FOLDER / f"{name}-{package.OLDEST}.postgresql.sql").exists()
