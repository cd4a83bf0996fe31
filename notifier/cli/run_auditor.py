"""`notifier run auditor`: runs one auditor process, which owns its log folder."""

from __future__ import annotations

from logging import INFO
from typing import TYPE_CHECKING

import click

from notifier.cli.context import Context, common
from notifier.cli.output import in_color, log_level
from notifier.cli.run import listen_option, listening
from notifier.errors import ConfigError
from notifier.runtime import Runtime

if TYPE_CHECKING:
    from notifier.auditor.auditor import Auditor
    from notifier.directory.client import DirectoryClient
    from notifier.transport.base import Transport


@click.command(epilog="Example: notifier run auditor --home .notifier --listen 127.0.0.1:9466")
@listen_option
@common()
def command(context: Context, listen: str | None) -> None:
    """Run an auditor until SIGTERM or SIGINT.

    It keeps a Merkle log of all decisions and deliveries in its log folder. While there is something new, it signs a
    checkpoint at least once a second.
    """
    from notifier.audit.checkpoint import Signer, Verifier
    from notifier.auditor.auditor import Auditor
    from notifier.keyfiles import signing_key
    from notifier.supervision import run_service

    settings = listening(context.settings("auditor"), listen)
    folder = settings.log_folder
    if folder is None:
        raise ConfigError(detail="log_folder is not set", hint="name the folder of the log")
    key = signing_key(settings.keys)

    def build(transport: Transport, directory: DirectoryClient, runtime: Runtime) -> Auditor:  # noqa: ARG001
        hub = directory.snapshot().directory.hub
        signer = Signer.of(hub.log_origin, key)
        if signer.verifier.vkey not in hub.log_vkeys():
            raise ConfigError(
                detail="the directory does not list keys.signing as a key of the log",
                hint="enrol it, or use the enrolled key",
            )
        earlier = [Verifier.from_vkey(vkey) for vkey in hub.log_vkeys()]
        return Auditor(transport, folder, signer, earlier=earlier)

    run_service("auditor", settings, build, level=log_level(INFO), color=in_color())
