"""35 Revoked key in its former owner's stream: a thief's key is revoked, and the thief goes on writing with it.

The thief knows the stream, its number and its tail, and writes to intake as anybody can who has a certificate; before
the revocation it may have begun as many streams as there may be. Control: the signer is authorised before anything is
read or written about streams; nobody is told of what a revoked key signed; the owner goes on under its new key, with
what was on its way, too.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import structlog

from notifier.codec.single_object import codec
from notifier.crypto.keys import KeyUse, SigningKey
from notifier.directory.model import Key, KeyState
from notifier.directory.snapshot import Snapshot
from notifier.envelope import Header, partition_of
from notifier.envelope.format import Prefix
from notifier.envelope.verifying import parse_envelope
from notifier.routing.batch import NO_STREAM
from notifier.topics import INTAKE, STREAMS
from support.attack_harness import HOUR_MS, PATIENCE_S
from support.samples import document
from support.world import PARTITIONS, START, YEAR_MS

OWNER = "TUR/spoc"


@pytest.fixture
def new_key(stage):
    """Return the owner's key after the theft."""
    return SigningKey.from_secret(stage.world.random.randbytes(32))


def revoke(stage, new_key):
    """Revoke the owner's key in the directory, and list the new one."""
    stage.world.clock.now += HOUR_MS
    snapshot = stage.world.directory.snapshot()
    owner = snapshot.directory.authorities[OWNER]
    stolen = stage.signing(OWNER).key_id
    keys = [
        replace(key, state=KeyState.REVOKED, changed_at=stage.world.clock()) if key.key_id == stolen else key
        for key in owner.keys
    ]
    keys.append(Key(new_key.key_id, KeyUse.SIGN, new_key.public, START - YEAR_MS, START + YEAR_MS))
    authorities = snapshot.directory.authorities | {OWNER: replace(owner, keys=tuple(keys))}
    later = replace(snapshot.directory, version=snapshot.directory.version + 1, authorities=authorities)
    stage.world.directory.put(Snapshot(later, snapshot.rules, snapshot.directory, snapshot.rules))


def sent(stage):
    """Return every envelope on intake, with its partition and header."""
    broker = stage.world.broker
    for number in range(PARTITIONS):
        for record in broker.records(INTAKE, number):
            parts = parse_envelope(record.value)
            yield number, parts.digest, Header.decode(Prefix.parse(parts.prefix.raw).header_bytes)


def streams(stage):
    """Return the last record of each stream, as (number, tail)."""
    found = {}
    for number in range(PARTITIONS):
        for record in stage.world.broker.records(STREAMS, number):
            if record.key not in NO_STREAM:
                state = codec("StreamState").decode(record.value)
                found[state["stream"]] = None if state["dropped"] else (state["number"], state["tail"])
    return found


async def published(stage, text, **options):
    """Publish with the owner's software; return the result."""
    async with stage.publishing(OWNER, **options) as publisher:
        submitted = await publisher.publish(document(narrative=text))
        return await publisher.wait(submitted.id, PATIENCE_S)


async def test_the_owner_goes_on_whatever_the_thief_puts_in_its_place(stage, new_key):
    """The thief's envelope is the next in turn; it leaves no trace but a refusal, of which nobody is told."""
    async with stage.routing():
        assert (await published(stage, "before")).state == "told"
    ((partition, last, header),) = sent(stage)
    revoke(stage, new_key)
    told, before = len(stage.told(OWNER)), streams(stage)
    place = {"stream": header.stream, "number": 2, "previous": last}
    thief = stage.forge(OWNER, header={"stream": header.stream}, slip=place)
    assert await stage.route(thief, thief, partition=partition) == ["signer_revoked"] * 2
    assert (len(stage.told(OWNER)), streams(stage)) == (told, before)
    async with stage.routing():
        status = await published(stage, "after", signing=new_key)
    assert (status.state, status.reason) == ("told", None)
    assert (await stage.read("DEU/spoc")).texts == ["before", "after"]


async def test_what_was_on_its_way_goes_out_under_the_new_key(stage, new_key):
    """Sealed under the old one before the revocation, decided after it: once, in its place."""
    async with stage.publishing(OWNER) as publisher:
        submitted = await publisher.publish(document(narrative="on its way"))
        await stage.on_its_way()
    revoke(stage, new_key)
    async with stage.routing(), stage.publishing(OWNER, signing=new_key) as publisher:
        assert (await publisher.wait(submitted.id, PATIENCE_S)).state == "told"
        assert (await published_next(publisher)).state == "told"
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.sequences, shown.gaps) == (["on its way", "behind it"], [1, 2], [])


async def published_next(publisher):
    submitted = await publisher.publish(document(narrative="behind it"))
    return await publisher.wait(submitted.id, PATIENCE_S)


async def test_a_statement_about_somebody_else_s_envelope_stops_nobody(stage):
    """Only an envelope in turn under one of the owner's keys shows an older outbox."""
    async with stage.routing():
        assert (await published(stage, "before")).state == "told"
    ((_, _, header),) = sent(stage)
    stranger, own = bytes(16), stage.signing(OWNER).key_id

    def said(signer, **change):
        about = {"stream": header.stream, "signer": signer} | change
        return stage.decision(stage.world.random.randbytes(32), OWNER, 2, **about)

    rejected = {"outcome": "rejected", "reason": "recipients_mismatch"}
    with structlog.testing.capture_logs() as lines:
        await stage.inject(OWNER, said(None, **rejected), said(stranger, **rejected), said(stranger))
        async with stage.routing():
            assert (await published(stage, "after")).state == "told"
        assert not found_older(lines)
        async with stage.publishing(OWNER):
            await stage.inject(OWNER, stage.decision(bytes(32), OWNER, 3, stream=header.stream, signer=own))
            async with asyncio.timeout(PATIENCE_S):
                while not found_older(lines):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)


def found_older(lines):
    """Return whether a publisher took its outbox for older than its stream."""
    return "the outbox is older than its stream" in [line["event"] for line in lines]


async def test_streams_of_a_revoked_key_give_way(stage, new_key, monkeypatch):
    """The thief began as many as there may be: its owner still begins one, after a restart of the router, too."""
    monkeypatch.setattr("notifier.routing.streams.MAX_STREAMS", 3)
    ids = [number.to_bytes(16, "big") for number in range(1, 100)]
    ids = [one for one in ids if partition_of(OWNER, one, PARTITIONS) == stage.world.partition(OWNER)]
    first = {"number": 1, "previous": bytes(32)}

    def begun(stream, **options):
        slip = {"stream": stream, "directory_version": stage.directory.version} | first
        return stage.forge(OWNER, header={"stream": stream}, slip=slip, **options)

    thief = [begun(one) for one in ids[:4]]
    assert await stage.route(*thief) == [None, None, None, "too_many_streams"]
    revoke(stage, new_key)
    mine = [begun(one, signer=new_key) for one in ids[4:8]]
    assert await stage.route(mine[0]) == [None]
    assert await stage.route(mine[1], mine[2], mine[3]) == [None, None, "too_many_streams"]
    assert [streams(stage)[one] for one in ids[:3]] == [None] * 3
    assert await stage.route(*thief) == ["signer_revoked"] * 4, "nothing of a dropped stream comes again"
