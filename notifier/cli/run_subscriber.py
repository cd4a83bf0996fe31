"""`notifier run subscriber`: runs the service that fills an inbox."""

from __future__ import annotations

from logging import INFO
from typing import TYPE_CHECKING

import click

from notifier.cli.context import Context, common
from notifier.cli.output import in_color, log_level
from notifier.cli.run import listen_option, listening
from notifier.cli.subscribe import sink_option, sinks_of
from notifier.errors import ConfigError
from notifier.runtime import Runtime

if TYPE_CHECKING:
    from notifier.consumers.service import SubscriberService
    from notifier.directory.client import DirectoryClient
    from notifier.transport.base import Transport


@click.command(epilog="Example: notifier run subscriber --as DEU/spoc --sink jsonl:inbox.jsonl")
@sink_option
@listen_option
@common(acts=True)
def command(context: Context, sinks: tuple[str, ...], listen: str | None) -> None:
    """Fill the inbox from the feed, until SIGTERM or SIGINT.

    It verifies, opens and stores each message, then gives it to the sinks. A second one on the same inbox stands by.
    """
    from notifier.consumers.inbox.inbox import Inbox
    from notifier.consumers.service import SubscriberService
    from notifier.keyfiles import decryption_keys, signing_key, storage_key
    from notifier.lifecycle import Parts
    from notifier.supervision import run_service

    given = sinks_of(sinks)
    settings = listening(context.settings(), listen)
    address = settings.inbox
    if address is None:
        raise ConfigError(detail="inbox is not set", hint="name the database of the inbox")
    signing, decryption, storage = (
        signing_key(settings.keys),
        decryption_keys(settings.keys),
        storage_key(settings.keys),
    )

    def build(transport: Transport, directory: DirectoryClient, runtime: Runtime) -> SubscriberService:
        async def opened() -> Parts[Inbox]:
            inbox = await Inbox.open(address, settings.name, storage, runtime)
            return Parts(inbox, transport, directory, signing, decryption, refreshes=False)

        return SubscriberService(settings.name, opened, given, runtime)

    run_service("subscriber", settings, build, level=log_level(INFO), color=in_color())
