"""The documented backup and restore of an outbox (docs/how-to/operations.md, Back up), on the real broker.

Each case has an authority of its own, whose outbox is put back to what it was before: two messages, an hour, or more
than its feed still tells. What must hold is the same in all: nobody misses anything, nobody has anything twice, and
what the authority had before (history, persons, holds, the right to update) is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter

import pytest
from confluent_kafka import TopicPartition

from notifier.config import load, party_config
from notifier.consumers.inbox.inbox import Inbox
from notifier.keyfiles import storage_key
from notifier.runtime import REAL
from notifier.sandbox.administration import Administrator
from notifier.sandbox.sandbox import Sandbox
from notifier.topics import feed_of
from support import sandbox as support
from support.transcripts import environment

READER = "DEU/spoc"
PATIENCE = str(support.PATIENCE_S)
LONG_AGO = """
import sys
from notifier.cli.main import run
from notifier.outbox import restoration
restoration.CLOCK_SKEW_MS = 0
sys.exit(run(sys.argv[1:]))
"""
"""The notifier, to which what the hub decided is older for certain than what is given now."""


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """A sandbox of this module's own, with one router: feeds lose records here."""
    sandbox = Sandbox(tmp_path_factory.mktemp("restored"))
    try:
        sandbox.up(lambda _text: None)
        yield support.World(sandbox)
    finally:
        sandbox.down(lambda _text: None)


