"""A name, a document's number and a nationality that no authority has are nowhere but with those who are told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import sys
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaProducer

from notifier import Publisher
from notifier.notification import encode, for_sealing, parse
from notifier.sandbox.administration import Administrator, Topic
from notifier.sandbox.processes import wait_until
from notifier.telemetry.metrics import exported
from support import sandbox as support
from support.canary import Canary
from support.leak_scanner import haystack, running

FIRST, LAST, NUMBER = "Zyxwvutsrq", "Cañarybird", "QZ7CANARY"
STATE = "TUV"  # no authority of this world has it
SENDER, RECIPIENT, FORWARDED_TO = "FRA/spoc", "MAR/spoc", "MAR/border"


def document():
    """An arrest that FRA/spoc tells MAR/spoc and INTERPOL, with the canary wherever a person is named."""
    made = support.example("arrest-with-interpol")
    subject = made["subject"]
    subject["names"] = [
        {"quality": "primary", "text": f"{LAST} {FIRST}", "script": "Latn", "icao": "CANARYBIRD<<ZYXWVUTSRQ"}
    ]
    subject["documents"] = [{"kind": "P", "issuer": STATE, "number": NUMBER}]
    subject["nationalities"].append({"state": STATE, "status": "documented"})
    subject["residences"] = [STATE]
    made["handling"]["codes"] = []
    made["narrative"] = f"{FIRST} {LAST} was seen in {STATE} with {NUMBER}: {made['narrative']}"
    return made


def canary():
    """The search for it: words, and the state with whatever stands around it in the binary form."""
    wire = encode(replace(for_sealing(parse(document())), id=bytes(16)))
    places = [at for at in range(len(wire)) if wire.startswith(STATE.encode(), at)]
    around = {wire[at - 2 : at + 5] for at in places} | {b"ty\x06TUV", b"ce\x06TUV"}  # a leg: its rule, the state
    return Canary((FIRST, LAST, "Canarybird", NUMBER), (STATE,), tuple(around))


@pytest.fixture
async def said(world, tmp_path):
    """What verbs said on standard error, while it was published, refused, received, and passed on."""
    file = tmp_path / "given.json"
    file.write_text(json.dumps(document()))
    wrong = document()
    wrong["subject"]["sex"] = FIRST
    wrong["subject"]["documents"][0]["expiry"] = NUMBER
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    done = [world.shell("publish", str(tmp_path / "wrong.json"), "--as", SENDER)]
    assert done[0].returncode == 1
    done.append(world.shell("publish", str(file), "--as", SENDER, "--wait", "--json"))
    (message,) = json.loads(done[-1].stdout)["messages"]
    done.append(world.shell("subscribe", "--until-idle", "0", "--as", RECIPIENT))
    assert message["id"] in done[-1].stderr
    done.append(world.shell("forward", message["id"], FORWARDED_TO, "--as", RECIPIENT, "--wait"))
    done.append(world.shell("subscribe", "--until-idle", "0", "--as", FORWARDED_TO))
    assert [one.returncode for one in done[1:]] == [0, 0, 0, 0], [one.stderr for one in done]
    return [(f"standard error of {one.args[1]}", one.stderr.encode()) for one in done]


async def test_the_canary_is_nowhere_but_with_its_owners(world, said):
    """Not in what the broker stores, logs, metrics, audit, databases, topics, keys, processes, or put aside."""
    async with Publisher.from_home(world.home, SENDER) as publisher:
        again = await publisher.publish(document())
        assert (await publisher.wait(again.id, support.PATIENCE_S)).state == "told"
    found = next(one for one in await world.receive(RECIPIENT) if one.id == again.id)
    assert found.notification.subject.documents[0].number == NUMBER, "it did go through all of this"
    searched = [
        *await haystack(world),
        *said,
        ("metrics of a publisher", exported("publisher")),
        ("metrics of a subscriber", exported("subscriber")),
    ]
    assert canary().places(searched) == []
    outside = [piece for piece in searched if piece[0].startswith(("key", "header", "page", "name"))]
    assert Canary((again.id, again.id.replace("-", ""))).places(outside) == [], "nor can messages be told apart"
    assert looked_at(searched) >= {"key", "value", "header", "name", "page", "cmdline", "environ", "standard"}
    files = {place for place, _ in searched}
    for place in ("kafka/node-1/data/notifier.intake.v1-0/", "kafka/node-1/tmp", "tmp/router-1", "logs/router-1.log"):
        assert any(place in file for file in files), place


def looked_at(pieces):
    """The kinds of places."""
    return {place.partition(" ")[0] for place, _ in pieces}


KEEPS_A_FILE = """
import pathlib, sys, tempfile, time
with tempfile.TemporaryFile() as file:
    file.write(pathlib.Path(sys.argv[1]).read_bytes())
    file.flush()
    pathlib.Path(sys.argv[2]).touch()
    time.sleep(600)
