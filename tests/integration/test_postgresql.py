"""A real PostgreSQL under the local databases: its transactions and faults, and several instances on one of them."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from notifier.config import DirectorySettings, KafkaSettings, KeySettings, Settings
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.subscriber import Subscriber
from notifier.crypto.keys import SigningKey
from notifier.doctor.databases import check_databases
from notifier.doctor.findings import OK
from notifier.doctor.machine import check_disk
from notifier.errors import OwnershipLostError, RefusedError, StorageError
from notifier.lifecycle import Parts
from notifier.notification.warnings import CONCERN_SAFETY
from notifier.outbox.key_separation import decisions_key
from notifier.outbox.outbox import SENDER_LEASE, Outbox
from notifier.outbox.oversight import OversightReader
from notifier.persons.submissions import Submitter
from notifier.producers.publisher import Publisher
from notifier.sandbox.pki import CertificateAuthority
from notifier.storage import postgresql
from notifier.storage.database import Database
from notifier.storage.lease import LEASE_MS, Lease
from support.databases import EXPECTED, FORMER, READER, WRITER, put_on_server, received, schema, written
from support.leases import assert_one_at_a_time
from support.postgres import PASSWORD, ROLE, Cluster
from support.samples import document
from support.world import PATIENCE_S, Clock, build_world

TABLES = sa.MetaData()
THINGS = sa.Table(
    "thing",
    TABLES,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String(20), unique=True),
)
STORAGE_KEY = b"k" * 32
ADA, BEN = (SigningKey.from_secret(name * 32) for name in (b"a", b"b"))
ME = "DEU/spoc"
TOLD = ("AUT/spoc", "DEU/spoc", "UTO/spoc")
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cluster():
    """The module's server."""
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def name():
    """A database's name that no other test has."""
    return f"box{next(numbers)}"


@pytest.fixture
def address(cluster, name):
    """A new, empty database."""
    return cluster.database(name)


@pytest.fixture
async def opened(address):
    """Opens the database as an instance does that starts."""
    made = []

    async def instance(**choices):
        made.append(await Database.open(address, TABLES, **({"schema": "box", "version": 1} | choices)))
        return made[-1]

    yield instance
    for database in made:
        await database.close()


@pytest.fixture
def world():
    """A world in memory."""
    return build_world()


async def put(database, *names):
    """Stores things in one transaction."""
    async with database.write() as connection:
        for name in names:
            await connection.execute(THINGS.insert().values(name=name))


async def names(database):
    """What is stored, in the order of its coming."""
    async with database.read() as connection:
        return list(await connection.scalars(sa.select(THINGS.c.name).order_by(THINGS.c.id)))


async def until(cluster, query, answer):
    """Returns when the server answers so."""
    async with asyncio.timeout(PATIENCE_S):
        while await asyncio.to_thread(cluster.ask, query) != answer:
            pass


def waiting(name):
    """How many wait for a lock in a database."""
    return f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock'"


async def refused(work):
    """The one line that a failure is; it says how to go on, and nothing of the address's secret."""
    with pytest.raises(StorageError) as raised:
        await work
    error = raised.value
    assert error.reason == "storage_failed"
    assert error.hint
    for text in (str(error), error.detail, error.hint):
        assert "\n" not in text
        assert PASSWORD not in text
        assert "wrong-secret" not in text
    return error.detail


# Transactions.


async def test_a_transaction_is_whole_or_nothing(opened):
    """What a block wrote before it failed is not there afterwards; what it committed is, for another instance."""
    database = await opened()
    with pytest.raises(ZeroDivisionError):
        async with database.write() as connection:
            await connection.execute(THINGS.insert().values(name="a"))
            _ = 1 / 0
    await put(database, "b")
    assert await names(await opened()) == ["b"]


async def test_what_was_committed_survives_a_power_cut(opened):
    """A commit waits for the server's disk, also where the server itself is set up not to."""
    async with (await opened()).write() as connection:
        assert await connection.scalar(sa.text("SHOW synchronous_commit")) == "on"


async def test_many_that_open_a_new_database_at_once_all_have_it(opened):
    """One of them makes the tables, the others find them."""
    instances = await asyncio.gather(*(opened() for _ in range(6)))
    await asyncio.gather(*(put(one, f"{place}") for place, one in enumerate(instances)))
    assert sorted(await names(instances[0])) == ["0", "1", "2", "3", "4", "5"]