class Party:
    """An authority whose outbox is lost and put back, as the one who looks after it types."""

    def __init__(self, world, name, fork_server, folder):
        self.world, self.name = world, name
        self._fork_server = fork_server
        self._folder = folder
        self._home = party_config(world.home, name).parent
        self._outbox = self._home / "outbox.db"

    def run(self, *arguments, program=("notifier",)):
        """Runs a verb: its status, what it printed (of --json the document), and what it said of an error."""
        done = self._process(*program, *arguments, "--as", self.name)
        out = json.loads(done.stdout) if "--json" in arguments and done.stdout else done.stdout
        return done.returncode, out, done.stderr

    def _process(self, *command):
        """A process that is forked from one that has imported everything."""
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=support.PATIENCE_S,
            env=environment()
            | {"NOTIFIER_HOME": str(self.world.home), "NOTIFIER_FORK_SERVER": self._fork_server.socket},
            check=False,
        )

    def done(self, *arguments):
        """As `run`, of what must succeed: what it printed."""
        status, out, err = self.run(*arguments)
        assert status == 0, err
        return out

    def document(self, number, **change):
        """A notification about a citizen of DEU, with an id by its number."""
        arrest = support.example("case-1-arrest", originator=self.name, narrative=f"number {number}")
        nationalities = [{"state": "DEU", "status": "documented"}]
        subject = arrest["subject"] | {"nationalities": nationalities, "residences": [], "documents": []}
        return arrest | {"id": self.id(number), "subject": subject} | change

    def id(self, number):
        """The id of the notification with that number."""
        return f"01997e5c-1c00-7c55-9{self.name.encode()[:2].hex()[1:]}-{number:012x}"

    def publish(self, number, *options, program=("notifier",), **change):
        """Publishes a file, as `ben`; the state of the message as it was printed."""
        path = self._folder / f"{number}.json"
        path.write_text(json.dumps(self.document(number, **change)))
        arguments = ("publish", str(path), "--by", "ben", "--json", *(options or ("--wait",)))
        status, out, err = self.run(*arguments, program=program)
        assert status in (0, 3), err
        return out["messages"][0]["state"]

    def store(self, number):
        """Publishes where no broker can be reached: it waits in the outbox."""
        there = self._home / "config.toml"
        lost = self._home / "lost.toml"
        lost.write_text(there.read_text().replace(load(there).kafka.bootstrap, "localhost:9"))
        path = self._folder / f"{number}.json"
        path.write_text(json.dumps(self.document(number)))
        arguments = ("publish", str(path), "--by", "ben", "--config", str(lost), "--wait", "--timeout", "0")
        done = self._process("notifier", *arguments)
        assert done.returncode == 3, done.stderr

    def carry(self):
        """Sends what waits, until nothing does."""
        self.done("publish", "--wait", "--timeout", PATIENCE)

    def state(self, number):
        """What the recipient's state is."""
        return {one["authority"]: one["state"] for one in self.done("track", self.id(number), "--json")["recipients"]}

    def restored(self):
        """What `outbox status` says of a restore."""
        return self.done("outbox", "status", "--json")["restored"]

    def doctor(self):
        """The doctor's findings about the outbox: (state, detail) each; and whether nothing is wrong."""
        _, out, _ = self.run("doctor", "--json")
        return [(one["state"], one["detail"]) for one in out["findings"] if one["check"] == "outbox"], out["ok"]

    def copy(self):
        """Copies the file while nobody writes."""
        assert not self._outbox.with_name("outbox.db-wal").exists(), "somebody has it open"
        shutil.copy(self._outbox, self._folder / "outbox.copy")

    def back_up(self):
        """Copies it as `sqlite3 outbox.db ".backup outbox.copy"` does."""
        there = contextlib.closing(sqlite3.connect(self._outbox))
        copy = contextlib.closing(sqlite3.connect(self._folder / "outbox.copy"))
        with there as one, copy as other:
            one.backup(other)

    def put_back(self):
        """Loses the outbox, and puts the copy in its place."""
        for file in self._home.glob("outbox.db*"):
            file.unlink()
        shutil.copy(self._folder / "outbox.copy", self._outbox)

    def begin(self):
        """A life before the backup: persons, what was told, a child that waits, and something not sent yet."""
        for name, *may in (("ada", "--may", "release"), ("eve", "--may", "child_reviewer"), ("ben",)):
            self.done("person", "add", name, *may)
        self.done("person", "add", "zoe", "--may", "release")
        self.done("person", "retire", "zoe")
        assert self.publish(1) == "told"
        assert self.publish(2, subject=self.document(2)["subject"] | {"age": "child"}) == "held"
        self.store(3)
        assert self.state(3) == {READER: "waiting"}

    def refuses(self, *what):
        """Who may not decide: nobody, one without the permission, a retired one, a service, another's key."""
        keys = self._home / "persons"
        nobody = self._folder / "nobody.key"
        nobody.write_bytes(b"n" * 32)
        nobody.chmod(0o600)
        for by, key, reason in (
            ("nobody", nobody, "unknown_person"),
            ("ben", keys / "ben.key", "permission_missing"),
            ("eve", keys / "eve.key", "permission_missing"),
            ("zoe", keys / "zoe.key", "person_retired"),
            ("ada", keys / "ben.key", "bad_signature"),
        ):
            status, out, err = self.run("outbox", "adopt", *what, "--by", by, "--key", str(key))
            assert (status, out, err.split(":")[1].strip()) == (1, "", reason)

    def go_on(self):
        """What was there before is there: the hold is released, the first is updated, and something new is told."""
        about = {"id": self.id(1), "digest": self.done("track", self.id(1), "--digest").strip()}
        assert self.publish(20, type="update", about=about) == "told"
        status, _, err = self.run("review", "approve", self.id(2), "--hold", "child_review", "--by", "eve")
        assert status in (0, 3), err
        self.carry()
        assert self.state(2) == {READER: "told"}
        assert self.publish(21) == "told"
        people = {one["name"]: one["retired"] is None for one in self.done("person", "list", "--json")["persons"]}
        assert people == {"ada": True, "eve": True, "ben": True, "zoe": False}

    def is_well(self, by):
        """The doctor finds nothing, and says who decided."""
        ((state, said),), ok = self.doctor()
        assert (state, ok) == ("ok", True)
        assert said.endswith(f"nothing of that waits for a decision; decided by {by}")

    def received(self):
        """What READER has of it: how often each number, in how many streams; nothing is missing in any."""
        done = self._process("notifier", "subscribe", "--as", READER, "--until-idle", "0")
        assert done.returncode == 0, done.stderr
        settings = load(party_config(self.world.home, READER))

        async def read():
            inbox = await Inbox.open(settings.inbox, READER, storage_key(settings.keys), REAL)
            try:
                return await support.everything(inbox), await inbox.gaps()
            finally:
                await inbox.close()

        found, gaps = asyncio.run(read())
        assert gaps == []
        mine = [one for one in found if one.originator == self.name]
        numbers = Counter(int(one.id.rpartition("-")[2], 16) for one in mine)
        return numbers, len({one.stream for one in mine})


@pytest.fixture
def party(standing, fork_server, tmp_path):
    """Makes a party of an authority."""
    return lambda name: Party(standing, name, fork_server, tmp_path)


