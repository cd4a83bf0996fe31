"""What submitting a notification asks of its dates, compared with a clock that the caller gives. Pure.

The clock is compared when a notification is submitted, and at no other time: what was right then is read, evaluated
again and forwarded for ever. An update is never refused for it: what changes a case has to come through.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from notifier.errors import Fault, NotificationInvalidError
from notifier.notification.model import Notification
from notifier.times import full_date, moment

AHEAD: Final = dt.timedelta(hours=24)
"""How far what has happened may lie in the future: clocks and time zones are wrong by less."""

HAPPENED: Final = frozenset({"arrest", "detention", "release"})
"""Types of what has happened by their name alone."""

HAPPENED_STAGES: Final = frozenset(
    {
        *(("deportation", "completed"), ("travel", "departed"), ("travel", "attempted"), ("travel", "denied")),
        *(("travel", "transited"), ("travel", "arrived"), ("consular", "informed"), ("consular", "requested")),
        *(("consular", "declined"), ("consular", "notified"), ("consular", "visited")),
    }
)
"""Types and stages of what has happened; what is ordered or planned, or goes on, may lie ahead."""

_LAST_ZONE: Final = dt.timedelta(hours=12)
"""A day is over everywhere when it is at UTC-12."""


def check_timely(notification: Notification, now: int) -> None:
    """Raise `NotificationInvalidError` where a date could not be meant at `now` (Unix milliseconds)."""
    faults = [] if notification.type == "update" else untimely(notification, now)
    if faults:
        raise NotificationInvalidError(faults)


def untimely(notification: Notification, now: int) -> list[Fault]:
    """What is wrong with the dates at `now` (Unix milliseconds), each by its pointer."""
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
