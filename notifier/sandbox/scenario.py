"""The demonstration on a running sandbox: publish the examples, attack, receive, verify, and judge.

`run` returns all that happened; `Scenario.faults` names every deviation. Recipients are counted twice: by opening the
feeds as their owners, and by counting the deliveries on every feed as the broker's administrator, who can read none
of them.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from notifier import examples
from notifier.audit.checkpoint import Verifier
from notifier.auditor.verify import Report, verify_folder
from notifier.codec.single_object import codec
from notifier.config import load, party_config
from notifier.consumers.inbox.records import Received
from notifier.consumers.subscriber import Subscriber
from notifier.directory.client import DirectoryClient
from notifier.directory.model import Directory
from notifier.envelope import ParsedDelivery, parse_feed, record_digest
from notifier.notification import TYPES, parse
from notifier.notification.warnings import CONCERN_SAFETY
from notifier.outbox.states import RecipientState
from notifier.policy.decision import Entry
from notifier.producers.publisher import Publisher
from notifier.runtime import REAL
from notifier.sandbox.administration import Administrator
from notifier.sandbox.sandbox import Sandbox
from notifier.topics import INTAKE, REJECTED
from notifier.transport.base import Outgoing, Reader, Record, Transport
from notifier.transport.kafka import KafkaTransport

TIMEOUT_S: Final = 180.0  # for a busy machine; an idle one needs seconds
READ_MS: Final = 200
LIMIT: Final = 500

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Example:
    """A notification of the scenario: its file's name, the hub's decision, and its recipients.

    `recipients` were told by the first envelopes, or by later ones that an update released.
    """

    name: str
    id: str
    state: RecipientState
    seconds: float  # from publish until its originator has read the hub's decision
    entries: tuple[Entry, ...]
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attack:
    """An action that must be refused: `expected` is the stable reason, `seen` the hub's."""

    name: str
    expected: str
    seen: str | None


@dataclass(slots=True)
class Scenario:
    """The result of a run; `faults` is empty where all is right. Times are in seconds."""

    examples: list[Example] = field(default_factory=list)
    received: dict[str, list[Received]] = field(default_factory=dict)
    attacks: list[Attack] = field(default_factory=list)
    report: Report | None = None
    tampered_report: Report | None = None
    timings: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def has_received(self, authority: str | None, message_id: str) -> bool:
        """Return whether the authority has the message in its inbox."""
        return any(one.id == message_id for one in self.received.get(authority or "", ()))


async def run(sandbox: Sandbox, files: Sequence[Path], progress: Progress) -> Scenario:
    """Publish `files` as their originators; return the result."""
    scenario = Scenario()
    directory = await _directory(sandbox.home)
    admin = KafkaTransport(sandbox.kafka("admin"))
    try:
        administrator = Administrator(sandbox.kafka("admin"))
        feeds = [one.feed for one in directory.authorities.values()]
        before = await asyncio.to_thread(administrator.ends, feeds)
        with _timed(scenario, "publish and decide"):
            progress(f"{len(files)} notifications, each by its originator")
            await _publish(sandbox, files, scenario)
        progress("two attacks on the hub")
        await _attack(sandbox, admin, directory.hub.partitions, scenario)
        with _timed(scenario, "open and store"):
            progress("every recipient opens what came")
            await _receive(sandbox, scenario)
        after = await asyncio.to_thread(administrator.ends, feeds)
        moved = {feed: begin for feed, begin in before.items() if after[feed] != begin}
        await _compare(admin, directory, moved, scenario)
    finally:
        await admin.close()
    progress("the log, verified offline with the public key alone")
    await _verify(sandbox, directory, scenario)
    scenario.timings["publish to decision, median"] = statistics.median(
        [one.seconds for one in scenario.examples if one.state == RecipientState.TOLD] or [0.0]
    )
    _judge(scenario)
    return scenario


class _timed:  # noqa: N801 - reads as a statement
    """A context manager that records the time of a block."""

    def __init__(self, scenario: Scenario, name: str) -> None:
        self._story, self._name = scenario, name

    def __enter__(self) -> None:
        self._begun = time.monotonic()

    def __exit__(self, *_exception: object) -> None:
        self._story.timings[self._name] = time.monotonic() - self._begun


async def _directory(home: Path) -> Directory:
    settings = load(party_config(home, "admin"))
    return (await asyncio.to_thread(DirectoryClient(settings.directory).load)).directory


