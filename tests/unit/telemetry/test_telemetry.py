"""Logs that cannot be forged, metrics without names, health that is true."""

from __future__ import annotations

import json
import logging

import httpx
import pytest
import structlog
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

from notifier.crypto.keys import KeyUse
from notifier.directory.ends import ends
from notifier.directory.model import Directory, Hub, Key
from notifier.directory.roles import LIFETIME_MS
from notifier.directory.snapshot import Snapshot
from notifier.rules.ruleset import default_rules
from notifier.telemetry import metrics
from notifier.telemetry.logging import configure
from notifier.telemetry.server import application


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
        transport=httpx.ASGITransport(app=application(lambda: ready, "router")), base_url="http://service"
    )
    async with client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        ready = True
        assert (await client.get("/readyz")).json() == {"ready": True}
        assert "notifier_decisions_total" in (await client.get("/metrics")).text
        assert (await client.post("/healthz")).status_code == 405


OF = {
    "router": "notifier_decisions_total",
    "publisher": "notifier_outbox_waiting",
    "subscriber": "notifier_received_total",
    "auditor": "notifier_audit_size",
}


def test_each_service_exports_its_own_metrics_and_no_other_s():
    """With those that every service has, and none that nobody put with its service."""
    pages = {service: metrics.exported(service).decode() for service in metrics.SERVICES}
    for service, page in pages.items():
        assert {other for other, name in OF.items() if f"\n{name}" in page} == {service}
        assert "notifier_directory_version 0.0" in page
    assert "notifier_" not in generate_latest(REGISTRY).decode()


def test_every_counter_exists_from_the_start():
    """At nought, with each reason that it can have: an alarm needs no first event."""
    for service in metrics.SERVICES:
        page = metrics.exported(service).decode()
        for counter in metrics.SERVICES[service].collect():
            if counter.type == "counter":
                assert f"\n{counter.name}_total" in page
    page = metrics.exported("router").decode()
    assert 'notifier_decisions_total{outcome="rejected",reason="bad_signature"} ' in page
    assert 'notifier_takeovers_total{cause="fenced"} ' in page
    assert (
        'notifier_received_total{outcome="refused",reason="cannot_open"} ' in metrics.exported("subscriber").decode()
    )


def test_what_waits_is_shown_with_its_age():
    """Depth, age of the oldest, and whom nobody can reach; nought again once it has left."""
    metrics.show_backlog(3, 1_000, {"feed_missing": 2}, 6_500)
    page = metrics.exported("publisher").decode()
    assert "\nnotifier_outbox_waiting 3.0" in page
    assert "\nnotifier_outbox_oldest_seconds 5.5" in page
    assert '\nnotifier_outbox_set_aside{reason="feed_missing"} 2.0' in page
    metrics.show_backlog(0, None, {}, 6_500)
    page = metrics.exported("publisher").decode()
    assert "\nnotifier_outbox_oldest_seconds 0.0" in page
    assert '\nnotifier_outbox_set_aside{reason="feed_missing"} 0.0' in page


def test_no_label_can_name_a_participant():
    """Labels are reasons, outcomes, causes, roles of the directory: who is told of whom cannot be read off."""
    allowed = {"outcome", "reason", "cause", "what"}
    ours = [one for one in vars(metrics).values() if isinstance(one, Counter | Gauge | Histogram)]
    assert len(ours) > 10
    for one in ours:
        assert set(one._labelnames) <= allowed
        assert one._name.startswith("notifier_")


def test_what_ends_is_shown_in_time():
    """Warnings begin after two missed hourly runs; otherwise 60 days, or a third of the lifetime, before the end."""
    day, hour = 86_400_000, 3_600_000
    keys = (
        Key(b"s" * 16, KeyUse.SIGN, bytes(32), 0, 365 * day),
        Key(b"e" * 16, KeyUse.ENCRYPT, bytes(32), 0, 30 * day),
    )
    facts = Directory(1, 0, Hub(bytes(16), keys, 1, "", ""), {})
    lasting = {role: LIFETIME_MS[role] for role in LIFETIME_MS}
    found = {one.what: one for one in ends(Snapshot(facts, default_rules(), ends=lasting), "TUR/spoc", 0)}
    assert not found["timestamp"].due(2 * hour), "one run may be missed"
    assert found["timestamp"].due(3 * hour)
    left = {"snapshot": 7 / 3, "directory": 10, "rules": 60, "root": 60, "hub_signing": 60, "hub_encryption": 10}
    for what, days in left.items():
        assert not found[what].due(found[what].at - round(days * day) - hour), what
        assert found[what].due(found[what].at - round(days * day)), what
