"""46 Rows swapped, deleted, rolled back, or made with the key of decisions: an approver who is none.

The attacker writes into a party's databases and has what oversight has: the key of decisions. They have not the
storage key. Control: every row carries a MAC that only the storage key gives, and the sum of all stands, sealed, in
the database's own row; persons and rulings are a chain, whose head is bound and stands in every act. `doctor` looks
at all of it, and every use at what it uses.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from notifier.consumers.sinks import Callback
from notifier.crypto.keys import SigningKey
from notifier.crypto.row_cipher import RowCipher
from notifier.errors import NotifierError, StorageError
from notifier.outbox.key_separation import decisions_key
from notifier.outbox.person_chain import SCHEME
from notifier.persons.adoptions import Adopted, Signer, Subject, sign
from notifier.persons.model import canonical
from notifier.persons.submissions import Submitter
from support.attack_harness import PATIENCE_S, STORAGE_KEY
from support.samples import document

CHILD = document()["subject"] | {"age": "child"}
ADA, BEN, CEM, MALLORY = (
    SigningKey.from_secret(name.encode().ljust(32, b".")) for name in ("ada", "ben", "cem", "mallory")
)
OVERSIGHT = RowCipher(decisions_key(STORAGE_KEY))
TABLES = ("person", "ruling", "chain", "instance", "message", "entry", "recipient", "link", "envelope", "stream")


@pytest.fixture
async def office(stage):
    """Return an outbox with two waiting children; ada reviews, ben has retired, cem submits; ada refused one."""
    outbox = await stage.outbox()
    for name, key, may in (("ada", ADA, ["child_reviewer"]), ("ben", BEN, ["child_reviewer"]), ("cem", CEM, [])):
        await outbox.add_person(name, key.public, may)
    await outbox.close()
    stage.kept = dict(rows(stage))
    async with stage.publishing() as publisher:
        stage.ids = [
            (await publisher.publish(document(subject=CHILD, narrative=text), by=Submitter(CEM))).id
            for text in ("first", "second")
        ]
        await publisher.reviewers.retire("ben")
        await publisher.reviews.refuse(stage.ids[0], "child_review", by="ada", key=ADA)
    return stage


def file(stage):
    return stage.folder / "TUR-spoc.outbox"


def write(stage, *statements):
    """Write into the file, as its thief can."""
    with closing(sqlite3.connect(file(stage))) as database, database:
        database.execute("PRAGMA foreign_keys=OFF")
        for statement, *values in statements:
            database.execute(statement, values)


def rows(stage):
    """Return every bound row, to be put back later."""
    with closing(sqlite3.connect(file(stage))) as database:
        for table in TABLES:
            yield table, database.execute(f"SELECT * FROM {table}").fetchall()


def put_back(stage, *tables):
    """Roll these tables back to their state before the submission."""
    for table in tables:
        write(stage, (f"DELETE FROM {table}",))
        for row in stage.kept[table]:
            write(stage, (f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", *row))


def made_person(stage):
    """Insert a person of the attacker's, sealed with the key that oversight has."""
    value = {"name": "mallory", "public": MALLORY.public.hex(), "permissions": ["child_reviewer"], "kind": "person"}
    added = stage.world.clock() - 1
    sealed = OVERSIGHT.seal(b"person/contents/" + added.to_bytes(8, "big"), canonical(value))
    write(stage, ("INSERT INTO person (added, contents) VALUES (?, ?)", added, sealed))


def made_adoption(stage):
    """Insert a decision about a restore in ada's name, sealed with the key that oversight has."""
    at = stage.world.clock() - 1
    about = Subject("TUR/spoc", "5" * 32, at)
    value = canonical(sign(Adopted.NEW_STREAM, about, Signer("ada", MALLORY), at).document())
    sealed = OVERSIGHT.seal(b"adoption/contents/" + at.to_bytes(8, "big"), value)
    write(stage, ("INSERT INTO adoption (recorded, contents) VALUES (?, ?)", at, sealed))


def chained_person(stage):
    """Insert a person with an entry of the chain and a head, under MACs of the attacker's key."""
    made_person(stage)
    with closing(sqlite3.connect(file(stage))) as database:
        (number,) = database.execute("SELECT max(number) + 1 FROM chain").fetchone()
        (row,) = database.execute("SELECT max(id) FROM person").fetchone()
    state = OVERSIGHT.bind("person", row)
    write(
        stage,
        ("INSERT INTO chain VALUES (?, 'person', ?, 0, ?)", number, row, state),
        ("UPDATE instance SET chain_number = ?, bound = ?", number, OVERSIGHT.bind("instance", number)),
    )


