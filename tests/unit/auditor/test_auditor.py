"""The auditor on the broker in memory: every record becomes a leaf, once, whatever happens in between."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from structlog.testing import capture_logs

from notifier.audit import checkpoint as notes
from notifier.audit import merkle
from notifier.audit.leaf import Leaf
from notifier.auditor.auditor import BATCH_ENTRIES, Auditor
from notifier.auditor.verify import verify_folder
from notifier.errors import StorageError, TransportError
from notifier.topics import AUDIT
from notifier.transport.base import Outgoing
from notifier.transport.memory import MemoryBroker
from support import virtual

SHORT = 0.02  # seconds that a batch waits here


@pytest.fixture
def broker():
    return MemoryBroker({AUDIT: 1}, clock=lambda: 1_795_000_000_000)


@contextlib.asynccontextmanager
async def running(auditor):
    """Run the auditor; stop it at the end and raise its failure."""
    stop = asyncio.Event()
    task = asyncio.create_task(auditor.run(stop))
    try:
        yield task
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def until(holds):
    """Return when `holds()`; fail after 10 seconds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - a file on the disk signals nothing
            await asyncio.sleep(0.005)


def size(folder):
    path = folder / "checkpoint"
    return notes.parse(path.read_bytes()).size if path.exists() else 0


async def publish(broker, make, start, stop):
    """Write entries as routers do: a few per transaction, so that markers take offsets in between."""
    for at in range(start, stop, 7):
        await broker.append([Outgoing(AUDIT, make.entry(n)) for n in range(at, min(at + 7, stop))], marker=True)


def root_of_topic(broker):
    return merkle.root_hash([Leaf.of(one.offset, one.value or b"").hash() for one in broker.records(AUDIT)])


async def test_every_record_is_a_leaf(tmp_path, broker, signer, make, monkeypatch):
    """All records written before and while it runs are in a log that verifies offline."""
    monkeypatch.setattr("notifier.auditor.auditor.BATCH_SECONDS", SHORT)
    await publish(broker, make, 0, 100)
    async with running(Auditor(broker.transport(), tmp_path, signer)):
        await until(lambda: size(tmp_path) == 100)
        await publish(broker, make, 100, 300)
        await until(lambda: size(tmp_path) == 300)
    report = verify_folder(tmp_path, signer.verifier)
    assert (report.faults, report.size, report.root) == ((), 300, root_of_topic(broker))


async def test_restarts_and_a_second_auditor_build_the_same_tree(tmp_path, broker, signer, make, monkeypatch):
    """One auditor that was stopped again and again and one that ran through agree on the root."""
    monkeypatch.setattr("notifier.auditor.auditor.BATCH_SECONDS", SHORT)
    for stop in (1, 5, 70, 71, 300):
        await publish(broker, make, size(tmp_path / "a"), stop)
        async with running(Auditor(broker.transport(), tmp_path / "a", signer)):
            await until(lambda want=stop: size(tmp_path / "a") == want)
    async with running(Auditor(broker.transport(), tmp_path / "b", signer)):
        await until(lambda: size(tmp_path / "b") == 300)
    one, two = (verify_folder(tmp_path / name, signer.verifier) for name in ("a", "b"))
    assert one.ok
    assert two.ok
    assert one.root == two.root == root_of_topic(broker)


async def test_a_full_batch_does_not_wait(tmp_path, broker, signer, make, monkeypatch):
    """64 entries are signed for at once, and a few that still waited are signed for when it is stopped."""
    monkeypatch.setattr("notifier.auditor.auditor.BATCH_SECONDS", 3600)
    steps = []

    async def record(step):
        steps.append(step)

    broker.fault = record
    async with running(Auditor(broker.transport(), tmp_path, signer)):
        await broker.append([Outgoing(AUDIT, make.entry(n)) for n in range(BATCH_ENTRIES)])
        await until(lambda: size(tmp_path) == BATCH_ENTRIES)
        await broker.append([Outgoing(AUDIT, make.entry(BATCH_ENTRIES))])
        steps.clear()
        await until(lambda: steps.count("read") >= 2)
        assert size(tmp_path) == BATCH_ENTRIES
    assert size(tmp_path) == BATCH_ENTRIES + 1


