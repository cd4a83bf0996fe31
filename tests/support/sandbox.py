"""Helpers for the tests on the real broker."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notifier import examples
from notifier.audit import tiles
from notifier.audit.entry import AuditEntry
from notifier.config import load, party_config
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.inbox.records import Received
from notifier.consumers.subscriber import Subscriber
from notifier.keyfiles import storage_key
from notifier.runtime import REAL
from notifier.sandbox.sandbox import Sandbox
from notifier.transport.base import Record
from notifier.transport.kafka import KafkaTransport
from support.transcripts import BIN, ForkServer

BORN = str(BIN / "born.py")
EXAMPLES = Path(__file__).parents[2] / "examples"
ROUTERS = 2
PATIENCE_S = 180.0


@dataclass(frozen=True)
class World:
    """A running sandbox, and what one does with it. With a fork_server, verbs are forked and not started."""

    sandbox: Sandbox
    fork_server: ForkServer | None = None

    @property
    def home(self) -> Path:
        return self.sandbox.home

    def up(self) -> None:
        """Starts whatever does not run."""
        self.sandbox.up(lambda _text: None, routers=ROUTERS)

    def shell(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs `notifier` as a user does."""
        start, named = [sys.executable, "-m", "notifier"], {"NOTIFIER_HOME": str(self.home)}
        if self.fork_server is not None:
            start, named = (
                [sys.executable, "-I", "-S", BORN],
                named | {"NOTIFIER_FORK_SERVER": self.fork_server.socket},
            )
        done = subprocess.run(
            [*start, *arguments],
            capture_output=True,
            text=True,
            input=stdin,
            timeout=PATIENCE_S,
            env=os.environ | named,
            check=False,
        )
        return subprocess.CompletedProcess(("notifier", *arguments), done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str) -> Any:
        """The document that a reading verb prints."""
        done = self.shell(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def ports(self) -> dict[str, int]:
        """Where each service answers for itself, by its name."""
        ports = json.loads((self.home / "sandbox.json").read_text())["ports"]
        return dict(zip(["auditor", *(f"router-{number}" for number in range(1, len(ports)))], ports, strict=True))

    def page(self, service: str, path: str) -> tuple[int, str]:
        """Status and text of a page of a service."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports()[service], timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def counted(self, service: str, metric: str) -> float:
        """The sum of a metric of a service over all its labels."""
        lines = self.page(service, "/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((metric + "{", metric + " ")))

    def pid(self, name: str) -> int:
        """The process of a part that runs."""
        process = self.sandbox.process(name).process()
        assert process is not None, name
        return process.pid

    def states(self) -> dict[str, str]:
        """What `sandbox status` says of each part."""
        return {one["name"]: one["state"] for one in self.sandbox.status()["services"]}

    @property
    def log_folder(self) -> Path:
        """The auditor's log."""
        folder = load(party_config(self.home, "auditor")).log_folder
        assert folder is not None
        return folder

    def entries(self) -> list[AuditEntry]:
        """Every entry of the auditor's log that is signed for."""
        size = self.json("audit", "verify")["size"]
        found: list[AuditEntry] = []
        for start in range(0, size, tiles.WIDTH):
            data = (self.log_folder / tiles.records_path(start // tiles.WIDTH)).read_bytes()
            values, _ = tiles.decode_records(data, min(tiles.WIDTH, size - start))
            found += [AuditEntry.decode(value) for value in values]
        return found

    async def records(self, topic: str, partition: int = 0) -> list[Record]:
        """Everything in a partition, as only the broker's administrator can see it."""
        transport = self.transport("admin")
        try:
            reader = await transport.reader(topic, partition, 0)
            found: list[Record] = []
            end = await reader.end()
            while await reader.position() < end:
                found += await reader.read(500, 500)
            return found
        finally:
            await transport.close()

    def transport(self, party: str) -> KafkaTransport:
        """A connection as this party."""
        return KafkaTransport(self.sandbox.kafka(party))

    async def receive(self, name: str) -> list[Received]:
        """Everything in the inbox of `name` once its feed is read to the end."""
        async with Subscriber.from_home(self.home, name) as subscriber:
            await subscriber.until_idle(0)
            return await everything(subscriber.inbox)

    async def inbox(self, name: str) -> list[Received]:
        """What is in the inbox of `name` now."""
        settings = load(party_config(self.home, name))
        assert settings.inbox is not None
        inbox = await Inbox.open(settings.inbox, settings.name, storage_key(settings.keys), REAL)
        try:
            return await everything(inbox)
        finally:
            await inbox.close()


async def everything(inbox: Inbox) -> list[Received]:
    """All messages, page by page."""
    found: list[Received] = []
    while page := await inbox.messages(after=found[-1].row if found else 0):
        found += page
    return found


_EVENTS = itertools.count(1)


def example(name: str, **change: object) -> dict[str, Any]:
    """An example's document, with fields replaced. No two say the same: what is said again stops (`repeated`)."""
    return examples.example(name) | {"narrative": f"event {next(_EVENTS)}"} | change


def examples_of_their_own(folder: Path) -> None:
    """Every example in `folder`, so that what a page publishes was published by no other test; cases as they are."""
    folder.mkdir()
    for path in sorted(EXAMPLES.glob("*.json")):
        (folder / path.name).write_text(json.dumps(example_or_case(path.stem)))


def example_or_case(name: str) -> dict[str, Any]:
    """As `example`; the parts of a case as they are, since they name each other's digest."""
    return examples.example(name) if name.startswith("case-") else example(name)


def written(folder: Path, name: str, **change: object) -> str:
    """The path of such an example's file in `folder`, for a command line."""
    document = example(name, **change)
    path = folder / f"{document['narrative']}.json"
    path.write_text(json.dumps(document))
    return str(path)


def assert_exactly_once(received: list[Received], originator: str, wanted: set[str]) -> None:
    """Every message of `originator` once; its numbers per stream without gap or repeat."""
    mine = [one for one in received if one.originator == originator]
    assert Counter(one.id for one in mine if one.id in wanted) == Counter(wanted)
    for stream in {one.stream for one in mine}:
        numbers = [one.seq for one in mine if one.stream == stream]
        assert numbers == list(range(1, len(numbers) + 1))
