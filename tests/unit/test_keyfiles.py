"""Key files that others can read are refused, by whatever reads them, as ssh does."""

from __future__ import annotations

import os

import pytest

from notifier.config import KafkaSettings, KeySettings, Overseen
from notifier.directory.holders import make_key, read_signers
from notifier.errors import ConfigError
from notifier.keyfiles import (
    decisions_key_of,
    decryption_keys,
    person_key,
    readable_by_others,
    signing_key,
    storage_key,
    write_private,
)
from notifier.sandbox.pki import CertificateAuthority
from notifier.transport.kafka.client import tls_context


def tls(path):
    folder = path.parent
    return tls_context(KafkaSettings("b:1", folder / "ca.pem", folder / "tls.pem", path))


READERS = {
    "signing": lambda path: signing_key(KeySettings(signing=path)),
    "encryption": lambda path: decryption_keys(KeySettings(encryption=(path,))),
    "storage": lambda path: storage_key(KeySettings(storage=path)),
    "oversight": lambda path: decisions_key_of(Overseen("TUR/spoc", "x", path)),
    "person": person_key,
    "role": lambda path: read_signers([path.parent]),
    "tls": tls,
}


@pytest.fixture(params=READERS)
def reader(request, tmp_path):
    """Return a key file of its owner alone, and its reader."""
    if request.param == "role":
        make_key(tmp_path, "root")
        path = tmp_path / "root-1.pem"
    elif request.param == "tls":
        CertificateAuthority(tmp_path / "pki").issue(tmp_path, "tur-spoc")
        path = tmp_path / "tls.key"
    else:
        path = tmp_path / "some.key"
        write_private(path, bytes(range(32)))
    return path, READERS[request.param]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_what_others_can_read_is_refused(reader, mode):
    """By group or world, to read, write or run; the line names the file and how to mend it."""
    path, read = reader
    read(path)
    path.chmod(mode)
    refused = None
    try:
        read(path)
    except ConfigError as error:
        refused = error
    assert refused is not None, "a key that everybody on this machine has was used"
    assert refused.reason == "key_rejected"
    assert str(path) in refused.detail
    assert f"chmod 600 {path}" in (refused.hint or "")


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_its_owner_s_alone_is_taken(reader, mode):
    """Read and write, or read alone."""
    path, read = reader
    path.chmod(mode)
    read(path)


def test_another_s_file_is_that_owner_s_matter(tmp_path):
    """As ssh: a secret that the system hands to a group belongs to root, and is taken."""
    path = tmp_path / "some.key"
    write_private(path, bytes(32))
    path.chmod(0o640)
    state = list(os.stat(path))
    state[4] = os.getuid() + 1
    assert readable_by_others(os.stat(path))
    assert not readable_by_others(os.stat_result(state))
