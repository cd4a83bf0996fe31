"""Make the databases in this folder, by the code of the commit that they are named after.

Run once, with that commit's code in place of this one's (`git worktree add FOLDER COMMIT`)::

    cd FOLDER && PYTHONPATH=.:tests python PATH/generate.py PATH

It writes the outbox of TUR/spoc and the inbox of DEU/spoc, each as SQL for SQLite and for PostgreSQL, and as JSON all
that the code of that commit read in it. Later code must find the same (`tests/unit/storage/test_migrations.py`).
Never make a stored database again: databases in use do not change either.

Schemas 6 and 1 are of commit daacc92, schemas 14 and 4 of f7fe118.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tempfile
from pathlib import Path

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from notifier.consumers.inbox import migrations as inbox_migrations
from notifier.consumers.inbox import tables as inbox_tables
from notifier.crypto.keys import SigningKey
from notifier.notification import parse
from notifier.outbox import migrations as outbox_migrations
from notifier.outbox import tables as outbox_tables
from notifier.outbox.submissions import Submission
from notifier.persons.submissions import Submitter
from notifier.policy.case import planned
from notifier.policy.plan import NO_CASE
from notifier.storage.tables import BOOKKEEPING
from notifier.topics import INTAKE
from support.attack_harness import Stage
from support.databases import received as read_inbox
from support.databases import written as read_outbox
from support.samples import document
from support.world import PARTITIONS, build_world

ME, READER = "TUR/spoc", "DEU/spoc"
ADA, BEN, CEM, DAN = (SigningKey.from_secret(name.encode().ljust(32, b".")) for name in ("ada", "ben", "cem", "dan"))
SUBMITTER = Submitter(CEM, "cem")
LOCAL = document()["local"]
CHILD = document()["subject"] | {"age": "child"}
RISK = LOCAL | {"risk": {"torture": ["DEU"], "death_penalty": []}}
REFUGEE = LOCAL | {"refugee": {"status": "refugee", "feared": ["UTO"]}}
CLAIMED = document()["subject"] | {"nationalities": [{"state": "UTO", "status": "claimed"}]}


def flown(stage, known):
    """The next digest on intake that is not known yet."""
    from notifier.envelope.verifying import parse_envelope

    broker = stage.world.broker
    values = [one.value for number in range(PARTITIONS) for one in broker.records(INTAKE, number)]
    return [digest for digest in (parse_envelope(value).digest for value in values) if digest not in known]


async def routed(stage):
    """What the hub decides: told, held, released, refused, updated, forwarded."""
    ids = {}
    async with stage.publishing() as publisher:
        await publisher.add_person("ada", ADA.public, ["child_reviewer", "assurance"])
        await publisher.add_person("ben", BEN.public, ["release"])
        await publisher.add_person("cem", CEM.public, [])
        await publisher.add_person("dan", DAN.public, ["release"])
        await publisher.retire_person("dan")
    async with stage.routing(), stage.publishing() as publisher:

        async def publish(name, **change):
            made = await publisher.publish(document(narrative=name, **change), by=SUBMITTER)
            ids[name] = made.id
            return made.id

        await publish("told")
        await publish("not told to all", local=REFUGEE)
        child = await publish("a child, approved", subject=CHILD)
        await publisher.approve(child, "child_review", by="ada", key=ADA)
        await publish("a child, waiting", subject=CHILD)
        risk = await publish("at risk, refused", local=RISK)
        await publisher.refuse(risk, "torture_or_death_risk", by="ada", key=ADA)
        claimed = await publish("claimed, updated", subject=CLAIMED)
        assert await publisher.drain(20) == []
        about = {"id": claimed, "digest": await publisher.digest(claimed)}
        await publish("the update", type="update", stage=None, about=about)
        received = document(
            originator="AUT/spoc",
            id="00000000-0000-7000-8000-000000000001",
            narrative="from AUT",
            handling={"codes": ["H1"], "text": None, "release_to": [], "not_to": []},
        )
        del received["local"]
        forwarded = await publisher.forward(parse(received), ["TUR/fiu"], by=SUBMITTER)
        ids["from AUT, forwarded"] = forwarded.id
        assert await publisher.drain(20) == []
    return ids


async def unsettled(stage, ids):
    """What the hub refuses, asks for again, has not decided, and what nobody sealed yet."""
    known = set(flown(stage, ()))
    outbox = await stage.outbox()
    stage.world.stream = lambda name: stream  # the outbox has one of its own
    async with outbox._database.read() as connection:
        row = (await connection.execute(outbox_tables.streams.select())).one()
        stream, number = row.id, row.number
    await outbox.close()
    async with stage.publishing() as publisher:
        for name in ("rejected", "on its way"):
            ids[name] = (await publisher.publish(document(narrative=name), by=SUBMITTER)).id
        await stage.world.until(lambda: len(flown(stage, known)) >= 2)
        first = flown(stage, known)[0]
        known.update(flown(stage, known))
        await stage.inject(ME, stage.decision(first, ME, number + 1, outcome="rejected", reason="not_permitted"))
        await publisher.wait(ids["rejected"], 20)
        await stage.world.until(lambda: len(flown(stage, known)) >= 1)
        again = flown(stage, known)[0]
        known.add(again)
        ids["asked for again"] = (await publisher.publish(document(narrative="asked for again"), by=SUBMITTER)).id
        await stage.world.until(lambda: len(flown(stage, known)) >= 1)
        await stage.inject(ME, stage.decision(again, ME, number + 1, outcome="rejected", reason="feed_missing"))
        await stage.world.until(lambda: len(flown(stage, known)) >= 2)
    snapshot = stage.world.directory.snapshot()
    outbox = await stage.outbox()
    for name, change in (("not sealed", {}), ("of a child, not sealed", {"subject": CHILD})):
        made = parse(document(narrative=name, **change, id=f"00000000-0000-7000-8000-{len(ids):012}"))
        (stored,) = await outbox.add([Submission(made, planned(made, NO_CASE, snapshot), SUBMITTER)])
        ids[name] = stored.id
    await outbox.close()


async def received(stage):
    """What DEU gets besides: a conflict, a gap that stays and one that was filled, what is refused."""
    same = bytes(15) + b"\x07"
    await stage.route(
        stage.letter("AUT/spoc", "first of its id", notification_id=same),
        stage.letter("AUT/spoc", "second of its id", notification_id=same),
        stage.letter("AUT/spoc", "after a gap", sequences={READER: 5}),
        stage.letter("AUT/spoc", "late", sequences={READER: 3}),
    )
    spoilt = stage.forge("FRA/spoc", "refused")
    await stage.inject(READER, stage.delivery(spoilt.envelope, READER, signing=stage.signing("UTO/spoc")))
    await stage.inject(READER, b"no record at all")
    await stage.read(READER)
    inbox = await stage.inbox(READER)
    await inbox.handed("file", 2)
    await inbox.close()


def literal(value, dialect):
    """A value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'" if dialect == "sqlite" else f"'\\x{value.hex()}'"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def dumped(path, tables):
    """The database as SQL: (for SQLite, for PostgreSQL), with the tables as each was made there."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made = [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
    made = [sql for sql in made if "sqlite_sequence" not in sql]
    lite, server = [f"{' '.join(sql.split())};" for sql in made], []
    everything = [*BOOKKEEPING.sorted_tables, *tables.sorted_tables]
    for table in everything:
        server.append(f"{' '.join(str(CreateTable(table).compile(dialect=postgresql.dialect())).split())};")
        indexes = sorted(table.indexes, key=lambda one: str(one.name))
        server += [f"{CreateIndex(index).compile(dialect=postgresql.dialect())};" for index in indexes]
    for table in everything:
        names = [column.name for column in table.columns]
        quoted = ", ".join(f'"{name}"' for name in names)
        for row in connection.execute(f'SELECT {quoted} FROM "{table.name}" ORDER BY 1, 2'):
            for lines, dialect in ((lite, "sqlite"), (server, "postgresql")):
                values = ", ".join(literal(value, dialect) for value in row)
                lines.append(f'INSERT INTO "{table.name}" ({quoted}) VALUES ({values});')
        if "id" in names and table.columns["id"].autoincrement is True:
            last = connection.execute(f'SELECT max(id) FROM "{table.name}"').fetchone()[0]
            if last is not None:
                server.append(f"SELECT setval('{table.name}_id_seq', {last});")
    connection.close()
    return "\n".join(lite) + "\n", "\n".join(server) + "\n"


async def main(folder):
    with tempfile.TemporaryDirectory() as place:
        stage = Stage(build_world(), Path(place))
        ids = await routed(stage)
        await received(stage)
        await unsettled(stage, ids)
        outbox, inbox = await stage.outbox(), await stage.inbox(READER)
        databases = (
            ("TUR-spoc.outbox", outbox_tables, outbox_migrations.VERSION, await read_outbox(outbox)),
            ("DEU-spoc.inbox", inbox_tables, inbox_migrations.VERSION, await read_inbox(inbox)),
        )
        await outbox.close()
        await inbox.close()
        for name, tables, version, found in databases:
            lite, server = dumped(Path(place) / name, tables.TABLES)
            stored = f"{tables.SCHEMA}-{version}"
            (folder / f"{stored}.sqlite.sql").write_text(lite)
            (folder / f"{stored}.postgresql.sql").write_text(server)
            text = json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True)
            (folder / f"{stored}.json").write_text(f"{text}\n")
        states = databases[0][3]["messages"]
        print({name: states[one]["state"] for name, one in ids.items()})


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
