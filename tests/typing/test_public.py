"""The public API as a user's type checker sees it: mypy reads this file (make check), pytest imports it."""

from __future__ import annotations

from typing import assert_type

from notifier import Notification, Publisher, Received, RecipientState, Status, Submitted, Subscriber
from notifier.notification import parse
from notifier.outbox.review import Reviewed
from notifier.persons.model import Person


async def publishes(home: str, document: dict[str, object]) -> Status:
    """Ten lines of an agency."""
    async with Publisher.from_home(home, "TUR/spoc") as publisher:
        assert_type(publisher, Publisher)
        submitted = await publisher.publish(document)
        assert_type(submitted, Submitted)
        assert_type(submitted.id, str)
        assert_type(submitted.state, RecipientState)
        assert_type(await publisher.pending(), list[str])
        assert_type(await publisher.flush(1), list[str])
        assert_type(await publisher.reviews.list(), list[Reviewed])
        assert_type(await publisher.reviewers.list(), list[Person])
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
