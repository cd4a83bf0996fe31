"""The kill campaign: publishers, routers, subscribers and the broker killed and paused at random, under load.

A campaign is a seed. `NOTIFIER_LOAD` messages (600 by default, 20,000 in `make test-long`), `NOTIFIER_ACTS` acts
of chaos; the report is written to `NOTIFIER_REPORT` where that is set.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
import uuid
from pathlib import Path

import pytest

from support import sandbox as support

LOAD = int(os.environ.get("NOTIFIER_LOAD", "600"))
ACTS = int(os.environ.get("NOTIFIER_ACTS", "6"))
SEED = int(os.environ.get("NOTIFIER_SEED", "2396"))
ORIGINATORS = ("TUR/spoc", "BGR/spoc", "MAR/spoc")
RECIPIENTS = ("AUT/spoc", "UTO/spoc")
PAUSE_S = 8.0  # longer than a router's session
LIMIT_S = 1800


class Campaign:
    """One run: who publishes what, the processes that are at it, and what was done to them."""

    def __init__(self, world, folder):
        self.world = world
        self.random = random.Random(SEED)
        self.acts = []
        self.wanted = {}
        self.processes = {}
        self.done = asyncio.Event()
        self.files = {name: self.write(folder, name) for name in ORIGINATORS}

    def write(self, folder, name):
        """A file of notifications with ids of their own: given twice, each is sent once."""
        begun = 1_795_000_000_000
        path = folder / f"{name.replace('/', '.')}.jsonl"
        ids = []
        with path.open("w") as file:
            for number in range(LOAD // len(ORIGINATORS)):
                value = (begun + number) << 80 | 7 << 76 | self.random.getrandbits(12) << 64
                value |= 2 << 62 | self.random.getrandbits(62)
                ids.append(str(uuid.UUID(int=value)))
                document = support.example("deportation-completed", originator=name) | {"id": ids[-1]}
                file.write(json.dumps(document) + "\n")
        self.wanted[name] = set(ids)
        return path

    async def keep(self, name, *arguments, forever=False):
        """Runs a verb, and again after it was killed, until it ends well (or for as long as it is needed)."""
        while forever is False or not self.done.is_set():
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "notifier",
                *arguments,
                "--home",
                str(self.world.home),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            self.processes[name] = process
            if await process.wait() == 0:
                return
            await asyncio.sleep(0.2)

    async def chaos(self):
        """One act after the other, until there were enough and all is mended."""
        for _ in range(ACTS):
            await asyncio.sleep(self.random.uniform(0.5, 4.0))
            victim = self.random.choice(
                ["router-1", "router-2", "kafka-1", "pause router-1", "publisher", "subscriber"]
            )
            self.acts.append(victim)
            if victim.startswith("pause"):
                router = self.world.sandbox.process("router-1").process()
                if router is not None:
                    router.suspend()
                    await asyncio.sleep(PAUSE_S)
                    router.resume()
            elif victim in ("publisher", "subscriber"):
                who = self.random.choice(ORIGINATORS if victim == "publisher" else RECIPIENTS)
                process = self.processes.get(f"{victim} {who}")
                if process is not None and process.returncode is None:
                    process.kill()
            else:
                process = self.world.sandbox.process(victim).process()
                if process is not None:
                    os.kill(process.pid, signal.SIGKILL)
                await asyncio.to_thread(self.world.up)
        await asyncio.to_thread(self.world.up)

    async def run(self):
        """Everything at once; returns when all is published and received."""
        subscribers = [
            asyncio.create_task(self.keep(f"subscriber {name}", "subscribe", "--as", name, forever=True))
            for name in RECIPIENTS
        ]
        publishing = [
            self.keep(f"publisher {name}", "publish", str(path), "--as", name, "--wait", "--timeout", "900")
            for name, path in self.files.items()
        ]
        await asyncio.gather(self.chaos(), *publishing)
        self.done.set()
        for name in RECIPIENTS:
            self.processes[f"subscriber {name}"].terminate()
        await asyncio.gather(*subscribers)


@pytest.mark.timeout(LIMIT_S)
async def test_every_accepted_message_is_delivered_exactly_once(world, tmp_path):
    """Whatever was killed or paused meanwhile; nothing else is delivered, and the log verifies."""
    campaign = Campaign(world, tmp_path)
    begun = time.monotonic()
    await campaign.run()
    counts = {}
    for recipient in RECIPIENTS:
        received = await world.receive(recipient)
        for name in ORIGINATORS:
            support.assert_exactly_once(received, name, campaign.wanted[name])
        ours = {one.id for one in received} & set().union(*campaign.wanted.values())
        counts[recipient] = len(ours)
    report = await asyncio.to_thread(world.json, "audit", "verify")
    assert report["ok"]
    written = os.environ.get("NOTIFIER_REPORT")
    if written:
        seconds = round(time.monotonic() - begun, 1)
        result = {"seed": SEED, "messages": LOAD, "acts": campaign.acts, "received": counts, "seconds": seconds}
        await asyncio.to_thread(Path(written).write_text, json.dumps(result, indent=1) + "\n")