async def test_a_reader_sees_one_moment_and_can_write_nothing(opened):
    """What is committed meanwhile is not in what it sees; a statement that would change anything is refused."""
    database, other = await opened(), await opened()
    await put(database, "a")
    count = sa.select(sa.func.count()).select_from(THINGS)
    async with database.read() as connection:
        assert await connection.scalar(count) == 1
        await put(other, "b")
        assert await connection.scalar(count) == 1

    async def write():
        async with database.read() as connection:
            await connection.execute(THINGS.insert().values(name="c"))

    assert await refused(write()) == "the database is read-only"
    assert await names(database) == ["a", "b"]


async def test_whoever_opens_it_to_read_sees_it_live_and_cannot_write(address, opened):
    """Nothing is made, what the writer commits is there at once, and no transaction can be made one that writes."""
    to_read = {"schema": "box", "version": 1}
    assert not await Database.is_there(address)
    with pytest.raises(RefusedError) as raised:
        await Database.open_to_read(address, **to_read)
    assert raised.value.reason == "not_found"
    database = await opened()
    assert await Database.is_there(address)
    reader = await Database.open_to_read(address, **to_read)
    await put(database, "a")
    assert await names(reader) == ["a"]

    async def write(*before):
        async with reader.write() as connection:
            for statement in before:
                await connection.execute(sa.text(statement))
            await connection.execute(THINGS.insert().values(name="b"))

    assert await refused(write()) == "the database is read-only"
    with pytest.raises(StorageError):
        await write("SET TRANSACTION READ WRITE")
    await reader.close()
    assert await names(database) == ["a"]


async def test_another_version_and_another_purpose_are_refused(opened, address):
    """A database of a later version is not touched, nor is one that holds something else."""
    await opened()
    for choices, why in (({"version": 2}, "an earlier version"), ({"schema": "chest"}, "holds the box already")):
        assert why in await refused(opened(**choices))
        with pytest.raises(StorageError, match=why):
            await Database.open_to_read(address, **({"schema": "box", "version": 1} | choices))


# Former versions.


@pytest.mark.parametrize("former", FORMER)
async def test_a_former_database_opens_with_everything_in_it(cluster, address, former):
    """As in a file of SQLite: all that was there is read, and its tables are those of a new one."""
    await put_on_server(address, former)
    kind, owner, look = (Outbox, WRITER, written) if former.startswith("outbox") else (Inbox, READER, received)
    runtime = build_world().runtime
    shapes = []
    for where in (address, cluster.database(f"fresh{next(numbers)}")):
        opened = await kind.open(where, owner, STORAGE_KEY, runtime)
        if where == address:
            assert await look(opened) == EXPECTED[former]
            await opened.verify()
        async with opened._database.write() as connection:
            shapes.append(await connection.run(schema))
        await opened.close()
    assert shapes[0] == shapes[1]


async def test_instances_that_start_at_once_migrate_one_after_the_other(address):
    """The second finds what the first has done; whoever has another key changes nothing."""
    await put_on_server(address, "outbox-6")
    runtime = build_world().runtime
    with pytest.raises(StorageError):
        await Outbox.open(address, WRITER, b"x" * 32, runtime)
    opened = await asyncio.gather(*(Outbox.open(address, WRITER, STORAGE_KEY, runtime) for _ in range(3)))
    assert await written(opened[-1]) == EXPECTED["outbox-6"]
    for one in opened:
        await one.close()


# Several instances.


async def test_writers_of_all_instances_take_turns(cluster, name, opened):
    """One waits until the other has committed, and then sees what it wrote; readers wait for nobody."""
    first, second = await opened(), await opened()

    async def follow():
        async with second.write() as connection:
            found = list(await connection.scalars(sa.select(THINGS.c.name)))
            await connection.execute(THINGS.insert().values(name="b"))
            return found

    async with first.write() as connection:
        follower = asyncio.create_task(follow())
        await until(cluster, waiting(name), "1")
        await connection.execute(THINGS.insert().values(name="a"))
        assert await names(second) == []
    assert await follower == ["a"]
    assert await names(first) == ["a", "b"]


