"""Rights of a principal to topics, from the broker's own answer.

The request (Metadata since version 8, with authorised operations) is defined here, because the client library does
not ask for rights. Nothing is tried out: a trial write would leave records, and a failed one would not show the
cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from notifier.config import KafkaSettings
from notifier.errors import TransportError
from notifier.transport.base import Access, Right
from notifier.transport.kafka.quotas import ask

_TEXT: Final = String("utf-8")
_UNKNOWN_TOPIC: Final = 3
_DENIED: Final = 29


_BITS: Final = {Right.READ: 1 << 3, Right.WRITE: 1 << 4}  # Kafka's codes of operations, as bits


class _Answer(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT))),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("name", _TEXT),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition_index", Int32),
                        ("leader_id", Int32),
                        ("leader_epoch", Int32),
                        ("replica_nodes", Array(Int32)),
                        ("isr_nodes", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _Question(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("topics", Array(_TEXT)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _MetadataWithRights(Request[_Question]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_Question]) -> _Question:
        """Return the request in the given version."""
        return request_struct_class(self._topics, False, False, True)


async def rights(settings: KafkaSettings, topics: Iterable[str]) -> Mapping[str, Access]:
    """Return the rights of the principal of `settings` to each of `topics`; raises `TransportError`."""
    wanted = sorted(set(topics))
    answer = await ask(settings, _MetadataWithRights(wanted))
    return {name: _access(code, operations) for code, name, _, _, operations in answer.topics}


def _access(code: int, operations: Any) -> Access:
    if code == _DENIED:
        return Access(None)
    if code == _UNKNOWN_TOPIC:
        return Access(False)
    if operations < 0:
        raise TransportError("broker_refused", "the broker does not say what this principal may do")
    return Access(True, frozenset(right for right, bit in _BITS.items() if operations & bit))
