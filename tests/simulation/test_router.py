"""The router on the broker in memory: what it delivers, refuses, remembers, and what a crash leaves behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
import structlog

from notifier.audit.entry import AuditEntry
from notifier.codec.single_object import codec
from notifier.directory.model import CLOCK_SKEW_MS
from notifier.envelope import SignedStatement, parse_feed, verify_statement
from notifier.errors import ClockError, OutcomeUnknownError
from notifier.routing.batch import POSITION_KEY
from notifier.telemetry.metrics import ROUTER
from notifier.topics import AUDIT, REJECTED, ROUTER_GROUP, STREAMS


def decisions(world, originator):
    """The statements that stand on an originator's feed, verified."""
    directory = world.directory.snapshot().directory
    found = []
    for record in world.feed(originator):
        parsed = parse_feed(record.value)
        if isinstance(parsed, SignedStatement):
            statement = verify_statement(parsed, hub_id=directory.hub.hub_id, hub_signer=directory.hub.signing_key)
            found.append(statement)
    return found


def outcomes(world, originator):
    """Outcome and reason of every decision that the originator was told, in order."""
    return [(statement.outcome, statement.reason) for statement in decisions(world, originator)]


def reasons(world):
    """The reasons on the rejected topic, in order."""
    return [codec("Rejection").decode(record.value)["reason"] for record in world.broker.records(REJECTED)]


async def test_an_accepted_envelope_reaches_its_recipients_and_nobody_else(world):
    """A deportation to DEU goes to DEU/spoc alone, and its originator is told that it was accepted."""
    async with world.routing():
        await world.put("TUR/spoc", world.make("TUR/spoc").envelope)
        await world.until(lambda: len(world.feed("TUR/spoc")) == 1)
    assert outcomes(world, "TUR/spoc") == [("accepted", None)]
    written = {name: len(world.feed(name)) for name in world.keys if world.feed(name)}
    assert written == {"TUR/spoc": 1, "DEU/spoc": 1}


async def test_every_decision_and_delivery_is_an_audit_entry(world):
    """Two accepted envelopes and one refused: three decisions, two deliveries, whole and once."""
    async with world.routing():
        for _ in range(2):
            await world.put("TUR/spoc", world.make("TUR/spoc").envelope)
        await world.put("TUR/spoc", b"garbage")
        await world.until(lambda: len(world.broker.records(AUDIT)) == 5)
    entries = [AuditEntry.decode(record.value) for record in world.broker.records(AUDIT)]
    assert Counter((entry.kind, entry.outcome) for entry in entries) == {
        ("decision", "accepted"): 2,
        ("delivery", "accepted"): 2,
        ("decision", "rejected"): 1,
    }
    assert len({entry.salt for entry in entries}) == 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"withheld": ("FRA/spoc",)}, "recipients_mismatch"),
        ({"rules_version": 99}, "rules_unknown"),
        ({"directory_version": 0}, "rules_outdated"),
    ],
)
async def test_a_refusal_in_turn_becomes_the_tail(world, change, reason):
    """What is refused for its contents is final, and its follower chains upon it under the same number."""
    refused = world.make("TUR/spoc", **change)
    world.numbers["TUR/spoc"] -= 1
    follower = world.make("TUR/spoc")
    async with world.routing():
        await world.put("TUR/spoc", refused.envelope)
        await world.put("TUR/spoc", follower.envelope)
        await world.until(lambda: len(world.feed("TUR/spoc")) == 2)
    assert outcomes(world, "TUR/spoc") == [("rejected", reason), ("accepted", None)]


async def test_freshness_is_judged_by_the_hub_s_clock(world):
    """An envelope from the future and one past its expiry are refused."""
    world.clock.now += 3_600_000
    early = world.make("TUR/spoc").envelope
    world.clock.now -= 3_600_000
    late = world.make("FRA/spoc").envelope
    async with world.routing():
        await world.put("TUR/spoc", early)
        await world.until(lambda: len(world.feed("TUR/spoc")) == 1)
        world.clock.now += 8 * 86_400_000
        await world.put("FRA/spoc", late)
        await world.until(lambda: len(world.feed("FRA/spoc")) == 1)
    assert outcomes(world, "TUR/spoc") == [("rejected", "not_yet_valid")]
    assert outcomes(world, "FRA/spoc") == [("rejected", "expired")]


