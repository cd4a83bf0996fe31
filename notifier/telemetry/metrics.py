"""Prometheus metrics: counts and times by reason and outcome, with one registry for each service.

Label values come from bounded sets and never name a participant: they would show who is told of whom. Every counter
exists from the start at 0, so that rates and alarms need no first event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from notifier.errors import REASONS

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

EVERY: Final = CollectorRegistry()
ROUTER: Final = CollectorRegistry()
PUBLISHER: Final = CollectorRegistry()
SUBSCRIBER: Final = CollectorRegistry()
AUDITOR: Final = CollectorRegistry()
SERVICES: Final = {"router": ROUTER, "publisher": PUBLISHER, "subscriber": SUBSCRIBER, "auditor": AUDITOR}

# router
DECISIONS = Counter(
    "notifier_decisions_total", "Envelopes decided by the router", ("outcome", "reason"), registry=ROUTER
)
DELIVERIES = Counter("notifier_deliveries_total", "Deliveries written to feeds", registry=ROUTER)
TRANSACTION_SECONDS = Histogram(
    "notifier_transaction_seconds", "One router transaction", buckets=_SECONDS, registry=ROUTER
)
TRANSACTION_RECORDS = Histogram(
    "notifier_transaction_records",
    "Intake records in one transaction",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
    registry=ROUTER,
)
PARTITIONS_OWNED = Gauge("notifier_partitions_owned", "Intake partitions that this router runs", registry=ROUTER)
TAKEOVERS = Counter("notifier_takeovers_total", "Partitions taken over", ("cause",), registry=ROUTER)
RESTORE_SECONDS = Histogram(
    "notifier_restore_seconds", "Fencing and restoring one partition", buckets=_SECONDS, registry=ROUTER
)
CLOCK_OFFSET = Gauge(
    "notifier_clock_offset_seconds", "How far the clock is ahead of the broker's; negative: behind", registry=ROUTER
)

# publisher
SUBMITTED = Counter("notifier_submitted_total", "Notifications made durable in the outbox", registry=PUBLISHER)
SETTLED = Counter(
    "notifier_settled_total",
    "Decisions of the hub read by the publisher",
    ("outcome", "reason"),
    registry=PUBLISHER,
)
OUTBOX_WAITING = Gauge(
    "notifier_outbox_waiting", "Letters and acts in the outbox that the hub has not decided", registry=PUBLISHER
)
OUTBOX_OLDEST = Gauge(
    "notifier_outbox_oldest_seconds", "Age of the oldest of them; 0 where nothing waits", registry=PUBLISHER
)
OUTBOX_SET_ASIDE = Gauge(
    "notifier_outbox_set_aside",
    "Letters that wait until their recipient can be reached",
    ("reason",),
    registry=PUBLISHER,
)

# subscriber
RECEIVED = Counter(
    "notifier_received_total", "Records read from the feed", ("outcome", "reason"), registry=SUBSCRIBER
)
REFUSED_IN_A_ROW = Gauge(
    "notifier_refused_in_a_row",
    "Deliveries refused one after the other that may be cured",
    registry=SUBSCRIBER,
)
GAPS = Counter("notifier_gaps_total", "Gaps found in a stream to this recipient", registry=SUBSCRIBER)
PARKED = Gauge("notifier_parked", "Messages set aside that a sink or callback could not take", registry=SUBSCRIBER)

# auditor
AUDIT_SIZE = Gauge("notifier_audit_size", "Leaves in the audit log", registry=AUDITOR)
AUDIT_CHECKPOINTS = Counter("notifier_audit_checkpoints_total", "Checkpoints signed", registry=AUDITOR)

# every service
DIRECTORY_VERSION = Gauge("notifier_directory_version", "Version of the directory in use", registry=EVERY)
ENDS_IN = Gauge(
    "notifier_ends_in_seconds",
    "Time until a role's signature, or a key of the hub or one's own, ends",
    ("what",),
    registry=EVERY,
)
ENDS_SOON = Gauge(
    "notifier_ends_soon",
    "1 where somebody must renew it now (docs/how-to/directory.md), else 0",
    ("what",),
    registry=EVERY,
)
RULES_VERSION = Gauge("notifier_rules_version", "Version of the rules in use", registry=EVERY)
RESTARTS = Counter(
    "notifier_restarts_total", "Times that a service began again after a fault", ("reason",), registry=EVERY
)


def exported(service: str) -> bytes:
    """Return the metrics page of one of `SERVICES`: its own, the common ones, and those of the process."""
    return b"".join(generate_latest(registry) for registry in (SERVICES[service], EVERY, REGISTRY))


def show_backlog(depth: int, oldest: int | None, set_aside: Mapping[str, int], now: int) -> None:
    """Set the outbox gauges.

    `depth` counts the entries that wait, `oldest` is the time of the oldest (Unix milliseconds), `set_aside` counts
    those with an unreachable recipient by reason.
    """
    OUTBOX_WAITING.set(depth)
    OUTBOX_OLDEST.set(0 if oldest is None else max(0, now - oldest) / 1000)
    for reason in _SET_ASIDE:
        OUTBOX_SET_ASIDE.labels(reason).set(set_aside.get(reason, 0))


def _reasons(first: str, last: str) -> list[str]:
    """Return the reasons from `first` to `last`, in the order of their table."""
    names = list(REASONS)
    return names[names.index(first) : names.index(last) + 1]


def _begin(counter: Counter | Gauge, *labels: Iterable[str]) -> None:
    for one in product(*labels):
        counter.labels(*one)


_SET_ASIDE: Final = ("recipient_has_no_key", "feed_missing")
_HUBS: Final = _reasons("too_large", "feed_missing")
_RECIPIENTS: Final = ["malformed", "unknown_signer", "bad_signature", *_reasons("bad_statement", "signer_revoked")]
_TEMPORARY: Final = ("broker_unavailable", "broker_refused", "fenced", "outcome_unknown", "storage_failed")
for _counter in (DECISIONS, SETTLED):
    _begin(_counter, ("accepted",), ("",))
    _begin(_counter, ("rejected",), _HUBS)
_begin(RECEIVED, ("opened", "duplicate"), ("",))
_begin(RECEIVED, ("conflict",), ("id_conflict",))
_begin(RECEIVED, ("refused",), _RECIPIENTS)
_begin(TAKEOVERS, ("fenced", "outcome_unknown", "broker_unavailable", "broker_refused"))
_begin(OUTBOX_SET_ASIDE, _SET_ASIDE)
_begin(RESTARTS, (*_TEMPORARY, "storage_locked", "directory_stale"))