def _dated(path: Path) -> str:
    """Return the text of a file; an example gets current dates."""
    text = path.read_text()
    return examples.dated_text(text, REAL.clock()) if examples.is_example(path) else text


async def _publish(sandbox: Sandbox, files: Sequence[Path], scenario: Scenario) -> None:
    """Publish every file that may be published by hand: no answer, correction or withdrawal."""
    texts = [(path.stem, text) for path in files if parse(text := _dated(path)).type in TYPES]
    by_originator: dict[str, list[tuple[str, str]]] = {}
    for name, text in texts:
        by_originator.setdefault(parse(text).originator, []).append((name, text))
    done = await asyncio.gather(*(_publish_as(sandbox.home, who, some) for who, some in by_originator.items()))
    order = {name: place for place, (name, _) in enumerate(texts)}
    scenario.examples = sorted((one for some in done for one in some), key=lambda one: order[one.name])


async def _publish_as(home: Path, originator: str, texts: Sequence[tuple[str, str]]) -> list[Example]:
    async with Publisher.from_home(home, originator) as publisher:

        async def one(name: str, text: str) -> tuple[str, str, float]:
            begun = time.monotonic()
            submitted = await publisher.publish(text, accept_warnings=CONCERN_SAFETY)
            await publisher.wait(submitted.id, TIMEOUT_S)
            return name, submitted.id, time.monotonic() - begun

        first = [(name, text) for name, text in texts if parse(text).about is None]
        done = list(await asyncio.gather(*(one(name, text) for name, text in first)))
        # An update needs the decision on the notification that it is about.
        done += [await one(name, text) for name, text in texts if (name, text) not in first]
        await publisher.flush(TIMEOUT_S)
        return [await _example(publisher, *item) for item in done]


async def _example(publisher: Publisher, name: str, message_id: str, seconds: float) -> Example:
    status = await publisher.status(message_id)
    told = tuple(one.authority for one in status.recipients if one.authority and one.state is RecipientState.TOLD)
    return Example(name, status.id, status.state, seconds, status.entries, told)


async def _attack(sandbox: Sandbox, admin: Transport, partitions: int, scenario: Scenario) -> None:
    """Resend a stored envelope as another party, unchanged and with one bit changed."""
    stored = [record for number in range(partitions) for record in await _all(admin, INTAKE, number)]
    if not stored:
        scenario.faults.append("intake has no records")
        return
    victim = stored[-1]
    value = victim.value or b""
    tampered = bytearray(value)
    tampered[-1] ^= 1
    attacker = KafkaTransport(sandbox.kafka("MAR/spoc"))
    try:
        sender = await attacker.sender()
        async with _opened(admin, REJECTED, await _end(admin, REJECTED)) as rejected:
            for name, expected, data in (
                ("a stored envelope with one bit changed", "bad_signature", bytes(tampered)),
                ("a stored envelope sent once more", "replayed", value),
            ):
                await sender.send([Outgoing(INTAKE, data, partition=victim.partition)])
                scenario.attacks.append(Attack(name, expected, await _refusal(rejected, record_digest(data))))
    finally:
        await attacker.close()


