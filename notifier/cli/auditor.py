"""`notifier auditor`: one auditor process, with a log folder of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from notifier.cli.context import Context, common
from notifier.errors import ConfigError
from notifier.runtime import Runtime

if TYPE_CHECKING:
    from notifier.auditor.auditor import Auditor
    from notifier.directory.client import DirectoryClient
    from notifier.transport.base import Transport


@click.command(epilog="Example: notifier auditor --home .notifier --listen 127.0.0.1:9466")
@click.option("--listen", metavar="HOST:PORT", help="Where metrics and health are served, in place of the setting.")
@common()
def command(context: Context, listen: str | None) -> None:
    """Run an auditor until it is told to stop (SIGTERM, SIGINT).

    It keeps a Merkle log of every decision and delivery in its log folder, and signs a checkpoint at least
    once a second while there is something new.
    """
    from notifier.audit.checkpoint import Signer, Verifier
    from notifier.auditor.auditor import Auditor
    from notifier.keyfiles import signing_key
    from notifier.supervision import run_service

    settings = context.settings("auditor")
    folder = settings.log_folder
    if folder is None:
        raise ConfigError(detail="log_folder is not set")
    if listen is not None:
        settings = replace(settings, listen=listen)
    key = signing_key(settings.keys)

    def build(transport: Transport, directory: DirectoryClient, runtime: Runtime) -> Auditor:  # noqa: ARG001
        hub = directory.snapshot().directory.hub
        signer = Signer.of(hub.log_origin, key)
        if signer.verifier.vkey not in hub.log_vkeys():
            raise ConfigError(detail="the directory does not list keys.signing as a key of the log")
        earlier = [Verifier.from_vkey(vkey) for vkey in hub.log_vkeys()]
        return Auditor(transport, folder, signer, earlier=earlier)

    run_service("auditor", settings, build)
