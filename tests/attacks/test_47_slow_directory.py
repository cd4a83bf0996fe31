"""47 Slow directory: a source that answers a byte a second, or not at all, so that routers decide nothing.

The attacker holds the place where the directory is published, or the way to it; or is an originator that names
versions to come, so that the hub looks for them again and again. Control: a refresh has a total time limit, after
which the cache serves; it runs beside the deciding path, and what names a version to come is answered at once.
"""

from __future__ import annotations

import asyncio

import pytest

from notifier.directory import fetching
from support.attack_harness import HOUR_MS, race
from support.webserver import serving

pytestmark = pytest.mark.enable_socket
FLOODER = "AUT/spoc"


@pytest.fixture
def served(published):
    """Return the directory on a web server of this machine."""
    with serving(published.folder) as server:
        yield server


@pytest.mark.parametrize("mood", ["drip", "cut"])
async def test_a_byte_a_second_does_not_stop_a_start(published, served, monkeypatch, mood):
    """A new process verifies its cache and continues, although no single wait is long."""
    root = published.folder / "1.root.json"
    assert published.client(root, served.address).load().directory.version == 1
    monkeypatch.setattr(fetching, "LIMIT_S", 0.5)
    served.mood = mood
    loading = asyncio.to_thread(published.client(root, served.address).load)
    loaded, _ = await race(loading, until_it_drags())
    served.released.set()
    assert getattr(loaded, "directory", None) is not None, "the start waits for a directory that does not come"


async def until_it_drags():
    """Much longer than the limit, and much shorter than what a byte a second takes."""
    await asyncio.sleep(15)


async def test_a_refresh_that_never_ends_delays_nobody(stage):
    """A slip names a version to come, the hub looks for it, and the source hangs: all others are decided."""
    hanging = asyncio.Event()

    async def hang():
        hanging.set()
        await asyncio.Event().wait()

    stage.world.directory.refresh = hang
    stage.world.clock.now += HOUR_MS
    wanting = stage.forge(FLOODER, slip={"directory_version": 99})
    stage.sent(wanting, accepted=False)
    true = [stage.letter("TUR/spoc"), stage.letter("TUR/spoc"), stage.letter(FLOODER)]

    async def decided():
        for letter in (wanting, *true):
            await stage.world.put(letter.originator, letter.envelope)
        await hanging.wait()
        await stage.world.until(stage.decided)

    await race(stage.world.router().run(asyncio.Event()), decided())
    assert stage.told("TUR/spoc") == [("accepted", None)] * 2
    assert stage.told(FLOODER) == [("rejected", "rules_unknown"), ("accepted", None)]
