"""The three journeys on the real broker, each as somebody would go it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal

import pytest

from notifier import Publisher, Subscriber
from notifier.audit.checkpoint import Verifier, vkey_of
from notifier.crypto.keys import SigningKey
from support import sandbox as support

TWO_NATIONALITIES = "deportation-two-nationalities"


def test_an_agency_publishes_and_a_partner_subscribes_from_the_shell(world, tmp_path):
    """Publish, subscribe, look, ask why: as anybody would type it."""
    given = support.written(tmp_path, TWO_NATIONALITIES)
    done = world.shell("publish", given, "--as", "TUR/spoc", "--wait", "--json")
    assert done.returncode == 0, done.stderr
    (message,) = json.loads(done.stdout)["messages"]
    assert message["state"] == "told"
    assert message["recipients"] == ["BEL/spoc", "DEU/spoc", "MAR/spoc"]
    sink = world.home / "out.jsonl"
    done = world.shell("subscribe", "--as", "DEU/spoc", "--until-idle", "0", "--sink", f"jsonl:{sink}")
    assert done.returncode == 0, done.stderr
    assert message["id"] in done.stderr
    lines = [json.loads(line) for line in sink.read_text().splitlines()]
    assert [one["id"] for one in lines].count(message["id"]) == 1
    shown = world.json("inbox", "show", message["id"], "--as", "DEU/spoc")
    assert shown["notification"]["type"] == "deportation"
    assert "local" not in shown["notification"]
    why = world.json("why", message["id"], "MAR/spoc", "--as", "TUR/spoc")
    assert [one["reasons"] for one in why["recipients"]] == [[{"rule": "nationality", "paragraph": "3"}]]
    listed = world.json("inbox", "list", "--as", "FRA/spoc")
    assert message["id"] not in {one["id"] for one in listed["messages"]}


def test_a_sink_is_given_nothing_twice_when_the_subscriber_runs_again(world, tmp_path):
    """The second run adds what came since, and only that."""
    sink = world.home / "again.jsonl"
    run = ("subscribe", "--as", "BEL/spoc", "--until-idle", "0", "--sink", f"jsonl:{sink}")
    for _ in range(2):
        given = support.written(tmp_path, TWO_NATIONALITIES)
        assert world.shell("publish", given, "--as", "TUR/spoc", "--wait").returncode == 0
        done = world.shell(*run)
        assert done.returncode == 0, done.stderr
    ids = [json.loads(line)["id"] for line in sink.read_text().splitlines()]
    assert len(ids) >= 2
    assert len(ids) == len(set(ids))


async def test_both_from_python(world):
    """Publish and subscribe in a few lines each; what is received is what was sent."""
    async with Publisher.from_home(world.home, "TUR/spoc") as publisher:
        submitted = await publisher.publish(support.example("deportation-completed"))
        assert (await publisher.wait(submitted.id, support.PATIENCE_S)).state == "told"
    async with Subscriber.from_home(world.home, "AUT/spoc") as subscriber:
        async with asyncio.timeout(support.PATIENCE_S):
            async for message in subscriber:
                if message.id == submitted.id:
                    break
    assert message.originator == "TUR/spoc"
    assert message.notification.subject.category == "suspect"


async def test_what_is_published_while_no_broker_answers_is_sent_later(world, tmp_path):
    """Durable at once, from Python and from the shell; routed when the broker is back."""
    os.kill(world.pid("kafka-1"), signal.SIGKILL)
    async with Publisher.from_home(world.home, "MAR/spoc") as publisher:
        submitted = await publisher.publish(support.example("arrest-overseas-national"))
        assert (await publisher.status(submitted.id)).state == "waiting"
        given = support.written(tmp_path, TWO_NATIONALITIES)
        done = await asyncio.to_thread(world.shell, "publish", given, "--as", "TUR/spoc", "--json")
        assert done.returncode in (0, 3), done.stderr
        (waiting,) = json.loads(done.stdout)["messages"]
        assert waiting["state"] == "waiting"
        await asyncio.to_thread(world.up)
        assert (await publisher.wait(submitted.id, support.PATIENCE_S)).state == "told"
    done = await asyncio.to_thread(world.shell, "publish", "--as", "TUR/spoc", "--wait")
    assert done.returncode == 0, done.stderr
    assert submitted.id in {one.id for one in await world.receive("GBR/spoc")}
    assert waiting["id"] in {one.id for one in await world.receive("DEU/spoc")}


@pytest.fixture
def elsewhere(world, tmp_path):
    """What a third person has: a copy of the log, its public key, and no home."""
    key = world.json("directory", "show")["hub"]["log_key"]
    copy = tmp_path / "log"
    shutil.copytree(world.log_folder, copy)

    def verify():
        done = world.shell("audit", "verify", str(copy), "--key", key, "--home", str(tmp_path / "none"), "--json")
        return done.returncode, json.loads(done.stdout)

    return copy, verify


def test_a_third_person_verifies_the_log_with_the_public_key_alone(elsewhere):
    """Nothing else is at hand; the whole log is recomputed."""
    _, verify = elsewhere
    status, report = verify()
    assert (status, report["ok"], report["faults"]) == (0, True, [])
    assert report["size"] > 0


@pytest.mark.parametrize("part", ["tile/0", "tile/entries", "records", "checkpoint"])
def test_one_changed_bit_anywhere_in_the_log_is_found(elsewhere, part):
    """In a hash, a leaf, a record or the signature; the fault says where."""
    copy, verify = elsewhere
    top = copy / part
    victim = top if top.is_file() else min(path for path in top.rglob("*") if path.is_file())
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    status, report = verify()
    assert (status, report["ok"]) == (1, False)
    assert report["faults"]


def test_a_log_that_lost_its_leaves_does_not_verify(elsewhere):
    """What is missing is named."""
    copy, verify = elsewhere
    shutil.rmtree(copy / "tile" / "entries")
    status, report = verify()
    assert status == 1
    assert any("missing" in fault for fault in report["faults"])


def test_a_log_of_another_key_does_not_verify(world, elsewhere, tmp_path):
    """The same name with another key is somebody else's log."""
    copy, _ = elsewhere
    name = Verifier.from_vkey(world.json("directory", "show")["hub"]["log_key"]).name
    other = vkey_of(name, SigningKey.generate(secrets.token_bytes).public)
    done = world.shell("audit", "verify", str(copy), "--key", other, "--home", str(tmp_path / "none"))
    assert done.returncode == 1
    assert "notifier: audit_mismatch: checkpoint" in done.stderr
