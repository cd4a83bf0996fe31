"""A whole small world in memory: three authorities, a hub, a broker that can fail at any step."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from notifier.crypto.keys import DecryptionKey, KeyUse, SigningKey
from notifier.directory.model import ROLES, Authority, Directory, Hub, Key
from notifier.directory.snapshot import Snapshot, StaticDirectory
from notifier.envelope import (
    Addressee,
    Body,
    Header,
    Opened,
    ParsedDelivery,
    Sealed,
    Slip,
    VerifiedDelivery,
    open_body,
    parse_feed,
    partition_of,
    seal,
    verify_delivery,
)
from notifier.policy.decision import expected
from notifier.routing.router import Router
from notifier.rules.facts import PERMISSIONS, Leg, RoutingFacts
from notifier.rules.ruleset import default_rules
from notifier.runtime import Runtime
from notifier.topics import AUDIT, INTAKE, REJECTED, STREAMS, feed_of
from notifier.transport.base import Outgoing, Record
from notifier.transport.memory import MemoryBroker

PARTICIPANTS = ("AUT", "DEU", "FRA", "TUR", "UTO")
PARTITIONS = 2
START = 1_795_432_000_000
YEAR_MS = 365 * 86_400_000
PATIENCE_S = 120  # of real time, for what must come: a machine that is busy fails no test


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: int = START

    def __call__(self) -> int:
        return self.now


@dataclass(frozen=True)
class Keys:
    """One authority's private keys."""

    signing: SigningKey
    decryption: DecryptionKey


@dataclass
class World:
    """The directory, everybody's keys, the broker, and the makers of envelopes and routers."""

    clock: Clock
    random: random.Random
    directory: StaticDirectory
    keys: dict[str, Keys]
    hub: Keys
    broker: MemoryBroker
    numbers: dict[str, int] = field(default_factory=dict)
    tails: dict[str, bytes] = field(default_factory=dict)
    counters: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def runtime(self) -> Runtime:
        return Runtime(self.clock, self.random.randbytes)

    def stream(self, originator: str) -> bytes:
        """One stream per originator, the same in every test."""
        return random.Random(originator).randbytes(16)

    def partition(self, originator: str) -> int:
        """Where that stream lives."""
        return partition_of(originator, self.stream(originator), PARTITIONS)

    def make(
        self,
        originator: str,
        destination: str = "DEU",
        *,
        stream: bytes | None = None,
        signer: SigningKey | None = None,
        **change: object,
    ) -> Sealed:
        """The next envelope of `originator` about a deportation to `destination`; `change` replaces slip fields.

        `stream` and `signer` are others than the originator's own.
        """
        stream = stream or self.stream(originator)
        number = self.numbers.get(originator, 0) + 1
        snapshot = self.directory.snapshot()
        facts = RoutingFacts("deportation", in_custody=True, legs=(Leg("destination", destination),))
        named = sorted(expected(facts, originator, snapshot.directory, snapshot.rules))
        ids = self.random.randbytes(16), self.random.randbytes(16)
        slip: dict[str, object] = {
            "envelope_id": ids[0],
            "notification_id": ids[1],
            "originator": originator,
            "stream": stream,
            "number": number,
            "previous": self.tails.get(originator, bytes(32)),
            "digest_key": self.random.randbytes(16),
            "rules_version": snapshot.rules.version,
            "directory_version": snapshot.directory.version,
            "facts": facts,
            "recipients": tuple(named),
            "withheld": (),
        } | change
        addressees = []
        for name in slip["recipients"]:  # type: ignore[attr-defined]
            self.counters[originator, name] = self.counters.get((originator, name), 0) + 1
            addressees.append(Addressee(self.keys[name].decryption.public, self.counters[originator, name]))
        header = Header(
            snapshot.directory.hub.hub_id,
            ids[0],
            originator,
            stream,
            self.clock() - 1000,
            self.clock() + 7 * 86_400_000,
        )
        body = Body(ids[0], stream, originator, ids[1], "full", b"a notification")
        sealed = seal(
            header,
            Slip(**slip),  # type: ignore[arg-type]
            body if addressees else None,
            signer=signer or self.keys[originator].signing,
            hub_key=self.hub.decryption.public,
            addressees=addressees,
            entropy=self.random.randbytes,
        )
        self.numbers[originator] = number
        self.tails[originator] = sealed.digest
        return sealed

    async def put(self, originator: str, value: bytes | None, partition: int | None = None) -> None:
        """Writes `value` to intake, where the stream of `originator` lives unless said otherwise."""
        where = self.partition(originator) if partition is None else partition
        await self.broker.append([Outgoing(INTAKE, value, partition=where)])

    def router(self, clock: Callable[[], int] | None = None) -> Router:
        """A router of this hub, by its own clock where one is given."""
        return Router(
            self.broker.transport(),
            self.directory,
            signing=self.hub.signing,
            decryption={self.hub.decryption.key_id: self.hub.decryption},
            runtime=Runtime(clock or self.clock, self.random.randbytes),
        )

    @asynccontextmanager
    async def routing(self, count: int = 1) -> AsyncIterator[list[asyncio.Task[None]]]:
        """Runs that many routers; raises what they raise."""
        stop = asyncio.Event()
        tasks = [asyncio.create_task(self.router().run(stop)) for _ in range(count)]
        try:
            yield tasks
        finally:
            stop.set()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    raise result

    async def until(self, there: Callable[[], bool]) -> None:
        """Waits until the broker's contents satisfy `there`."""
        async with asyncio.timeout(PATIENCE_S):
            async with self.broker.changed:
                await self.broker.changed.wait_for(there)

    def feed(self, authority: str) -> list[Record]:
        """What stands on an authority's feed."""
        return self.broker.records(feed_of(authority))

    def opened(self, authority: str, besides: Collection[int] = ()) -> Iterator[tuple[VerifiedDelivery, Opened]]:
        """Every delivery on its feed but those at the offsets `besides`, verified and opened as it would."""
        directory = self.directory.snapshot().directory
        key = self.keys[authority].decryption
        for record in self.feed(authority):
            parsed = parse_feed(record.value)
            if record.offset in besides or not isinstance(parsed, ParsedDelivery):
                continue
            verified = verify_delivery(
                parsed,
                hub_id=directory.hub.hub_id,
                signer=directory.signer,
                hub_signer=directory.hub.signing_key,
                audience=authority,
                now=self.clock(),
            )
            yield verified, open_body(verified, {key.key_id: key})


def build_world(
    seed: int = 1, fault: Callable[[str], Awaitable[None]] | None = None, clock: Clock | None = None
) -> World:
    """A world whose every random byte follows from `seed`; its clock stands still where none is given."""
    rnd = random.Random(seed)
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
    return World(clock, rnd, StaticDirectory(Snapshot(facts, default_rules())), private, hub, broker)
