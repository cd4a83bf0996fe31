"""A home whose broker does not run, made once; a test that spoils something has a copy of its own."""

from __future__ import annotations

import shutil

import pytest

from support import homes
from support.disks import Namespace
from support.transcripts import ForkServer

LONG = ("test_documented_commands.py", "test_transcripts.py", "test_publish.py")
"""Modules whose tests play many commands, or wait for a broker that does not answer."""


def pytest_collection_modifyitems(items):
    """Put long tests first: at the end of the tier no worker waits for another's."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    """Make the directory, certificates, keys and settings of every party; start nothing."""
    home = tmp_path_factory.mktemp("pristine") / "home"
    homes.make_home(home)
    return home


@pytest.fixture
def copied(pristine, tmp_path):
    """Return a copy of the home that the test may change."""
    return shutil.copytree(pristine, tmp_path / "home")


@pytest.fixture(scope="session")
def lived_in(pristine, tmp_path_factory):
    """Return the home after something was received and logged."""
    home = shutil.copytree(pristine, tmp_path_factory.mktemp("lived_in") / "home")
    homes.live_in(home)
    return home


@pytest.fixture
def arrest():
    """Return a notification of TUR/spoc."""
    return homes.arrest()


@pytest.fixture(scope="session")
def fork_server():
    """Fork every command, in a mount namespace of the transcripts."""
    namespace = Namespace()
    fork_server = ForkServer(namespace.enter)
    yield fork_server
    fork_server.close()
    namespace.close()
