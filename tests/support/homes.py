"""A home as the sandbox makes it, without anything that runs."""

from __future__ import annotations

import asyncio
import os
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from notifier.audit.checkpoint import Signer
from notifier.audit.entry import AuditEntry
from notifier.auditor.store import LogStore
from notifier.config import load, party_config
from notifier.consumers.inbox.inbox import Inbox
from notifier.consumers.verification import StreamPosition, VerifiedMessage
from notifier.directory.client import DirectoryClient
from notifier.examples import dated_text, example
from notifier.keyfiles import signing_key, storage_key
from notifier.notification import encode, for_sealing, parse
from notifier.runtime import REAL
from notifier.sandbox.parties import make_parties
from notifier.sandbox.pki import CertificateAuthority

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
SENT: Final = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11"
RECEIVED: Final = "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a99"
NO_BROKER: Final = "127.0.0.1:1"
ANY_PORT: Final = 0


def arrest() -> dict[str, Any]:
    """A notification of TUR/spoc, with the id `SENT`: for DEU and INTERPOL, and not for FRA."""
    document: dict[str, Any] = example("arrest")
    document["handling"]["not_to"] = ["FRA"]
    return document | {"id": SENT, "originator": "TUR/spoc", "interpol": True}


def copy_examples(folder: Path) -> None:
    """Every example, as somebody copies it today: with dates of today."""
    folder.mkdir()
    for path in sorted(EXAMPLES.glob("*.json")):
        (folder / path.name).write_text(dated_text(path.read_text(), REAL.clock()))


def make_home(home: Path) -> None:
    """Every party's keys, certificate and settings."""
    make_parties(home, CertificateAuthority(home / "pki"), NO_BROKER, 6, ANY_PORT)


def live_in(home: Path) -> None:
    """DEU/spoc received `RECEIVED`; the log has three entries."""
    asyncio.run(_receive(home))
    hub = DirectoryClient(load(party_config(home, "admin")).directory).load().directory.hub
    auditor = load(party_config(home, "auditor"))
    assert auditor.log_folder is not None
    store = LogStore.open(auditor.log_folder, Signer.of(hub.log_origin, signing_key(auditor.keys)))
    store.append([(offset, _entry(offset).encode()) for offset in range(3)])
    store.close()


def _entry(offset: int) -> AuditEntry:
    act = ("act", bytes(32), "TUR/spoc", None, None, None, "accepted", None, offset, None, None, 1, 1)
    return AuditEntry(os.urandom(16), *act)


async def _receive(home: Path) -> None:
    settings = load(party_config(home, "DEU/spoc"))
    assert settings.inbox is not None
    made = replace(for_sealing(parse(arrest())), id=uuid.UUID(RECEIVED).bytes)
    place = StreamPosition("TUR/spoc", b"s" * 16, 1)
    message = VerifiedMessage(place, os.urandom(32), made.id or b"", REAL.clock(), 1, encode(made), made)
    inbox = await Inbox.open(settings.inbox, settings.name, storage_key(settings.keys), REAL)
    lease = inbox.lease()
    await lease.acquire()
    await inbox.store([message], [0], 0, lease, signing_key(settings.keys))
    await lease.release()
    await inbox.close()