async def test_a_writer_that_waits_too_long_is_told(opened, monkeypatch):
    """Whoever keeps the database busy is not waited for without end."""
    first = await opened()
    monkeypatch.setitem(postgresql._SETTINGS, "lock_timeout", "50ms")
    second = await opened()
    async with first.write():
        assert await refused(put(second, "a")) == "another process keeps the database busy"
    await put(second, "b")
    assert await names(first) == ["b"]


async def test_whoever_is_silent_inside_a_transaction_loses_it(opened, monkeypatch):
    """An instance that stands still keeps nobody else waiting, and what it did not commit is gone."""
    monkeypatch.setitem(postgresql._SETTINGS, "idle_in_transaction_session_timeout", "50ms")
    silent, other = await opened(), await opened()

    async def stand_still():
        async with silent.write() as connection:
            await connection.execute(THINGS.insert().values(name="a"))
            await put(other, "b")
            await connection.execute(THINGS.insert().values(name="c"))

    await refused(stand_still())
    await put(silent, "d")
    assert await names(other) == ["b", "d"]


@pytest.mark.parametrize("steps", range(1, 300, 23))
async def test_a_cancelled_transaction_leaves_no_lock_and_no_connection(cluster, name, opened, steps):
    """Whoever is cancelled at any moment, the next writer need not wait, and nothing is half done."""
    database = await opened()

    async def work():
        while True:
            async with database.write() as connection:
                await connection.execute(THINGS.delete())
                await connection.execute(THINGS.insert(), [{"name": "a"}, {"name": "b"}])
            assert await names(database) == ["a", "b"]

    task = asyncio.create_task(work())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    in_transaction = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND xact_start IS NOT NULL"
    assert cluster.ask(in_transaction) == "0"
    await put(database, "c")
    assert await names(database) in (["c"], ["a", "b", "c"])


async def test_only_one_instance_holds_the_lease(opened):
    """A second instance is refused while the first is alive, and gets it when it was released."""
    clock = Clock()
    await assert_one_at_a_time(Lease(await opened(), "sender", clock), Lease(await opened(), "sender", clock))


async def test_of_many_that_want_the_lease_at_once_one_gets_it(opened):
    """Also where nobody ever held it, and there is no row yet to wait for."""
    leases = [Lease(await opened(), "sender", Clock()) for _ in range(6)]
    found = await asyncio.gather(*(one.acquire() for one in leases), return_exceptions=True)
    assert found.count(None) == 1
    assert {one.reason for one in found if one is not None} == {"storage_locked"}


async def test_a_silent_holder_is_taken_over_and_cannot_write(opened):
    """After the lease ran out another takes it; the former holder's transactions fail as fenced."""
    clock = Clock()
    database, other = await opened(), await opened()
    first, second = Lease(database, "sender", clock), Lease(other, "sender", clock)
    await first.acquire()
    clock.now += LEASE_MS - 1
    with pytest.raises(StorageError):
        await second.acquire()
    clock.now += 1
    await second.acquire()
    with pytest.raises(OwnershipLostError):
        async with database.write() as connection:
            await connection.execute(THINGS.insert().values(name="late"))
            await first.check(connection)
    with pytest.raises(OwnershipLostError):
        await first.renew()
    await first.release()
    await second.renew()
    assert await names(other) == []


HOLDER = """
import asyncio, sys
import sqlalchemy as sa
from notifier.runtime import wall_clock
from notifier.storage.database import Database
from notifier.storage.lease import Lease

async def main():
    database = await Database.open(sys.argv[1], sa.MetaData(), schema="box", version=1)
    await Lease(database, "sender", wall_clock).acquire()
    async with database.write() as connection:
        await connection.execute(sa.text("INSERT INTO thing (name) VALUES ('late')"))
        print("here", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def start_holder(address):
    """A process that says so when it has the lease and a transaction."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", HOLDER, address], stdout=subprocess.PIPE, env=environment)


async def test_a_holder_that_is_killed_inside_a_transaction_is_not_waited_for(address, opened):
    """Its lock and what it did not commit go with it, and the next instance has the lease."""
    database = await opened()
    holder = start_holder(address)
    try:
        assert await asyncio.to_thread(holder.stdout.readline) == b"here\n"
    finally:
        holder.kill()
        holder.communicate()
    lease = Lease(database, "sender", Clock())
    await lease.acquire()
    assert lease.epoch == 2
    assert await names(database) == []


