"""Every party of the sandbox as a folder: keys, certificate, configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from notifier.config import OVERSIGHT, party_config
from notifier.directory.model import Directory
from notifier.directory.world import load_world
from notifier.files import put
from notifier.keyfiles import write_private
from notifier.producers.compartments import decisions_key
from notifier.sandbox.pki import CertificateAuthority

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
    home: Path, authority: CertificateAuthority, bootstrap: str, partitions: int, auditor_port: int
) -> Directory:
    """Writes what is missing, and returns the world's directory.

    `admin` may do everything at the broker; `stranger` has a valid certificate and no right at all.
    """
    directory = load_world(home, partitions)
    kafka = _KAFKA.format(bootstrap=bootstrap)
    texts = {name: _AUTHORITY.format(name=name, kafka=kafka) for name in directory.authorities}
    for name in texts:
        if directory.authorities[name].role == OVERSIGHT:
            texts[name] = _OVERSIGHT.format(name=name, kafka=kafka) + _overseen(home, directory, name)
    texts["router"] = _ROUTER.format(kafka=kafka)
    texts["auditor"] = _AUDITOR.format(kafka=kafka, port=auditor_port)
    texts["admin"] = _OTHER.format(name="admin", kafka=kafka)
    texts["stranger"] = _OTHER.format(name="stranger", kafka=kafka)
    for name, text in texts.items():
        config = party_config(home, name)
        known = directory.authority(name)
        if not (config.parent / "tls.pem").exists():
            authority.issue(config.parent, known.principal if known else name)
        put(config, text.encode())
    return directory


def _overseen(home: Path, directory: Directory, oversight: str) -> str:
    """The settings by which `oversight` reads the decisions of every authority of its state, and their keys."""
    text = ""
    for name, one in directory.authorities.items():
        if one.participant != directory.authorities[oversight].participant or name == oversight:
            continue
        folder = party_config(home, name).parent
        file = f"{folder.name}.decisions.key"
        key = decisions_key((folder / "storage.key").read_bytes())
        write_private(party_config(home, oversight).parent / file, key)
        text += _OVERSEEN.format(name=name, folder=folder.name, key=file)
    return text
