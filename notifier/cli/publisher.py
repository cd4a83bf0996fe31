"""`notifier publisher`: the service that carries an authority's outbox."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from notifier.cli.context import Context, common
from notifier.runtime import Runtime

if TYPE_CHECKING:
    from notifier.directory.client import DirectoryClient
    from notifier.outbox.outbox import Outbox
    from notifier.producers.service import Carrier
    from notifier.transport.base import Transport


@click.command(epilog="Example: notifier publisher --as TUR/spoc --listen 127.0.0.1:9467")
@click.option("--listen", metavar="HOST:PORT", help="Where metrics and health are served, in place of the setting.")
@common(acts=True)
def command(context: Context, listen: str | None) -> None:
    """Carry the outbox until told to stop (SIGTERM, SIGINT): whatever is stored in it is sent.

    While it runs, publish, forward, review and person need no broker: what they store leaves by this. Start another
    one on the same outbox at any time: it stands by.
    """
    from notifier.keyfiles import signing_key, storage_key
    from notifier.outbox.outbox import Outbox
    from notifier.outbox.sealer import Sealer
    from notifier.producers.service import Carrier
    from notifier.supervision import run_service

    settings = context.writer()
    if listen is not None:
        settings = replace(settings, listen=listen)
    address = settings.writes_to()
    signing, storage = signing_key(settings.keys), storage_key(settings.keys)

    def build(transport: Transport, directory: DirectoryClient, runtime: Runtime) -> Carrier:
        Sealer(settings.name, signing, runtime).check(directory.snapshot().directory)

        async def opened() -> Outbox:
            return await Outbox.open(address, settings.name, storage, runtime)

        return Carrier(settings.name, opened, transport, directory, signing, runtime)

    run_service("publisher", settings, build)
