"""Quotas per principal, by the request AlterClientQuotas, which the client library lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import DescribeClientQuotasRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Float64, Int16, Int32, Schema, String

from notifier.config import KafkaSettings
from notifier.errors import TransportError
from notifier.transport.kafka.client import START_S, speaking, tls_context

_USER: Final = "user"
_ANY: Final = 2
_TEXT: Final = String("utf-8")
_ENTITY: Final = Array(("entity_type", _TEXT), ("entity_name", _TEXT))

Quotas = Mapping[str, Mapping[str, float]]
"""Limits of each principal by Kafka's names: producer_byte_rate, request_percentage and so on."""


class _AlterResponse(Response):  # type: ignore[misc]
    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("entries", Array(("error_code", Int16), ("error_message", _TEXT), ("entity", _ENTITY))),
    )


class _AlterStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = _AlterResponse
    SCHEMA = Schema(
        (
            "entries",
            Array(("entity", _ENTITY), ("ops", Array(("key", _TEXT), ("value", Float64), ("remove", Boolean)))),
        ),
        ("validate_only", Boolean),
    )


class _AlterRequest(Request[_AlterStruct]):  # type: ignore[misc]
    API_KEY = 49

    def __init__(self, entries: list[Any]) -> None:
        self._entries = entries

    def build(self, request_struct_class: type[_AlterStruct]) -> _AlterStruct:
        """Return the request in the given version."""
        return request_struct_class(self._entries, False)


async def set_quotas(settings: KafkaSettings, quotas: Quotas) -> None:
    """Set these quotas of each principal and keep its other ones; raises `TransportError`."""
    entries = [
        ([(_USER, principal)], [(key, value, False) for key, value in sorted(limits.items())])
        for principal, limits in sorted(quotas.items())
    ]
    answer = await ask(settings, _AlterRequest(entries))
    for code, *_ in answer.entries:
        _check(code)


async def get_quotas(settings: KafkaSettings) -> dict[str, dict[str, float]]:
    """Return the quotas of every principal that has any; raises `TransportError`."""
    answer = await ask(settings, DescribeClientQuotasRequest([(_USER, _ANY, None)], True))
    _check(answer.error_code)
    return {entity[0][1]: dict(values) for entity, values in answer.entries}


async def ask(settings: KafkaSettings, request: Any) -> Any:
    """Return a broker's answer to a request that the client library lacks; raises `TransportError`."""
    client = AIOKafkaAdminClient(
        bootstrap_servers=settings.bootstrap, security_protocol="SSL", ssl_context=tls_context(settings)
    )
    try:
        async with speaking(START_S):
            await client.start()
            return await client._send_request(request)
    finally:
        await client.close()


def _check(code: int) -> None:
    if code:
        raise TransportError("broker_refused", f"the broker does not set or show quotas (error {code})")
