"""A real signed directory in a folder, in the hands of whoever the test says."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from notifier.config import DirectorySettings
from notifier.crypto.keys import DecryptionKey, SigningKey
from notifier.directory.ceremony import encoded, following
from notifier.directory.client import DirectoryClient
from notifier.directory.enrolment import answer, request
from notifier.directory.registry import Registry, create
from notifier.directory.repository import Repository
from support.world import PARTITIONS, START, Clock

GRACE_S = 3600


class Published(NamedTuple):
    """A signed directory in a folder, the keys of its holders, and the clock that everybody goes by."""

    folder: Path
    keys: Path
    hub: Path
    clock: Clock
    cache: Path

    def client(self, root: Path | None = None, source: str | None = None) -> DirectoryClient:
        """A client that trusts the first root, or another one, with a memory of its own; `source` is a web server."""
        trusted = root or self.folder / "1.root.json"
        settings = DirectorySettings(source or str(self.folder), trusted, self.cache, GRACE_S)
        return DirectoryClient(settings, self.clock)

    def registry(self) -> Registry:
        """The directory in the hands of all its holders."""
        return Registry(self.folder, self.keys, self.clock)

    def enrol(self, name: str, signing: SigningKey | None = None, decryption: DecryptionKey | None = None) -> None:
        """Enrols an authority with its keys, as the two sides do it; with any keys where none are given."""
        registry = self.registry()
        signing = signing or SigningKey.generate(secrets.token_bytes)
        decryption = decryption or DecryptionKey.generate(secrets.token_bytes)
        asked = request(name, registry.hub_id, signing, decryption)
        assert registry.enrol(asked, answer(registry.issue_challenge(asked), registry.hub_id, decryption))


def put_by_force(published: Published, role: str, document: Mapping[str, Any]) -> None:
    """Publishes a document signed with every key there is, past everything that the holders' own software checks."""
    repository = Repository(published.folder, [published.keys], published.clock())
    state = repository.state()
    version = following(state.versions[role], encoded(document), repository._online.expiry(role))
    repository._sign(version, state)
    repository._published.write_version(version, state.versions[role].document or b"")
    stamp_by_force(repository, {role: version.number})


def stamp_by_force(repository: Repository, numbers: Mapping[str, int]) -> None:
    """Signs a snapshot of these versions with the online keys, whatever they are signed with."""
    root = repository.state().root
    repository._online.publish(root, *repository._online.published(root), numbers)


def publish_in(place: Path) -> Published:
    """A new directory without authorities in `place`."""
    made = Published(place / "pub", place / "keys", place / "hub", Clock(), place / "cache")
    create(made.folder, made.keys, made.hub, "example/log", PARTITIONS, START)
    return made
