"""A world in memory for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support.desk import Desk, Hub
from support.seeds import Cores
from support.world import World, build_world


@pytest.fixture
def world() -> World:
    """A world without faults."""
    return build_world()


@pytest.fixture
def make_world() -> Callable[..., World]:
    """Makes worlds: by seed, with a fault hook."""
    return build_world


@pytest.fixture(scope="session")
def cores() -> Iterator[Cores]:
    """Every core of the machine, to run seeds on."""
    cores = Cores()
    yield cores
    cores.close()


@pytest.fixture
def hub(world):
    """The hub of `world`."""
    return Hub(world)


@pytest.fixture
def desk(world, tmp_path):
    """The subscriber's side of `world`."""
    return Desk(world, f"sqlite:///{tmp_path}/inbox.db")
