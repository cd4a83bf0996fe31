"""Cost for others of slips that name future versions, while the directory's source is slow.

The same envelopes are routed twice, on the broker in memory: beside as many of the versions in force, and beside as
many that name future versions. A look at the source takes `LOOK_S`; a router that waited for it would wait for each.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import replace

from benchmarks import envelopes
from benchmarks.stages import authority_of, public_keys
from notifier.codec.single_object import codec
from notifier.crypto.keys import DecryptionKey, SigningKey
from notifier.directory.model import Directory, Hub
from notifier.directory.snapshot import Snapshot
from notifier.notification.states import iso_codes
from notifier.routing.batch import POSITION_KEY
from notifier.routing.router import Router
from notifier.rules.ruleset import default_rules
from notifier.runtime import REAL, wall_clock
from notifier.topics import AUDIT, INTAKE, REJECTED, STREAMS
from notifier.transport.base import Outgoing
from notifier.transport.memory import MemoryBroker

COUNT = 200
ROUNDS = 3
LOOK_S = 2.0
TO_COME = 99


class SlowDirectory:
    """A directory whose source answers late, and has nothing new."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def snapshot(self) -> Snapshot:
        """Return the known state."""
        return self._snapshot

    async def refresh(self) -> None:
        """Take `LOOK_S`."""
        await asyncio.sleep(LOOK_S)


def measure() -> dict[str, float]:
    """Return the seconds until all is decided, beside present and future versions, and their ratio."""
    known = min(asyncio.run(_route(1)) for _ in range(ROUNDS))
    to_come = min(asyncio.run(_route(TO_COME)) for _ in range(ROUNDS))
    return {"known_s": known, "to_come_s": to_come, "ratio": to_come / known}


async def _route(version: int) -> float:
    now = wall_clock()
    hub, decryption = SigningKey.generate(secrets.token_bytes), DecryptionKey.generate(secrets.token_bytes)
    signer = SigningKey.generate(secrets.token_bytes)
    authorities = {name: authority_of(name, signer, now) for name in (f"{code}/spoc" for code in sorted(iso_codes()))}
    facts = Hub(secrets.token_bytes(16), public_keys(hub, decryption, now), 1, "", "")
    snapshot = Snapshot(Directory(1, now, facts, authorities), default_rules(1))
    named = replace(snapshot, directory=replace(snapshot.directory, version=version))
    true = envelopes.chains(snapshot, signer, COUNT, 512, 3).records
    others = envelopes.chains(named, signer, COUNT, 512, 3).records
    feeds = sorted(snapshot.directory.feeds())
    broker = MemoryBroker({INTAKE: 1, STREAMS: 1, REJECTED: 1, AUDIT: 1} | dict.fromkeys(feeds, 1), REAL.clock)
    router = Router(
        broker.transport(),
        SlowDirectory(snapshot),
        signing=hub,
        decryption={decryption.key_id: decryption},
        runtime=REAL,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(router.run(stop))
    begun = time.perf_counter()
    for pair in zip(others, true, strict=True):
        await broker.append([Outgoing(INTAKE, one.value, partition=0) for one in pair])

    def decided() -> bool:
        values = [one.value for one in broker.records(STREAMS, 0) if one.key == POSITION_KEY]
        return bool(values) and codec("IntakePosition").decode(values[-1] or b"")["next_offset"] >= 2 * COUNT

    async with broker.changed:
        await broker.changed.wait_for(decided)
    seconds = time.perf_counter() - begun
    stop.set()
    await running
    return seconds
