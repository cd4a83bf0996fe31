"""`notifier directory`: participants, authorities, keys and rules, kept by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from notifier.cli.context import Context, common
from notifier.errors import Malformed, Refused
from notifier.runtime import wall_clock

if TYPE_CHECKING:
    from notifier.directory.registry import Registry

T = TypeVar("T")

folder_option = click.option(
    "--folder", type=click.Path(path_type=Path), required=True, help="The directory's folder, as it is published."
)
keys_option = click.option(
    "--keys", type=click.Path(path_type=Path), required=True, help="The folder of your role keys; keep it apart."
)


@click.group(epilog="Example: notifier directory show")
def command() -> None:
    """The signed directory: who takes part, with which keys, and by which rules.

    Enrolment, in order: `request` (the authority), `add` (the registrar poses a challenge), `prove` (the
    authority answers), `add --answer` (the registrar enrols). Two of three key holders sign: each runs `sign`.
    """


@command.command(epilog="Example: notifier directory show --json")
@common(prints=True)
def show(context: Context) -> None:
    """Show the verified directory: authorities, keys with their state, versions."""
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
    for one in directory.authorities.values():
        click.echo(f"{one.name:<18} {one.state.value}  {', '.join(sorted(one.publishes))}")
        for key in one.keys:
            click.echo(f"  {key.use.value:<8} {key.key_id.hex()}  {key.state.value}")


@command.command(epilog="Example: notifier directory init --folder pub --keys role-keys --hub hub-keys")
@folder_option
@keys_option
@click.option("--hub", type=click.Path(path_type=Path), required=True, help="Where the hub's private keys go.")
@click.option("--origin", default="notifier.example/log", show_default=True, help="The audit log's name.")
@click.option("--partitions", type=click.IntRange(1, 1024), default=4, show_default=True, help="Of intake, for good.")
def init(folder: Path, keys: Path, hub: Path, origin: str, partitions: int) -> None:
    """Make a new directory without authorities: role keys (three a role), hub keys, default rules."""
    from notifier.directory.registry import create

    create(folder, keys, hub, origin, partitions, wall_clock())
    click.echo(f"made {folder}; publish it, and 1.root.json by a way that your authorities trust", err=True)
    click.echo(f"give each of the three holders one key a role out of {keys}, and keep none together", err=True)


@command.command(epilog="Example: notifier directory request NLD/spoc --root 1.root.json --party nld > request.json")
@click.argument("authority")
@click.option("--root", type=click.Path(path_type=Path), required=True, help="The trusted 1.root.json.")
@click.option("--party", type=click.Path(path_type=Path), required=True, help="Where the private keys are, or go.")
def request(authority: str, root: Path, party: Path) -> None:
    """As an authority: make keys where there are none, and print the request for enrolment."""
    from notifier.directory import enrolment
    from notifier.directory.client import hub_id_of

    hub_id = hub_id_of(_bytes(root))
    signing, decryption = _party_keys(party, make=True)
    asked = enrolment.request(authority, hub_id, signing, decryption)
    click.echo(json.dumps(asked.to_document()))


@command.command(
    epilog="Example: notifier directory prove challenge.json --root 1.root.json --party nld > answer.json"
)
@click.argument("challenge", type=click.Path(path_type=Path))
@click.option("--root", type=click.Path(path_type=Path), required=True, help="The trusted 1.root.json.")
@click.option("--party", type=click.Path(path_type=Path), required=True, help="Where the private keys are.")
def prove(challenge: Path, root: Path, party: Path) -> None:
    """As an authority: answer the registrar's challenge."""
    from notifier.directory import enrolment
    from notifier.directory.client import hub_id_of

    posed = _named(challenge, enrolment.Challenge.from_document)
    given = enrolment.answer(posed, hub_id_of(_bytes(root)), _party_keys(party)[1])
    click.echo(json.dumps({"answer": given.hex()}))


@command.command(epilog="Example: notifier directory add request.json --folder pub --keys role-keys > challenge.json")
@click.argument("request_file", metavar="REQUEST", type=click.Path(path_type=Path))
@click.option("--answer", type=click.Path(path_type=Path), help="The authority's answer: enrols it.")
@folder_option
@keys_option
def add(request_file: Path, answer: Path | None, folder: Path, keys: Path) -> None:
    """As the registrar: check a request and print the challenge; with --answer, enrol."""
    from notifier.directory.enrolment import Request

    asked = _named(request_file, Request.from_document)
    registry = _registry(folder, keys)
    if answer is None:
        click.echo(json.dumps(registry.pose(asked).to_document()))
        return
    given = _document(answer)
    if not isinstance(given, dict) or not isinstance(given.get("answer"), str):
        raise Malformed(detail=f"{answer}: must be an object with the field answer")
    try:
        value = bytes.fromhex(given["answer"])
    except ValueError as error:
        raise Malformed(detail=f"{answer}: the answer is hex") from error
    _said(registry.enrol(asked, value))