"""


@pytest.fixture
async def planted(spoiled, tmp_path):
    """A word in each place of a sandbox, by where it should be found."""
    words = {}

    def word(*places):
        made = f"Planted{secrets.token_hex(8)}"
        words[made] = places
        return made

    with contextlib.ExitStack() as stack:
        await _planted_in_the_broker(spoiled, word)
        _planted_in_files(spoiled, word)
        _planted_in_processes(spoiled, word, tmp_path, stack)
        yield words


async def _planted_in_the_broker(world, word):
    name = word("name of topic", "kafka/node-1/data/")
    plain = Topic(f"notifier.{name}.v1", 1, {"compression.type": "producer"})
    Administrator(world.sandbox.kafka("admin")).create_topics([plain], 1)
    producer = AIOKafkaProducer(**world.transport("admin")._common, compression_type="gzip", linger_ms=500)
    await producer.start()
    try:
        key, value, header = (
            word(f"{part} in notifier.", "kafka/node-1/data/") for part in ("key", "value", "header")
        )
        sent = [
            await producer.send(plain.name, value.encode() * 50, key=key.encode(), headers=[("x", header.encode())])
            for _ in range(20)
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    (segment,) = (world.home / "kafka" / "node-1" / "data" / f"{plain.name}-0").glob("*.log")
    assert value.encode() not in segment.read_bytes(), "it is packed indeed"


def _planted_in_files(world, word):
    for place in ("logs/auditor.log", "tmp/auditor/aside", "parties/auditor/log/tile/x", "parties/AUT.spoc/x.db"):
        path = world.home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(word(place))


def _planted_in_processes(world, word, folder, stack):
    served, text, ready = folder / "served", folder / "text", folder / "ready"
    served.mkdir()
    (served / "metrics").write_text(f'notifier_x_total{{by="{word("page /metrics of router-1")}"}} 1\n')
    text.write_text(word("open file of planted"))
    port = str(world.ports()["router-1"])
    command = [sys.executable, "-c", KEEPS_A_FILE, str(text), str(ready), word("cmdline of planted")]
    for name, arguments in (
        ("router-1", [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1", "--directory", str(served)]),
        ("planted", command),
    ):
        process = world.sandbox.process(name)
        process.start(arguments, environment={"SUBJECT": word(f"environ of {name}")})
        stack.callback(process.stop, 10)
    assert wait_until(lambda: ready.exists() and _answers(world), support.PATIENCE_S)
    assert {"planted", "router-1", "kafka-1"} <= running(world).keys()


def _answers(world):
    try:
        return world.page("router-1", "/metrics")[0] == 200
    except ConnectionError:
        return False


async def test_what_is_planted_in_any_place_is_found_there(spoiled, planted):
    """Else the search would prove nothing: topics, packed records, logs, audit, databases, pages, processes."""
    searched = await haystack(spoiled)
    for word, places in planted.items():
        found = Canary((word,)).places(searched)
        for place in places:
            assert any(place in one for one in found), place
