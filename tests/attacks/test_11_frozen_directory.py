"""11 Frozen or rolled-back directory or rules: a party is kept from learning of a revocation, or made to forget it.

The attacker holds the place of publication, or the way to it; then also the online keys (snapshot and timestamp).
Control: versions never go back, in a cache that is verified at every start. After an expiry and a stated grace
everybody stops.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from notifier.directory.model import DAY_MS
from notifier.directory.repository import Repository
from notifier.errors import DirectoryError, DirectoryStaleError
from support.attack_harness import race
from support.published import GRACE_S, stamp_by_force
from support.samples import document
from support.world import START

TIMESTAMP_DAYS = 1


def test_an_older_directory_is_refused(published):
    """Every file as it was a version ago, all well signed and fresh: a client that saw the later one says no."""
    client = published.client()
    shutil.copytree(published.folder, published.folder.with_name("old"))
    published.enrol("NLD/spoc")
    assert client.load().directory.participates("NLD/spoc")
    shutil.rmtree(published.folder)
    published.folder.with_name("old").rename(published.folder)
    with pytest.raises(DirectoryError):
        client.load()
    assert client.snapshot().directory.participates("NLD/spoc"), "what was known stays"
    with pytest.raises(DirectoryError):
        published.client().load()


def test_older_rules_under_a_new_timestamp_are_refused(published):
    """The keys that are online name an earlier version of the rules in a fresh snapshot: refused likewise."""
    client = published.client()
    first = client.load().rules
    repository = Repository(published.folder, [published.keys], published.clock())
    repository.publish("rules", first.to_document() | {"version": 2})
    assert client.load().rules.version == 2
    stamp_by_force(Repository(published.folder, [published.keys], published.clock()), {"rules": 1})
    with pytest.raises(DirectoryError):
        client.load()
    assert client.snapshot().rules.version == 2


def test_a_frozen_directory_ends_with_its_grace(published):
    """Nobody signs a timestamp any more: the last one serves for its stated grace, and then nothing goes."""
    client = published.client()
    client.load()
    published.clock.now = START + TIMESTAMP_DAYS * DAY_MS + GRACE_S * 1000 - 1000
    assert client.load().directory.version == client.snapshot().directory.version == 1
    published.clock.now += 2000
    with pytest.raises(DirectoryStaleError):
        client.snapshot()
    with pytest.raises(DirectoryStaleError):
        client.load()


def test_the_grace_is_not_renewed_by_starting_again(published):
    """Without a source a new process verifies the cache, and stops when the old one would."""
    published.client().load()
    root = published.folder.parent / "root.json"
    shutil.copy(published.folder / "1.root.json", root)
    shutil.move(published.folder, published.folder.with_name("away"))
    assert published.client(root).load().directory.version == 1
    published.clock.now = START + TIMESTAMP_DAYS * DAY_MS + GRACE_S * 1000 + 1000
    with pytest.raises(DirectoryStaleError):
        published.client(root).load()


def test_an_expiry_cannot_be_moved(published):
    """The timestamp with a later date, or none that is signed: refused."""
    path = published.folder / "metadata" / "timestamp.json"
    timestamp = json.loads(path.read_text())
    timestamp["signed"]["expires"] = "2099-01-01T00:00:00Z"
    path.write_text(json.dumps(timestamp))
    with pytest.raises(DirectoryError):
        published.client().load()


def freeze(stage):
    """From now on nobody hears of a later directory, and the last one is past its grace."""
    stage.world.directory.put(replace(stage.world.directory.snapshot(), fresh_until=stage.world.clock() - 1))


async def test_a_hub_decides_nothing_upon_it(stage):
    """The router ends with its reason; what was sent waits undecided, and nobody is told anything."""
    letter = stage.letter()
    await stage.world.put("TUR/spoc", letter.envelope)
    freeze(stage)
    ended, _ = await race(stage.world.router().run(asyncio.Event()), stage.world.until(stage.decided))
    assert isinstance(ended, DirectoryStaleError), "it went on"
    assert not stage.decided()
    assert not stage.world.feed("DEU/spoc")


async def test_a_recipient_neither_accepts_nor_skips(stage):
    """The inbox stands where it is, says why, and goes on from there when the directory is fresh again."""
    fresh = stage.world.directory.snapshot()
    letter = stage.letter()
    await stage.route(letter)
    freeze(stage)
    again = asyncio.Event()

    async def begins(step):
        if step == "reader.open" and logs:
            again.set()

    stage.world.broker.fault = begins
    with capture_logs() as logs:
        async with stage.subscribing("DEU/spoc") as subscriber:
            await race(again.wait(), subscriber.until_idle(0))
            assert await subscriber.inbox.messages() == []
            assert await subscriber.inbox.offset() == 0
    assert {one["reason"] for one in logs} == {"directory_stale"}
    stage.world.directory.put(fresh)
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.refused) == ([letter.text], [])


async def test_a_publisher_seals_nothing(stage):
    """Publishing is refused as temporary, because recipients and keys would be a guess."""
    freeze(stage)
    async with stage.publishing("TUR/spoc") as publisher:
        with pytest.raises(DirectoryStaleError):
            await publisher.publish(document())
    assert not stage.world.broker.records("notifier.intake.v1", stage.world.partition("TUR/spoc"))
