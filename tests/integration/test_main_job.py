"""The main job on the real broker: the three journeys, the kills, and who cannot read what."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("integration_support", Path(__file__).with_name("support.py"))
support = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = support
_spec.loader.exec_module(support)

from notifier import Publisher, Subscriber  # noqa: E402 - the helpers come first
from notifier.envelope import DecryptionKey, parse_delivery  # noqa: E402
from notifier.errors import EnvelopeError, TransportError  # noqa: E402
from notifier.keyfiles import decryption_keys  # noqa: E402
from notifier.notification import parse  # noqa: E402
from notifier.sandbox.sandbox import Sandbox  # noqa: E402
from notifier.topics import AUDIT, INTAKE, feed_of  # noqa: E402

LOAD = 500


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One sandbox with two routers for this module; ended whatever happens."""
    sandbox = Sandbox(tmp_path_factory.mktemp("home"))
    found = support.World(sandbox)
    try:
        found.up()
        yield found
    finally:
        sandbox.down(lambda _text: None)


def test_an_agency_publishes_and_a_partner_subscribes_from_the_shell(world):
    """Publish, subscribe, look, ask why: as anybody would type it."""
    file = str(support.EXAMPLES / "deportation-two-nationalities.json")
    done = world.shell("publish", file, "--as", "TUR/spoc", "--wait", "--json")
    assert done.returncode == 0, done.stderr
    (message,) = json.loads(done.stdout)["messages"]
    assert message["state"] == "routed"
    assert message["recipients"] == ["BEL/spoc", "DEU/spoc", "MAR/spoc"]
    sink = world.home / "out.jsonl"
    done = world.shell("subscribe", "--as", "DEU/spoc", "--until-idle", "0", "--sink", f"jsonl:{sink}")
    assert done.returncode == 0, done.stderr
    assert message["id"] in {json.loads(line)["id"] for line in sink.read_text().splitlines()}
    shown = world.json("inbox", "show", message["id"], "--as", "DEU/spoc")
    assert shown["notification"]["type"] == "deportation"
    assert "local" not in shown["notification"]
    why = world.json("why", message["id"], "MAR/spoc", "--as", "TUR/spoc")
    assert [one["reasons"] for one in why["recipients"]] == [[{"rule": "nationality", "paragraph": "3"}]]
    listed = world.json("inbox", "list", "--as", "FRA/spoc")
    assert message["id"] not in {one["id"] for one in listed["messages"]}


async def test_both_from_python(world):
    """The same in a few lines of the SDK."""
    async with Publisher.from_home(world.home, "TUR/spoc") as publisher:
        submitted = await publisher.publish(support.example("deportation-completed"))
        assert (await publisher.wait(submitted.id, support.PATIENCE_S)).state == "routed"
    async with Subscriber.from_home(world.home, "AUT/spoc") as subscriber:
        async with asyncio.timeout(support.PATIENCE_S):
            async for message in subscriber:
                if message.id == submitted.id:
                    break
    assert message.notification.subject.category == "suspect"


