"""Access rights and quotas at the broker as data: the least that works, literal, allow, from any host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from notifier.directory.model import Authority
from notifier.topics import AUDIT, INTAKE, REJECTED, ROUTER_GROUP, STREAMS, router_transactional_id

Resource = Literal["topic", "group", "transactional_id"]
Right = Literal["read", "write"]

QUOTA: Final[Mapping[str, float]] = {
    "producer_byte_rate": 1024 * 1024,  # bytes per second and broker: some 250 envelopes of ordinary size
    "consumer_byte_rate": 8 * 1024 * 1024,
    "request_percentage": 100,  # of the time of one broker thread
}
"""Limits of one authority. The broker delays one that exceeds them: nothing is lost, and others do not wait."""


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A right of one principal on one resource; reading and writing include describing."""

    principal: str
    resource: Resource
    name: str
    right: Right


def grants(authorities: Iterable[Authority], partitions: int) -> list[Grant]:
    """Return every grant of a hub with these authorities and intake partitions; all else is denied."""
    active = [authority for authority in authorities if authority.active]
    found = [*_router([authority.feed for authority in active], partitions), Grant("auditor", "topic", AUDIT, "read")]
    for authority in active:
        found += _authority(authority)
    return found


def quotas(authorities: Iterable[Authority]) -> dict[str, Mapping[str, float]]:
    """Return the quota of each authority by its principal; the hub's own services have none."""
    return {authority.principal: QUOTA for authority in authorities}


def _authority(authority: Authority) -> Iterator[Grant]:
    yield Grant(authority.principal, "topic", INTAKE, "write")
    yield Grant(authority.principal, "topic", authority.feed, "read")
    yield Grant(authority.principal, "group", f"notifier.{authority.name.replace('/', '.')}", "read")


def _router(feeds: Iterable[str], partitions: int) -> Iterator[Grant]:
    yield Grant("router", "group", ROUTER_GROUP, "read")
    yield Grant("router", "topic", INTAKE, "read")
    yield Grant("router", "topic", STREAMS, "read")
    for topic in (STREAMS, REJECTED, AUDIT, *feeds):
        yield Grant("router", "topic", topic, "write")
    for partition in range(partitions):
        yield Grant("router", "transactional_id", router_transactional_id(partition), "write")
