"""`notifier run`: runs a service in the foreground."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from notifier.cli.verbs import Services
from notifier.config import Settings

F = TypeVar("F", bound=Callable[..., Any])


@click.group(cls=Services, epilog="Example: notifier run router --listen 127.0.0.1:9465")
def command() -> None:
    """Run a service in the foreground, until SIGTERM or SIGINT.

    A service logs to standard error. After a temporary fault (the broker is down, the disk is full) it restarts, at
    most three seconds later.
    """


def listen_option(function: F) -> F:
    """Add ``--listen``."""
    return click.option(
        "--listen", metavar="HOST:PORT", help="Serve metrics and health here, in place of the setting `listen`."
    )(function)


def listening(settings: Settings, listen: str | None) -> Settings:
    """Return `settings` with the address of ``--listen``, if it is given."""
    return settings if listen is None else replace(settings, listen=listen)
