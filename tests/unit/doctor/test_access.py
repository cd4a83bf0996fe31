"""The doctor on topics and rights: missing ones, and of which kind."""

from __future__ import annotations

import pytest

from notifier.doctor.broker import lacking
from notifier.topics import INTAKE, feed_of
from notifier.transport.base import Access, Right

READ, WRITE = frozenset({Right.READ}), frozenset({Right.WRITE})
FEED = feed_of("TUR/spoc")
WANTED = {INTAKE: WRITE, FEED: READ}
ALL = {INTAKE: Access(True, WRITE), FEED: Access(True, READ)}


def test_who_has_what_it_needs_lacks_nothing():
    """More rights than needed are no fault of the party's."""
    assert lacking(WANTED, ALL) is None
    assert lacking(WANTED, ALL | {FEED: Access(True, READ | WRITE)}) is None


@pytest.mark.parametrize(
    ("change", "reason", "words", "hint"),
    [
        ({INTAKE: Access(None)}, "broker_refused", f"may not write {INTAKE}", "have the right granted"),
        ({INTAKE: Access(True)}, "broker_refused", f"may not write {INTAKE}", "have the right granted"),
        ({INTAKE: Access(True, READ)}, "broker_refused", f"may not write {INTAKE}", "have the right granted"),
        ({INTAKE: Access(False)}, "broker_refused", f"no topic {INTAKE}", "have the topic made"),
        ({FEED: Access(True)}, "broker_refused", f"may not read {FEED}", "have the right granted"),
        ({FEED: Access(False)}, "feed_missing", f"no topic {FEED}", "have the topic made"),
        (
            {FEED: Access(None), INTAKE: Access(None)},
            "broker_refused",
            f"it answers, but this principal may not read {FEED} nor write {INTAKE}",
            "have the right granted",
        ),
        (
            {FEED: Access(False), INTAKE: Access(None)},
            "broker_refused",
            f"there is no topic {FEED}, and this principal may not write {INTAKE}",
            "have the topic made and have the right granted",
        ),
    ],
)
def test_a_missing_topic_is_told_from_a_missing_right(change, reason, words, hint):
    """Each is mended by somebody else, so each is named as what it is."""
    found = lacking(WANTED, ALL | change)
    assert (found.state, found.reason, found.hint) == ("wrong", reason, hint)
    assert words in found.detail


def test_many_are_counted():
    """A hub that lacks every feed says so in one line."""
    feeds = {feed_of(f"DE{letter}/spoc"): WRITE for letter in "ABCDEFGH"}
    found = lacking(feeds, {name: Access(False) for name in feeds})
    assert found.detail.endswith("notifier.feed.DEC.spoc.v1 and 5 more")