@command.command(
    epilog="Example: notifier directory rotate TUR/spoc KEYID --state retiring --folder pub --keys role-keys"
)
@click.argument("authority")
@click.argument("key_id")
@click.option(
    "--state",
    type=click.Choice(["retiring", "revoked"]),
    default="retiring",
    show_default=True,
    help="Retiring: makes nothing new. Revoked: at once.",
)
@folder_option
@keys_option
def rotate(authority: str, key_id: str, state: str, folder: Path, keys: Path) -> None:
    """Retire or revoke a key, after its successor was enrolled with `add`."""
    from notifier.directory.model import KeyState

    try:
        wanted = bytes.fromhex(key_id)
    except ValueError as error:
        raise Refused(
            "not_found", "a key's id is 32 hex digits", hint="notifier directory show lists them"
        ) from error
    _said(_registry(folder, keys).change_key(authority, wanted, KeyState(state)))


@command.command(epilog="Example: notifier directory rules rules.json --folder pub --keys role-keys")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace-staged", is_flag=True, help="Drop a version that still waits for signatures.")
@folder_option
@keys_option
def rules(file: Path, replace_staged: bool, folder: Path, keys: Path) -> None:
    """Publish FILE as the next version of the rules: it is checked, numbered and signed.

    FILE is what `notifier rules show --json` prints, edited; its version is the one that it was made from. See
    first what it changes, and for whom: `notifier rules diff current FILE --replay`.
    """
    from notifier.directory import rulebook
    from notifier.routing.rules import RuleSet

    registry = _registry(folder, keys)
    following, out = registry.change_rules(RuleSet.from_document(_document(file)), replace_staged=replace_staged)
    for name in rulebook.strangers(following, registry.directory):
        click.echo(f"notifier: warning: {name} subscribes to a corridor, and does not take part", err=True)
    click.echo(f"version {following.version} of the rules", err=True)
    _said(out)


@command.command(epilog="Example: notifier directory renew rules --folder pub --keys role-keys")
@click.argument("role", type=click.Choice(["directory", "rules"]))
@folder_option
@keys_option
def renew(role: str, folder: Path, keys: Path) -> None:
    """Sign the directory or the rules as they are for another year: what is not signed anew expires."""
    _said(_registry(folder, keys).renew(role))


@command.command(epilog="Example: notifier directory sign --folder pub --keys role-keys")
@folder_option
@keys_option
def sign(folder: Path, keys: Path) -> None:
    """Add your signatures to what waits for them, and make the timestamp fresh. Run it daily."""
    short = _registry(folder, keys).sign()
    if short:
        raise Refused(
            "directory_invalid",
            f"still short of its threshold: {', '.join(short)}",
            hint="another holder runs notifier directory sign",
        )
    click.echo("signed", err=True)


def _said(out: bool) -> None:
    said = "published" if out else "staged: another holder has to sign (notifier directory sign)"
    click.echo(said, err=True)


def _registry(folder: Path, keys: Path) -> Registry:
    from notifier.directory.registry import Registry

    return Registry(folder, keys, wall_clock)


def _party_keys(folder: Path, *, make: bool = False) -> Any:
    import secrets

    from notifier.config import KeySettings
    from notifier.keyfiles import decryption_keys, signing_key, write_private

    settings = KeySettings(folder / "signing.key", (folder / "encryption.key",), folder / "storage.key")
    for path in (folder / "signing.key", folder / "encryption.key", folder / "storage.key"):
        if make and not path.exists():
            write_private(path, secrets.token_bytes(32))
    (decryption,) = decryption_keys(settings).values()
    return signing_key(settings), decryption


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused("not_found", f"{path}: {(error.strerror or 'cannot be read').lower()}") from error


def _document(path: Path) -> Any:
    try:
        return json.loads(_bytes(path))
    except (ValueError, RecursionError) as error:
        raise Malformed(detail=f"{path}: is not JSON") from error


def _named(path: Path, read: Callable[[Any], T]) -> T:
    """What `read` makes of the JSON in a file; a refusal names the file."""
    document = _document(path)
    try:
        return read(document)
    except Malformed as error:
        raise Malformed(detail=f"{path}: {error.detail}") from error
