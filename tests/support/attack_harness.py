"""A stage for attacks: a small world in memory with the real parts of every honest party, and an attacker's tools.

Honest parties write `letter`s, publish, route and read. What an attacker makes is a `forge` or the parts of a
letter put together anew (`Letter.forged`); it comes to intake by `route` and to a feed by `inject`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from notifier.codec.single_object import codec
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.subscriber import Subscriber
from notifier.crypto.keys import DecryptionKey, SigningKey
from notifier.crypto.primitives import blake, encrypt, exchange, u64
from notifier.envelope import (
    Addressee,
    Body,
    Header,
    SignedStatement,
    Slip,
    Statement,
    VerifiedEnvelope,
    delivery,
    notice,
    parse_feed,
    seal,
    verify_statement,
)
from notifier.envelope.format import Prefix, signed_form, slip_digest, stanza_hash, transcript
from notifier.envelope.sealing import _hedged
from notifier.envelope.verifying import Parsed, parse_envelope
from notifier.lifecycle import Parts
from notifier.notification import encode, for_sealing, parse
from notifier.outbox.outbox import Outbox
from notifier.persons.submissions import Submitter
from notifier.policy.decision import expected, facts_of
from notifier.producers.publisher import Publisher
from notifier.routing.batch import POSITION_KEY
from notifier.topics import INTAKE, REJECTED, STREAMS, feed_of
from notifier.transport.base import Headers, Outgoing
from support.samples import document
from support.world import PARTITIONS, World

STORAGE_KEY = b"k" * 32
SERVICE = Submitter(SigningKey.from_secret(b"service".ljust(32, b".")))
"""Who submits where nobody is named, in a test that lets it."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TOLD = ("AUT/spoc", "DEU/spoc", "UTO/spoc")
PATIENCE_S = 20.0


@dataclass(frozen=True)
class Letter:
    """A sealed envelope, and all that its originator knows of it: its ephemeral secret and content key, too."""

    envelope: bytes
    digest: bytes
    originator: str
    text: str
    notification_id: bytes
    sequences: dict[str, int]
    esk: bytes
    cek: bytes

    @property
    def record(self) -> dict[str, object]:
        """The envelope's parts as its record holds them."""
        return codec("Envelope").decode(self.envelope)

    def forged(self, signer: SigningKey | None = None, **parts: object) -> bytes:
        """The envelope with parts replaced; signed anew where `signer` is given, else under the old signature."""
        return assembled(self.record | parts, signer)

    def stanza(self, key: DecryptionKey, sequence: int, cek: bytes | None = None) -> dict[str, bytes]:
        """A stanza to any key, as only its originator can make it."""
        record = self.record
        hh = Prefix.parse(record["prefix"]).hh
        kek = blake(b"ntf1/wrap", hh + record["epk"] + key.public, key=exchange(self.esk, key.public))
        aad = hh + key.key_id + record["commit"]
        return {"rid": key.key_id, "wrap": encrypt(kek, aad, (cek or self.cek) + u64(sequence))}


def assembled(record: dict[str, object], signer: SigningKey | None = None) -> bytes:
    """An envelope of these parts, signed by `signer` where there is one."""
    if signer is not None:
        hh = Prefix.parse(record["prefix"]).hh
        hashes = [stanza_hash(hh, one["rid"], one["wrap"]) for one in record["stanzas"]]
        sealed_slip = slip_digest(record["hid"], record["slip"])
        head = (record["prefix"], record["epk"], record["commit"])
        text = transcript(*head, sealed_slip, hashes, record["body"])
        record = record | {"signature": signer.sign(signed_form(text))}
    return codec("Envelope").encode(record)


def prefixed(raw: bytes, signer: bytes, **header: object) -> bytes:
    """A prefix with another signer's key id, and header fields replaced."""
    return Prefix.build(signer, replace(Header.decode(Prefix.parse(raw).header_bytes), **header)).raw