async def test_a_few_entries_wait_for_the_batch_time_only(tmp_path, broker, signer, make, monkeypatch):
    """A single entry is signed for when the batch's time is over."""
    monkeypatch.setattr("notifier.auditor.auditor.BATCH_SECONDS", 0.05)
    async with running(Auditor(broker.transport(), tmp_path, signer)):
        await publish(broker, make, 0, 1)
        await until(lambda: size(tmp_path) == 1)


def test_the_end_of_a_batch_is_waited_for_and_not_asked_for_again_and_again(tmp_path, make, signer):
    """Each wait takes time, the last of a batch too: where time passes by waiting alone, batches end."""
    reads = 0

    async def count(_step):
        nonlocal reads
        reads += 1
        assert reads < 1000, "the auditor asks again without waiting"

    async def main():
        broker = MemoryBroker({AUDIT: 1}, clock=lambda: 1_795_000_000_000, fault=count)
        async with running(Auditor(broker.transport(), tmp_path, signer)):
            for number in range(20):
                await broker.append([Outgoing(AUDIT, make.entry(number))])
                await asyncio.sleep(1.237)

    virtual.run(main())
    assert size(tmp_path) == 20


@pytest.mark.parametrize("value", [b"", b"hello", None])
async def test_what_is_no_entry_is_a_leaf_all_the_same(tmp_path, broker, signer, make, monkeypatch, value):
    """A record that the auditor does not understand is never skipped: it is logged, said, and found later."""
    monkeypatch.setattr("notifier.auditor.auditor.BATCH_SECONDS", SHORT)
    with capture_logs() as logs:
        async with running(Auditor(broker.transport(), tmp_path, signer)):
            await broker.append(
                [Outgoing(AUDIT, make.entry(0)), Outgoing(AUDIT, value), Outgoing(AUDIT, make.entry(1))]
            )
            await until(lambda: size(tmp_path) == 3)
    assert [(one["event"], one["offset"]) for one in logs if one["log_level"] == "error"] == [
        ("not an audit entry", 1)
    ]
    assert verify_folder(tmp_path, signer.verifier).faults == ("leaf 1: the record at offset 1 is no audit entry",)


async def test_ready_while_it_reads(tmp_path, broker, signer):
    """It is ready when the log is open and the topic is read, and not before or after."""
    auditor = Auditor(broker.transport(), tmp_path, signer)
    assert not auditor.ready()
    async with running(auditor):
        await until(auditor.ready)
    assert not auditor.ready()


async def test_a_broker_that_goes_away_loses_nothing(tmp_path, broker, signer, make, monkeypatch):
    """A fault of the broker ends the run, is worth another try, and the next run goes on."""
    monkeypatch.setattr("notifier.auditor.auditor.BATCH_SECONDS", SHORT)
    await publish(broker, make, 0, 10)
    reads = 0

    async def fault(step):
        nonlocal reads
        reads += step == "read"
        if step == "read" and reads == 3:
            raise TransportError

    broker.fault = fault
    with pytest.raises(TransportError):
        async with running(Auditor(broker.transport(), tmp_path, signer)) as task:
            await asyncio.wait([task])
    await publish(broker, make, 10, 20)
    async with running(Auditor(broker.transport(), tmp_path, signer)):
        await until(lambda: size(tmp_path) == 20)
    assert verify_folder(tmp_path, signer.verifier).root == root_of_topic(broker)


async def test_a_topic_made_anew_is_not_followed(tmp_path, broker, signer, make, monkeypatch):
    """Where the topic ends before the log, or begins after its end, the auditor reports it and signs nothing."""
    monkeypatch.setattr("notifier.auditor.auditor.BATCH_SECONDS", SHORT)
    await publish(broker, make, 0, 10)
    async with running(Auditor(broker.transport(), tmp_path, signer)):
        await until(lambda: size(tmp_path) == 10)
    shorter = MemoryBroker({AUDIT: 1}, clock=broker.clock)
    later = MemoryBroker({AUDIT: 1}, clock=broker.clock)
    later.partition(AUDIT, 0).start = 100
    for other in (shorter, later):
        with pytest.raises(StorageError) as caught:
            await Auditor(other.transport(), tmp_path, signer).run(asyncio.Event())
        assert caught.value.reason == "audit_mismatch"
    assert size(tmp_path) == 10
