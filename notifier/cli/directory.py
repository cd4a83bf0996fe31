"""`notifier directory`: manages participants, authorities and keys."""

from __future__ import annotations

import copy
from pathlib import Path

import click

from notifier.cli import directory_authorities, directory_keys, directory_signing
from notifier.cli.context import Context, common
from notifier.cli.directory_shared import folder_option, keys_option
from notifier.cli.output import Group, note
from notifier.cli.rules import publish
from notifier.runtime import wall_clock


@click.group(cls=Group, epilog="Example: notifier directory show")
def command() -> None:
    """Manage the signed directory: participants, authorities and keys.

    Enrolment takes four steps: request (the authority), add (the registrar issues a challenge), prove (the authority
    answers), add --answer (the registrar enrols). Two of three key holders sign: one makes the change, another signs
    its digest (sign). The online keys publish it and keep it fresh (freshen, hourly).
    """


@command.command(epilog="Example: notifier directory show --json")
@common(prints=True)
def show(context: Context) -> None:
    """Show the verified directory: versions, authorities, key states."""
    from notifier.directory.document import to_document

    snapshot = context.directory()
    document = to_document(snapshot.directory) | {"rules": snapshot.rules.to_document()}
    document["hub"]["hub_id"] = snapshot.directory.hub.hub_id.hex()
    if context.json:
        context.print_json(document)
        return
    rules, directory = snapshot.rules, snapshot.directory
    click.echo(
        f"directory version {directory.version}, rules version {rules.version}, hub {document['hub']['hub_id']}"
    )
    click.echo(f"log key {directory.hub.log_key}")
    for one_before in directory.hub.log_keys_before:
        click.echo(f"  before {one_before.vkey}  {one_before.state.value}")
    click.echo("hub")
    for key in directory.hub.keys:
        click.echo(f"  {key.use.value:<8} {key.key_id.hex()}  {key.state.value}")
    for one in directory.authorities.values():
        click.echo(f"{one.name:<18} {one.state.value}  {', '.join(sorted(one.publishes))}")
        for key in one.keys:
            click.echo(f"  {key.use.value:<8} {key.key_id.hex()}  {key.state.value}")


@command.command(epilog="Example: notifier directory init --folder pub --keys role-keys --hub hub-keys")
@folder_option
@keys_option
@click.option("--hub", type=click.Path(path_type=Path), required=True, help="The folder for the hub's private keys.")
@click.option("--origin", default="notifier.example/log", show_default=True, help="The name of the audit log.")
@click.option(
    "--partitions",
    type=click.IntRange(1, 1024),
    default=4,
    show_default=True,
    help="Partitions of the intake, for good.",
)
def init(folder: Path, keys: Path, hub: Path, origin: str, partitions: int) -> None:
    """Create a directory without authorities.

    It has role keys (three for each role), keys of the hub, and the default rules.
    """
    from notifier.directory.registry import create

    create(folder, keys, hub, origin, partitions, wall_clock())
    note(f"created {folder}; publish it, and give 1.root.json to your authorities over a channel that they trust")
    note(f"give each of the three holders one key of each role from {keys}; keep no two of a role together")


for verb in (
    directory_authorities.request,
    directory_authorities.add,
    directory_authorities.prove,
    directory_authorities.rotate,
    directory_authorities.suspend,
    directory_authorities.permit,
    directory_authorities.remove,
    directory_signing.renew,
    directory_signing.sign,
    directory_signing.freshen,
    directory_signing.drop,
    directory_keys.roles,
    directory_keys.key,
    directory_keys.log,
):
    command.add_command(verb)

_old_publish = copy.copy(publish)
_old_publish.hidden = True
command.add_command(_old_publish, "rules")  # its name before `notifier rules publish`
