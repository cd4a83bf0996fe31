"""A kill campaign: what is published, the processes that are at it, and what is done to them.

A campaign is a seed: it says what is done, in which order, to whom and when. What the processes do meanwhile is
theirs, so that a seed that failed may need more than one try.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
import time
import uuid

import psutil

from notifier.config import load, party_config
from notifier.runtime import wall_clock
from notifier.sandbox.processes import wait_until
from notifier.sandbox.sandbox import PARTITIONS
from support import sandbox as support
from support.disks import outbox_on
from support.ledger import next_decisions

ORIGINATORS = ("TUR/spoc", "BGR/spoc", "MAR/spoc")
CRAMPED = "MAR/spoc"  # whose outbox lies on a small disk
SUBSCRIBERS = ("AUT/spoc", "BGR/spoc", "TUR/spoc", "UTO/spoc")  # everybody who is told of anything
ROUTERS = ("router-1", "router-2")
HUB = ("kafka-1", *ROUTERS, "auditor")
ACTS = (
    "kill router-1",
    "kill router-2",
    "pause router-1",
    "pause router-2",
    "kill kafka-1",
    "kill hub",
    "kill publishers",
    "kill subscribers",
    "fill disk",
)
PATIENCE_S = 300.0  # for what must come before the next act can begin
PAUSE_S = 8.0  # longer than a router's session
NO_ROOM = "storage_failed"  # whether the database finds no room for a row, or none to be opened in
EXAMPLE = "deportation-completed"
UNDECIDED = "SELECT count(*) FROM entry WHERE state IN ('pending', 'sealed')"
KEPT_BACK = "SELECT (SELECT coalesce(max(id), 0) FROM message) - coalesce(min(position), 0) FROM cursor"


def room(messages):
    """How large a disk is on which an outbox of so many messages has room, and not much more."""
    return (16 + messages // 64) * 1024 * 1024


class Campaign:
    """One run of `acts` acts, each under the load of a round of its own: `load` messages in all."""

    def __init__(self, world, folder, *, seed, load, acts):
        self.world = world
        self.random = random.Random(seed)
        self.plan = [ACTS[number % len(ACTS)] for number in range(max(acts, len(ACTS)))]
        self.random.shuffle(self.plan)
        self.plan = self.plan[:acts]
        self.acts = []
        self.wanted = {}
        self.round = 0
        self.next_round = asyncio.Condition()
        self.published = dict.fromkeys(ORIGINATORS, 0)  # rounds of which the hub has decided everything
        self.done = asyncio.Event()
        self.processes = {}
        self.begun = time.monotonic()
        self.folder = folder
        self.sinks = {name: folder / f"{name.replace('/', '.')}.sink" for name in SUBSCRIBERS}
        self.files = {name: self.write(name, load // len(ORIGINATORS)) for name in ORIGINATORS}
        self.config, self.disk = outbox_on(folder / "party", world.home, CRAMPED, room(load // len(ORIGINATORS)))

    def write(self, name, count):
        """A file for each round, of notifications with ids of their own: given twice, each is sent once."""
        begun = 1_795_000_000_000
        rounds = [[] for _ in self.plan]
        self.wanted[name] = {}
        told = self.told(name)
        for number in range(count):
            value = (begun + number) << 80 | 7 << 76 | self.random.getrandbits(12) << 64
            value |= 2 << 62 | self.random.getrandbits(62)
            document = support.example(EXAMPLE, originator=name, id=str(uuid.UUID(int=value)))
            rounds[number % len(rounds)].append(json.dumps(document) + "\n")
            self.wanted[name][document["id"]] = told
        paths = [self.folder / f"{name.replace('/', '.')}.{number}.jsonl" for number in range(len(rounds))]
        for path, lines in zip(paths, rounds, strict=True):
            path.write_text("".join(lines))
        return paths

    def told(self, name):
        """Who is told of what `name` publishes."""
        path = self.folder / "one.json"
        path.write_text(json.dumps(support.example(EXAMPLE, originator=name)))
        decision = self.world.json("route", str(path))
        told = [one["authority"] for one in decision["recipients"] if one["outcome"] == "send"]
        assert set(told) == set(SUBSCRIBERS) - {name}
        return told

    # The run.

    async def run(self):
        """Everything at once; returns when all is published, and the subscribers have ended."""
        subscribers = [asyncio.create_task(self.subscribing(name)) for name in SUBSCRIBERS]
        await asyncio.gather(self.chaos(), *map(self.publishing, ORIGINATORS))
        self.done.set()
        for name in SUBSCRIBERS:
            if (process := self.processes["subscriber", name]).returncode is None:
                process.terminate()
        await asyncio.gather(*subscribers)

    async def keep(self, role, name, command, needed=lambda: True):
        """Runs a verb, and again after it was killed, until it ends well or is not `needed` any more."""
        environment = os.environ | {"NOTIFIER_HOME": str(self.world.home)}
        while needed():
            with self.said(role, name).open("ab") as said:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    env=environment,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=said,
                    start_new_session=True,  # as services are started: each has its own share of the machine
                )
            self.processes[role, name] = process
            if await process.wait() == 0:
                return
            await asyncio.sleep(0.2)

    def said(self, role, name):
        """What the processes of a party said on standard error."""
        return self.folder / f"{role}.{name.replace('/', '.')}.said"

    async def subscribing(self, name):
        """Until everything is published."""
        await self.keep("subscriber", name, self.subscribe(name), lambda: not self.done.is_set())

    async def publishing(self, name):
        """One file after the other is published, none before its round."""
        for number, path in enumerate(self.files[name], 1):
            async with self.next_round:
                await self.next_round.wait_for(lambda number=number: self.round >= number)
            await self.keep("publisher", name, self.publish(name, str(path), "--wait", "--timeout", "900"))
            self.published[name] = number

    def publish(self, name, *arguments):
        if name == CRAMPED:
            return self.disk.command("publish", *arguments, "--config", str(self.config))
        return [sys.executable, "-m", "notifier", "publish", *arguments, "--as", name]

    def subscribe(self, name, *arguments):
        sink = f"jsonl:{self.sinks[name]}"
        return [sys.executable, "-m", "notifier", "subscribe", "--as", name, "--sink", sink, *arguments]

    def close(self):
        """Ends what still runs."""
        for process in self.processes.values():
            if process.returncode is None:
                process.kill()
        self.disk.close()

    # What is done to them.

    async def chaos(self):
        """One act after the other, until there were enough, and everything runs again."""
        for act in self.plan:
            record = {"act": act}
            self.acts.append(record)  # as it begins: whoever reads the report of a failure sees how far it came
            begun = time.monotonic()
            record["at"] = round(begun - self.begun, 1)
            record |= await self.act(*act.split())
            record["seconds"] = round(time.monotonic() - begun, 1)

    async def act(self, verb, victim):
        """Does it, mends what it broke, and says what was seen."""
        if victim in ROUTERS:
            return await (self.pause if verb == "pause" else self.kill)(victim)
        if victim == "publishers":
            return await self.kill_publishers()
        if victim == "subscribers":
            return await self.kill_subscribers()
        if victim == "disk":
            return await self.fill()
        return await self.cut_off(HUB if victim == "hub" else [victim])

    async def under_way(self):
        """The next round begins; returns when it is under way, a little later each time."""
        async with self.next_round:
            self.round += 1
            self.next_round.notify_all()
        await asyncio.sleep(self.random.uniform(0.4, 1.5))

    async def kill(self, router):
        """A router is killed, its partitions are taken over, and it is started again."""
        await self.shared()
        await self.under_way()
        lost = wall_clock()
        self.end(router)
        still = await self.stood_still(lost)
        await asyncio.to_thread(self.world.up)
        return {"stood_still_seconds": still}

    async def pause(self, router):
        """A router is stopped for longer than its session, its partitions are taken over, and it goes on."""
        await self.shared()
        await self.under_way()
        process = psutil.Process(self.world.pid(router))
        lost = wall_clock()
        process.suspend()
        try:
            assert wait_until(lambda: process.status() == psutil.STATUS_STOPPED, 10)
            still = await self.stood_still(lost)
            await asyncio.sleep(max(0.0, PAUSE_S - (wall_clock() - lost) / 1000))
        finally:
            process.resume()
        return {"stood_still_seconds": still}

    async def cut_off(self, names):
        """The broker, or everything of the hub at once, as when the power fails."""
        await self.under_way()
        for name in names:
            self.end(name)
        await asyncio.to_thread(self.world.up)
        return {}

    async def kill_publishers(self):
        """Each while something is stored in its outbox that the hub has not decided."""
        await self.under_way()
        found = {}
        for name in self.random.sample(ORIGINATORS, len(ORIGINATORS)):
            async with asyncio.timeout(PATIENCE_S):
                while not (found.get(name) or self.published[name] == self.round):
                    found[name] = await asyncio.to_thread(self.undecided, name)
            await self.kill_process("publisher", name)
        return {"undecided": found}

    async def kill_subscribers(self):
        """Whatever they are at; how many each had stored in its inbox, and not yet handed on."""
        await self.under_way()
        found = {}
        for name in self.random.sample(SUBSCRIBERS, len(SUBSCRIBERS)):
            await self.kill_process("subscriber", name)
            found[name] = asked(load(party_config(self.world.home, name)).inbox, KEPT_BACK)
            await asyncio.sleep(self.random.uniform(0.0, 0.5))
        return {"not_handed_on": found}

    async def fill(self):
        """There is soon no room under an outbox; it is made some time after the publisher has said so."""
        async with asyncio.timeout(PATIENCE_S):
            while self.published[CRAMPED] < self.round:  # noqa: ASYNC110 - one condition for this alone says no more
                await asyncio.sleep(0.05)
        before = self.found_no_room()
        await asyncio.to_thread(self.disk.fill, self.random.randrange(128 * 1024))
        try:
            await self.under_way()
            async with asyncio.timeout(PATIENCE_S):
                while self.found_no_room() == before:  # noqa: ASYNC110 - another process says it
                    await asyncio.sleep(0.05)
            await asyncio.sleep(self.random.uniform(0.5, 3.0))
        finally:
            await asyncio.to_thread(self.disk.empty)
        return {"found_no_room": self.found_no_room() - before}

    def end(self, name):
        """Kills a process of the hub, and returns when it is gone."""
        process = self.world.sandbox.process(name)
        if (found := process.process()) is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                found.send_signal(signal.SIGKILL)
            assert wait_until(lambda: process.process() is None, 10)

    async def kill_process(self, role, name):
        """Kills a process of a party, where one runs."""
        process = self.processes.get((role, name))
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def shared(self):
        """Returns when both routers own partitions, and all are owned."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                owned = [await asyncio.to_thread(self.owned, name) for name in ROUTERS]
                if all(owned) and sum(owned) == PARTITIONS:
                    return
                await asyncio.sleep(0.1)

    def owned(self, router):
        """How many partitions a router owns; none where it does not answer."""
        with contextlib.suppress(OSError):
            return int(self.world.counted(router, "notifier_partitions_owned"))
        return 0

    async def stood_still(self, lost):
        """By partition, the seconds to its next decision since a router was `lost`, which does nothing any more."""
        decided = await next_decisions(self.world, wall_clock())
        return [round((moment - lost) / 1000, 1) for moment in decided]

    def found_no_room(self):
        """How often the cramped publisher said that it could not store something."""
        path = self.said("publisher", CRAMPED)
        return path.read_text().count(NO_ROOM) if path.exists() else 0

    # What is still to be done.

    def undecided(self, name):
        """How many envelopes' worth an outbox holds that the hub has not decided."""
        if name == CRAMPED:
            return int(self.disk.asked(self.config, UNDECIDED) or 0)
        return asked(load(party_config(self.world.home, name)).outbox, UNDECIDED)


def asked(address, query):
    """The first value that a local database answers; 0 where none was made yet."""
    path = address.removeprefix("sqlite:///")
    # Whoever was killed left it as it is: its successor must mend it, not the one who looks.
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    except sqlite3.OperationalError:
        return 0
    with contextlib.closing(connection) as database:
        try:
            made = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'notifier_schema'").fetchone()[0]
        except sqlite3.OperationalError:  # not there yet, or a writer holds it
            return 0
        return database.execute(query).fetchone()[0] if made else 0