# Faults.


async def test_an_address_that_leads_nowhere_is_one_clear_line(cluster, address, name, caplog):
    """A wrong password, role or database, and a server that is not there: each says what, none tells the secret."""
    unused = cluster.address(name, port=1)
    told = {
        cluster.address(name, password="wrong-secret"): "the database's server refuses the role",
        cluster.address(name, role="nobody"): "the database's server refuses the role",
        cluster.address("none"): "there is no such database",
        unused: "the database's server cannot be reached",
        unused.replace("127.0.0.1:1", ""): "the database's server cannot be reached",
        f"{address}?ssl=nonsense": "the database's address asks for what the driver cannot do",
        f"{address}?colour=red": "the database's address asks for what the driver cannot do",
    }
    for where, detail in told.items():
        assert await refused(Database.open(where, TABLES, schema="box", version=1)) == detail
        assert await refused(Database.open_to_read(where, schema="box", version=1)) == detail
    assert not caplog.records


async def test_the_password_need_not_stand_in_the_address(cluster, address, monkeypatch, tmp_path):
    """Where it names none, the driver takes it from the file of passwords."""
    passwords = tmp_path / "passwords"
    passwords.write_text(f"127.0.0.1:{cluster.port}:*:*:{PASSWORD}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    database = await Database.open(address.replace(f":{PASSWORD}", ""), TABLES, schema="box", version=1)
    async with database.read() as connection:
        assert await connection.scalar(sa.text("SELECT current_user")) == ROLE
    await database.close()


async def test_the_doctor_looks_and_changes_nothing(address, name, cluster, world, tmp_path):
    """A database that was not made yet stays so; one that another key made is told, without its address's secret."""
    settings = diagnosed(tmp_path, address)
    assert [one.state for one in await check_databases(settings)] == [OK]
    assert cluster.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name) == "0"
    await (await Outbox.open(address, "TUR/spoc", STORAGE_KEY, world.runtime)).close()
    assert [one.state for one in await check_databases(settings)] == [OK]
    settings.keys.storage.write_bytes(b"x" * 32)
    (wrong,) = await check_databases(settings)
    assert wrong.detail == "outbox: a row does not open with the storage key"
    elsewhere = replace(settings, outbox=cluster.address(name, password="wrong-secret"))
    (wrong,) = await check_databases(elsewhere)
    assert wrong.detail == "outbox: the database's server refuses the role"
    (room,) = check_disk(elsewhere)
    assert (room.state, room.detail) == (OK, "it takes what is written, and has room")


def diagnosed(folder, address):
    """The settings of a party with an outbox, as its configuration names them."""
    storage = folder / "storage.key"
    storage.write_bytes(STORAGE_KEY)
    storage.chmod(0o600)
    kafka = KafkaSettings("127.0.0.1:1", folder, folder, folder)
    directory = DirectorySettings(str(folder), folder, folder)
    return Settings("TUR/spoc", kafka, directory, KeySettings(storage=storage), outbox=address)


async def test_a_role_that_may_not_make_tables_is_told(cluster, name):
    """A database that belongs to somebody else is refused with what to do about it."""
    cluster.ask(f"CREATE DATABASE {name}")
    where = cluster.address(name)
    assert "may not" in await refused(Database.open(where, TABLES, schema="box", version=1))


async def test_a_statement_that_fails_says_nothing_of_its_values(opened):
    """What it held is neither in the error nor in what led to it."""
    database = await opened()
    await put(database, "somebody")
    with pytest.raises(StorageError) as raised:
        async with database.write() as connection:
            await connection.execute(THINGS.insert().values(id=1, name="a person"))
    assert raised.value.detail == "the database failed (23505)"
    assert "a person" not in str(raised.value.__cause__)
    assert await names(database) == ["somebody"]


