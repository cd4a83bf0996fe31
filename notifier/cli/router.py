"""`notifier router`: one router process; run as many as there is work for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from notifier.cli.context import Context, common
from notifier.runtime import Runtime

if TYPE_CHECKING:
    from notifier.directory.client import DirectoryClient
    from notifier.routing.router import Router
    from notifier.transport.base import Transport


@click.command(epilog="Example: notifier router --home .notifier --listen 127.0.0.1:9465")
@click.option("--listen", metavar="HOST:PORT", help="Where metrics and health are served, in place of the setting.")
@common()
def command(context: Context, listen: str | None) -> None:
    """Run a router until it is told to stop (SIGTERM, SIGINT).

    Routers share the intake partitions; start another one at any time, and stop or kill any.
    """
    from notifier.directory.key_check import check_private_keys
    from notifier.keyfiles import decryption_keys, signing_key
    from notifier.routing.router import Router
    from notifier.supervision import run_service

    settings = context.settings("router")
    if listen is not None:
        settings = replace(settings, listen=listen)
    signing, decryption = signing_key(settings.keys), decryption_keys(settings.keys)

    def build(transport: Transport, directory: DirectoryClient, runtime: Runtime) -> Router:
        hub = directory.snapshot().directory.hub
        check_private_keys("the hub", hub.keys, signing.key_id, decryption, runtime.clock())
        return Router(transport, directory, signing=signing, decryption=decryption, runtime=runtime)

    run_service("router", settings, build)