async def test_two_routers_share_the_partitions(world):
    """Messages of many originators are each delivered once, whichever router owns their partition."""
    senders = ["TUR/spoc", "FRA/spoc", "AUT/spoc", "UTO/spoc"]
    assert {world.partition(name) for name in senders} == {0, 1}, "the example uses both partitions"
    async with world.routing(2):
        for _ in range(5):
            for name in senders:
                await world.put(name, world.make(name).envelope)
        await world.until(lambda: len(world.feed("DEU/spoc")) == 20)
    for name in senders:
        assert outcomes(world, name) == [("accepted", None)] * 5


async def test_a_router_killed_at_any_step_loses_and_doubles_nothing(make_world):
    """A crash at every step that the broker sees: another router takes over, and each message is delivered once."""

    class Crash(Exception):
        pass

    async def run(crash_at):
        steps = 0

        async def fault(step):
            nonlocal steps
            if step.startswith(("send", "poll", "read")) and step != "read":
                return
            steps += 1
            if steps == crash_at:
                raise Crash(step)

        world = make_world(crash_at or 0, fault)
        stop = asyncio.Event()
        first = asyncio.create_task(world.router().run(stop))
        envelopes = [world.make("TUR/spoc").envelope for _ in range(4)]
        for envelope in envelopes:
            await world.put("TUR/spoc", envelope)
        done, _ = await asyncio.wait({first}, timeout=0.3)
        second = asyncio.create_task(world.router().run(stop))
        await world.until(lambda: len(world.feed("DEU/spoc")) == 4)
        stop.set()
        await asyncio.gather(first, second, return_exceptions=True)
        assert outcomes(world, "TUR/spoc") == [("accepted", None)] * 4
        assert [statement.number for statement in decisions(world, "TUR/spoc")] == [1, 2, 3, 4]
        assert len(world.broker.records(AUDIT)) == 8
        return bool(done), steps

    crash_at = 1
    while True:
        crashed, _ = await run(crash_at)
        if not crashed:
            break
        crash_at += 1
    assert crash_at > 5, "the steps of opening and of a transaction were all crashed at"


@pytest.mark.parametrize("ends_well", [True, False])
async def test_a_batch_is_read_while_the_one_before_is_committed(make_world, ends_well):
    """What was read meanwhile is decided once that one has ended well, and otherwise from where it stood, once."""
    committing, read_on, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def fault(step):
        if step == "transact.commit" and not committing.is_set():
            committing.set()
            await go_on.wait()
            if not ends_well:
                raise OutcomeUnknownError(detail="the broker did not answer")
        elif step == "read" and committing.is_set():
            read_on.set()

    world = make_world(1, fault)
    async with world.routing():
        await world.put("TUR/spoc", world.make("TUR/spoc").envelope)
        await committing.wait()
        for _ in range(3):
            await world.put("TUR/spoc", world.make("TUR/spoc").envelope)
        await read_on.wait()
        assert not world.feed("DEU/spoc"), "nothing is decided before what came before it is"
        go_on.set()
        await world.until(lambda: len(world.feed("TUR/spoc")) == 4)
    assert [statement.number for statement in decisions(world, "TUR/spoc")] == [1, 2, 3, 4]
    assert outcomes(world, "TUR/spoc") == [("accepted", None)] * 4
    assert len(world.feed("DEU/spoc")) == 4


async def test_a_router_counts_what_it_owns_and_no_more(make_world):
    """A partition that it lost is not its own until it has taken it over again; at its end none is."""
    owned = []

    def count():
        owned.append(ROUTER.get_sample_value("notifier_partitions_owned"))

    async def fault(step):
        if step == "transact.commit" and not owned:
            count()
            raise OutcomeUnknownError(detail="the broker did not answer")
        if step == "transactional.open" and owned:
            count()

    world = make_world(1, fault)
    async with world.routing():
        await world.put("TUR/spoc", world.make("TUR/spoc").envelope)
        await world.until(lambda: len(world.feed("TUR/spoc")) == 1)
        count()
    count()
    assert owned == [2, 1, 2, 0]


async def test_the_brokers_tools_see_how_far_a_partition_is(world):
    """As the group's committed offset, which nobody starts from: another router decides nothing again."""
    where = world.partition("TUR/spoc")
    async with world.routing():
        await world.put("TUR/spoc", world.make("TUR/spoc").envelope)
        await world.until(lambda: len(world.feed("TUR/spoc")) == 1)
    shown = world.broker.groups[ROUTER_GROUP].committed
    async with world.routing():
        await world.put("TUR/spoc", world.make("TUR/spoc").envelope)
        await world.until(lambda: shown[where] == 1 and len(world.feed("TUR/spoc")) == 2)
    shown.clear()
    async with world.routing():
        await world.put("TUR/spoc", world.make("TUR/spoc").envelope)
        await world.until(lambda: len(world.feed("TUR/spoc")) == 3)
    assert outcomes(world, "TUR/spoc") == [("accepted", None)] * 3


