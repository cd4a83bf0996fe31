"""Rules that are signed anew while a publisher runs, with real signed directories on every side (attack 12).

The publisher, the router and whoever publishes the directory each have their own view of it, and may be behind.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from notifier.config import DirectorySettings
from notifier.directory.client import DirectoryClient
from notifier.directory.document import to_document
from notifier.directory.registry import Registry
from notifier.directory.repository import Repository
from notifier.envelope import ParsedDelivery, parse_feed, verify_statement
from notifier.lifecycle import Parts
from notifier.outbox.outbox import Outbox
from notifier.policy.decision import Reason
from notifier.producers.publisher import Publisher
from notifier.rules.ruleset import Row
from notifier.topics import INTAKE
from support.samples import document
from support.world import PARTITIONS, PATIENCE_S

STORAGE_KEY = b"k" * 32
ME = "TUR/spoc"
RESIDENCE = Row("deportation", "any", "residence", "spoc", "5")


class Signed(NamedTuple):
    """A world of which the directory is signed and published in a folder."""

    world: object
    place: Path

    def client(self, name: str, folder: str = "pub") -> DirectoryClient:
        """The view of somebody who reads the directory from `folder`."""
        settings = DirectorySettings(
            str(self.place / folder), self.place / "pub" / "1.root.json", self.place / name.replace("/", "-")
        )
        return DirectoryClient(settings, self.world.clock)

    def change(self, *, without: str | None = None, add: Row | None = None) -> None:
        """All holders sign the next version of the rules for deportations: a leg taken away, a row added."""
        registry = Registry(self.place / "pub", self.place / "keys", self.world.clock)
        rules = registry.rules
        rows = tuple(row for row in rules.rows if (row.type, row.rule) != ("deportation", without))
        _, out = registry.change_rules(replace(rules, rows=(*rows, add) if add else rows))
        assert out

    def mirror(self) -> None:
        """The folder from which some read is brought up to date."""
        shutil.copytree(self.place / "pub", self.place / "mirror", dirs_exist_ok=True)

    @asynccontextmanager
    async def publishing(self, folder: str = "pub"):
        """The publisher of TUR/spoc, which reads the directory from `folder`."""
        outbox = await Outbox.open(f"sqlite:///{self.place}/outbox.db", ME, STORAGE_KEY, self.world.runtime)
        source, signing = self.client(ME, folder), self.world.keys[ME].signing
        parts = Parts(outbox, self.world.broker.transport(), source, signing)
        async with Publisher.of(ME, parts, self.world.runtime) as publisher:
            yield publisher

    def deliveries(self, name: str) -> int:
        """How many envelopes an authority has in its feed."""
        return sum(isinstance(parse_feed(record.value), ParsedDelivery) for record in self.world.feed(name))

    def sent(self) -> int:
        """How many envelopes came to the hub."""
        return sum(len(self.world.broker.records(INTAKE, number)) for number in range(PARTITIONS))

    def told(self) -> list[tuple[str | None, int]]:
        """What the hub answered the publisher: the reason, and the version of the rules that it names."""
        hub = self.world.directory.snapshot().directory.hub
        answers = [verify_statement(parse_feed(record.value), hub_id=hub.hub_id, hub_signer=hub.signing_key)
                   for record in self.world.feed(ME)]  # fmt: skip
        return [(one.reason, one.rules_version) for one in answers]


@pytest.fixture
def signed(world, tmp_path):
    """The world's directory and rules, version 1 of each, signed; the router reads it for itself."""
    snapshot = world.directory.snapshot()
    documents = {"directory": to_document(snapshot.directory), "rules": snapshot.rules.to_document()}
    Repository.create(tmp_path / "pub", tmp_path / "keys", documents, world.clock())
    made = Signed(world, tmp_path)
    made.mirror()
    world.directory = made.client("router")
    world.directory.load()
    return made


def states(status):
    return {one.authority: one.state for one in status.recipients}


