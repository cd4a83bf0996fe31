"""Why somebody was told or was not, asked from every side after a notification went through the real broker."""

from __future__ import annotations

from notifier import Publisher
from support import sandbox as support

UNKNOWN = "01997e5c-1c00-7c55-9a3e-000000000000"


async def test_each_side_hears_what_is_its_own(world):
    """A refugee who fears MAR: BEL and DEU are told, MAR is not; oversight reads beside the running publisher."""
    document = support.example("deportation-two-nationalities")
    document["local"]["refugee"] = {"status": "refugee", "feared": ["MAR"]}
    async with Publisher.from_home(world.home, "TUR/spoc") as publisher:
        submitted = await publisher.publish(document)
        assert (await publisher.wait(submitted.id, support.PATIENCE_S)).state == "told"
        mine = world.json("why", submitted.id, "--as", "TUR/spoc")
        assert world.json("why", submitted.id, "--as", "TUR/oversight") == mine
    told = {entry["authority"]: (entry["outcome"], entry["because"]) for entry in mine["recipients"]}
    assert told == {
        "BEL/spoc": ("send", []),
        "DEU/spoc": ("send", []),
        "MAR/spoc": ("suppress", ["feared_state"]),
    }
    for name in ("BEL/spoc", "DEU/spoc"):
        assert submitted.id in {one.id for one in await world.receive(name)}
        heard = world.json("why", submitted.id, "--as", name)
        (entry,) = heard["recipients"]
        assert (entry["authority"], entry["outcome"], entry["because"]) == (name, "send", [])
        assert entry["reasons"] == next(one for one in mine["recipients"] if one["authority"] == name)["reasons"]
    await world.receive("MAR/spoc")
    asked = [world.shell("why", one, "--as", "MAR/spoc") for one in (submitted.id, UNKNOWN)]
    assert {(one.returncode, one.stdout, one.stderr) for one in asked} == {(1, "", asked[0].stderr)}
    refused = world.shell("publish", str(support.EXAMPLES / "arrest.json"), "--as", "TUR/oversight")
    assert (refused.returncode, refused.stderr.startswith("notifier: not_permitted: ")) == (1, True)