async def test_a_flood_floods_no_log(world):
    """A line for what moved its stream, with id and reason; of all else one for each originator and transaction."""
    refused = world.make("TUR/spoc", withheld=("FRA/spoc",))
    home, stray = world.partition("TUR/spoc"), world.make("FRA/spoc")
    for value in (b"garbage", stray.envelope[:-1]) * 100:
        await world.put("TUR/spoc", value, home)
    await world.put("TUR/spoc", refused.envelope)
    for _ in range(50):
        await world.put("TUR/spoc", refused.envelope)
    with structlog.testing.capture_logs() as lines:
        async with world.routing():
            await world.until(lambda: len(world.broker.records(REJECTED)) == 251)
    moved = [line for line in lines if line["event"] == "rejected"]
    assert [(line["envelope"], line["originator"], line["reason"]) for line in moved] == [
        (refused.digest.hex(), "TUR/spoc", "recipients_mismatch")
    ]
    still = [line for line in lines if line["event"] == "refused, no stream moved"]
    assert len(still) <= 2 * transactions(world, home)
    assert sum(line["records"] for line in still) == 250
    assert {line["originator"] for line in still} == {None, "TUR/spoc"}


def transactions(world, partition):
    """How many there were: each writes the position once."""
    return sum(record.key == POSITION_KEY for record in world.broker.records(STREAMS, partition))


async def test_what_comes_a_hundred_times_is_told_once(world):
    """In one transaction: of an accepted envelope and its copies the acceptance."""
    made = world.make("TUR/spoc").envelope
    for _ in range(100):
        await world.put("TUR/spoc", made)
    async with world.routing():
        await world.until(lambda: len(world.broker.records(REJECTED)) == 99)
    assert transactions(world, world.partition("TUR/spoc")) == 1
    assert outcomes(world, "TUR/spoc") == [("accepted", None)]
    entries = [AuditEntry.decode(record.value) for record in world.broker.records(AUDIT)]
    assert sum(entry.kind == "decision" for entry in entries) == 100, "the log has every one"


@pytest.mark.parametrize("off_s", [3_600, -3_600, 301, -301])
async def test_a_router_whose_clock_is_off_decides_nothing(world, off_s):
    """By the time that the broker gave its own record; it says how far, and takes no partition from anybody."""
    await world.put("TUR/spoc", world.make("TUR/spoc").envelope)
    clock = world.clock
    router = world.router(lambda: clock() + off_s * 1000)
    result = await ended(router)
    assert isinstance(result, ClockError)
    assert (result.reason, f"{abs(off_s)} seconds" in result.detail) == ("clock_wrong", True)
    assert not router.ready()
    assert ROUTER.get_sample_value("notifier_clock_offset_seconds") == off_s
    assert not world.broker.records(AUDIT)
    assert ROUTER_GROUP not in world.broker.groups
    async with world.routing():
        await world.until(lambda: len(world.feed("TUR/spoc")) == 1)
    assert outcomes(world, "TUR/spoc") == [("accepted", None)], "a router whose clock is right decides it"


async def ended(router, seconds=5.0):
    """How a router ends by itself; None where it goes on."""
    running = asyncio.create_task(router.run(stop := asyncio.Event()))
    await asyncio.wait({running}, timeout=seconds)
    stop.set()
    (result,) = await asyncio.gather(running, return_exceptions=True)
    return result


async def test_a_clock_that_goes_wrong_while_it_decides_stops_it(world):
    """After the transaction that showed it; what comes then is not decided by it any more."""
    off = 0
    router = world.router(lambda: world.clock() + off)
    running = asyncio.create_task(router.run(asyncio.Event()))
    await world.put("TUR/spoc", world.make("TUR/spoc").envelope)
    await world.until(lambda: len(world.feed("TUR/spoc")) == 1)
    off = 3_600_000
    await world.put("TUR/spoc", world.make("TUR/spoc").envelope)
    with pytest.raises(ClockError):
        await asyncio.wait_for(running, 60)
    assert not router.ready()


async def test_nothing_can_have_been_signed_later_than_now(world):
    """The directory's latest signature is a lower bound, where the broker's clock is as wrong as this one."""
    now = world.directory.snapshot()
    signed = world.clock() + CLOCK_SKEW_MS
    for late, stops in ((0, False), (1, True)):
        world.directory.put(replace(now, directory=replace(now.directory, issued_at=signed + late)))
        result = await ended(world.router(), 10.0 if stops else 0.5)
        assert isinstance(result, ClockError) == stops
