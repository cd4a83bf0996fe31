"""The two compartments of an outbox: with the key of decisions nothing else opens, and nobody writes."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from notifier.crypto.row_cipher import RowCipher
from notifier.errors import RefusedError, StorageError
from notifier.lifecycle import Parts
from notifier.notification import parse
from notifier.outbox.key_separation import OutboxCipher, decisions_key
from notifier.outbox.outbox import Outbox
from notifier.outbox.oversight import OversightReader
from notifier.outbox.person_chain import entry_context
from notifier.producers.publisher import Publisher
from support.attack_harness import STORAGE_KEY
from support.samples import document
from support.world import build_world

ME = "TUR/spoc"
RISK = {"torture": ["UTO"], "death_penalty": []}


@pytest.fixture
def address(tmp_path):
    return f"sqlite:///{tmp_path}/outbox.db"


@pytest.fixture
async def submitted(address):
    """A notification in the outbox of TUR/spoc: AUT and DEU are told, UTO is held."""
    world = build_world()
    outbox = await Outbox.open(address, ME, STORAGE_KEY, world.runtime)
    parts = Parts(outbox, world.broker.transport(), world.directory, world.keys[ME].signing)
    made = document()
    made["local"]["risk"] = RISK
    async with Publisher.of(ME, parts, world.runtime) as publisher:
        return await publisher.publish(parse(made))


def overseer(address, key=None, authority=ME):
    return OversightReader(address, authority, decisions_key(STORAGE_KEY) if key is None else key)


def test_the_key_of_decisions_is_one_way_and_for_decisions_alone():
    """It opens a plan and no content; the storage key opens both through the outbox, and no plan by itself."""
    cipher, decisions = OutboxCipher(STORAGE_KEY), RowCipher(decisions_key(STORAGE_KEY))
    plan, content = b"message/plan/x", b"message/content/x"
    sealed = {context: cipher.seal(context, b"text") for context in (plan, content)}
    assert {cipher.open(context, text) for context, text in sealed.items()} == {b"text"}
    assert decisions.open(plan, sealed[plan]) == b"text"
    for other, context in ((decisions, content), (RowCipher(STORAGE_KEY), plan)):
        with pytest.raises(StorageError):
            other.open(context, sealed[context])


async def test_oversight_sees_every_entry_as_the_originator_does(submitted, address):
    """Who is told, who is held and because of what, by which rules."""
    async with overseer(address) as one:
        decided = await one.decided(submitted.id)
    assert (decided.id, decided.rules_version) == (submitted.id, submitted.plan.rules_version)
    states = [entry.state for entry in decided.entries]
    assert states == ["waiting", "waiting", "held"], "nobody is told before the hub accepted"
    assert [replace(entry, state=None) for entry in decided.entries] == [
        replace(entry, state=None) for entry in submitted.plan.entries
    ]
    assert {entry.authority: entry.because for entry in decided.entries} == {
        "AUT/spoc": (),
        "DEU/spoc": (),
        "UTO/spoc": ("torture_or_death_risk",),
    }


async def test_no_row_of_contents_opens_with_the_key_of_decisions(submitted, address, tmp_path):
    """Whatever is sealed in the whole database: only plans (and who decided) open, whatever it is asked as."""
    cipher = RowCipher(decisions_key(STORAGE_KEY))
    with sqlite3.connect(tmp_path / "outbox.db") as database:
        ids = [row[0] for row in database.execute("SELECT notification_id FROM message")]
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        values = {
            (table, column[1], row[0])
            for table in tables
            for column in database.execute(f"PRAGMA table_info({table})")
            for row in database.execute(f"SELECT {column[1]} FROM {table}")
            if isinstance(row[0], bytes) and row[0][:1] == b"\x01"
        }
    database.close()
    contexts = [f"message/{name}/".encode() + one for name in ("plan", "content", "submitted_by") for one in ids]
    contexts += [entry_context(None), entry_context(1), b"instance/secret"]
    opened = set()
    for table, column, sealed in values:
        for context in contexts:
            try:
                cipher.open(context, sealed)
            except StorageError:
                continue
            opened.add((table, column))
    assert opened == {("message", "plan"), ("message", "submitted_by")}
    sealed = {(table, column) for table, column, _ in values}
    assert sealed >= {("message", "content"), ("entry", "contents"), ("instance", "secret")}


async def test_the_wrong_key_or_outbox_is_refused(submitted, address):
    """Another authority's decisions do not open, nor does the key of contents."""
    for key in (decisions_key(b"o" * 32), STORAGE_KEY):
        async with overseer(address, key) as one:
            with pytest.raises(StorageError):
                await one.decided(submitted.id)
    async with overseer(address, authority="TUR/fiu") as one:
        with pytest.raises(StorageError, match="belongs to TUR/spoc"):
            await one.decided(submitted.id)
    async with overseer(address) as one:
        with pytest.raises(RefusedError):
            await one.decided("01997e5c-1c00-7c55-9a3e-000000000000")


async def test_oversight_has_no_outbox_of_its_own(tmp_path):
    """Nobody opens one in its name, whatever the settings say."""
    with pytest.raises(RefusedError) as raised:
        await Outbox.open(f"sqlite:///{tmp_path}/mine.db", "TUR/oversight", STORAGE_KEY, build_world().runtime)
    assert raised.value.reason == "not_permitted"
    assert list(tmp_path.iterdir()) == []
