"""Names of the topics and transactional ids. An authority's name is the only variable part."""

from __future__ import annotations

from typing import Final

from notifier.names import AuthorityName

INTAKE: Final = "notifier.intake.v1"
STREAMS: Final = "notifier.streams.v1"
REJECTED: Final = "notifier.rejected.v1"
AUDIT: Final = "notifier.audit.v1"
ROUTER_GROUP: Final = "notifier-router"


def feed_of(authority: str) -> str:
    """Return the feed topic of an authority: ``TUR/spoc`` reads ``notifier.feed.TUR.spoc.v1``."""
    name = AuthorityName(authority)
    return f"notifier.feed.{name.participant}.{name.role}.v1"


def router_transactional_id(partition: int) -> str:
    """Return the transactional id of an intake partition; it fences the partition's former owner."""
    return f"notifier-router-{partition}"
