"""A whole system in which nothing goes wrong, but that one process dies at one place: there where it waits.

It waits wherever it awaits what is not there yet, and before and behind every call of the broker, every transaction
and every commit.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

from notifier.topics import feed_of
from support import virtual
from support.processes import install
from support.samples import document
from support.simulation import Task, Whole

GIVEN = ("DEFRA", "FRPAR", "DEFRA")
"""Where the persons of the notifications are brought; the feed of DEU is not there at first."""
MADE_S = 1.1  # when the feed of a recipient is there: what came earlier is refused, and sealed anew


class Death(Whole):
    """One originator, one subscriber, two routers and the auditor; `victim` dies at its wait `at` (0: lives)."""

    def __init__(self, victim, at, folder, monkeypatch):
        super().__init__(1, folder, monkeypatch)
        self.dies_at = {victim: at}
        self.calm = self.same_host = True
        self.made_at = {feed_of("DEU/spoc"): MADE_S}
        self.tasks = {"TUR/spoc": [self.given(number, place) for number, place in enumerate(GIVEN)]}
        self.subscribers = ("DEU/spoc",)

    def given(self, number, place):
        made = document(id=f"01997e5c-1c00-7c55-9a3e-{number:012x}", narrative=f"number {number}")
        made["movement"] |= {"transit": [], "destination": {"locode": place}}
        return Task(made, patient=True, refusable=False)

    def parties(self):
        yield "publisher", self.publisher("TUR/spoc")
        yield "subscriber", self.subscriber("DEU/spoc")
        yield "router", self.router()
        yield "other router", self.router()
        yield "auditor", self.auditor

    async def step(self, process, step):
        await super().step(process, step)
        await asyncio.sleep(0)

    async def disk(self, process, step):
        await super().disk(process, step)
        await asyncio.sleep(0)

    async def chaos(self):
        """Nothing of the kind."""


def run_death(victim, at):
    """Runs it to its end; raises where a promise is broken. How often the victim waited in its first life."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        install(patch)
        death = Death(victim, at, Path(folder), patch)
        virtual.run(death.run())
        return next(process.waits for process in death.machines.started if process.party == victim)