def test_a_third_person_verifies_the_log_with_the_public_key_alone(world, tmp_path):
    """A copy of the folder and the key; one changed byte is found."""
    key = world.json("directory", "show")["hub"]["log_key"]
    copy = tmp_path / "log"
    shutil.copytree(world.home / "parties" / "auditor" / "log", copy)
    elsewhere = ["--home", str(tmp_path / "no-home"), "--key", key]
    done = world.shell("audit", "verify", str(copy), *elsewhere, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"], report["faults"]) == (0, True, [])
    assert report["size"] > 0
    tile = next(path for path in sorted(copy.rglob("*")) if path.is_file() and "tile" in path.parts)
    data = bytearray(tile.read_bytes())
    data[5] ^= 1
    tile.write_bytes(data)
    done = world.shell("audit", "verify", str(copy), *elsewhere, "--json")
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (1, False)


async def test_nothing_is_lost_or_doubled_when_a_router_and_the_broker_are_killed(world):
    """500 messages; kill -9 of a router, then of the broker: each recipient has each message once, in order."""
    originators = ("TUR/spoc", "BGR/spoc")
    documents = {
        name: [parse(support.example("deportation-completed", originator=name)) for _ in range(LOAD // 2)]
        for name in originators
    }
    wanted = {}
    async with (
        Publisher.from_home(world.home, "TUR/spoc") as first,
        Publisher.from_home(world.home, "BGR/spoc") as second,
    ):
        publishers = dict(zip(originators, (first, second), strict=True))
        for name, publisher in publishers.items():
            submitted = await publisher.publish_all(documents[name])
            wanted[name] = {one.id for one in submitted}
        await _some_decided(first, wanted["TUR/spoc"])
        os.kill(world.sandbox.process("router-1").process().pid, signal.SIGKILL)
        await _some_decided(second, wanted["BGR/spoc"], more_than=LOAD // 10)
        os.kill(world.sandbox.process("kafka-1").process().pid, signal.SIGKILL)
        await asyncio.to_thread(world.up)
        for publisher in publishers.values():
            assert await publisher.drain(180) == []
            assert await publisher.waiting() == []
    for recipient in ("AUT/spoc", "UTO/spoc"):
        received = await world.receive(recipient)
        for name in originators:
            support.assert_exactly_once(received, name, wanted[name])
    foreign = await world.receive("FRA/spoc")
    assert not {one.id for one in foreign} & (wanted["TUR/spoc"] | wanted["BGR/spoc"])
    assert world.json("audit", "verify")["ok"]


async def _some_decided(publisher, mine, more_than=0):
    """Returns when the hub has decided more than so many of `mine`."""
    async with asyncio.timeout(support.PATIENCE_S):
        while len(mine & set(await publisher.waiting())) >= len(mine) - more_than:
            await publisher.drain(0.02)


async def test_a_paused_router_that_comes_back_writes_nothing(world):
    """Stopped for longer than its session, it is taken over; resumed, it is fenced, and goes on as a member."""
    await asyncio.to_thread(world.up)
    victim = world.sandbox.process("router-1").process()
    victim.suspend()
    try:
        async with Publisher.from_home(world.home, "GBR/spoc") as publisher:
            ids = {(await publisher.publish(support.example("arrest", originator="GBR/spoc"))).id for _ in range(20)}
            assert await publisher.drain(support.PATIENCE_S) == []
            victim.resume()
            ids |= {(await publisher.publish(support.example("arrest", originator="GBR/spoc"))).id for _ in range(20)}
            assert await publisher.drain(support.PATIENCE_S) == []
    finally:
        victim.resume()
    support.assert_exactly_once(await world.receive("DEU/spoc"), "GBR/spoc", ids)


async def test_what_is_published_while_no_broker_answers_is_sent_later(world):
    """Durable at once, routed when the broker is back."""
    os.kill(world.sandbox.process("kafka-1").process().pid, signal.SIGKILL)
    async with Publisher.from_home(world.home, "MAR/spoc") as publisher:
        submitted = await publisher.publish(support.example("arrest-overseas-national"))
        assert (await publisher.status(submitted.id)).state == "submitted"
        await asyncio.to_thread(world.up)
        assert (await publisher.wait(submitted.id, support.PATIENCE_S)).state == "routed"
    assert submitted.id in {one.id for one in await world.receive("GBR/spoc")}


@pytest.mark.parametrize("party", ["FRA/spoc", "stranger"])
@pytest.mark.parametrize("topic", [INTAKE, AUDIT, feed_of("DEU/spoc")])
async def test_nobody_reads_a_topic_that_is_not_theirs(world, party, topic):
    """A recipient and a stranger with a valid certificate are denied."""
    transport = world.transport(party)
    try:
        with pytest.raises(TransportError) as error:
            await (await transport.reader(topic, 0, 0)).read(1, 5000)
        assert error.value.reason == "broker_refused"
    finally:
        await transport.close()


async def test_whoever_has_every_byte_of_the_broker_and_the_router_s_keys_reads_no_letter(world):
    """A canary in a notification is found in no file of the broker, router, auditor or log; no key opens a body."""
    canary = "Zyxwvutsrq Canarybird"
    document = support.example("arrest-with-interpol")
    document["subject"]["names"][0]["text"] = canary
    document["narrative"] = f"{canary} was seen"
    document["subject"]["documents"] = [{"kind": "P", "issuer": "TUV", "number": "QZ7CANARY"}]
    # A nationality that no authority of this world has: the hub must not learn it either.
    document["subject"]["nationalities"].append({"state": "TUV", "status": "documented"})
    async with Publisher.from_home(world.home, "FRA/spoc") as publisher:
        submitted = await publisher.publish(document)
        assert (await publisher.wait(submitted.id, support.PATIENCE_S)).state == "routed"
    (message,) = [one for one in await world.receive("MAR/spoc") if one.id == submitted.id]
    assert message.notification.subject.names[0].text == canary
    for path in world.home.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        for word in (canary.encode(), b"QZ7CANARY", b"TUV/spoc", b"Canarybird"):
            assert word not in data, path.name
        if path.parent.name == "logs":  # three letters: in ciphertext they may stand by chance
            assert b"TUV" not in data, path.name
        assert "TUV" not in path.name
    admin = world.transport("admin")
    try:
        reader = await admin.reader(feed_of("MAR/spoc"), 0, 0)
        records = []
        while await reader.position() < await reader.end():
            records += await reader.read(500, 500)
        await reader.close()
    finally:
        await admin.close()
    from notifier.config import load, party_config

    (stolen,) = decryption_keys(load(party_config(world.home, "router")).keys).values()
    assert isinstance(stolen, DecryptionKey)
    for record in records:
        outside = [record.key or b"", *(value for _, value in record.headers)]
        assert not any(word in value for value in outside for word in (b"TUV", b"CANARY", canary.encode()))
    rids = set()
    for record in records:
        try:
            rids.add(parse_delivery(record.value).rid)
        except EnvelopeError:
            continue  # the hub's notices to MAR as an originator
    assert rids
    assert stolen.key_id not in rids


def test_status_is_true_after_a_kill_and_up_mends_it(world):
    """A dead auditor shows, and `up` starts it again; nothing else is touched."""
    world.up()
    before = world.json("sandbox", "status")
    assert before["ready"]
    os.kill(world.sandbox.process("auditor").process().pid, signal.SIGKILL)
    done = world.shell("sandbox", "status", "--json")
    states = {one["name"]: one["state"] for one in json.loads(done.stdout)["services"]}
    assert done.returncode == 1
    assert (states["auditor"], states["router-1"], states["kafka-1"]) == ("stopped", "ready", "running")
    world.up()
    after = world.json("sandbox", "status")
    assert after["ready"]
    pids = {one["name"]: one["pid"] for one in before["services"]}
    assert {one["name"] for one in after["services"] if one["pid"] != pids[one["name"]]} == {"auditor"}
