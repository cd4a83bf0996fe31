"""What the attacks share: a stage for each, and a real directory whose files an attacker can reach."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from notifier.config import DirectorySettings
from notifier.directory.client import DirectoryClient
from notifier.directory.enrolment import answer, request
from notifier.directory.registry import Registry, create
from notifier.envelope import DecryptionKey, SigningKey
from support.stage import Stage
from support.world import START, Clock, build_world

GRACE_S = 3600


@pytest.fixture
def stage(tmp_path) -> Stage:
    """Three recipients, an originator and others, a hub, a broker."""
    return Stage(build_world(), tmp_path)


class Published(NamedTuple):
    """A signed directory in a folder, the keys of its holders, and the clock that everybody goes by."""

    folder: Path
    keys: Path
    clock: Clock
    cache: Path

    def client(self) -> DirectoryClient:
        """A client that trusts the first root, and remembers what it saw."""
        settings = DirectorySettings(str(self.folder), self.folder / "1.root.json", self.cache, GRACE_S)
        return DirectoryClient(settings, self.clock)

    def registry(self) -> Registry:
        """The directory in the hands of all its holders."""
        return Registry(self.folder, self.keys, self.clock)

    def enrol(self, name: str, seed: int = 1) -> SigningKey:
        """Enrols an authority with keys that follow from `seed`, as the two sides do it."""
        registry = self.registry()
        signing = SigningKey.from_secret(bytes([seed]) * 32)
        decryption = DecryptionKey.from_secret(bytes([seed + 1]) * 32)
        asked = request(name, registry.hub_id, signing, decryption)
        assert registry.enrol(asked, answer(registry.pose(asked), registry.hub_id, decryption))
        return signing


@pytest.fixture
def published(tmp_path) -> Published:
    """A directory without authorities."""
    create(tmp_path / "pub", tmp_path / "keys", tmp_path / "hub", "example/log", 4, START)
    return Published(tmp_path / "pub", tmp_path / "keys", Clock(), tmp_path / "cache")
