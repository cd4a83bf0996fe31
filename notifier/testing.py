"""Tests of programs that publish or subscribe, without a broker: a whole world in memory.

::

    import asyncio
    import tempfile

    from notifier.testing import make_world, sample_notification


    async def told():
        with tempfile.TemporaryDirectory() as folder:
            world = make_world()
            async with world.routing(), world.publisher("TUR/spoc", folder) as publisher:
                submitted = await publisher.publish(sample_notification())
                await publisher.flush(10)
            async with world.subscriber("DEU/spoc", folder) as subscriber:
                async for message in subscriber.messages(cursor="case-system"):
                    await message.ack()
                    return submitted.id == message.id


    assert asyncio.run(told())

The router, the publisher and the subscriber are those of production. The broker is in memory and can fail at any step
(`MemoryBroker`); the directory has five states with every role; outboxes and inboxes are SQLite files in a folder of
the test. A world follows from its seed, and its clock stands still until the test moves it. Nothing here is secure:
the keys come from the seed.
"""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from notifier.config import address_of
from notifier.consumers.inbox.cursors import Since
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.sinks import Sink
from notifier.consumers.subscriber import Subscriber
from notifier.crypto.keys import DecryptionKey, KeyUse, SigningKey
from notifier.directory.model import ROLES, Authority, Directory, Hub, Key
from notifier.directory.snapshot import Snapshot, StaticDirectory
from notifier.lifecycle import Parts
from notifier.outbox.outbox import Outbox
from notifier.producers.publisher import Publisher
from notifier.routing.router import Router
from notifier.rules.facts import PERMISSIONS
from notifier.rules.ruleset import default_rules
from notifier.runtime import Runtime
from notifier.topics import AUDIT, INTAKE, REJECTED, STREAMS, feed_of
from notifier.transport.memory import MemoryBroker

__all__ = ["Clock", "Keys", "MemoryBroker", "World", "make_world", "sample_notification"]

PARTICIPANTS: Final = ("AUT", "DEU", "FRA", "TUR", "UTO")
PARTITIONS: Final = 2
START: Final = 1_795_432_000_000
"""Time at which the clock of a world stands, in Unix milliseconds; the sample is dated for it."""
STORAGE_KEY: Final = b"k" * 32
YEAR_MS: Final = 365 * 86_400_000

_SAMPLE: Final[dict[str, Any]] = {
    "type": "deportation",
    "stage": "ordered",
    "originator": "TUR/spoc",
    "event_time": "2026-11-20T08:15:00+03:00",
    "urgency": "urgent",
    "purpose": "counter_terrorism",
    "legal_basis": ["S/RES/2396 (2017) para 3"],
    "grading": {"scheme": "4x4", "source": "B", "information": "2"},
    "handling": {"codes": ["H2"], "text": None, "release_to": [], "not_to": []},
    "review_date": "2027-11-20",
    "erase_date": "2031-11-20",
    "interpol": False,
    "language": "en",
    "subject": {
        "category": "suspect",
        "grounds": [{"offence": "travel_for_terrorist_purpose", "legal_basis": "S/RES/2178 (2014) para 6(a)"}],
        "age": "adult",
        "names": [
            {"quality": "primary", "text": "Eriksson Anna Maria", "script": "Latn", "icao": "ERIKSSON<<ANNA<MARIA"}
        ],
        "births": ["1974-08-12"],
        "sex": "F",
        "nationalities": [{"state": "UTO", "status": "documented"}],
        "residences": ["FRA"],
        "documents": [{"kind": "P", "issuer": "UTO", "number": "L898902C3", "expiry": "2012-04-15"}],
    },
    "movement": {
        "in_custody": True,
        "origin": "TUR",
        "transit": [{"iata": "VIE"}],
        "destination": {"locode": "DEFRA"},
    },
    "narrative": "a narrative that only recipients may read",
    "local": {
        "refugee": {"status": "none", "feared": []},
        "risk": {"torture": [], "death_penalty": []},
        "consular": {"requested": "unknown"},
        "approvals": [],
    },
}


def sample_notification(**change: Any) -> dict[str, Any]:
    """Return a deportation from TUR through AUT to DEU of a citizen of UTO; the rules tell those three.

    `change` replaces members: `urgency="routine"` at the top, `subject__age="child"` one level down.
    """
    return changed(_SAMPLE, **change)


def changed(document: dict[str, Any], **change: Any) -> dict[str, Any]:
    """Return a copy of `document` with members replaced, as `sample_notification` does."""
    made = copy.deepcopy(document)
    for key, value in change.items():
        outer, _, inner = key.partition("__")
        if inner:
            made[outer][inner] = value
        else:
            made[outer] = value
    return made


