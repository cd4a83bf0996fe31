"""The sandbox's example world: nine states, INTERPOL, a hub; every key is made here, in its party's folder."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from notifier.audit.checkpoint import Verifier
from notifier.config import party_config
from notifier.crypto.keys import DecryptionKey, KeyUse, SigningKey
from notifier.directory.builtin import permissions_of, principal_of
from notifier.directory.client import hub_id_of
from notifier.directory.document import from_document, to_document
from notifier.directory.model import DAY_MS, Authority, Directory, Hub, Key
from notifier.directory.registry import Registry
from notifier.directory.repository import Repository
from notifier.errors import StorageError
from notifier.keyfiles import write_private
from notifier.rules.ruleset import Corridor, default_rules
from notifier.runtime import wall_clock
from notifier.topics import feed_of

STATES: Final = ("AUT", "BEL", "BGR", "DEU", "FRA", "GBR", "MAR", "TUR", "UTO")
ROLES: Final = ("spoc", "ncb", "consular", "fiu", "border", "oversight")
INTERPOL: Final = "INTERPOL/spoc"
CORRIDORS: Final = (Corridor("TUR", "DEU", ("BGR/spoc", "DEU/spoc")),)
LOG_ORIGIN: Final = "notifier.example/log"
KEY_DAYS: Final = 3650
"""Sandbox keys live for years, because nobody renews them."""
AT_ONCE: Final = 8  # authorities: each key waits for the disk, which syncs several at a time


def load_world(home: Path, partitions: int) -> Directory:
    """Return the directory of the sandbox in `home`, created where there is none, and fresh.

    The sandbox's own files are read without a cache or verification.
    """
    folder = home / "directory"
    root = folder / "1.root.json"
    if root.exists():
        freshen_world(home)
    else:
        make_world(home, partitions)
    document = Repository(folder, [], wall_clock()).document("directory")
    return from_document(document, hub_id_of(root.read_bytes()))


def freshen_world(home: Path) -> None:
    """Renew the sandbox's directory and all that ends soon; all of its keys are in one place.

    Where nothing can be written, or another process holds the lock, the files stay as they are.
    """
    if not (home / "directory-keys").is_dir():
        return  # a user tries out the work of the holders
    registry = Registry(home / "directory", home / "directory-keys", wall_clock)
    with contextlib.suppress(StorageError):
        registry.freshen()
        for role in registry.due():
            registry.renew(role)


def make_world(home: Path, partitions: int, states: Sequence[str] = STATES, roles: Sequence[str] = ROLES) -> None:
    """Create the directory below `home`, with an authority of each of `roles` in each of `states`, and INTERPOL's.

    `states` must include those of `CORRIDORS`, with a `spoc`.
    """
    now = wall_clock()
    names = [f"{state}/{role}" for state in states for role in roles] + [INTERPOL]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        authorities = dict(zip(names, pool.map(lambda name: _authority(home, name, now), names), strict=True))
    log = SigningKey.generate(secrets.token_bytes)
    write_private(party_config(home, "auditor").parent / "log.key", log.secret)
    hub = Hub(bytes(16), _keys(home, "router", now), partitions, LOG_ORIGIN, Verifier(LOG_ORIGIN, log.public).vkey)
    documents = {
        "directory": to_document(Directory(1, now, hub, authorities)),
        "rules": replace(default_rules(1, now), corridors=CORRIDORS).to_document(),
    }
    Repository.create(home / "directory", home / "directory-keys", documents, now)


def _authority(home: Path, name: str, now: int) -> Authority:
    write_private(party_config(home, name).parent / "storage.key", secrets.token_bytes(32))
    return Authority(name, principal_of(name), feed_of(name), _keys(home, name, now), permissions_of(name))


def _keys(home: Path, party: str, now: int) -> tuple[Key, ...]:
    """Create the keys of a party, the private ones in its folder."""
    folder = party_config(home, party).parent
    signing = SigningKey.generate(secrets.token_bytes)
    decryption = DecryptionKey.generate(secrets.token_bytes)
    write_private(folder / "signing.key", signing.secret)
    write_private(folder / "encryption.key", decryption.secret)
    end = now + KEY_DAYS * DAY_MS
    start = now - DAY_MS
    return (
        Key(signing.key_id, KeyUse.SIGN, signing.public, start, end),
        Key(decryption.key_id, KeyUse.ENCRYPT, decryption.public, start, end),
    )
