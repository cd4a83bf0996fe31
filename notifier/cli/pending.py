"""What is left in the outbox when a verb ends, why, and whether anybody sends it: one text and one exit status."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import click

from notifier.config import Settings
from notifier.errors import REASONS, TemporaryError
from notifier.outbox.states import SET_ASIDE, RecipientState

if TYPE_CHECKING:
    from notifier.outbox.status import Status
    from notifier.producers.publisher import Publisher

WAITS: Final = 3
_CARRIED: Final = "a service carries the outbox: it goes out by itself"
_ALONE: Final = "no service carries the outbox: start notifier publisher, or repeat notifier publish"


@dataclass(frozen=True, slots=True)
class Left:
    """What a verb leaves behind: how much the hub has not decided, and what it last said against that.

    `unreachable` are recipients that cannot be reached yet, by reason; `carried` says whether a service carries the
    outbox.
    """

    waiting: int
    said: tuple[str, ...]
    unreachable: dict[str, tuple[str, ...]]
    carried: bool

    @classmethod
    async def of(cls, publisher: Publisher, waiting: int, statuses: Sequence[Status]) -> Self:
        """What is left of these messages, or, where none is named, in the outbox."""
        said = {one.reason for one in statuses if one.state is RecipientState.WAITING and one.reason}
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
        return cls(waiting, tuple(sorted(said)), unreachable, await publisher.carried())


def say_left(settings: Settings, left: Left, *, insisted: bool = False) -> int:
    """Say what is left, each on a line; return the exit status: 3 where nobody sends it, or it was waited for."""
    hint = _CARRIED if left.carried else _ALONE
    if left.waiting:
        found = _why(settings, f"{left.waiting} in the outbox, not yet decided by the hub", left.said)
        click.echo(f"notifier: {found.reason}: {found.detail} ({hint})", err=True)
    for reason, names in left.unreachable.items():
        what = f"{', '.join(names)}: {REASONS[reason]}; told by itself once it can be"
        click.echo(f"notifier: {reason}: {what} ({hint})", err=True)
    if left.waiting and insisted:
        return WAITS
    return WAITS if (left.waiting or left.unreachable) and not left.carried else 0


def _why(settings: Settings, text: str, said: Sequence[str]) -> TemporaryError:
    from notifier.doctor.broker import check_broker
    from notifier.doctor.findings import OK

    found = asyncio.run(check_broker(settings))
    if found.state != OK:
        return TemporaryError(found.reason, f"{found.detail}: {text}")
    return TemporaryError(min(said, default="undecided"), text)