def test_an_outbox_two_messages_old(party):
    """What it had to send, and what was given before it noticed, waits for a person; all else goes on by itself."""
    me = party("TUR/spoc")
    me.begin()
    me.copy()
    me.carry()
    assert me.publish(4) == "told"
    me.put_back()
    assert me.publish(10) == "held", "it is not known here whether it came before or after the restore"
    found = me.restored()
    assert (found["stream_closed"], found["unknown"], found["decided"]) == (True, 1, [])
    waiting = [(one["id"], one["accepted"]) for one in found["waiting"]]
    assert waiting == [(me.id(3), 1), (me.id(10), 0)]
    ((state, said),), ok = me.doctor()
    assert (state, ok) == ("warning", True)
    assert said.endswith(": 2 notifications wait for a decision")
    me.refuses("--all", "--send")
    assert len(me.restored()["waiting"]) == 2, "who may not decide has decided nothing"
    me.done("outbox", "adopt", "--all", "--send", "--by", "ada")
    me.carry()
    assert (me.state(1), me.state(3), me.state(10)) == ({READER: "told"},) * 3
    decided = [(one["decision"], one["id"], one["by"]) for one in me.restored()["decided"]]
    assert decided == [("sent_again", me.id(3), "ada"), ("sent_again", me.id(10), "ada")]
    me.go_on()
    me.is_well("ada")
    numbers, streams = me.received()
    assert numbers == Counter([1, 2, 3, 4, 10, 20, 21]), "each once, though the third was sent twice"
    assert streams == 2


def test_an_outbox_an_hour_old(party):
    """What is given now is younger, by any clock, than what the hub decided: it goes by itself, in the new stream."""
    me = party("MAR/spoc")
    me.begin()
    me.back_up()
    me.carry()
    for number in range(4, 9):
        assert me.publish(number) == "told"
    me.put_back()
    assert me.publish(10, program=(sys.executable, "-c", LONG_AGO)) == "told"
    found = me.restored()
    assert (found["stream_closed"], found["unknown"]) == (True, 5)
    assert [(one["id"], one["accepted"]) for one in found["waiting"]] == [(me.id(3), 1)]
    assert "1 notifications wait for a decision" in me.doctor()[0][0][1]
    me.refuses(me.id(3), "--drop")
    me.done("outbox", "adopt", me.id(3), "--drop", "--by", "ada")
    assert me.state(3) == {READER: "rejected"}
    me.go_on()
    me.is_well("ada")
    numbers, streams = me.received()
    assert numbers == Counter([*range(1, 9), 10, 20, 21]), "what was given up had been told once"
    assert streams == 2


def delete(world, name, *, but_the_last):
    """Deletes what the feed of an authority says, as retention does; or all but its last record."""
    feed = feed_of(name)
    administrator = Administrator(world.sandbox.kafka("admin"))
    end = administrator.ends([feed])[feed]
    start = end - 2 if but_the_last else end  # the last is the mark that a transaction was committed
    (future,) = administrator._client.delete_records([TopicPartition(feed, 0, start)]).values()
    assert future.result(support.PATIENCE_S).low_watermark == start > 0


def test_an_outbox_older_than_its_feed_begins(party, standing):
    """The last statement that is left names the place in the stream."""
    me = party("GBR/spoc")
    me.begin()
    me.copy()
    me.carry()
    assert me.publish(4) == "told"
    assert me.publish(5) == "told"
    delete(standing, me.name, but_the_last=True)
    me.put_back()
    me.run("publish", "--wait", "--timeout", PATIENCE)
    found = me.restored()
    assert found["stream_closed"]
    assert [one["id"] for one in found["waiting"]] == [me.id(3)]
    me.done("outbox", "adopt", "--all", "--send", "--by", "ada")
    me.carry()
    me.go_on()
    me.is_well("ada")
    numbers, streams = me.received()
    assert numbers == Counter([1, 2, 3, 4, 5, 20, 21])
    assert streams == 2


def test_an_outbox_whose_feed_tells_nothing_any_more(party, standing):
    """Nobody can say where its stream stands: a person lets a new one begin, and nothing is sent until then."""
    me = party("BEL/spoc")
    me.begin()
    me.copy()
    me.carry()
    assert me.publish(4) == "told"
    delete(standing, me.name, but_the_last=False)
    me.put_back()
    assert me.publish(10, "--wait", "--timeout", "0") == "waiting"
    while (found := me.restored()) is None or found["refused"] is None:
        me.run("publish", "--wait", "--timeout", "1")
    assert (found["stream_closed"], found["refused"]) == (False, "replayed")
    ((state, said),), _ = me.doctor()
    assert state == "warning"
    assert said.endswith("its former stream is not closed yet (refused: replayed)")
    me.refuses("--new-stream")
    assert not me.restored()["stream_closed"]
    me.done("outbox", "adopt", "--new-stream", "--by", "ada")
    assert me.restored()["stream_closed"]
    me.done("outbox", "adopt", "--all", "--send", "--by", "ada")
    me.carry()
    me.go_on()
    me.is_well("ada")
    numbers, streams = me.received()
    assert numbers == Counter([1, 2, 3, 4, 10, 20, 21])
    assert streams == 2
