"""Notifications that wait in the outbox when a verb ends: the reason, and whether a service sends them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Self

import click

from notifier.cli.output import note
from notifier.config import Settings
from notifier.errors import REASONS, TemporaryError
from notifier.outbox.states import SET_ASIDE, RecipientState

if TYPE_CHECKING:
    from notifier.outbox.status import Status
    from notifier.producers.publisher import Publisher

WAITS: Final = 3
_CARRIED: Final = "a service sends the outbox"
_ALONE: Final = "no service sends the outbox: start notifier run publisher, or repeat notifier publish"


@dataclass(frozen=True, slots=True)
class Pending:
    """The entries that a verb leaves in the outbox.

    `waiting` counts what the hub has not decided, with its last `reasons`. `unreachable` lists recipients that cannot
    be reached yet, by reason. `carried` is True if a service sends the outbox.
    """

    waiting: int
    reasons: tuple[str, ...]
    unreachable: dict[str, tuple[str, ...]]
    carried: bool

    @classmethod
    async def of(cls, publisher: Publisher, waiting: int, statuses: Sequence[Status]) -> Self:
        """Return what is left of these messages, or of the whole outbox without any."""
        reasons = {one.reason for one in statuses if one.state is RecipientState.WAITING and one.reason}
        found: dict[str, Collection[str]] = {
            reason: {
                one.authority
                for status in statuses
                for one in status.recipients
                if one.authority is not None and one.state is RecipientState.HELD and reason in one.because
            }
            for reason in SET_ASIDE
        }
        if not statuses:
            found = {**found, **await publisher.unreachable()}
        unreachable = {reason: tuple(sorted(names)) for reason, names in found.items() if names}
        return cls(waiting, tuple(sorted(reasons)), unreachable, await publisher.carried())


def report_pending(settings: Settings, left: Pending, *, insisted: bool = False) -> int:
    """Print what is left, and return the exit status: 3 if nothing sends it, or if `insisted` on a decision."""
    alone = (left.waiting or left.unreachable) and not left.carried
    status = WAITS if alone or (left.waiting and insisted) else 0
    say = partial(click.echo, err=True) if status else note
    hint = _CARRIED if left.carried else _ALONE
    if left.waiting:
        found = _fault(settings, f"{left.waiting} in the outbox, not yet decided by the hub", left.reasons)
        say(f"notifier: {found.reason}: {found.detail} ({hint})")
    for reason, names in left.unreachable.items():
        what = f"{', '.join(names)}: {REASONS[reason]}; sent automatically once possible"
        say(f"notifier: {reason}: {what} ({hint})")
    return status


def _fault(settings: Settings, text: str, reasons: Sequence[str]) -> TemporaryError:
    from notifier.doctor.broker import check_broker
    from notifier.doctor.findings import OK

    found = asyncio.run(check_broker(settings))
    if found.state != OK:
        return TemporaryError(found.reason, f"{found.detail}: {text}")
    return TemporaryError(min(reasons, default="undecided"), text)
