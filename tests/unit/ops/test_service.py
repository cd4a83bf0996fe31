"""A service in the foreground: it ends when it is told to, and never looks alive when it is dead."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from notifier.cli.service import run_service
from notifier.errors import TransportError


class _Transport:
    """A connection that was never made."""

    def __init__(self, _settings):
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
        return SimpleNamespace(directory=SimpleNamespace(version=1), rules=SimpleNamespace(version=1))


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


async def _serve(_listen, _ready, stop):
    """As the metrics: until told to stop."""
    await stop.wait()


@pytest.fixture
def settings(monkeypatch):
    """A service that serves its metrics, with nothing behind it."""
    monkeypatch.setattr("notifier.ops.server.serve", _serve)
    monkeypatch.setattr("notifier.transport.kafka.KafkaTransport", _Transport)
    monkeypatch.setattr("notifier.directory.client.DirectoryClient", _Directory)
    monkeypatch.setattr("notifier.cli.service.PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("notifier.ops.logging.configure", lambda: None)
    return SimpleNamespace(kafka=None, directory=None, listen="127.0.0.1:9464")


def test_a_fault_begins_it_anew(settings):
    """A broker that is down for a moment ends nothing."""
    service = _Service(TransportError(detail="down"))
    run_service("test", settings, service)
    assert service.begun == 2


def test_a_cancellation_from_within_ends_the_process(settings):
    """Its metrics would be served for ever otherwise, and nobody would start it again."""
    with pytest.raises(asyncio.CancelledError):
        run_service("test", settings, _Service(asyncio.CancelledError()))
