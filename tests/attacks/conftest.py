"""Fixtures of the attacks: a harness for each, and a real directory whose files an attacker can reach."""

from __future__ import annotations

import pytest

from notifier.crypto.keys import DecryptionKey, SigningKey
from support.attack_harness import Stage
from support.published import Published, publish_in
from support.world import Keys, build_world

CAST = ("AUT/spoc", "DEU/spoc", "FRA/spoc", "TUR/spoc", "UTO/spoc")


@pytest.fixture
def stage(tmp_path) -> Stage:
    """Three recipients, an originator and others, a hub, a broker."""
    return Stage(build_world(), tmp_path)


@pytest.fixture
def published(tmp_path) -> Published:
    """Return a directory without authorities."""
    return publish_in(tmp_path / "directory")


@pytest.fixture
def grounded(published, tmp_path) -> Stage:
    """Return a harness on that directory, which all parties read by a client; `load` shows changes."""
    world = build_world(clock=published.clock)
    for name in CAST:
        published.enrol(name, world.keys[name].signing, world.keys[name].decryption)
    secret = {name: (published.hub / f"{name}.key").read_bytes() for name in ("signing", "encryption")}
    world.hub = Keys(SigningKey.from_secret(secret["signing"]), DecryptionKey.from_secret(secret["encryption"]))
    world.directory = published.client()
    world.directory.load()
    return Stage(world, tmp_path)