async def _refusal(rejected: Reader, digest: bytes) -> str | None:
    """Return the reason that the hub wrote for this digest, or None where it wrote none in time."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        for record in await rejected.read(LIMIT, READ_MS):
            found = codec("Rejection").decode(record.value or b"")
            if found["digest"] == digest:
                reason: str = found["reason"]
                return reason
    return None


async def _receive(sandbox: Sandbox, scenario: Scenario) -> None:
    """Open the feed of every recipient until all deliveries are there."""
    names = sorted({name for example in scenario.examples for name in example.recipients})
    inboxes = await asyncio.gather(*(_receive_as(sandbox.home, name) for name in names))
    scenario.received = dict(zip(names, inboxes, strict=True))


async def _receive_as(home: Path, name: str) -> list[Received]:
    async with Subscriber.from_home(home, name) as subscriber:
        async with asyncio.timeout(TIMEOUT_S):
            await subscriber.until_idle(0)
        return await subscriber.inbox.messages()


async def _compare(admin: Transport, directory: Directory, moved: dict[str, int], scenario: Scenario) -> None:
    """Compare the deliveries on every feed, counted from outside, with the decisions.

    `moved` has the feeds that were written to, with their first offset.
    """
    planned = Counter(name for example in scenario.examples for name in example.recipients)
    for name, authority in sorted(directory.authorities.items()):
        feed = authority.feed
        records = await _all(admin, feed, 0, moved[feed]) if feed in moved else []
        found = sum(isinstance(parse_feed(record.value or b""), ParsedDelivery) for record in records)
        if found != planned[name]:
            scenario.faults.append(f"{name} has {found} deliveries, but {planned[name]} were decided")


async def _verify(sandbox: Sandbox, directory: Directory, scenario: Scenario) -> None:
    """Verify a copy of the log, and one with a single byte changed."""
    folder = load(party_config(sandbox.home, "auditor")).log_folder
    if folder is None:
        raise AssertionError("the sandbox's auditor must have a log folder")
    deliveries = sum(len(example.recipients) for example in scenario.examples)
    decided = len(scenario.examples)
    wanted = deliveries + decided + len(scenario.attacks)
    verifier = Verifier.from_vkey(directory.hub.log_key)
    end = time.monotonic() + TIMEOUT_S
    while True:
        with _timed(scenario, "verify the log"):
            report = await asyncio.to_thread(verify_folder, folder, verifier)
        if report.size >= wanted or time.monotonic() > end:
            break
        await asyncio.sleep(0.1)
    scenario.report = report
    with tempfile.TemporaryDirectory() as copy:
        forged = Path(copy) / "log"
        shutil.copytree(folder, forged)
        tile = next(path for path in sorted(forged.rglob("*")) if path.is_file() and "tile" in path.parts)
        data = bytearray(tile.read_bytes())
        data[0] ^= 1
        tile.write_bytes(data)
        scenario.tampered_report = await asyncio.to_thread(verify_folder, forged, verifier)
    if report.size < wanted:
        scenario.faults.append(f"the log has {report.size} entries, but {wanted} decisions were made")


def _judge(scenario: Scenario) -> None:
    """Add a fault for every result that is not as it must be."""
    for example in scenario.examples:
        kept = (RecipientState.HELD, RecipientState.NOT_TOLD)
        if example.state not in ((RecipientState.TOLD,) if example.recipients else kept):
            scenario.faults.append(f"{example.name} is {example.state}")
        for entry in example.entries:
            sent = entry.outcome == "send"
            if scenario.has_received(entry.authority, example.id) != sent:
                what = "is missing at" if sent else "reached"
                scenario.faults.append(f"{example.name} {what} {entry.authority}")
    for attack in scenario.attacks:
        if attack.seen != attack.expected:
            scenario.faults.append(f"{attack.name}: {attack.seen or 'not refused'}, not {attack.expected}")
    if scenario.report is None or not scenario.report.ok:
        scenario.faults.append("the log does not verify")
    if scenario.tampered_report is None or scenario.tampered_report.ok:
        scenario.faults.append("a forged log verifies")


@asynccontextmanager
async def _opened(transport: Transport, topic: str, offset: int, partition: int = 0) -> AsyncIterator[Reader]:
    reader = await transport.reader(topic, partition, offset)
    try:
        yield reader
    finally:
        await reader.close()


async def _end(transport: Transport, topic: str) -> int:
    async with _opened(transport, topic, 0) as reader:
        return await reader.end()


async def _all(transport: Transport, topic: str, partition: int, offset: int = 0) -> list[Record]:
    """Return every record of a partition from `offset` on."""
    found: list[Record] = []
    async with _opened(transport, topic, offset, partition) as reader:
        end = await reader.end()
        while await reader.position() < end:
            found += await reader.read(LIMIT, READ_MS)
    return found


def as_document(scenario: Scenario) -> dict[str, Any]:
    """Return the document of `notifier demo --json`."""
    return {
        "ok": not scenario.faults,
        "faults": scenario.faults,
        "messages": [
            {
                "id": one.id,
                "example": one.name,
                "state": one.state,
                "recipients": [
                    entry.to_json() | {"received": scenario.has_received(entry.authority, one.id)}
                    for entry in one.entries
                ],
            }
            for one in scenario.examples
        ],
        "attacks": [{"name": one.name, "expected": one.expected, "seen": one.seen} for one in scenario.attacks],
        "audit": scenario.report.to_json() if scenario.report else None,
        "forged_audit_found": bool(scenario.tampered_report and not scenario.tampered_report.ok),
        "timings": {name: round(seconds, 4) for name, seconds in scenario.timings.items()},
    }
