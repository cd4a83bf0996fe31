"""Why the hub has not decided yet, for the verbs that waited for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import click

from notifier.config import Settings
from notifier.errors import Temporary


def say_waiting(settings: Settings, waiting: int, said: Iterable[str]) -> None:
    """One line for `waiting` messages: the broker's fault, what the hub last said against them, or nothing known."""
    found = _why(settings, f"{waiting} in the outbox, not yet decided by the hub", said)
    click.echo(f"notifier: {found.reason}: {found.detail} (notifier publish sends what waits)", err=True)


def _why(settings: Settings, text: str, said: Iterable[str]) -> Temporary:
    from notifier.ops.diagnosis import OK, broker

    found = asyncio.run(broker(settings))
    if found.state != OK:
        return Temporary(found.reason, f"{found.detail}: {text}")
    return Temporary(min(said, default="undecided"), text)
