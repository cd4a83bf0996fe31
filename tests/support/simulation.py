"""Everybody at once, and everything may go wrong: publishers, routers, subscribers and the auditor, unchanged.

Two originators (one of them with two processes on one outbox, one also a recipient), two routers, two subscribers
and the auditor are processes that crash at any call of the broker, any transaction and any write of a file, are
killed, freeze, and come back. Networks are cut off, group sessions end, disks are slow or full, what was sent
arrives later than its sender believes, directory and rules change, the hub's key too, feeds are made late, intake
and feeds are full of garbage and of what stood there before. A signing key is stolen and revoked, and its thief
writes into the stream of its owner. Then it is calm, and when nothing more happens, the promises are checked. A run
is a seed, in virtual time.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from notifier.audit import checkpoint as notes
from notifier.audit.checkpoint import Signer
from notifier.auditor.auditor import Auditor
from notifier.codec.single_object import codec
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.subscriber import Subscriber
from notifier.crypto.keys import DecryptionKey, KeyUse, SigningKey
from notifier.directory.model import Key, KeyState
from notifier.directory.snapshot import StaticDirectory
from notifier.errors import DirectoryStaleError, OutcomeUnknownError, StorageError, TransportError
from notifier.lifecycle import Parts
from notifier.outbox.outbox import Outbox
from notifier.producers.publisher import Publisher
from notifier.routing.batch import NO_STREAM, POSITION_KEY
from notifier.routing.router import Router
from notifier.runtime import Runtime
from notifier.topics import AUDIT, INTAKE, STREAMS, feed_of
from notifier.transport.base import Outgoing
from support import virtual
from support.attack_harness import STORAGE_KEY
from support.invariants import check, check_streams
from support.processes import Crash, Machines, ProcessMember, ProcessTransport, current, full, install, same_host
from support.samples import document
from support.world import PARTITIONS, YEAR_MS, build_world

ORIGINATORS = {"TUR/spoc": 2, "AUT/spoc": 1}
"""Who publishes, with how many processes on one outbox."""
SUBSCRIBERS = ("AUT/spoc", "DEU/spoc")
LATE_FEEDS = tuple(map(feed_of, ("FRA/spoc", "DEU/spoc", "UTO/spoc")))
FORBIDDEN = "detention"  # what the hub may refuse for good, for a while
DECISIVE = ("transactional.open", "reader.open", "transact.begin", "transact.commit", "transact.after")
"""Steps that are few and matter most: more often than others they go wrong."""
ENOUGH_S = 1_200.0  # of virtual time, until all is quiet
FAULTS = ("delay", "refuse", "doubt", "crash", "full")
ACTS = (
    *("kill", "cut", "freeze", "expel", "garbage", "replay", "feed again"),
    *("directory", "rules", "forbid", "rotate", "steal"),
)


@dataclass
class Task:
    """One notification that somebody wants to give; whoever is impatient asks once."""

    document: dict
    patient: bool
    refusable: bool
    told: tuple[str, ...] | None = None
    over: bool = False


class Directory(StaticDirectory):
    """A party's own copy of the directory: as old as its last look that came through."""

    def __init__(self, whole):
        super().__init__(whole.world.directory.snapshot())
        self._whole = whole

    async def refresh(self):
        await self._whole.step(current.get(), "refresh")
        self.put(self._whole.world.directory.snapshot())


class HubsDirectory(Directory):
    """A router's copy, by which nobody may send what is forbidden at the moment."""

    def snapshot(self):
        found = super().snapshot()
        if not self._whole.forbidden:
            return found
        authorities = {
            name: replace(one, publishes=one.publishes - {FORBIDDEN})
            for name, one in found.directory.authorities.items()
        }
        return replace(found, directory=replace(found.directory, authorities=authorities))


