"""Dates beside a clock: what submitting refuses, and nothing else does."""

from __future__ import annotations

import copy
import datetime as dt

import pytest

from golden.cases import ABOUT, base
from notifier.errors import NotificationInvalidError
from notifier.notification import parse
from notifier.notification.timeliness import check_timely, untimely

NOW = int(dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC).timestamp() * 1000)


def made(type_, stage=None, **change):
    document = base(type_) | {"stage": stage, **change}
    return parse(copy.deepcopy(document))


def pointers(notification, now=NOW):
    return [fault.pointer for fault in untimely(notification, now)]


@pytest.mark.parametrize(
    ("type_", "stage", "happened"),
    [
        *(("arrest", None, True), ("detention", None, True), ("release", None, True)),
        *(("deportation", "completed", True), ("deportation", "ordered", False)),
        *(("deportation", "in_progress", False), ("deportation", "cancelled", False)),
        *(("travel", stage, True) for stage in ("departed", "attempted", "denied", "transited", "arrived")),
        *(("travel", "planned", False), ("identity", None, False), ("consular", "visited", True)),
        *(("finint", None, False), ("pattern", None, False)),
    ],
)
def test_what_has_happened_does_not_lie_ahead(type_, stage, happened):
    """By more than a day; what is ordered or planned may."""
    near = made(type_, stage, event_time="2026-11-21T12:00:00Z")
    far = made(type_, stage, event_time="2026-11-21T15:00:01+03:00")
    assert pointers(near) == []
    assert pointers(far) == (["/event_time"] if happened else [])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"review_date": "2026-11-19"}, ["/review_date"]),
        ({"review_date": "2026-11-20"}, []),
        ({"review_date": "2026-11-10", "erase_date": "2026-11-12"}, ["/review_date", "/erase_date"]),
        ({"event_time": "2026-11-30T00:00:00Z", "review_date": "2026-11-29"}, ["/review_date"]),
        ({"event_time": "2026-11-30T00:00:00Z", "review_date": "2026-11-30"}, []),
        ({"reply_by": "2026-11-20T11:59:59Z"}, ["/reply_by"]),
        ({"reply_by": "2026-11-20T15:00:00+03:00"}, []),
    ],
)
def test_dates_to_come_have_not_passed(change, found):
    """Each by its pointer; a day is over when it is over everywhere."""
    assert pointers(made("deportation", "ordered", **change)) == found


def test_a_day_is_over_when_it_is_over_everywhere():
    """At UTC-12."""
    notification = made("deportation", "ordered", review_date="2026-11-20")
    last = int(dt.datetime(2026, 11, 21, 11, 59, tzinfo=dt.UTC).timestamp() * 1000)
    assert pointers(notification, last) == []
    assert pointers(notification, last + 60_000) == ["/review_date"]


def test_submitting_refuses_every_date_at_once_and_an_update_never():
    """A change to a case gets through; reading compares no clock."""
    wrong = {"event_time": "2027-11-21T12:00:00Z", "review_date": "2026-01-01", "erase_date": "2026-02-01"}
    with pytest.raises(NotificationInvalidError) as error:
        check_timely(made("arrest", **wrong), NOW)
    assert [fault.pointer for fault in error.value.faults] == ["/event_time", "/review_date", "/erase_date"]
    assert "2026" not in str(error.value)
    check_timely(made("update", about=ABOUT, **wrong), NOW)
    check_timely(made("arrest"), NOW)
