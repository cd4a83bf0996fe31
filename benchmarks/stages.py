"""The router's work on one record by stage, in processor time, without a broker: `python -m benchmarks.stages`.

One batch of real envelopes goes through what the router does with it: examined, decided, written. What a stage
costs is the least of several rounds, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import envelopes
from notifier.crypto.keys import DecryptionKey, KeyUse, SigningKey
from notifier.directory.model import DAY_MS, Authority, Directory, Hub, Key
from notifier.directory.snapshot import Snapshot
from notifier.envelope import open_slip
from notifier.envelope.verifying import check_signer, parse_envelope
from notifier.notification import TYPES
from notifier.notification.states import iso_codes
from notifier.routing.admission import OpenedEnvelope, RejectedRecord, TransactionContext, open_record
from notifier.routing.batch import RecordDecision, decide_batch, write
from notifier.routing.budget import Budget
from notifier.routing.streams import Streams
from notifier.rules.ruleset import default_rules
from notifier.runtime import wall_clock
from notifier.topics import feed_of
from notifier.transport.base import Outgoing

ROUNDS = 40


@dataclass(frozen=True)
class Stage:
    """Microseconds of processor time for one record; `part` is indented: it stands within the stage above it."""

    name: str
    us: float
    part: bool = False


@dataclass(frozen=True)
class Bench:
    """A hub with one intake partition, and envelopes in its intake."""

    snapshot: Snapshot
    signing: SigningKey
    keys: dict[bytes, DecryptionKey]
    values: list[bytes]
    now: int

    def examine(self) -> list[tuple[int, OpenedEnvelope | RejectedRecord]]:
        """Return every record parsed, verified and opened, with its offset."""
        directory = self.snapshot.directory
        return [(offset, open_record(value, directory, self.keys)) for offset, value in enumerate(self.values)]

    def decide(
        self, items: Sequence[tuple[int, OpenedEnvelope | RejectedRecord]]
    ) -> tuple[list[RecordDecision], dict[Any, Any]]:
        """Return the decisions on a batch, and the changed streams."""
        return decide_batch(items, Streams(), self.context(), Budget())

    def write(self, decided: list[RecordDecision], changed: dict[Any, Any]) -> list[Outgoing]:
        """Return the records of a batch of decisions."""
        return write(decided, changed, len(self.values), self.context())

    def context(self) -> TransactionContext:
        """Return the context of a transaction of partition 0."""
        feeds = self.snapshot.directory.feeds()
        return TransactionContext(self.snapshot, self.signing, 0, feeds, self.now, secrets.token_bytes)


def prepare(count: int, body: int, fan_out: int) -> Bench:
    """Return a bench with `count` envelopes of `body` bytes to `fan_out` recipients each."""
    now = wall_clock()
    hub, decryption = SigningKey.generate(secrets.token_bytes), DecryptionKey.generate(secrets.token_bytes)
    signer = SigningKey.generate(secrets.token_bytes)
    names = [f"{code}/spoc" for code in sorted(iso_codes())]
    authorities = {name: authority_of(name, signer, now) for name in names}
    facts = Hub(secrets.token_bytes(16), public_keys(hub, decryption, now), 1, "", "")
    snapshot = Snapshot(Directory(1, now, facts, authorities), default_rules())
    stock = envelopes.chains(snapshot, signer, count, body, fan_out)
    values = [one.value for one in stock.records if one.value is not None]
    return Bench(snapshot, hub, {decryption.key_id: decryption}, values, now)


def authority_of(name: str, signer: SigningKey, now: int) -> Authority:
    """Return an authority that may send every type; `SENDER` has the key `signer`."""
    signing = signer if name == envelopes.SENDER else SigningKey.generate(secrets.token_bytes)
    keys = public_keys(signing, DecryptionKey.generate(secrets.token_bytes), now)
    return Authority(name, name, feed_of(name), keys, frozenset(TYPES))


def public_keys(signing: SigningKey, decryption: DecryptionKey, now: int) -> tuple[Key, ...]:
    """Return the public halves of a signing and an encryption key, valid for a day before and after `now`."""
    start, end = now - DAY_MS, now + DAY_MS
    return (
        Key(signing.key_id, KeyUse.SIGN, signing.public, start, end),
        Key(decryption.key_id, KeyUse.ENCRYPT, decryption.public, start, end),
    )


def measure(count: int = 100, body: int = 2048, fan_out: int = 3) -> list[Stage]:
    """Return the cost of one record in each stage."""
    bench = prepare(count, body, fan_out)
    directory = bench.snapshot.directory
    items = bench.examine()
    decided, changed = bench.decide(items)
    assert all(one.accepted for one in decided), "the bench's own envelopes are refused"
    whole = [item.envelope for _, item in items if isinstance(item, OpenedEnvelope)]
    parsed = [one.parts for one in whole]

    def each(work: Callable[[], object]) -> float:
        return _least(work) / count * 1e6

    hub_id, signer = directory.hub.hub_id, directory.signer
    stages = [
        Stage("examine", each(bench.examine)),
        Stage("parse, digests", each(lambda: [parse_envelope(value) for value in bench.values]), part=True),
        Stage(
            "signature",
            each(lambda: [check_signer(p.prefix, p.header, hub_id, signer, p.text, p.signature) for p in parsed]),
            part=True,
        ),
        Stage("open the slip", each(lambda: [open_slip(one, bench.keys) for one in whole]), part=True),
        Stage("decide", each(lambda: bench.decide(items))),
        Stage("write", each(lambda: bench.write(decided, changed))),
    ]
    total = sum(stage.us for stage in stages if not stage.part)
    return [*stages, Stage("in all", total)]


def _least(work: Callable[[], object]) -> float:
    """Return the fewest seconds of processor time of `work`, all threads together."""
    found = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def show(stages: Sequence[Stage]) -> None:
    """Return the table in the form of docs/internals/performance.md."""
    print("| stage | us |\n|---|---|")
    for stage in stages:
        print(f"| {'of it: ' if stage.part else ''}{stage.name} | {stage.us:.0f} |")


def main() -> None:
    """Print the profile."""
    parser = argparse.ArgumentParser(prog="benchmarks.stages", description=__doc__)
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--body", type=int, default=2048)
    parser.add_argument("--fan-out", type=int, default=3)
    given = parser.parse_args()
    show(measure(given.messages, given.body, given.fan_out))


if __name__ == "__main__":
    main()
