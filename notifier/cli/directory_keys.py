"""`notifier directory roles|key|log`: manages the keys that sign the directory and the audit log."""

from __future__ import annotations

import json
from pathlib import Path

import click

from notifier.cli.directory_shared import folder_option, keys_option, read_as, read_file, registry_of, report_change
from notifier.cli.output import Group
from notifier.directory.roles import ALL_ROLES, delegator_of


@click.command(epilog="Example: notifier directory roles --folder pub")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def roles(folder: Path, *, as_json: bool) -> None:
    """Show the keys, the threshold and the expiry of each role."""
    from notifier.escaping import json_text
    from notifier.times import rfc3339

    state = registry_of(folder, folder).state()
    found = [
        {
            "role": role,
            "threshold": state.threshold(role),
            "keys": list(state.keyids(role)),
            "ends": rfc3339(state.versions[role].ends) if role in state.versions else None,
        }
        for role in ALL_ROLES
    ]
    if as_json:
        click.echo(json_text({"roles": found}, indent=2))
        return
    for one in found:
        until = f", valid until {str(one['ends'])[:10]}" if one["ends"] else ""
        click.echo(f"{one['role']}: {one['threshold']} of {len(state.keyids(str(one['role'])))}{until}")
        for keyid in state.keyids(str(one["role"])):
            click.echo(f"  {keyid}")


@click.group(cls=Group, epilog="Example: notifier directory key make timestamp --keys online-keys > new.json")
def key() -> None:
    """Manage the keys of the directory's roles.

    Keys overlap while both are listed: add the new one, use it, then revoke the old one. Or use rotate, which does
    both in one version.
    """


@key.command(epilog="Example: notifier directory key make timestamp --keys online-keys > new.json")
@click.argument("role", type=click.Choice(ALL_ROLES))
@keys_option
def make(role: str, keys: Path) -> None:
    """As a holder: create a private key of ROLE, and print the public key."""
    from notifier.directory.holders import key_document, make_key

    click.echo(json.dumps(key_document(role, make_key(keys, role))))


@key.command(epilog="Example: notifier directory key add new.json --folder pub --keys role-keys")
@click.argument("file", type=click.Path(path_type=Path))
@folder_option
@keys_option
def add(file: Path, folder: Path, keys: Path) -> None:
    """Add the key in FILE to its role."""
    _change(file, (), folder, keys)


@key.command(epilog="Example: notifier directory key rotate new.json KEYID --folder pub --keys role-keys")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("keyid")
@folder_option
@keys_option
def rotate(file: Path, keyid: str, folder: Path, keys: Path) -> None:
    """Replace KEYID by the key in FILE.

    See notifier directory roles for the key ids.
    """
    _change(file, (keyid,), folder, keys)


@key.command(epilog="Example: notifier directory key revoke timestamp KEYID --folder pub --keys role-keys")
@click.argument("role", type=click.Choice(ALL_ROLES))
@click.argument("keyid")
@folder_option
@keys_option
def revoke(role: str, keyid: str, folder: Path, keys: Path) -> None:
    """Remove KEYID from ROLE.

    See notifier directory roles for the key ids.
    """
    registry = registry_of(folder, keys)
    report_change(registry, delegator_of(role), out=registry.change_role(role, (), (keyid,)))


def _change(file: Path, gone: tuple[str, ...], folder: Path, keys: Path) -> None:
    from notifier.directory.holders import from_key_document

    role, public = read_as(file, from_key_document)
    registry = registry_of(folder, keys)
    report_change(registry, delegator_of(role), out=registry.change_role(role, (public,), gone))


@click.group(
    cls=Group,
    epilog="Example: notifier directory log request --root 1.root.json --origin hub.example/log --key log.key",
)
def log() -> None:
    """Manage the keys of the audit log."""


@log.command(epilog="Example: notifier directory log request --root 1.root.json --key log-2.key > log.json")
@click.option("--root", type=click.Path(path_type=Path), required=True, help="The trusted 1.root.json.")
@click.option("--origin", default="notifier.example/log", show_default=True, help="The name of the audit log.")
@click.option(
    "--key",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    help="The private key file; created if missing.",
)
def request(root: Path, origin: str, file: Path) -> None:
    """As the auditor: create the log's next key, and print a request."""
    import secrets

    from notifier.audit.checkpoint import Signer
    from notifier.config import KeySettings
    from notifier.directory.client import hub_id_of
    from notifier.directory.enrolment import log_request
    from notifier.keyfiles import KEY_BYTES, signing_key, write_private

    hub_id = hub_id_of(read_file(root))
    if not file.exists():
        write_private(file, secrets.token_bytes(KEY_BYTES))
    signer = Signer.of(origin, signing_key(KeySettings(file)))
    click.echo(json.dumps(log_request(hub_id, signer).to_document()))


@log.command(name="add", epilog="Example: notifier directory log add log.json --folder pub --keys role-keys")
@click.argument("file", type=click.Path(path_type=Path))
@folder_option
@keys_option
def add_log_key(file: Path, folder: Path, keys: Path) -> None:
    """Make the key in FILE the signing key of the log.

    Signatures by the key before it stay valid.
    """
    from notifier.directory.enrolment import LogKeyRequest

    registry = registry_of(folder, keys)
    asked = read_as(file, LogKeyRequest.from_document)
    report_change(registry, "directory", out=registry.change_log_key(asked))


@log.command(name="revoke", epilog="Example: notifier directory log revoke VKEY --folder pub --keys role-keys")
@click.argument("vkey")
@folder_option
@keys_option
def revoke_log_key(vkey: str, folder: Path, keys: Path) -> None:
    """Revoke VKEY, an earlier key of the log, because it was stolen.

    Its signatures verify no more.
    """
    registry = registry_of(folder, keys)
    report_change(registry, "directory", out=registry.revoke_log_key(vkey))
