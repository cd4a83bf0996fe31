"""A service in the foreground: it ends when it is told to, and never looks alive when it is dead."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from notifier.directory.builtin import builtin_snapshot
from notifier.errors import DirectoryError, DirectoryStaleError, OwnershipLostError, StorageError, TransportError
from notifier.supervision import run_service


class _Transport:
    """A connection that was never made."""

    def __init__(self, _settings):
        pass

    async def ping(self):
        pass

    async def close(self):
        pass


class _Directory:
    """Always fresh."""

    def __init__(self, _settings, _clock):
        pass

    async def refresh(self):
        pass

    def snapshot(self):
        return builtin_snapshot()


class _Service:
    """Runs each of `turns`, then ends as one that was told to."""

    def __init__(self, *turns):
        self.turns = list(turns)
        self.begun = 0

    def __call__(self, _transport, _directory, _runtime):
        return self

    def ready(self):
        return True

    async def run(self, stop):
        self.begun += 1
        if self.turns:
            raise self.turns.pop(0)
        stop.set()


async def _serve(_listen, _ready, stop, _service):
    """As the metrics: until told to stop."""
    await stop.wait()


@pytest.fixture
def settings(monkeypatch):
    """Return settings of a service that serves its metrics, with nothing behind it."""
    monkeypatch.setattr("notifier.telemetry.server.serve", _serve)
    monkeypatch.setattr("notifier.transport.kafka.KafkaTransport", _Transport)
    monkeypatch.setattr("notifier.directory.client.DirectoryClient", _Directory)
    monkeypatch.setattr("notifier.telemetry.logging.configure", lambda **_options: None)
    return SimpleNamespace(name="test", kafka=None, directory=None, listen="127.0.0.1:9464")


@pytest.mark.parametrize(
    "fault",
    [TransportError(detail="down"), StorageError(detail="full"), DirectoryStaleError(), OwnershipLostError()],
)
def test_a_fault_begins_it_anew(settings, fault):
    """A broker that is down, a full disk, a stale directory, an owner that took over: none ends the service."""
    service = _Service(fault)
    run_service("test", settings, service)
    assert service.begun == 2


def test_no_pause_is_longer_than_three_seconds_however_long_the_fault_lasts(settings, monkeypatch):
    """So the work goes on within that time after the fault is over."""
    pauses = []

    async def slept(_stop, seconds):
        pauses.append(seconds)

    monkeypatch.setattr("notifier.supervision.wait_for_event", slept)
    run_service("test", settings, _Service(*(StorageError(detail="full") for _ in range(20))))
    assert len(pauses) == 20
    assert max(pauses) <= 3.0


def test_a_directory_that_does_not_verify_ends_no_service_that_has_one(settings, monkeypatch):
    """The earlier verified state is fresh enough: the service starts again with it."""

    async def spoiled(_directory):
        raise DirectoryError(detail="the directory does not verify")

    monkeypatch.setattr(_Directory, "refresh", spoiled)
    service = _Service(TransportError(detail="down"))
    run_service("test", settings, service)
    assert service.begun == 2


def test_a_cancellation_from_within_ends_the_process(settings):
    """Its metrics would be served for ever otherwise, and nobody would start it again."""
    with pytest.raises(asyncio.CancelledError):
        run_service("test", settings, _Service(asyncio.CancelledError()))