def answer(signed: bytes) -> dict[str, object]:
    """What a receipt says, behind its signature."""
    return codec("Receipt").decode(signed[64:])


async def race(*works: Coroutine[object, object, object]) -> list[object]:
    """Runs all until one of them ends; what each is then: its result, its error, or the cancellation."""
    tasks = [asyncio.create_task(work) for work in works]
    await asyncio.wait(tasks, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class Shown:
    """What a recipient's own software shows: texts in the order of their coming, what it refused, what it misses.

    `receipts` has outcome and reason of each.
    """

    texts: list[str]
    sequences: list[int]
    conflicts: list[str]
    refused: list[str]
    gaps: list[tuple[str, int]]
    receipts: list[tuple[str, str | None]]


@dataclass
class Stage:
    """The world, a folder for everybody's databases, and the honest originators' streams."""

    world: World
    folder: Path
    numbers: dict[str, int] = field(default_factory=dict)
    tails: dict[str, bytes] = field(default_factory=dict)
    counters: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def directory(self):
        """The directory as it stands."""
        return self.world.directory.snapshot().directory

    def signing(self, name: str) -> SigningKey:
        """An authority's signing key."""
        return self.world.keys[name].signing

    def decryption(self, name: str) -> DecryptionKey:
        """An authority's decryption key."""
        return self.world.keys[name].decryption

    # What honest originators and attackers seal.

    def letter(self, originator: str = "TUR/spoc", text: str | None = None, **choices: object) -> Letter:
        """The next notification of an honest originator."""
        letter = self.forge(originator, text or f"{originator} {self.numbers.get(originator, 0) + 1}", **choices)
        self.sent(letter)
        return letter

    def sent(self, letter: Letter, *, accepted: bool = True) -> None:
        """Takes note that the letter is the last of its stream, decided so."""
        if accepted:
            self.numbers[letter.originator] = self.numbers.get(letter.originator, 0) + 1
            self.counters[letter.originator] = self.counters.get(letter.originator, {}) | letter.sequences
        self.tails[letter.originator] = letter.digest

    def forge(
        self,
        originator: str = "TUR/spoc",
        text: str = "a forged text",
        *,
        signer: SigningKey | None = None,
        header: dict[str, object] | None = None,
        slip: dict[str, object] | None = None,
        notification_id: bytes | None = None,
        sequences: dict[str, int] | None = None,
        change: dict[str, object] | None = None,
        encoded: bytes | None = None,
    ) -> Letter:
        """What would be the next envelope of `originator`, not noted as sent.

        `header` and `slip` replace fields, `change` members of the notification, `sequences` those of recipients;
        `encoded` is what is sealed in place of the notification.
        """
        world, snapshot = self.world, self.world.directory.snapshot()
        draw = world.random.randbytes
        ids = draw(16), notification_id or draw(16)
        stream = world.stream(originator)
        notification = parse(document(originator=originator, narrative=text, **(change or {})))
        facts = facts_of(notification, snapshot.rules)
        plain = {
            "envelope_id": ids[0],
            "notification_id": ids[1],
            "originator": originator,
            "stream": stream,
            "number": self.numbers.get(originator, 0) + 1,
            "previous": self.tails.get(originator, bytes(32)),
            "digest_key": draw(16),
            "rules_version": snapshot.rules.version,
            "directory_version": snapshot.directory.version,
            "facts": facts,
            "recipients": tuple(sorted(expected(facts, originator, snapshot.directory, snapshot.rules))),
            "withheld": (),
        }
        sealed_slip = Slip(**(plain | (slip or {})))
        now = world.clock()
        times = {"issued_at": now - 1000, "expires_at": now + 7 * DAY_MS}
        named = {"hub_id": snapshot.directory.hub.hub_id, "envelope_id": ids[0], "originator": originator}
        sealed_header = Header(**(named | {"stream": stream} | times | (header or {})))
        before = self.counters.get(originator, {})
        numbered = {name: before.get(name, 0) + 1 for name in sealed_slip.recipients} | (sequences or {})
        addressees = [Addressee(self.decryption(name).public, numbered[name]) for name in sealed_slip.recipients]
        if encoded is None:
            encoded = encode(replace(for_sealing(notification), id=ids[1]))
        body = Body(ids[0], stream, originator, ids[1], "full", encoded) if addressees else None
        drawn = []

        def entropy(count: int) -> bytes:
            drawn.append(draw(count))
            return drawn[-1]

        signer = signer or self.signing(originator)
        sealed = seal(
            sealed_header,
            sealed_slip,
            body,
            signer=signer,
            hub_key=world.hub.decryption.public,
            addressees=addressees,
            entropy=entropy,
        )
        rids = [self.decryption(name).key_id for name in sealed_slip.recipients]
        texts = sealed_slip.encode(), body.encode() if body else b""
        hedge = blake(
            b"ntf1/hedge", _hedged(Prefix.build(signer.key_id, sealed_header).raw, *texts, rids, addressees)
        )
        cek, esk = (
            blake(person, hedge, key=key) for person, key in zip((b"ntf1/h-cek", b"ntf1/h-esk"), drawn, strict=False)
        )
        return Letter(sealed.envelope, sealed.digest, originator, text, ids[1], numbered, esk, cek)

    # Intake and the hub.

    async def route(self, *items: object, at: str = "TUR/spoc", partition: int | None = None) -> list[str | None]:
        """Puts letters or raw values on intake, and lets a router decide them: the reason of each, None if accepted.

        Raw values go where the stream of `at` lives, unless a partition is named.
        """
        broker = self.world.broker
        places = []
        for item in items:
            owner, value = (item.originator, item.envelope) if isinstance(item, Letter) else (at, item)
            where = self.world.partition(owner) if partition is None else partition
            places.append((where, len(broker.partition(INTAKE, where).records)))
            await self.world.put(owner, value, where)
        await self.decide()
        decoded = [codec("Rejection").decode(record.value) for record in broker.records(REJECTED)]
        reasons = {(one["partition"], one["offset"]): one["reason"] for one in decoded}
        return [reasons.get(place) for place in places]

    async def decide(self) -> None:
        """Runs a router until everything on intake is decided."""
        async with self.routing() as router:
            settled = asyncio.create_task(self.world.until(self.decided))
            await asyncio.wait({settled, router}, return_when=asyncio.FIRST_COMPLETED)
            settled.cancel()
            await asyncio.gather(settled, return_exceptions=True)
        assert self.decided(), "the partition stands still"

    @asynccontextmanager
    async def routing(self) -> AsyncIterator[asyncio.Task[None]]:
        """Runs a router; the test fails where it ends by itself."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.world.router().run(stop))
        try:
            yield task
        finally:
            stop.set()
            (result,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(result, Exception):
            pytest.fail(f"the router stopped: {result!r}")

    def decided(self) -> bool:
        """Whether the hub's position is behind the last record of every intake partition."""
        broker = self.world.broker
        for number in range(PARTITIONS):
            values = [one.value for one in broker.records(STREAMS, number) if one.key == POSITION_KEY]
            position = codec("IntakePosition").decode(values[-1])["next_offset"] if values else 0
            if position != len(broker.partition(INTAKE, number).records):
                return False
        return True

    def statements(self, name: str) -> list[Statement]:
        """What the hub told an originator about its envelopes, verified."""
        hub = self.directory.hub
        parsed = [parse_feed(record.value) for record in self.world.feed(name) if record.value is not None]
        signed = [one for one in parsed if isinstance(one, SignedStatement)]
        return [verify_statement(one, hub_id=hub.hub_id, hub_signer=hub.signing_key) for one in signed]

    def told(self, name: str) -> list[tuple[str, str | None]]:
        """Outcome and reason of each."""
        return [(one.outcome, one.reason) for one in self.statements(name)]

    async def on_its_way(self) -> Parsed:
        """The first envelope that a publisher has put on intake."""
        broker = self.world.broker

        def values() -> list[bytes]:
            return [one.value for number in range(PARTITIONS) for one in broker.records(INTAKE, number)]

        await self.world.until(lambda: bool(values()))
        return parse_envelope(values()[0])

    # Feeds and their readers.

    def decision(self, digest: bytes, audience: str, number: int, signing: SigningKey | None = None, **change):
        """A feed record that tells an originator of a decision, signed by whomever."""
        about = {"stream": self.world.stream(audience), "number": number, "envelope_id": bytes(16)}
        return notice(self.world.stated(digest, audience, signing, kind="decision", **(about | change)))

    def delivery(self, envelope: bytes, to: str, *, stanza: str | None = None, **change: object) -> bytes:
        """A feed record for `to`, cut from any envelope, verified or not, with the stanza of `stanza` (of `to`).

        The hub's statement upon it is true in form; `change` replaces fields of it, or its signer.
        """
        parts = parse_envelope(envelope, suites=range(256))
        rid = self.decryption(stanza or to).key_id
        signed = self.world.stated(change.pop("digest", parts.digest), to, **change)
        return delivery(VerifiedEnvelope(parts, parts.digest), rid, signed)

    async def inject(self, name: str, *values: bytes | None, headers: Headers = ()) -> None:
        """Writes to a feed, as whoever operates the broker can."""
        await self.world.broker.append([Outgoing(feed_of(name), value, headers=headers) for value in values])

    @asynccontextmanager
    async def subscribing(self, name: str = "DEU/spoc", *, keys=None, directory=None, sinks=()):
        """An authority's subscriber, on the same inbox each time."""
        parts = Parts(
            await self.inbox(name),
            self.world.broker.transport(),
            directory or self.world.directory,
            self.signing(name),
            keys or {self.decryption(name).key_id: self.decryption(name)},
        )
        async with Subscriber.of(name, parts, sinks=sinks, runtime=self.world.runtime) as subscriber:
            yield subscriber

    async def inbox(self, name: str) -> Inbox:
        """The database of an authority's inbox."""
        address = f"sqlite:///{self.folder}/{name.replace('/', '-')}.inbox"
        return await Inbox.open(address, name, STORAGE_KEY, self.world.runtime)

    async def read(self, name: str = "DEU/spoc", **options: object) -> Shown:
        """Reads the feed of `name` to its end with its own subscriber, and tells what that shows."""
        try:
            async with self.subscribing(name, **options) as subscriber, asyncio.timeout(PATIENCE_S):
                await subscriber.until_idle(0)
        except Exception as error:
            pytest.fail(f"the subscriber of {name} stopped: {error!r}")
        inbox = await self.inbox(name)
        try:
            messages = await inbox.messages()
            opened = [one for one in messages if one.state == "opened"]
            return Shown(
                [one.notification.narrative for one in opened],
                [one.seq for one in opened],
                [one.notification.narrative for one in messages if one.state == "conflict"],
                [reason for _, reason in await inbox.refusals()],
                [(gap.originator, n) for gap in await inbox.gaps() for n in range(gap.first, gap.last + 1)],
                [(one["outcome"], one["reason"]) for one in map(answer, await inbox.receipts())],
            )
        finally:
            await inbox.close()

    async def outbox(self, name: str = "TUR/spoc") -> Outbox:
        """The database of an authority's outbox."""
        address = f"sqlite:///{self.folder}/{name.replace('/', '-')}.outbox"
        return await Outbox.open(address, name, STORAGE_KEY, self.world.runtime)

    @asynccontextmanager
    async def publishing(self, name: str = "TUR/spoc", *, directory=None, signing=None, submitter=None):
        """An authority's publisher, on the same outbox each time; `SERVICE` signs what others must release."""
        outbox = await self.outbox(name)
        source = directory or self.world.directory
        parts = Parts(
            outbox, self.world.broker.transport(), source, signing or self.signing(name), submitter=submitter
        )
        async with Publisher.of(name, parts, self.world.runtime) as publisher:
            yield publisher
