"""`notifier run publisher`: runs the service that sends what waits in an outbox."""

from __future__ import annotations

from logging import INFO
from typing import TYPE_CHECKING

import click

from notifier.cli.context import Context, common
from notifier.cli.output import in_color, log_level
from notifier.cli.run import listen_option, listening
from notifier.runtime import Runtime

if TYPE_CHECKING:
    from notifier.directory.client import DirectoryClient
    from notifier.outbox.outbox import Outbox
    from notifier.producers.service import Carrier
    from notifier.transport.base import Transport


@click.command(epilog="Example: notifier run publisher --as TUR/spoc --listen 127.0.0.1:9467")
@listen_option
@common(acts=True)
def command(context: Context, listen: str | None) -> None:
    """Send what waits in the outbox, until SIGTERM or SIGINT.

    While it runs, publish, forward, review and person need no broker: this sends what they store. A second one on the
    same outbox stands by.
    """
    from notifier.keyfiles import signing_key, storage_key
    from notifier.outbox.outbox import Outbox
    from notifier.outbox.sealer import Sealer
    from notifier.producers.service import Carrier
    from notifier.supervision import run_service

    settings = listening(context.writer(), listen)
    address = settings.writes_to()
    signing, storage = signing_key(settings.keys), storage_key(settings.keys)

    def build(transport: Transport, directory: DirectoryClient, runtime: Runtime) -> Carrier:
        Sealer(settings.name, signing, runtime).check(directory.snapshot().directory)

        async def opened() -> Outbox:
            return await Outbox.open(address, settings.name, storage, runtime)

        return Carrier(settings.name, opened, transport, directory, signing, runtime)

    run_service("publisher", settings, build, level=log_level(INFO), color=in_color())
