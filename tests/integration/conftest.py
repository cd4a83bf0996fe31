"""One sandbox with two routers for the whole tier, mended before each test, ended whatever happens."""

from __future__ import annotations

import os

import pytest

from notifier.sandbox.sandbox import Sandbox
from support import sandbox as support
from support.transcripts import ForkServer

# A broker that serves one test module and ends is started a hundred times as often as it is busy.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")


def _quiet(_text):
    """Progress that nobody reads."""


@pytest.fixture(scope="session")
def standing(tmp_path_factory, fork_server):
    """The tier's sandbox."""
    sandbox = Sandbox(tmp_path_factory.mktemp("home"))
    try:
        sandbox.up(_quiet, routers=support.ROUTERS)
        yield support.World(sandbox, fork_server)
    finally:
        sandbox.down(_quiet)


@pytest.fixture
def world(standing):
    """The tier's sandbox with everything running: what an earlier test broke and left is started again."""
    if not standing.sandbox.status()["ready"]:
        standing.up()
    return standing


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory):
    """A second sandbox, into whose topics anything may be written: no router reads them any more.

    It ends with the module: what nobody uses any more costs the rest of the tier a part of a core.
    """
    sandbox = Sandbox(tmp_path_factory.mktemp("spoiled"))
    try:
        sandbox.up(_quiet)
        sandbox.process("router-1").stop(10)
        yield support.World(sandbox)
    finally:
        sandbox.down(_quiet)


@pytest.fixture(scope="session")
def fork_server():
    """Forks every command."""
    fork_server = ForkServer()
    yield fork_server
    fork_server.close()