def swap(column):
    """Exchange a column of two messages."""

    def act(stage):
        with closing(sqlite3.connect(file(stage))) as database:
            values = database.execute(f"SELECT id, {column} FROM message ORDER BY id").fetchall()
        (one, first), (two, second) = values[:2]
        update = f"UPDATE message SET {column} = ? WHERE id = ?"
        write(stage, (update, b"-", one), (update, first, two), (update, second, one))

    return act


def does(*statements):
    return lambda stage: write(stage, *statements)


STREAM = ("0", "tail", "counters", "state", "opened", "0", "NULL", "NULL", "NULL", "bound")


def bound_by_oversight(table, column, value):
    """Change a row, and bind it as the software does with the key that oversight has."""

    def act(stage):
        with closing(sqlite3.connect(file(stage))) as database:
            database.row_factory = sqlite3.Row
            row = dict(database.execute(f"SELECT rowid AS at, * FROM {table}").fetchone())
        row[column] = value
        covered = next(names for one, names in SCHEME.covered.items() if one.name == table)
        bound = OVERSIGHT.bind(table, *(row[name] for name in covered))
        write(stage, (f"UPDATE {table} SET {column} = ?, bound = ? WHERE rowid = ?", value, bound, row["at"]))

    return act


ATTACKS = {
    "a person made with oversight's key": made_person,
    "that person in the chain, too": chained_person,
    "an adoption made with oversight's key": made_adoption,
    "a retired person back": does(("UPDATE person SET retired = NULL",)),
    "persons rolled back": lambda stage: put_back(stage, "person"),
    "persons and their chain rolled back": lambda stage: put_back(stage, "person", "chain"),
    "all that is chained rolled back": lambda stage: put_back(stage, "person", "chain", "instance", "ruling"),
    "a person deleted": does(("DELETE FROM person WHERE id = 1",)),
    "persons exchanged": does(
        ("UPDATE person SET id = 9 WHERE id = 1",),
        ("UPDATE person SET id = 1 WHERE id = 2",),
        ("UPDATE person SET id = 2 WHERE id = 9",),
    ),
    "a refusal deleted": does(("DELETE FROM ruling",)),
    "a refusal deleted from the chain, too": does(
        ("DELETE FROM ruling",), ("DELETE FROM chain WHERE kind = 'ruling'",)
    ),
    "a refusal moved to another message": does(("UPDATE ruling SET message = 2",)),
    "the head of the chain": does(("UPDATE instance SET chain_head = zeroblob(32)",)),
    "an unbound message": does(("UPDATE message SET bound = NULL",)),
    "a message's time": does(("UPDATE message SET created = created + 1",)),
    "a message's number": does(("UPDATE message SET id = 7 WHERE id = 2",)),
    "the signed submission": does(("UPDATE message SET submission = NULL",)),
    "plans exchanged": swap("plan"),
    "submissions exchanged": swap("submission"),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_row_that_somebody_wrote_counts_for_nothing(office, attack):
    """The doctor's look finds it; nobody approves anything by it; no child is told of."""
    ATTACKS[attack](office)
    outbox = await office.outbox()
    found = None
    try:
        await outbox.verify()
    except StorageError as error:
        found = error.reason
    await outbox.close()
    assert found == "rows_changed"
    for message in office.ids:
        for name, key in (("ada", ADA), ("ben", BEN), ("mallory", MALLORY)):
            if await approved(office, message, name, key):
                assert (name, message) == ("ada", office.ids[1]), "a true approval of what nobody touched"


async def approved(stage, message, name, key):
    """Return whether an approval in that name releases anything."""
    async with stage.publishing() as publisher:
        try:
            return bool(await publisher.reviews.approve(message, "child_review", by=name, key=key))
        except NotifierError:
            return False


async def verified(stage):
    """Return the result of the doctor's check."""
    outbox = await stage.outbox()
    try:
        await outbox.verify()
    except StorageError as error:
        return error.reason
    finally:
        await outbox.close()


async def used(stage, message):
    """Return the result of using the outbox: asking for a message's state, and publishing another.

    The result is the reason that is raised, or that a background task logs.
    """
    with capture_logs() as logs:
        try:
            async with stage.routing(), stage.publishing() as publisher, asyncio.timeout(PATIENCE_S):
                await publisher.status(message)
                again = await publisher.publish(document(narrative="later"))
                while not (await publisher.status(again.id)).settled:
                    if found := [one for one in logs if one.get("reason") == "rows_changed"]:
                        return found[0]["reason"]
                    await publisher.wait(again.id, 0.05)
        except StorageError as error:
            return error.reason


@pytest.fixture
async def sent(stage):
    """Return a notification that was told; `kept` has every row from the time when it was in flight."""
    async with stage.publishing() as publisher:
        first = await publisher.publish(document(narrative="first"))
        await stage.on_its_way()
        stage.kept = dict(rows(stage))
        async with stage.routing():
            assert (await publisher.wait(first.id, PATIENCE_S)).state == "told"
    stage.ids = [first.id]
    return stage


def back(*tables):
    """Put rows back to an earlier state, each with its MAC."""
    return lambda stage: put_back(stage, *tables)


EDITED = {
    "an entry said to be sent": does(("UPDATE entry SET state = 'pending'",)),
    "an entry's number": does(("UPDATE entry SET id = 9",), ("UPDATE recipient SET entry = 9",)),
    "entries' contents made by oversight": bound_by_oversight("entry", "state", "pending"),
    "a recipient said not to be told": does(("UPDATE recipient SET state = 'not_told' WHERE place = 0",)),
    "a recipient said to be told by oversight": bound_by_oversight("recipient", "state", "rejected"),
    "recipients exchanged": does(
        ("UPDATE recipient SET place = 99 WHERE place = 0",),
        ("UPDATE recipient SET place = 0 WHERE place = 1",),
        ("UPDATE recipient SET place = 1 WHERE place = 99",),
    ),
    "a recipient deleted": does(("DELETE FROM recipient WHERE place = 0",)),
    "the entry deleted": does(("DELETE FROM entry",)),
    "a stream's number": does(("UPDATE stream SET number = 0",)),
    "the stream deleted": does(("DELETE FROM stream",)),
    "a second stream": does(
        (f"INSERT INTO stream SELECT zeroblob(16), {', '.join(STREAM)} FROM stream",),
    ),
    "the place in the feed": does(("UPDATE instance SET feed_offset = 0",)),
    "the sum of all rows": does(("UPDATE instance SET total = zeroblob(121)",)),
    "the last number of an entry": does(("UPDATE instance SET last_entry = 0",)),
}
"""Found by the doctor and on use."""

FOUND_BY_THE_DOCTOR = {
    "an envelope's outcome": does(("UPDATE envelope SET state = 'rejected'",)),
    "an envelope made by oversight": bound_by_oversight("envelope", "state", "rejected"),
    "an envelope deleted": does(("DELETE FROM envelope",)),
    "an envelope's bytes": does(("UPDATE envelope SET bytes = zeroblob(9)",)),
    "the fingerprint": does(("UPDATE message SET fingerprint = NULL",)),
    "the fingerprint made by oversight": bound_by_oversight("message", "fingerprint", b"f" * 32),
    "an entry put back": back("entry"),
    "recipients put back": back("recipient"),
    "an envelope put back": back("envelope"),
    "the stream put back": back("stream"),
    "a message deleted, and all of it": does(
        *((f"DELETE FROM {table}",) for table in ("message", "entry", "recipient", "link", "envelope"))
    ),
    "a link made": does(("INSERT INTO link VALUES (1, 'about', zeroblob(32), zeroblob(32))",)),
    "all but the outbox's own row put back": back(*TABLES[4:]),
}


@pytest.mark.parametrize("attack", EDITED)
async def test_what_became_of_a_message_is_written_by_nobody_else(sent, attack):
    """The doctor and every use find changes of entries, recipients and the stream."""
    EDITED[attack](sent)
    assert await verified(sent) == "rows_changed"
    assert await used(sent, sent.ids[0]) == "rows_changed"


@pytest.mark.parametrize("attack", FOUND_BY_THE_DOCTOR)
async def test_a_row_that_was_put_back_or_is_missing_does_not_add_up(sent, attack):
    """Each row by itself is as it once was, and the doctor finds it all the same."""
    assert await verified(sent) is None
    FOUND_BY_THE_DOCTOR[attack](sent)
    assert await verified(sent) == "rows_changed"


async def test_what_is_changed_after_it_was_written_by_another_is_never_bound(sent):
    """A later write of this software makes no true row of a false one."""
    back("recipient")(sent)
    async with sent.publishing() as publisher, sent.routing():
        again = await publisher.publish(document(narrative="later"))
        await publisher.wait(again.id, PATIENCE_S)
    assert await verified(sent) == "rows_changed"


async def test_what_nobody_touched_is_found_whole(office):
    """The doctor's look, after all that persons do; a second person's approval counts."""
    assert await approved(office, office.ids[1], "ada", ADA)
    outbox = await office.outbox()
    await outbox.verify()
    await outbox.close()


# The inbox of a recipient.

ME = "DEU/spoc"
INBOX = ("message", "refusal", "stream", "gap_range", "receipt", "cursor", "parked", "instance")


def inbox_file(stage):
    return stage.folder / "DEU-spoc.inbox"


@pytest.fixture
async def received(stage):
    """Return an inbox with a message, a refused record, and one that skips a number; `kept` has the state before."""
    await stage.route(stage.letter(text="first"))
    await stage.inject(ME, b"garbage")
    await read_on(stage)
    await stage.route(jumping := stage.forge(text="third", sequences={ME: 3}))
    stage.sent(jumping)
    await read_on(stage)
    await park_one(stage)
    with closing(sqlite3.connect(inbox_file(stage))) as database:
        stage.kept = {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in INBOX}
    assert all(stage.kept[table] for table in INBOX)
    await stage.route(stage.letter(text="fourth"))
    assert await read_on(stage) is None
    return stage


async def park_one(stage):
    """Set the first message aside for a cursor that nobody reads."""
    inbox = await stage.inbox(ME)
    try:
        (first, *_) = await inbox.messages()
        await inbox.cursors.park("elsewhere", first.row, "OSError", 5)
    finally:
        await inbox.close()


async def read_on(stage):
    """Run the subscriber and read the whole inbox; return the reason that is raised or logged."""
    taken = []
    with capture_logs() as logs:
        try:
            sink = Callback("desk", lambda one: taken.append(one.id))
            async with stage.subscribing(ME, sinks=[sink]) as subscriber, asyncio.timeout(PATIENCE_S):
                idle = asyncio.create_task(subscriber.until_idle(0))
                while not idle.done():
                    if found := [one for one in logs if one.get("reason") == "rows_changed"]:
                        idle.cancel()
                        return found[0]["reason"]
                    await asyncio.wait({idle}, timeout=0.05)
                await idle
                for look in ("messages", "gaps", "refused", "receipts"):
                    await getattr(subscriber.inbox, look)()
        except StorageError as error:
            return error.reason


async def inbox_verified(stage):
    """Return the result of the doctor's check of the inbox."""
    inbox = await stage.inbox(ME)
    try:
        await inbox.verify()
    except StorageError as error:
        return error.reason
    finally:
        await inbox.close()


def to_inbox(*statements):
    def act(stage):
        with closing(sqlite3.connect(inbox_file(stage))) as database, database:
            for statement in statements:
                database.execute(statement)

    return act


def inbox_back(table):
    """Put the rows of a table back to an earlier state, each with its MAC."""

    def act(stage):
        with closing(sqlite3.connect(inbox_file(stage))) as database, database:
            database.execute(f"DELETE FROM {table}")
            for row in stage.kept[table]:
                database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    return act


WRITTEN = {
    "a message said to be in conflict": to_inbox("UPDATE message SET state = 'conflict' WHERE id = 1"),
    "when a message came": to_inbox("UPDATE message SET received = received - 1"),
    "messages exchanged": to_inbox(
        "UPDATE message SET id = 9 WHERE id = 1",
        "UPDATE message SET id = 1 WHERE id = 2",
        "UPDATE message SET id = 2 WHERE id = 9",
    ),
    "a refusal that nothing cures": to_inbox("UPDATE refusal SET reason = 'bad_signature'"),
    "a gap that is none": to_inbox("UPDATE gap_range SET first = 1000, last = 1000"),
    "when a receipt was made": to_inbox("UPDATE receipt SET made = 0"),
    "the position of a cursor": to_inbox("UPDATE cursor SET position = 99 WHERE name != 'elsewhere'"),
    "the place in the feed": to_inbox("UPDATE instance SET feed_offset = 0"),
    "a row without a MAC": to_inbox("UPDATE message SET bound = NULL"),
}


@pytest.mark.parametrize("attack", WRITTEN)
async def test_a_row_of_an_inbox_is_written_by_nobody_else(received, attack):
    """The doctor and every reader find it."""
    assert await inbox_verified(received) is None
    WRITTEN[attack](received)
    assert await inbox_verified(received) == "rows_changed"
    assert await read_on(received) == "rows_changed"


@pytest.mark.parametrize("table", [*INBOX[:-1], "instance"])
@pytest.mark.parametrize("what", ["deleted", "put back"])
async def test_a_row_of_an_inbox_that_is_missing_or_put_back_does_not_add_up(received, table, what):
    """Doctor finds rows that are each valid as they once were, and reports no table that did not change since."""
    with closing(sqlite3.connect(inbox_file(received))) as database:
        same = database.execute(f"SELECT * FROM {table}").fetchall() == received.kept[table]
    (inbox_back(table) if what == "put back" else to_inbox(f"DELETE FROM {table}"))(received)
    unchanged = what == "put back" and same
    assert await inbox_verified(received) == (None if unchanged else "rows_changed")


async def test_a_stream_s_number_in_an_inbox_is_written_by_nobody_else(received):
    """Otherwise the next delivery would be no gap, or a false one."""
    to_inbox("UPDATE stream SET last = 99")(received)
    await received.route(received.letter(text="fifth"))
    assert await read_on(received) == "rows_changed"
    assert await inbox_verified(received) == "rows_changed"