@dataclass
class Clock:
    """A clock that stands still until `now` (Unix milliseconds) is set."""

    now: int = START

    def __call__(self) -> int:
        """Return the time."""
        return self.now


@dataclass(frozen=True)
class Keys:
    """One party's private keys."""

    signing: SigningKey
    decryption: DecryptionKey


@dataclass
class World:
    """A hub and five states: the directory, all private keys, and the broker."""

    clock: Clock
    random: random.Random
    directory: StaticDirectory
    keys: dict[str, Keys]
    hub: Keys
    broker: MemoryBroker

    @property
    def runtime(self) -> Runtime:
        """The world's clock and random bytes."""
        return Runtime(self.clock, self.random.randbytes)

    def publisher(self, authority: str, folder: str | Path) -> Publisher:
        """Return a publisher of `authority`, whose outbox is in `folder`."""

        async def opened() -> Parts[Outbox]:
            outbox = await Outbox.open(_address(folder, authority, "outbox"), authority, STORAGE_KEY, self.runtime)
            return Parts(outbox, self.broker.transport(), self.directory, self.keys[authority].signing)

        return Publisher(authority, opened, self.runtime)

    def subscriber(
        self, authority: str, folder: str | Path, *, sinks: Sequence[Sink] = (), since: Since | None = None
    ) -> Subscriber:
        """Return a subscriber of `authority`, whose inbox is in `folder`."""

        async def opened() -> Parts[Inbox]:
            inbox = await Inbox.open(_address(folder, authority, "inbox"), authority, STORAGE_KEY, self.runtime)
            own = self.keys[authority]
            decryption = {own.decryption.key_id: own.decryption}
            return Parts(inbox, self.broker.transport(), self.directory, own.signing, decryption)

        return Subscriber(authority, opened, sinks=sinks, since=since, runtime=self.runtime)

    def router(self, clock: Callable[[], int] | None = None) -> Router:
        """Return a router of the hub, with a clock of its own where one is given."""
        return Router(
            self.broker.transport(),
            self.directory,
            signing=self.hub.signing,
            decryption={self.hub.decryption.key_id: self.hub.decryption},
            runtime=Runtime(clock or self.clock, self.random.randbytes),
        )

    @asynccontextmanager
    async def routing(self, count: int = 1) -> AsyncIterator[list[asyncio.Task[None]]]:
        """Run `count` routers until the block is left; raise their errors then."""
        stop = asyncio.Event()
        tasks = [asyncio.create_task(self.router().run(stop)) for _ in range(count)]
        try:
            yield tasks
        finally:
            stop.set()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    raise result


def make_world(
    seed: int = 1, fault: Callable[[str], Awaitable[None]] | None = None, clock: Clock | None = None
) -> World:
    """Return a world all of whose random bytes follow from `seed`.

    `fault` is awaited with the name of each step of the broker, and may raise, delay or cancel there.
    """
    return World(*parts_of(seed, fault, clock))


def parts_of(
    seed: int, fault: Callable[[str], Awaitable[None]] | None, clock: Clock | None
) -> tuple[Clock, random.Random, StaticDirectory, dict[str, Keys], Keys, MemoryBroker]:
    """Return the fields of a `World`."""
    rnd = random.Random(seed)  # noqa: S311 - a test repeats what its seed says
    clock = clock or Clock()

    def keys() -> Keys:
        return Keys(SigningKey.from_secret(rnd.randbytes(32)), DecryptionKey.from_secret(rnd.randbytes(32)))

    def public(of: Keys) -> tuple[Key, ...]:
        return tuple(
            Key(one.key_id, use, one.public, START - YEAR_MS, START + YEAR_MS)
            for use, one in ((KeyUse.SIGN, of.signing), (KeyUse.ENCRYPT, of.decryption))
        )

    names = [f"{code}/{role}" for code in PARTICIPANTS for role in ROLES] + ["INTERPOL/spoc"]
    private = {name: keys() for name in names}
    hub = keys()
    authorities = {
        name: Authority(
            name,
            name.lower().replace("/", "-"),
            feed_of(name),
            public(private[name]),
            PERMISSIONS,
        )
        for name in names
    }
    facts = Directory(1, START, Hub(rnd.randbytes(16), public(hub), PARTITIONS, "example/log", ""), authorities)
    topics = {INTAKE: PARTITIONS, STREAMS: PARTITIONS, REJECTED: 1, AUDIT: 1} | {feed_of(name): 1 for name in names}
    broker = MemoryBroker(topics, clock) if fault is None else MemoryBroker(topics, clock, fault)
    return clock, rnd, StaticDirectory(Snapshot(facts, default_rules())), private, hub, broker


def _address(folder: str | Path, authority: str, kind: str) -> str:
    return address_of(Path(folder).absolute() / f"{authority.replace('/', '-')}.{kind}")
