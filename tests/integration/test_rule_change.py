"""A change of the rules, signed while a publisher runs, on the real broker and by the verbs that people use."""

from __future__ import annotations

import asyncio
import json

import pytest

from notifier import Publisher
from notifier.config import load, party_config
from notifier.directory.client import DirectoryClient
from notifier.topics import INTAKE
from support import sandbox as support

ME = "BEL/spoc"
RESIDENCE = {
    "type": "identity",
    "custody": "any",
    "rule": "residence",
    "role": "spoc",
    "paragraph": "5",
    "stage_paragraphs": {},
}


@pytest.fixture
def sign(world, tmp_path):
    """Publishes the rows that `edit` makes of those of now, by all holders; at the end those of before again."""
    file = tmp_path / "rules.json"

    def changed(edit):
        document = world.json("rules", "show")
        file.write_text(json.dumps(document | {"rows": edit(document["rows"])}))
        places = ("--folder", str(world.home / "directory"), "--keys", str(world.home / "directory-keys"))
        done = world.shell("rules", "publish", str(file), *places)
        assert done.returncode == 0, done.stderr
        return document["version"] + 1

    before = world.json("rules", "show")["rows"]
    yield changed
    changed(lambda _rows: before)
    world.up()


async def test_a_publisher_is_told_of_new_rules_and_tells_nobody_more_by_itself(world, sign):
    """Sealed under rules that two versions replace: FRA and MAR are told, INTERPOL is not, AUT waits for a person."""
    document = support.example("identity", originator=ME, interpol=True)
    document["subject"]["residences"] = ["AUT"]
    for router in ("router-1", "router-2"):
        await asyncio.to_thread(world.sandbox.process(router).stop, 10)
    async with Publisher.from_home(world.home, ME) as publisher:
        waiting = await on_intake(world)
        submitted = await publisher.publish(document)
        assert submitted.recipients == ("FRA/spoc", "INTERPOL/spoc", "MAR/spoc")
        async with asyncio.timeout(support.PATIENCE_S):
            await more_on_intake(world, waiting)
        await asyncio.to_thread(sign, lambda rows: [row for row in rows if not to_interpol(row)])
        version = await asyncio.to_thread(sign, lambda rows: [*rows, RESIDENCE])
        await asyncio.to_thread(world.up)
        status = await publisher.wait(submitted.id, support.PATIENCE_S)
    assert (status.state, status.rules_version) == ("told", version)
    assert {one.authority: one.state for one in status.recipients} == {
        "AUT/spoc": "held",
        "FRA/spoc": "told",
        "MAR/spoc": "told",
    }
    received = {}
    for name in ("FRA/spoc", "MAR/spoc", "AUT/spoc", "INTERPOL/spoc"):
        received[name] = [one.rules_version for one in await world.receive(name) if one.id == submitted.id]
    assert received == {"FRA/spoc": [version], "MAR/spoc": [version], "AUT/spoc": [], "INTERPOL/spoc": []}
    (held,) = world.json("why", submitted.id, "AUT/spoc", "--as", ME)["recipients"]
    assert (held["outcome"], held["because"]) == ("hold", ["rules_changed"])
    found = world.json("rules", "diff", str(version - 2), str(version), "--replay", "--as", ME)
    (mine,) = [one for one in found["messages"] if one["id"] == submitted.id]
    assert (mine["added"], mine["removed"]) == (["AUT/spoc"], ["INTERPOL/spoc"])


def to_interpol(row):
    return (row["type"], row["rule"]) == ("identity", "interpol")


async def on_intake(world):
    """How many records stand on intake, in all partitions."""
    settings = load(party_config(world.home, "admin"))
    hub = (await asyncio.to_thread(DirectoryClient(settings.directory).load)).directory.hub
    return sum([len(await world.records(INTAKE, number)) for number in range(hub.partitions)])


async def more_on_intake(world, before):
    """Returns when there are more than `before`."""
    while True:
        if await on_intake(world) > before:
            return
        await asyncio.sleep(0.05)
