"""The public API as a user's type checker sees it: mypy reads this file (make check), pytest imports it."""

from __future__ import annotations

from typing import assert_type

from notifier import Publisher, Subscriber
from notifier.consumers.inbox.inbox import Received
from notifier.notification import Notification, parse
from notifier.outbox.outbox import Status
from notifier.producers.publisher import Submitted


async def publishes(home: str, document: dict[str, object]) -> Status:
    """Ten lines of an agency."""
    async with Publisher.from_home(home, "TUR/spoc") as publisher:
        assert_type(publisher, Publisher)
        submitted = await publisher.publish(document)
        assert_type(submitted, Submitted)
        assert_type(submitted.id, str)
        return await publisher.wait(submitted.id, 10)


async def subscribes(home: str) -> Notification:
    """Ten lines of a partner state."""
    async with Subscriber.from_home(home, "DEU/spoc") as subscriber:
        async for message in subscriber:
            assert_type(message, Received)
            return assert_type(message.notification, Notification)
    raise RuntimeError("the feed never ends")


def test_parse_gives_a_notification() -> None:
    """The type that the SDK's users hold."""
    assert parse.__annotations__["return"] == "Notification"