class Whole:
    """One run: the fate of every step, the processes, and chaos."""

    def __init__(self, seed, folder, monkeypatch):
        self.random = random.Random(seed)
        self.subscribers = SUBSCRIBERS
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.world = build_world(seed, self.fault, virtual.VirtualClock())
        self.signer = Signer.of("example/log", SigningKey.from_secret(self.world.random.randbytes(32)))
        self.slip_keys = {self.world.hub.decryption.key_id: self.world.hub.decryption}
        self.calm = False
        self.forbidden = False
        self.copied = set()
        self.hubs = []
        draw = self.random
        self.trouble = draw.choice((0.002, 0.01, 0.04))
        self.kinds = draw.sample(FAULTS, draw.randint(1, len(FAULTS)))
        self.acts = draw.sample(ACTS, draw.randint(2, len(ACTS)))
        self.chaos_s = draw.choice((4.0, 8.0, 16.0))
        self.pauses = draw.choice(((0.05, 0.3), (0.3, 1.0), (1.0, 3.0)))
        self.lateness = draw.choice((0.0, 0.05, 0.3))
        self.same_host = draw.random() < 0.7
        self.dies_at = {}
        self.made_at = {feed: draw.choice((0.0, 0.0, 0.0, 0.0, 2.0, 6.0)) for feed in LATE_FEEDS}
        self.directories = {name: Directory(self) for name in (*ORIGINATORS, *SUBSCRIBERS)}
        self.tasks = {name: [self.task(name, number) for number in range(draw.randint(3, 9))] for name in ORIGINATORS}

    def task(self, name, number):
        draw = self.random
        place = sorted(ORIGINATORS).index(name)
        change = {"id": f"01997e5c-1c00-7c55-9a3e-{place:04x}{number:08x}", "originator": name}
        change["narrative"] = f"number {number} of {name}"
        change["movement"] = {
            "in_custody": True,
            "origin": name[:3],
            "transit": [] if name[:3] == "AUT" else draw.choice(([], [{"iata": "VIE"}])),
            "destination": {"locode": draw.choice(("DEFRA", "DEFRA", "FRPAR"))},
        }
        made = document(**change)
        kind = draw.random()
        if kind < 0.1:
            made["subject"] |= {"age": "child", "births": ["2012-08-12"]}
        elif kind < 0.25:
            made |= {"type": FORBIDDEN}
            del made["stage"]
        return Task(made, patient=draw.random() < 0.8, refusable=made["type"] == FORBIDDEN)

    # The fate of every step.

    async def fault(self, step):
        process = current.get()
        if process is not None:
            await self.step(process, step)

    async def step(self, process, step):
        """A call of the broker: what `Fate.step` says."""
        await process.thaw()
        if process.cut:
            await asyncio.sleep(1.0)
            process.alive()
            raise OutcomeUnknownError if step.endswith("after") else TransportError
        kind = self.draw(step)
        if kind == "delay":
            await asyncio.sleep(self.random.choice((0.01, 0.5, 3.0)))
            await process.thaw()
        elif kind == "refuse" and not step.endswith("after"):
            raise DirectoryStaleError if step == "refresh" else TransportError
        elif kind == "doubt" and step.startswith(("transact.", "send.")):
            raise OutcomeUnknownError
        elif kind == "crash":
            self.crash(process, step)

    async def disk(self, process, step):
        """A transaction: what `Fate.disk` says."""
        await process.thaw()
        kind = self.draw(step)
        if kind == "delay":
            await asyncio.sleep(self.random.choice((0.01, 0.5, 12.0)))
            await process.thaw()
        elif kind == "crash":
            self.crash(process, step)
        elif kind == "full" and step != "committed":
            raise full()

    def write(self, process, step):
        """A file: what `Fate.write` says."""
        process.alive()
        kind = self.draw(step)
        if kind == "crash":
            self.crash(process, step)
        return kind == "full"

    def late(self, process):
        """What `Fate.late` says."""
        if process.dead or self.calm or self.random.random() >= self.lateness:
            return None
        return self.random.choice((0.1, 2.0, 9.0))

    def draw(self, step):
        trouble = 5 * self.trouble if step in DECISIVE else self.trouble
        if self.calm or self.random.random() >= trouble:
            return None
        return self.random.choice(self.kinds)

    def crash(self, process, step):
        process.kill()
        raise Crash(step)

    # The processes.

    def transport(self, process):
        return ProcessTransport(self.world.broker, process, self.machines, self.made)

    def made(self, topic):
        """Whether the topic is there already, as far as the hub can see."""
        return asyncio.get_running_loop().time() >= self.made_at.get(topic, 0.0)

    @property
    def runtime(self):
        return Runtime(self.world.clock, self.world.random.randbytes)

    def outbox(self, name):
        address = f"sqlite:///{self.folder}/{name.replace('/', '-')}.outbox"
        return Outbox.open(address, name, STORAGE_KEY, self.runtime)

    def inbox(self, name):
        address = f"sqlite:///{self.folder}/{name.replace('/', '-')}.inbox"
        return Inbox.open(address, name, STORAGE_KEY, self.runtime)

    def publisher(self, name):
        async def main(process):
            outbox = await self.outbox(name)
            process.closing.append(outbox.close)
            keys, directory = self.world.keys[name], self.directories[name]
            parts = Parts(outbox, self.transport(process), directory, keys.signing)
            async with Publisher.of(name, parts, self.runtime) as publisher:
                await asyncio.sleep(self.random.choice((0.0, 1.0)))
                while tasks := [task for task in self.tasks[name] if not task.over]:
                    await self.give(publisher, tasks[: self.random.randint(1, 4)])
                    await asyncio.sleep(self.random.choice((0.0, 0.2, 1.0)))
                while True:
                    await publisher.flush()
                    await asyncio.sleep(5.0)

        return main

    async def give(self, publisher, tasks):
        """What a caller does: tries again until there is an answer, or not."""
        try:
            submitted = await publisher.publish_all([task.document for task in tasks])
        except (Crash, StorageError):
            for task in tasks:
                task.over = not task.patient
            raise
        for task, answer in zip(tasks, submitted, strict=True):
            task.told, task.over = answer.recipients, True

    def subscriber(self, name):
        async def main(process):
            inbox = await self.inbox(name)
            process.closing.append(inbox.close)
            keys = self.world.keys[name]
            parts = Parts(
                inbox,
                self.transport(process),
                self.directories[name],
                keys.signing,
                {keys.decryption.key_id: keys.decryption},
            )
            async with Subscriber.of(name, parts, runtime=self.runtime) as subscriber:
                await subscriber.until_idle(float("inf"))

        return main

    def router(self):
        directory = HubsDirectory(self)
        self.hubs.append(directory)

        async def main(process):
            router = Router(
                self.transport(process),
                directory,
                signing=self.world.hub.signing,
                decryption=self.slip_keys,
                runtime=self.runtime,
            )
            await router.run(asyncio.Event())

        return main

    async def auditor(self, process):
        await Auditor(self.transport(process), self.folder / "log", self.signer).run(asyncio.Event())

    def parties(self):
        for name, count in ORIGINATORS.items():
            for number in range(count):
                yield f"{name} publisher {number}", self.publisher(name)
        for name in SUBSCRIBERS:
            yield f"{name} subscriber", self.subscriber(name)
        for name in ("router 1", "router 2"):
            yield name, self.router()
        yield "auditor", self.auditor

    # Chaos.

    async def chaos(self):
        loop = asyncio.get_running_loop()
        while loop.time() < self.chaos_s:
            await asyncio.sleep(self.random.choice(self.pauses))
            process = self.random.choice([self.machines.running[name] for name in sorted(self.machines.running)])
            await getattr(self, self.random.choice(self.acts).replace(" ", "_"))(process)
        self.calm, self.forbidden = True, False

    async def kill(self, process):
        process.kill()

    async def cut(self, process):
        async def later():
            await asyncio.sleep(self.random.choice((1.0, 5.0, 12.0)))
            process.cut = False

        process.cut = True
        for member in self.members():
            if member.process is process:
                self.machines.outside(member.time_out())
        self.machines.outside(later())

    async def freeze(self, process):
        process.frozen_until = asyncio.get_running_loop().time() + self.random.choice((1.0, 8.0, 20.0))

    async def expel(self, _process):
        if members := self.members():
            await self.random.choice(members).expel()

    def members(self) -> list[ProcessMember]:
        group = self.world.broker.groups.get("notifier-router")
        return [] if group is None else group.members

    def sent(self):
        return [one for number in range(PARTITIONS) for one in self.world.broker.records(INTAKE, number) if one.value]

    async def garbage(self, _process):
        """Bytes that are nothing, and envelopes with a flipped bit."""
        value = self.random.choice((b"garbage", None, b"\xc3\x01"))
        if (sent := self.sent()) and self.random.random() < 0.5:
            value = bytearray(self.random.choice(sent).value)
            value[self.random.randrange(len(value))] ^= 1
        await self.world.broker.append([Outgoing(INTAKE, value and bytes(value), partition=self.partition())])

    async def replay(self, _process):
        """What was sent before, on any partition."""
        if sent := self.sent():
            await self.world.broker.append(
                [Outgoing(INTAKE, self.random.choice(sent).value, partition=self.partition())]
            )

    def partition(self):
        return self.random.randrange(PARTITIONS)

    async def feed_again(self, _process):
        """What stands on a feed stands there again."""
        feed = feed_of(self.random.choice((*ORIGINATORS, *SUBSCRIBERS)))
        if records := self.world.broker.records(feed):
            self.copied.add((feed, len(self.world.broker.partition(feed, 0).records)))
            await self.world.broker.append([Outgoing(feed, self.random.choice(records).value)])

    async def directory(self, _process):
        """A later version of the directory, which says the same."""
        now = self.world.directory.snapshot()
        later = replace(now.directory, version=now.directory.version + 1, issued_at=self.world.clock())
        self.world.directory.put(replace(now, directory=later, previous_directory=now.directory))

    async def rules(self, _process):
        """A later version of the rules, which says the same."""
        now = self.world.directory.snapshot()
        later = replace(now.rules, version=now.rules.version + 1, issued_at=self.world.clock())
        self.world.directory.put(replace(now, rules=later, previous_rules=now.rules))

    async def forbid(self, _process):
        """The hub refuses a type for good, or accepts it again."""
        self.forbidden = not self.forbidden

    async def steal(self, _process):
        """An originator's signing key is stolen and revoked; its owner goes on with another, its thief with this.

        The hub knows at once. Until it does what a thief says is the owner's word, and recipients who know refuse it.
        """
        name = "TUR/spoc"
        now, at, stolen = self.world.directory.snapshot(), self.world.clock(), self.world.keys[name].signing
        new = SigningKey.from_secret(self.world.random.randbytes(32))
        owner = now.directory.authorities[name]
        keys = [
            replace(one, state=KeyState.REVOKED, changed_at=at) if one.key_id == stolen.key_id else one
            for one in owner.keys
        ]
        keys.append(Key(new.key_id, KeyUse.SIGN, new.public, at - YEAR_MS, at + YEAR_MS))
        authorities = now.directory.authorities | {name: replace(owner, keys=tuple(keys))}
        later = replace(
            now.directory, version=now.directory.version + 1, issued_at=self.world.clock(), authorities=authorities
        )
        self.world.directory.put(replace(now, directory=later, previous_directory=now.directory))
        for directory in self.hubs:
            directory.put(self.world.directory.snapshot())
        self.world.keys[name] = replace(self.world.keys[name], signing=new)
        for process in self.machines.running.values():
            if process.party.startswith(f"{name} publisher"):
                process.kill()  # its operator starts it again, with the new key
        await asyncio.sleep(1.0)
        await self.write_into(name, stolen)

    async def write_into(self, name, stolen):
        """The thief's envelopes, each the next in turn in a stream of its former owner as far as anybody can see."""
        found = {}
        for number in range(PARTITIONS):
            for record in self.world.broker.records(STREAMS, number):
                if record.key not in NO_STREAM and (state := codec("StreamState").decode(record.value)):
                    found[state["stream"]] = number, state
        for partition, state in found.values():
            if state["originator"] == name:
                place = {"number": state["number"] + 1, "previous": state["tail"]}
                thief = self.world.make(name, stream=state["stream"], signer=stolen, **place)
                await self.world.broker.append([Outgoing(INTAKE, thief.envelope, partition=partition)])

    async def rotate(self, process):
        """The hub has a new key for slips, and does not hold the old one any longer."""
        await self.directory(process)
        now, at = self.world.directory.snapshot(), self.world.clock()
        key = DecryptionKey.from_secret(self.world.random.randbytes(32))
        keys = [
            replace(one, state=KeyState.RETIRING, changed_at=at) if one.key_id in self.slip_keys else one
            for one in now.directory.hub.keys
        ]
        new = Key(key.key_id, KeyUse.ENCRYPT, key.public, at, at + YEAR_MS)
        hub = replace(now.directory.hub, keys=(*keys, new))
        self.world.directory.put(replace(now, directory=replace(now.directory, hub=hub)))
        self.slip_keys.clear()
        self.slip_keys[key.key_id] = key

    # The run.

    async def run(self):
        self.machines = Machines(self, lambda: self.random.choice((0.0, 0.5, 3.0)), self.dies_at)
        if self.same_host:
            same_host(self.monkeypatch, self.machines)
        keepers = [asyncio.create_task(self.machines.keep(name, main)) for name, main in self.parties()]
        over = asyncio.create_task(self.until_quiet())
        try:
            await asyncio.wait({self.machines.failed, over}, return_when=asyncio.FIRST_COMPLETED)
            if self.machines.failed.done():
                self.machines.failed.result()
            try:
                over.result()
            except TimeoutError:
                check_streams(self)  # a partition whose position went back may be why
                raise
        finally:
            for task in (*keepers, over):
                task.cancel()
            await asyncio.gather(*keepers, over, return_exceptions=True)
        await check(self)

    async def until_quiet(self):
        """Returns when chaos is over, and nothing is left to be done."""
        async with asyncio.timeout(ENOUGH_S):
            await self.chaos()
            await until(lambda: not self.machines.disturbed())
            await until(lambda: self.decided() and all(task.over for tasks in self.tasks.values() for task in tasks))
            async with contextlib.AsyncExitStack() as stack:
                outboxes = [await self.opened(stack, self.outbox, name) for name in self.tasks]
                inboxes = {name: await self.opened(stack, self.inbox, name) for name in self.subscribers}
                while not await self.quiet(outboxes, inboxes):  # noqa: ASYNC110 - in virtual time
                    await asyncio.sleep(1.0)

    async def opened(self, stack, opening, name):
        while True:
            try:
                database = await opening(name)
            except StorageError:  # a slow disk: somebody's transaction takes longer than anybody waits for it
                await asyncio.sleep(1.0)
            else:
                stack.push_async_callback(database.close)
                return database

    async def quiet(self, outboxes, inboxes):
        for outbox in outboxes:
            if await outbox.waiting() or await outbox.unreachable():
                return False
        for name, inbox in inboxes.items():
            records = self.world.feed(name)
            if records and await inbox.offset() <= records[-1].offset:
                return False
        return self.decided() and self.audited() == len(self.world.broker.records(AUDIT))

    def audited(self):
        path = self.folder / "log" / "checkpoint"
        return notes.parse(path.read_bytes()).size if path.exists() else -1

    def positions(self):
        found = []
        for number in range(PARTITIONS):
            values = [one.value for one in self.world.broker.records(STREAMS, number) if one.key == POSITION_KEY]
            found.append([codec("IntakePosition").decode(value)["next_offset"] for value in values])
        return found

    def decided(self):
        ends = [len(self.world.broker.records(INTAKE, number)) for number in range(PARTITIONS)]
        return [(steps or [0])[-1] for steps in self.positions()] == ends


async def until(there):
    """Looks every second, which in virtual time costs nothing."""
    while not there():  # noqa: ASYNC110
        await asyncio.sleep(1.0)


def run_seed(seed):
    """Runs a world of that seed to its end; raises where a promise is broken. The run, for a closer look."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        install(patch)
        whole = Whole(seed, Path(folder), patch)
        virtual.run(whole.run())
        return whole
