"""`notifier run router`: runs one router process."""

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
    from notifier.routing.router import Router
    from notifier.transport.base import Transport


@click.command(epilog="Example: notifier run router --home .notifier --listen 127.0.0.1:9465")
@listen_option
@common()
def command(context: Context, listen: str | None) -> None:
    """Run a router until SIGTERM or SIGINT.

    Routers share the partitions of the intake. Start another one, stop or kill one at any time.
    """
    from notifier.directory.key_check import check_private_keys
    from notifier.keyfiles import decryption_keys, signing_key
    from notifier.routing.router import Router
    from notifier.supervision import run_service

    settings = listening(context.settings("router"), listen)
    signing, decryption = signing_key(settings.keys), decryption_keys(settings.keys)

    def build(transport: Transport, directory: DirectoryClient, runtime: Runtime) -> Router:
        hub = directory.snapshot().directory.hub
        check_private_keys("the hub", hub.keys, signing.key_id, decryption, runtime.clock())
        return Router(transport, directory, signing=signing, decryption=decryption, runtime=runtime)

    run_service("router", settings, build, level=log_level(INFO), color=in_color())
