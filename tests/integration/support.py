"""Helpers for the tests on the real broker."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notifier.config import load, party_config
from notifier.consumers.inbox import Inbox, Received
from notifier.consumers.subscriber import Subscriber
from notifier.keyfiles import storage_key
from notifier.runtime import REAL
from notifier.sandbox.sandbox import Sandbox
from notifier.transport.kafka import KafkaTransport

EXAMPLES = Path(__file__).parents[2] / "examples"
ROUTERS = 2
PATIENCE_S = 60.0


@dataclass(frozen=True)
class World:
    """A running sandbox, and what one does with it."""

    sandbox: Sandbox

    @property
    def home(self) -> Path:
        return self.sandbox.home

    def up(self) -> None:
        """Starts whatever does not run."""
        self.sandbox.up(lambda _text: None, routers=ROUTERS)

    def shell(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs `notifier` as a user does."""
        return subprocess.run(
            [sys.executable, "-m", "notifier", *arguments],
            capture_output=True,
            text=True,
            input=stdin,
            timeout=PATIENCE_S,
            env=os.environ | {"NOTIFIER_HOME": str(self.home)},
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """The document that a reading verb prints."""
        done = self.shell(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

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


def example(name: str, **change: object) -> dict[str, Any]:
    """An example's document, with fields replaced."""
    document: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text())
    return copy.deepcopy(document) | change


def assert_exactly_once(received: list[Received], originator: str, wanted: set[str]) -> None:
    """Every message of `originator` once; its numbers per stream without gap or repeat."""
    mine = [one for one in received if one.originator == originator]
    assert Counter(one.id for one in mine if one.id in wanted) == Counter(wanted)
    for stream in {one.stream for one in mine}:
        numbers = [one.seq for one in mine if one.stream == stream]
        assert numbers == list(range(1, len(numbers) + 1))