async def test_a_server_that_goes_away_is_told_and_felt_no_longer_than_it_is_gone(cluster, opened, caplog):
    """What it cuts off fails in one line, as does what comes then; once it is back the same instance goes on."""
    database = await opened()
    await put(database, "a")

    async def cut_off():
        async with database.write() as connection:
            await connection.execute(THINGS.insert().values(name="b"))
            await asyncio.to_thread(cluster.stop)
            await connection.execute(THINGS.insert().values(name="c"))

    try:
        assert await refused(cut_off()) == "the database's server cannot be reached"
        assert await refused(names(database)) == "the database's server cannot be reached"
    finally:
        await asyncio.to_thread(cluster.start)
    assert await names(database) == ["a"]
    await put(database, "d")
    await asyncio.to_thread(cluster.stop)
    await asyncio.to_thread(cluster.start)
    await put(database, "e")
    assert await names(database) == ["a", "d", "e"], "nobody asked while it was away, so nobody is told"
    assert not caplog.records


async def test_the_server_shows_a_certificate_for_its_name(cluster, address, monkeypatch, tmp_path):
    """`ssl=verify-full` goes to whom PGSSLROOTCERT vouches for, and to nobody else."""
    where = f"{address}?ssl=verify-full"
    monkeypatch.setenv("PGSSLROOTCERT", str(cluster.authority))
    database = await Database.open(where, TABLES, schema="box", version=1)
    async with database.read() as connection:
        query = sa.text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert await connection.scalar(query) is True
    await database.close()
    stranger = CertificateAuthority(tmp_path).certificate_path
    monkeypatch.setenv("PGSSLROOTCERT", str(stranger))
    detail = await refused(Database.open(where, TABLES, schema="box", version=1))
    assert detail == "the database's server shows no certificate that is trusted for its name"
    monkeypatch.setenv("PGSSLROOTCERT", str(tmp_path / "none.pem"))
    await refused(Database.open(where, TABLES, schema="box", version=1))


# The whole way.


@pytest.fixture
def publishing(world, address):
    """Opens a publisher of TUR/spoc on the same outbox each time, as a process that starts would."""

    @asynccontextmanager
    async def instance():
        outbox = await Outbox.open(address, "TUR/spoc", STORAGE_KEY, world.runtime)
        parts = Parts(outbox, world.broker.transport(), world.directory, world.keys["TUR/spoc"].signing)
        async with Publisher.of("TUR/spoc", parts, world.runtime) as publisher:
            yield publisher

    return instance


@pytest.fixture
def subscribed(world, cluster, name):
    """Opens a subscriber of DEU/spoc on the same inbox each time."""
    where = cluster.database(f"{name}_in")

    @asynccontextmanager
    async def instance():
        own = world.keys[ME]
        inbox = await Inbox.open(where, ME, STORAGE_KEY, world.runtime)
        keys = {own.decryption.key_id: own.decryption}
        parts = Parts(inbox, world.broker.transport(), world.directory, own.signing, keys)
        async with Subscriber.of(ME, parts, runtime=world.runtime) as subscriber:
            yield subscriber

    return instance


def sequences(world, authority):
    """The numbers of what an authority can open on its feed, in order."""
    return [opened.sequence for _, opened in world.opened(authority)]


async def test_two_publishers_share_one_outbox_and_two_subscribers_one_inbox(world, publishing, subscribed):
    """Whoever publishes and whoever goes on where another ended: every message comes once, in one order."""
    async with world.routing(), asyncio.timeout(PATIENCE_S):
        async with publishing() as first, publishing() as second:
            stored = await asyncio.gather(
                *(one.publish(document(), accept_warnings=CONCERN_SAFETY) for one in (first, second) * 10)
            )
            assert len({one.id for one in stored}) == 20
            assert [(await second.wait(one.id)).state for one in stored] == ["told"] * 20
            assert await first.pending() == []
        async with subscribed() as reader:
            await reader.until_idle(0)
            with pytest.raises(StorageError) as locked:
                async with subscribed():
                    pass
            assert locked.value.reason == "storage_locked"
            taken = [(await anext(messages)).id for messages in [aiter(reader)] for _ in range(3)]
        async with publishing() as third:
            later = await third.publish(document(), accept_warnings=CONCERN_SAFETY)
            assert (await third.wait(later.id)).state == "told"
        async with subscribed() as reader:
            await reader.until_idle(0)
            found = await reader.inbox.messages()
            assert await reader.inbox.gaps() == []
            assert await reader.inbox.refusals() == []
    assert [one.seq for one in found] == list(range(1, 22))
    assert {one.id for one in found} == {one.id for one in (*stored, later)}
    assert taken == [one.id for one in found[:3]]
    for authority in TOLD:
        assert sequences(world, authority) == list(range(1, 22))


