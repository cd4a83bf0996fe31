"""Logs that cannot be forged, metrics without names, health that is true."""

from __future__ import annotations

import json
import logging

import httpx
import pytest
import structlog
from prometheus_client import Counter, Gauge, Histogram

from notifier.ops import metrics
from notifier.ops.logging import configure
from notifier.ops.server import application


@pytest.fixture
def log(capsys):
    """Configured for machines; answers the lines on standard error as documents."""
    configure(console=False)

    def lines():
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    yield lines
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = []


def test_the_standard_library_s_logs_have_the_same_form(log):
    """A library's warning is a JSON line, too."""
    logging.getLogger("some.library").warning("look\nhere")
    (line,) = log()
    assert line["level"] == "warning"
    assert "\n" not in line["event"]


async def test_health_readiness_and_metrics():
    """Alive while the process lives; ready when the service says so."""
    ready = False
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=application(lambda: ready)), base_url="http://service"
    )
    async with client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        ready = True
        assert (await client.get("/readyz")).json() == {"ready": True}
        assert "notifier_decisions_total" in (await client.get("/metrics")).text
        assert (await client.post("/healthz")).status_code == 405


def test_no_label_can_name_a_participant():
    """Labels are reasons, outcomes, causes: who is told of whom cannot be read off."""
    allowed = {"outcome", "reason", "cause"}
    ours = [one for one in vars(metrics).values() if isinstance(one, Counter | Gauge | Histogram)]
    assert len(ours) > 10
    for one in ours:
        assert set(one._labelnames) <= allowed
        assert one._name.startswith("notifier_")
