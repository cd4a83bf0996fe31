"""Every party of the sandbox as a folder: keys, certificate, configuration."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from notifier.config import OVERSIGHT, party_config
from notifier.directory.model import Directory
from notifier.errors import NotifierError, StorageError
from notifier.files import write_atomic
from notifier.keyfiles import KEY_BYTES, write_private
from notifier.outbox.key_separation import decisions_key
from notifier.sandbox.pki import CertificateAuthority
from notifier.sandbox.world import load_world

AT_ONCE: Final = 8  # parties: each file waits for the disk, which syncs several at a time

_KAFKA: Final = """\
[kafka]
bootstrap = "{bootstrap}"
ca = "ca.pem"
certificate = "tls.pem"
key = "tls.key"

[directory]
source = "../../directory"
root = "../../directory/1.root.json"
cache = "directory"
"""
_AUTHORITY: Final = """\
name = "{name}"
outbox = "outbox.db"
inbox = "inbox.db"

{kafka}
[keys]
signing = "signing.key"
encryption = ["encryption.key"]
storage = "storage.key"
submitter = "submitter.key"
"""
_OVERSIGHT: Final = """\
name = "{name}"
inbox = "inbox.db"

{kafka}
[keys]
signing = "signing.key"
encryption = ["encryption.key"]
storage = "storage.key"
"""
_OVERSEEN: Final = """
[oversees."{name}"]
outbox = "../{folder}/outbox.db"
key = "{key}"
"""
_ROUTER: Final = """\
name = "router"

{kafka}
[keys]
signing = "signing.key"
encryption = ["encryption.key"]
"""
_AUDITOR: Final = """\
name = "auditor"
listen = "127.0.0.1:{port}"
log_folder = "log"

{kafka}
[keys]
signing = "log.key"
"""
_OTHER: Final = """\
name = "{name}"

{kafka}
[keys]
"""


def make_parties(
    home: Path,
    authority: CertificateAuthority,
    bootstrap: str,
    partitions: int,
    auditor_port: int,
    unwritten: dict[str, NotifierError] | None = None,
) -> Directory:
    """Create missing files, keep existing ones, and return the world's directory.

    `admin` may do everything at the broker; `stranger` has a valid certificate and no right at all. A party whose
    files cannot be written goes to `unwritten` with its error, and the others are still made; without it the first
    such error is raised.
    """
    directory = load_world(home, partitions)
    kafka = _KAFKA.format(bootstrap=bootstrap)
    texts = _texts(directory, kafka, auditor_port)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = {
            name: pool.submit(_make_party, home, authority, directory, name, text) for name, text in texts.items()
        }
    for name, party in made.items():
        try:
            party.result()
        except StorageError as error:
            if unwritten is None:
                raise
            unwritten[name] = error
    return directory


def _texts(directory: Directory, kafka: str, auditor_port: int) -> dict[str, str]:
    """Return the configuration of every party."""
    texts = {}
    for name, one in directory.authorities.items():
        form = _OVERSIGHT if one.role == OVERSIGHT else _AUTHORITY
        texts[name] = form.format(name=name, kafka=kafka) + "".join(
            _OVERSEEN.format(name=other, folder=_folder_of(other), key=_decisions_file(other))
            for other in _overseen(directory, name)
        )
    texts["router"] = _ROUTER.format(kafka=kafka)
    texts["auditor"] = _AUDITOR.format(kafka=kafka, port=auditor_port)
    texts["admin"] = _OTHER.format(name="admin", kafka=kafka)
    texts["stranger"] = _OTHER.format(name="stranger", kafka=kafka)
    return texts


def _make_party(home: Path, authority: CertificateAuthority, directory: Directory, name: str, text: str) -> None:
    """Create the party's missing files: certificate, keys of overseen authorities, configuration."""
    config = party_config(home, name)
    known = directory.authority(name)
    if not (config.parent / "tls.pem").exists():
        authority.issue(config.parent, known.principal if known else name)
    submitter = config.parent / "submitter.key"
    if f'"{submitter.name}"' in text and not submitter.exists():
        write_private(submitter, secrets.token_bytes(KEY_BYTES))
    for other in _overseen(directory, name):
        key = config.parent / _decisions_file(other)
        if not key.exists():
            write_private(key, decisions_key((party_config(home, other).parent / "storage.key").read_bytes()))
    if not config.exists():
        write_atomic(config, text.encode())


def _overseen(directory: Directory, name: str) -> list[str]:
    """Return the authorities whose decisions the party `name` reads: those of its state, if it is oversight."""
    overseer = directory.authority(name)
    if overseer is None or overseer.role != OVERSIGHT:
        return []
    others = directory.authorities.values()
    return [one.name for one in others if one.participant == overseer.participant and one.name != name]


def _folder_of(name: str) -> str:
    return name.replace("/", ".")


def _decisions_file(name: str) -> str:
    return f"{_folder_of(name)}.decisions.key"
