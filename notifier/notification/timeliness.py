"""Checks of a notification's dates against a given clock, at submission.

The clock is compared at submission only: a notification that was right then can be read, evaluated and forwarded for
ever. An update is never refused, because a change to a case must get through.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from notifier.errors import Fault, NotificationInvalidError
from notifier.notification.model import Notification
from notifier.times import full_date, moment

AHEAD: Final = dt.timedelta(hours=24)
"""Tolerance for past events with a future time; clocks and time zones are wrong by less."""

HAPPENED: Final = frozenset({"arrest", "detention", "release"})
"""Types that always report a past event."""

HAPPENED_STAGES: Final = frozenset(
    {
        *(("deportation", "completed"), ("travel", "departed"), ("travel", "attempted"), ("travel", "denied")),
        *(("travel", "transited"), ("travel", "arrived"), ("consular", "informed"), ("consular", "requested")),
        *(("consular", "declined"), ("consular", "notified"), ("consular", "visited")),
    }
)
"""Types with stages that report a past event; other stages may lie ahead."""

_LAST_ZONE: Final = dt.timedelta(hours=12)
"""A day is over everywhere once it is over at UTC-12."""


def check_timely(notification: Notification, now: int) -> None:
    """Raise `NotificationInvalidError` where a date is not plausible at `now` (Unix milliseconds)."""
    faults = [] if notification.type == "update" else untimely(notification, now)
    if faults:
        raise NotificationInvalidError(faults)


def untimely(notification: Notification, now: int) -> list[Fault]:
    """Return the faults of the dates at `now` (Unix milliseconds), each with its pointer."""
    return list(_untimely(notification, dt.datetime.fromtimestamp(now / 1000, dt.UTC)))


def _untimely(notification: Notification, now: dt.datetime) -> Iterator[Fault]:
    event = moment(notification.event_time)
    happened = notification.type in HAPPENED or (notification.type, notification.stage) in HAPPENED_STAGES
    if happened and event is not None and event - now > AHEAD:
        yield Fault("/event_time", "must not be more than 24 hours ahead: it tells what has happened")
    today = (now - _LAST_ZONE).date()
    for name in ("review_date", "erase_date"):
        day = full_date(getattr(notification, name))
        if day is not None and day < today:
            yield Fault(f"/{name}", "must not be past")
        elif day is not None and day < notification.day:
            yield Fault(f"/{name}", "must not be before the event")
    reply_by = None if notification.reply_by is None else moment(notification.reply_by)
    if reply_by is not None and reply_by < now:
        yield Fault("/reply_by", "must not be past")
