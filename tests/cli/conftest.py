"""A home whose broker does not run, made once; a test that spoils something has a copy of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from notifier.sandbox.parties import make_parties
from notifier.sandbox.pki import CertificateAuthority

NO_BROKER = "127.0.0.1:1"
NO_PORT = 1


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    """Directory, certificates, keys and settings of every party; nothing runs."""
    home = tmp_path_factory.mktemp("pristine") / "home"
    make_parties(home, CertificateAuthority(home / "pki"), NO_BROKER, 6, NO_PORT)
    return home


@pytest.fixture
def copied(pristine, tmp_path):
    """A copy of it, to be spoiled."""
    return shutil.copytree(pristine, tmp_path / "home")


@pytest.fixture
def arrest():
    """A notification of TUR/spoc: for DEU and INTERPOL, and not for FRA."""
    document = json.loads((Path(__file__).parents[2] / "examples" / "arrest.json").read_text())
    document["handling"]["not_to"] = ["FRA"]
    return document | {"id": "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11", "originator": "TUR/spoc", "interpol": True}
