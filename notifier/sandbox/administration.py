"""Administration of topics, access rights and quotas; the first two through confluent-kafka (aiokafka has none)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
)
from confluent_kafka.error import KafkaError

from notifier.config import KafkaSettings
from notifier.directory.model import DAY_MS
from notifier.errors import TransportError
from notifier.sandbox.acls import Grant
from notifier.topics import AUDIT, INTAKE, REJECTED, STREAMS
from notifier.transport.kafka.quotas import Quotas, set_quotas

REQUEST_TIMEOUT_S: Final = 120.0  # for a broker that has just started, on a busy machine
MAX_BATCH: Final = 1024 * 1024  # bytes of records in one write; our producers make batches of half of it
_RESOURCES: Final = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional_id": ResourceType.TRANSACTIONAL_ID,
}
_RIGHTS: Final = {"read": AclOperation.READ, "write": AclOperation.WRITE}


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic to create; `settings` are Kafka's topic settings."""

    name: str
    partitions: int
    settings: Mapping[str, str]


def topics(feeds: Iterable[str], partitions: int) -> list[Topic]:
    """Return every topic of a hub: intake is kept 7 days, feeds 30, streams are compacted, audit is kept.

    Intake, streams and audit have the broker's time: a sender's proves nothing, and routers compare their clocks with
    the times of their own records.

    Nothing is compressed: the broker unpacks and measures what a producer compressed all the same. A small batch
    could otherwise unpack to more memory than its readers have.
    """
    plain = {"compression.type": "uncompressed", "max.message.bytes": str(MAX_BATCH)}
    stamped = plain | {"message.timestamp.type": "LogAppendTime"}
    kept = plain | {"retention.ms": str(30 * DAY_MS)}
    return [
        Topic(INTAKE, partitions, stamped | {"retention.ms": str(7 * DAY_MS)}),
        Topic(STREAMS, partitions, stamped | {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}),
        Topic(REJECTED, 1, kept),
        Topic(AUDIT, 1, stamped | {"retention.ms": "-1"}),
        *(Topic(feed, 1, kept) for feed in feeds),
    ]


class Administrator:
    """The broker's administrator, as the principal of `settings`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        # The client must outlive its futures, or they fail.
        configuration: dict[str, Any] = {
            "bootstrap.servers": settings.bootstrap,
            "security.protocol": "SSL",
            "ssl.ca.location": str(settings.ca),
            "ssl.certificate.location": str(settings.certificate),
            "ssl.key.location": str(settings.key),
            "log_level": 0,
            "error_cb": lambda _error: None,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 200,
        }
        self._client = AdminClient(configuration)

    def brokers(self, wait_s: float) -> int:
        """Return the number of answering brokers; raises `TransportError` where none answers in `wait_s`."""
        try:
            return len(self._client.list_topics(timeout=wait_s).brokers)
        except KafkaException as error:
            raise TransportError(detail="the broker does not answer its administrator") from error

    def create_topics(self, wanted: Iterable[Topic], replicas: int) -> None:
        """Create the topics that do not exist yet."""
        there = set(self._client.list_topics(timeout=REQUEST_TIMEOUT_S).topics)
        new = [
            NewTopic(topic.name, topic.partitions, replicas, config=dict(topic.settings))
            for topic in wanted
            if topic.name not in there
        ]
        if new:
            self._settle(
                self._client.create_topics(new, request_timeout=REQUEST_TIMEOUT_S), KafkaError.TOPIC_ALREADY_EXISTS
            )

    def ends(self, names: Iterable[str]) -> dict[str, int]:
        """Return the end of partition 0 of each topic; one that does not move was not written to."""
        latest = {TopicPartition(name, 0): OffsetSpec.latest() for name in names}  # type: ignore[no-untyped-call]
        futures = self._client.list_offsets(latest, request_timeout=REQUEST_TIMEOUT_S)
        return {place.topic: future.result(REQUEST_TIMEOUT_S).offset for place, future in futures.items()}

    def grant(self, wanted: Iterable[Grant]) -> None:
        """Grant every right of `wanted`; granting one twice changes nothing."""
        bindings = [
            AclBinding(
                _RESOURCES[grant.resource],
                grant.name,
                ResourcePatternType.LITERAL,
                f"User:{grant.principal}",
                "*",
                _RIGHTS[grant.right],
                AclPermissionType.ALLOW,
            )
            for grant in wanted
        ]
        self._settle(self._client.create_acls(bindings, request_timeout=REQUEST_TIMEOUT_S))

    def limit(self, quotas: Quotas) -> None:
        """Set the quotas of each principal; setting them twice changes nothing."""
        asyncio.run(set_quotas(self._settings, quotas))

    def _settle(self, futures: Mapping[Any, Any], *fine: int) -> None:
        for future in futures.values():
            try:
                future.result(REQUEST_TIMEOUT_S)
            except KafkaException as error:
                if error.args[0].code() not in fine:
                    raise TransportError(
                        "broker_refused", f"administration failed ({error.args[0].name()})"
                    ) from error
