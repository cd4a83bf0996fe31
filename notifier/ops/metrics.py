"""Prometheus metrics: counts and times by reason and outcome.

Labels come from bounded sets only, and never name a participant: who is told of whom could be read off them
(FORMATS.md, "Metrics").
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# router
DECISIONS = Counter("notifier_decisions_total", "Envelopes decided by the router", ("outcome", "reason"))
DELIVERIES = Counter("notifier_deliveries_total", "Deliveries written to feeds")
TRANSACTION_SECONDS = Histogram("notifier_transaction_seconds", "One router transaction", buckets=_SECONDS)
TRANSACTION_RECORDS = Histogram(
    "notifier_transaction_records", "Intake records in one transaction", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
PARTITIONS_OWNED = Gauge("notifier_partitions_owned", "Intake partitions that this router runs")
TAKEOVERS = Counter("notifier_takeovers_total", "Partitions taken over", ("cause",))
RESTORE_SECONDS = Histogram("notifier_restore_seconds", "Fencing and restoring one partition", buckets=_SECONDS)

# publisher
SUBMITTED = Counter("notifier_submitted_total", "Notifications made durable in the outbox")
SETTLED = Counter("notifier_settled_total", "Decisions of the hub read by the publisher", ("outcome", "reason"))
OUTBOX_WAITING = Gauge("notifier_outbox_waiting", "Notifications not yet decided by the hub")

# subscriber
RECEIVED = Counter("notifier_received_total", "Records read from the feed", ("outcome", "reason"))
REFUSED_IN_A_ROW = Gauge("notifier_refused_in_a_row", "Deliveries refused one after the other that may be cured")
GAPS = Counter("notifier_gaps_total", "Gaps found in a stream to this recipient")

# auditor
AUDIT_SIZE = Gauge("notifier_audit_size", "Leaves in the audit log")
AUDIT_CHECKPOINTS = Counter("notifier_audit_checkpoints_total", "Checkpoints signed")

# every service
DIRECTORY_VERSION = Gauge("notifier_directory_version", "Version of the directory in use")
RULES_VERSION = Gauge("notifier_rules_version", "Version of the rules in use")
RESTARTS = Counter("notifier_restarts_total", "Times that a service began again after a fault", ("reason",))
