"""Sealed envelopes in stock: real keys of the sandbox's authorities, in order, ready for intake."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from notifier.config import load, party_config
from notifier.crypto.keys import SigningKey
from notifier.directory.client import DirectoryClient
from notifier.directory.snapshot import Snapshot
from notifier.envelope import Addressee, Body, Header, Slip, partition_of, seal
from notifier.keyfiles import signing_key
from notifier.policy.decision import expected
from notifier.rules.facts import Leg, RoutingFacts
from notifier.topics import INTAKE
from notifier.transport.base import Outgoing

SENDER = "TUR/spoc"
STREAMS = 4


@dataclass(frozen=True)
class Stock:
    """Envelopes for intake, their number of recipients, and the seconds that sealing them took."""

    records: list[Outgoing]
    fan_out: int
    seconds: float


def make(home: Path, count: int, *, body: int, fan_out: int, partitions: int = 1) -> Stock:
    """`count` envelopes of the sandbox in `home`; see `chains`."""
    snapshot = DirectoryClient(load(party_config(home, "admin")).directory).load()
    return chains(snapshot, signing_key(load(party_config(home, SENDER)).keys), count, body, fan_out, partitions)


def chains(snapshot: Snapshot, signer: SigningKey, count: int, body: int, fan_out: int, partitions: int = 1) -> Stock:
    """`count` envelopes of `body` bytes to `fan_out` recipients each.

    They are of four new streams of `SENDER`, which live on that many of the intake's partitions.
    """
    facts = _facts(snapshot, fan_out)
    names = tuple(sorted(expected(facts, SENDER, snapshot.directory, snapshot.rules)))
    begun = time.perf_counter()
    streams = [_stream(snapshot, number % partitions) for number in range(STREAMS)]
    made = [_chain(snapshot, signer, facts, names, one, count // STREAMS, body) for one in streams]
    records = [record for group in zip(*made, strict=True) for record in group]
    return Stock(records, len(names), time.perf_counter() - begun)


def _facts(snapshot: Snapshot, fan_out: int) -> RoutingFacts:
    """Return facts for which the rules expect that many of the directory's contact points."""
    codes = {one.participant for one in snapshot.directory.authorities.values() if one.role == "spoc"}
    there = sorted(codes - {SENDER[:3], "INTERPOL"})[:fan_out]
    if len(there) < fan_out:
        raise ValueError(f"the directory has no {fan_out} recipients")
    return RoutingFacts("deportation", in_custody=True, legs=tuple(Leg("transit", code) for code in there))


def _stream(snapshot: Snapshot, partition: int) -> bytes:
    """Return a new stream of `SENDER` that lives on this partition."""
    while True:
        stream = secrets.token_bytes(16)
        if partition_of(SENDER, stream, snapshot.directory.hub.partitions) == partition:
            return stream


def _chain(
    snapshot: Snapshot,
    signer: SigningKey,
    facts: RoutingFacts,
    names: tuple[str, ...],
    stream: bytes,
    count: int,
    size: int,
) -> list[Outgoing]:
    """Return one stream's envelopes, each chained to the one before it."""
    directory = snapshot.directory
    previous, now = bytes(32), time.time_ns() // 1_000_000
    partition = partition_of(SENDER, stream, directory.hub.partitions)
    hub = directory.hub.encryption_key(now)
    keys = [directory.authorities[name].encryption_key(now) for name in names]
    assert hub is not None
    made = []
    for number in range(1, count + 1):
        ids = secrets.token_bytes(16), secrets.token_bytes(16)
        slip = Slip(
            ids[0], ids[1], SENDER, stream, number, previous, bytes(16),
            snapshot.rules.version, directory.version, facts, names, (),
        )  # fmt: skip
        sealed = seal(
            Header(directory.hub.hub_id, ids[0], SENDER, stream, now, now + 7 * 86_400_000),
            slip,
            Body(ids[0], stream, SENDER, ids[1], "full", secrets.token_bytes(size)),
            signer=signer,
            hub_key=hub.public,
            addressees=[Addressee(key.public, number) for key in keys if key is not None],
        )
        previous = sealed.digest
        made.append(Outgoing(INTAKE, sealed.envelope, partition=partition))
    return made