async def test_what_was_sealed_under_old_rules_goes_again_under_the_new(signed):
    """Two versions pass while envelopes wait: both are resealed, UTO is told no more, FRA waits for a person."""
    async with signed.publishing() as publisher:
        first, second = await publisher.publish_all([document(), document(narrative="another")])
        assert first.recipients == ("AUT/spoc", "DEU/spoc", "UTO/spoc")
        await signed.world.until(lambda: signed.sent() == 2)
        signed.change(without="nationality")
        signed.change(add=RESIDENCE)
        signed.world.directory.load()
        async with signed.world.routing():
            assert await publisher.flush(PATIENCE_S) == []
            found = [await publisher.status(one.id) for one in (first, second)]
    assert {status.state for status in found} == {"told"}
    assert {status.rules_version for status in found} == {3}
    for status in found:
        assert states(status) == {"AUT/spoc": "told", "DEU/spoc": "told", "FRA/spoc": "held"}
        (held,) = [entry for entry in status.entries if entry.authority == "FRA/spoc"]
        assert (held.outcome, held.because) == ("hold", ("rules_changed",))
        assert held.reasons == (Reason("residence", "5"),)
    assert [signed.deliveries(name) for name in ("AUT/spoc", "DEU/spoc", "UTO/spoc", "FRA/spoc")] == [2, 2, 0, 0]
    assert ("rules_outdated", 3) in signed.told(), "the answer names the version to use"
    # Two letters, and the two acts that say that FRA waits.
    assert [one for one in signed.told() if one[0] is None] == [(None, 3)] * 4


async def test_what_was_not_sealed_yet_is_evaluated_by_the_rules_of_its_sealing(signed):
    """A change that the publisher sees for itself costs no refusal."""
    async with signed.publishing() as publisher:
        submitted = await publisher.publish(document())
        await signed.world.until(lambda: signed.sent() == 1)
    signed.change(without="nationality", add=RESIDENCE)
    async with signed.publishing() as publisher:
        later_one = await publisher.publish(document(narrative="by the rules of now"))
        async with signed.world.routing():
            await later(signed, publisher, later_one.id)
            await later(signed, publisher, submitted.id)
            assert states(await publisher.status(later_one.id)) == dict.fromkeys(
                ("AUT/spoc", "DEU/spoc", "FRA/spoc"), "told"
            )
            assert (await publisher.status(submitted.id)).state == "told"
    assert "rules_outdated" not in dict(signed.told()), "the version before serves for a day"
    assert (signed.deliveries("UTO/spoc"), signed.deliveries("FRA/spoc")) == (1, 1)


async def test_a_publisher_whose_source_is_behind_waits_and_sends_nothing_in_vain(signed):
    """Told of a version that its mirror has not got, it looks again and again; when it has, the message goes."""
    async with signed.publishing("mirror") as publisher:
        submitted = await publisher.publish(document())
        await signed.world.until(lambda: signed.sent() == 1)
        signed.change(without="nationality")
        signed.change(add=RESIDENCE)
        signed.world.directory.load()
        async with signed.world.routing():
            await signed.world.until(lambda: len(signed.told()) == 1)
            assert (await publisher.wait(submitted.id, 1)).state == "waiting"
            assert (signed.sent(), (await publisher.status(submitted.id)).reason) == (1, "rules_outdated")
            signed.mirror()
            assert await publisher.flush(PATIENCE_S) == []
            status = await publisher.status(submitted.id)
    # Once refused, once sent, and the act that says that FRA waits.
    assert (status.state, status.rules_version, signed.sent()) == ("told", 3, 3)
    assert not signed.deliveries("UTO/spoc")


async def later(signed, publisher, message_id):
    """Time passes, a pause of a publisher at a time, until the message is routed."""
    async with asyncio.timeout(PATIENCE_S):
        while (await publisher.wait(message_id, 0.5)).state != "told":
            signed.world.clock.now += 600_000


async def test_a_hub_that_is_behind_its_publishers_looks_at_once(signed):
    """The publisher has the new rules first: refused once, and the router finds them because the slip named them."""
    signed.change(without="nationality")
    async with signed.publishing() as publisher, signed.world.routing():
        assert signed.world.directory.snapshot().rules.version == 1
        submitted = await publisher.publish(document())
        await later(signed, publisher, submitted.id)
    assert signed.told()[0] == ("rules_unknown", 1)
    assert signed.told()[-1] == (None, 2)
    assert not signed.deliveries("UTO/spoc")


async def test_a_version_that_the_hub_cannot_find_yet_is_tried_again(signed):
    """The hub's own source is behind: refused as unknown, with the version that it has, and sent again later."""
    signed.change(without="nationality")
    signed.world.directory = signed.client("router", "mirror")
    signed.world.directory.load()
    async with signed.publishing() as publisher, signed.world.routing():
        submitted = await publisher.publish(document())
        await signed.world.until(lambda: ("rules_unknown", 1) in signed.told())
        signed.mirror()
        await later(signed, publisher, submitted.id)
    assert signed.told()[-1] == (None, 2)
    assert (signed.deliveries("DEU/spoc"), signed.deliveries("UTO/spoc")) == (1, 0)
