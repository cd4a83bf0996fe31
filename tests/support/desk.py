"""A hub that delivers to DEU/spoc, or lies to it, and DEU/spoc's subscriber with its inbox in a file."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from notifier.codec.single_object import codec
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.receipts import RECEIPT_TYPE
from notifier.consumers.subscriber import Subscriber
from notifier.crypto.keys import signature_holds
from notifier.crypto.primitives import pae
from notifier.envelope import Addressee, Body, Header, Slip, delivery, seal, verify
from notifier.lifecycle import Parts
from notifier.notification import encode, for_sealing, parse
from notifier.rules.facts import RoutingFacts
from notifier.topics import feed_of
from notifier.transport.base import Outgoing
from support import samples
from support.world import PATIENCE_S

STORAGE_KEY = b"k" * 32
ME = "DEU/spoc"
HOUR_MS = 3_600_000
ARREST = samples.document(samples.ARREST, subject__residences=["DEU"], narrative="a narrative")


@dataclass
class Hub:
    """Makes what a hub would put on a feed, and what one that lies would."""

    world: object

    def __post_init__(self):
        self.counters = {}

    @property
    def directory(self):
        return self.world.directory.snapshot().directory

    def sealed(self, originator=ME, *, to=ME, sequence=None, notification_id=None, encoded=None, text=None, **change):
        """An envelope of `originator` to `to`, with its header and ids; the sequence goes on from the last."""
        world = self.world
        count = self.counters.get((originator, to), 0) + 1 if sequence is None else sequence
        self.counters[originator, to] = count
        ids = world.random.randbytes(16), notification_id or world.random.randbytes(16)
        stream = world.stream(originator)
        if encoded is None:
            made = parse(ARREST | {"originator": originator} | change)
            encoded = encode(replace(for_sealing(made), id=ids[1], narrative=text or made.narrative))
        header = Header(
            self.directory.hub.hub_id,
            ids[0],
            originator,
            stream,
            world.clock() - 1000,
            world.clock() + 7 * 24 * HOUR_MS,
        )
        facts = RoutingFacts("arrest", in_custody=True)
        slip = Slip(
            ids[0], ids[1], originator, stream, 1, bytes(32), world.random.randbytes(16), 1, 1, facts, (to,), ()
        )
        return seal(
            header,
            slip,
            Body(ids[0], stream, originator, ids[1], "full", encoded),
            signer=world.keys[originator].signing,
            hub_key=world.hub.decryption.public,
            addressees=[Addressee(world.keys[to].decryption.public, count)],
            entropy=world.random.randbytes,
        )

    def delivery(self, sealed, to=ME, signed=None):
        """The feed record of a sealed envelope."""
        verified = verify(sealed.envelope, hub_id=self.directory.hub.hub_id, signer=self.directory.signer)
        rid = self.world.keys[to].decryption.key_id
        return delivery(verified, rid, signed or self.world.stated(sealed.digest, to))

    async def deliver(self, originator="TUR/spoc", **options):
        """A true delivery on the feed; returns its envelope's digest."""
        sealed = self.sealed(originator, **options)
        await self.put(self.delivery(sealed))
        return sealed.digest

    async def put(self, *values):
        """Any record on the feed."""
        await self.world.broker.append([Outgoing(feed_of(ME), value) for value in values])


@dataclass
class Desk:
    """DEU/spoc with its inbox in a file: each subscription is a process that starts."""

    world: object
    address: str

    async def open_inbox(self):
        return await Inbox.open(self.address, ME, STORAGE_KEY, self.world.runtime)

    @asynccontextmanager
    async def subscribed(self, sinks=(), since=None, directory=None, keys=None, world=None):
        world = world or self.world
        own = world.keys[ME]
        parts = Parts(
            await self.open_inbox(),
            world.broker.transport(),
            directory or world.directory,
            own.signing,
            keys or {own.decryption.key_id: own.decryption},
        )
        async with Subscriber.of(ME, parts, sinks=sinks, since=since, runtime=world.runtime) as subscriber:
            yield subscriber

    async def receive(self, **options):
        """Everything in the inbox once the feed is read to its end."""
        async with self.subscribed(**options) as subscriber, asyncio.timeout(PATIENCE_S):
            await subscriber.until_idle(0)
            return await subscriber.inbox.messages()

    async def look(self, what):
        """What a method of the inbox answers."""
        inbox = await self.open_inbox()
        try:
            return await getattr(inbox, what)()
        finally:
            await inbox.close()

    async def reasons(self):
        """The reasons of all refusals, in the feed's order."""
        return [reason for _, reason in await self.look("refusals")]

    async def receipts(self):
        """Outcome and reason of every receipt, by the envelope's digest; the signatures are checked."""
        found = {}
        for signed in await self.look("receipts"):
            signature, encoded = signed[:64], signed[64:]
            assert signature_holds(self.world.keys[ME].signing.public, pae(RECEIPT_TYPE, encoded), signature)
            record = codec("Receipt").decode(encoded)
            assert record["recipient"] == ME
            found.setdefault(record["envelope"], []).append((record["outcome"], record["reason"]))
        return found
