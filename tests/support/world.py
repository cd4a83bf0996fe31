"""The world of notifier.testing, in which a test makes envelopes and looks at feeds itself."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field

from notifier import testing
from notifier.crypto.keys import SigningKey
from notifier.envelope import (
    Addressee,
    Body,
    Header,
    Opened,
    ParsedDelivery,
    Sealed,
    SignedStatement,
    Slip,
    Statement,
    VerifiedDelivery,
    open_body,
    parse_feed,
    partition_of,
    seal,
    sign_statements,
    verify_delivery,
)
from notifier.policy.decision import expected
from notifier.rules.facts import Leg, RoutingFacts
from notifier.testing import PARTITIONS, START, YEAR_MS, Clock, Keys
from notifier.topics import INTAKE, feed_of
from notifier.transport.base import Outgoing, Record

__all__ = ["PARTITIONS", "PATIENCE_S", "START", "YEAR_MS", "Clock", "Keys", "World", "build_world"]

PATIENCE_S = 120  # of real time, for what must come: a machine that is busy fails no test


@dataclass
class World(testing.World):
    """A world whose envelopes a test makes itself, true ones and false ones."""

    numbers: dict[str, int] = field(default_factory=dict)
    tails: dict[str, bytes] = field(default_factory=dict)
    counters: dict[tuple[str, str], int] = field(default_factory=dict)

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

    async def until(self, there: Callable[[], bool]) -> None:
        """Waits until the broker's contents satisfy `there`."""
        async with asyncio.timeout(PATIENCE_S):
            async with self.broker.changed:
                await self.broker.changed.wait_for(there)

    def stated(
        self, digest: bytes, audience: str, signing: SigningKey | None = None, **change: object
    ) -> SignedStatement:
        """The hub's signed statement of a delivery; as a hub that lies would sign it, or as somebody else would."""
        facts = {
            "salt": self.random.randbytes(16),
            "kind": "delivery",
            "digest": digest,
            "audience": audience,
            "outcome": "accepted",
            "reason": None,
            "accepted_at": self.clock(),
            "rules_version": 1,
            "directory_version": 1,
        }
        (signed,) = sign_statements(
            [Statement(**(facts | change))],
            hub_id=self.directory.snapshot().directory.hub.hub_id,
            key=signing or self.hub.signing,
            entropy=self.random.randbytes,
        )
        return signed

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
    """As `notifier.testing.make_world`."""
    return World(*testing.parts_of(seed, fault, clock))