async def test_one_publisher_sends_and_the_next_takes_over(world, publishing, monkeypatch):
    """The holder of the lease is closed, or falls silent: the one that stood by sends what comes then."""
    async with world.routing(), asyncio.timeout(PATIENCE_S), publishing() as standing_by:
        holder = await held(standing_by)
        async with publishing() as other:
            for publisher in (other, standing_by):
                submitted = await publisher.publish(document(), accept_warnings=CONCERN_SAFETY)
                assert (await publisher.wait(submitted.id)).state == "told"
            assert await held(other) == holder
            await standing_by.__aexit__(None, None, None)
            submitted = await other.publish(document(), accept_warnings=CONCERN_SAFETY)
            assert (await other.wait(submitted.id)).state == "told"
            second = await held(other)
            assert second != holder
            monkeypatch.setattr(Lease, "release", silent)
        monkeypatch.undo()
        async with publishing() as third:
            submitted = await third.publish(document(), accept_warnings=CONCERN_SAFETY)
            world.clock.now += LEASE_MS
            assert (await third.wait(submitted.id)).state == "told"
            assert await held(third) not in (holder, second)
    assert sequences(world, ME) == [1, 2, 3, 4]


async def silent(_lease):
    """In place of giving a lease back: its holder died without a word."""


async def held(publisher):
    """Who holds the outbox's lease, once somebody does."""
    query = sa.text("SELECT holder FROM notifier_lease WHERE name = :name AND holder IS NOT NULL")
    while True:
        async with publisher._open.store._database.read() as connection:
            if (holder := await connection.scalar(query, {"name": SENDER_LEASE})) is not None:
                return holder


async def test_oversight_reads_decisions_by_a_role_that_may_only_select(world, cluster, name, address, publishing):
    """Its role needs no more of the outbox's database than to read the tables."""
    cluster.ask(f"CREATE ROLE {name}_overseer LOGIN PASSWORD '{PASSWORD}'")
    async with world.routing(), asyncio.timeout(PATIENCE_S), publishing() as publisher:
        await publisher.reviewers.add("ada", ADA.public, [])
        submitted = await publisher.publish(document(), by=Submitter(ADA))
        assert (await publisher.wait(submitted.id)).state == "told"
        cluster.ask(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}_overseer", name)
        where = cluster.address(name, role=f"{name}_overseer")
        async with OversightReader(where, "TUR/spoc", decisions_key(STORAGE_KEY)) as overseer:
            found = await overseer.decided(submitted.id)
    assert found.submitted_by == "ada"
    assert tuple(one.authority for one in found.entries if one.outcome == "send") == TOLD


async def test_a_hold_is_shown_and_released_by_one_instance_while_another_sends(world, publishing):
    """A review reads without a lock, decides in its turn, and the letter that it releases goes out."""
    held = document(subject=document()["subject"] | {"age": "child"})
    async with world.routing(), asyncio.timeout(PATIENCE_S), publishing() as first, publishing() as second:
        await first.reviewers.add("ada", ADA.public, ["child_reviewer"])
        await first.reviewers.add("ben", BEN.public, [])
        submitted = await first.publish(held, by=Submitter(BEN))
        assert [one.outcome for one in (await second.reviews.get(submitted.id)).message.plan.holds] == ["hold"] * 3
        assert await second.reviews.approve(submitted.id, "child_review", by="ada", key=ADA) == TOLD
        assert await first.flush(PATIENCE_S) == []
        assert {one.state for one in (await second.status(submitted.id)).recipients} == {"told"}
    assert sequences(world, ME) == [1]


async def test_the_same_notification_given_to_two_instances_at_once_is_one(world, publishing):
    """Both have the same answer; another text under the same id is refused by whichever comes later."""
    same = document(id="01976a3e-0000-7000-8000-000000000001")
    async with world.routing(), asyncio.timeout(PATIENCE_S), publishing() as first, publishing() as second:
        found = await asyncio.gather(*(one.publish(same) for one in (first, second) * 3))
        assert len({one.id for one in found}) == 1
        with pytest.raises(RefusedError) as taken:
            await second.publish({**same, "narrative": "another text"})
        assert taken.value.reason == "id_taken"
        assert (await first.wait(found[0].id)).state == "told"
    assert sequences(world, ME) == [1]
