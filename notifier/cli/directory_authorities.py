"""`notifier directory request|add|prove|rotate|suspend|permit|remove`: manages authorities and their keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from notifier.cli.directory_shared import (
    folder_option,
    keys_option,
    party_keys,
    read_as,
    read_file,
    read_json,
    registry_of,
    report_change,
)
from notifier.errors import MalformedError, NotFoundError


@click.command(epilog="Example: notifier directory request NLD/spoc --root 1.root.json --party nld > request.json")
@click.argument("authority")
@click.option("--root", type=click.Path(path_type=Path), required=True, help="The trusted 1.root.json.")
@click.option("--party", type=click.Path(path_type=Path), required=True, help="The folder of the private keys.")
@click.option("--present", type=click.Path(path_type=Path), help="The present signing key, which signs the request.")
def request(authority: str, root: Path, party: Path, present: Path | None) -> None:
    """As an authority: create missing keys, and print a request.

    The request asks for enrolment. An enrolled authority uses --present: without that signature the holders are shown
    a replacement of its keys. The hub requests as hub, for the keys of its statements and slips.
    """
    from notifier.directory import enrolment
    from notifier.directory.client import hub_id_of

    hub_id = hub_id_of(read_file(root))
    signing, decryption = party_keys(party, make=True)
    asked = enrolment.request(authority, hub_id, signing, decryption, _present(present))
    click.echo(json.dumps(asked.to_document()))


@click.command(epilog="Example: notifier directory prove challenge.json --root 1.root.json --party nld > answer.json")
@click.argument("challenge", type=click.Path(path_type=Path))
@click.option("--root", type=click.Path(path_type=Path), required=True, help="The trusted 1.root.json.")
@click.option("--party", type=click.Path(path_type=Path), required=True, help="The folder of the private keys.")
def prove(challenge: Path, root: Path, party: Path) -> None:
    """As an authority: answer the challenge of the registrar."""
    from notifier.directory import enrolment
    from notifier.directory.client import hub_id_of

    posed = read_as(challenge, enrolment.Challenge.from_document)
    given = enrolment.answer(posed, hub_id_of(read_file(root)), party_keys(party)[1])
    click.echo(json.dumps({"answer": given.hex()}))


@click.command(epilog="Example: notifier directory add request.json --folder pub --keys role-keys > challenge.json")
@click.argument("request_file", metavar="REQUEST", type=click.Path(path_type=Path))
@click.option("--answer", type=click.Path(path_type=Path), help="The answer of the authority, which enrols it.")
@folder_option
@keys_option
def add(request_file: Path, answer: Path | None, folder: Path, keys: Path) -> None:
    """As the registrar: check a request and print the challenge, or enrol.

    With --answer it checks the answer and enrols the authority.
    """
    from notifier.directory.enrolment import Request

    asked = read_as(request_file, Request.from_document)
    registry = registry_of(folder, keys)
    if answer is None:
        click.echo(json.dumps(registry.issue_challenge(asked).to_document()))
        return
    given = read_json(answer)
    if not isinstance(given, dict) or not isinstance(given.get("answer"), str):
        raise MalformedError(detail=f"{answer}: must be an object with the field answer")
    try:
        value = bytes.fromhex(given["answer"])
    except ValueError as error:
        raise MalformedError(detail=f"{answer}: the answer must be hexadecimal") from error
    report_change(registry, "directory", out=registry.enrol(asked, value))


@click.command(
    epilog="Example: notifier directory rotate TUR/spoc KEYID --state retiring --folder pub --keys role-keys"
)
@click.argument("authority")
@click.argument("key_id")
@click.option(
    "--state",
    type=click.Choice(["retiring", "revoked"]),
    default="retiring",
    show_default=True,
    help="Retiring: signs nothing new. Revoked: invalid at once.",
)
@folder_option
@keys_option
def rotate(authority: str, key_id: str, state: str, folder: Path, keys: Path) -> None:
    """Retire or revoke a key of an authority or of the hub.

    First enrol its successor with notifier directory add. The name of the hub is hub.
    """
    from notifier.directory.model import KeyState

    try:
        wanted = bytes.fromhex(key_id)
    except ValueError as error:
        raise NotFoundError(detail="a key id has 32 hex digits", hint="notifier directory show lists them") from error
    registry = registry_of(folder, keys)
    report_change(registry, "directory", out=registry.change_key(authority, wanted, KeyState(state)))


@click.command(epilog="Example: notifier directory suspend TUR/fiu --folder pub --keys role-keys")
@click.argument("authority")
@folder_option
@keys_option
def suspend(authority: str, folder: Path, keys: Path) -> None:
    """Stop an authority from sending and receiving, for a time.

    notifier directory permit lets it take part again. What it sent before stays readable.
    """
    from notifier.directory.model import AuthorityState

    _stand(authority, folder, keys, state=AuthorityState.SUSPENDED)


@click.command(epilog="Example: notifier directory permit TUR/fiu finint arrest --folder pub --keys role-keys")
@click.argument("authority")
@click.argument("types", nargs=-1, metavar="[TYPE]...")
@folder_option
@keys_option
def permit(authority: str, types: tuple[str, ...], folder: Path, keys: Path) -> None:
    """Let a suspended authority take part again.

    With TYPE, it may send these types and no others.
    """
    from notifier.directory.model import AuthorityState
    from notifier.rules.facts import PERMISSIONS

    if unknown := sorted(set(types) - PERMISSIONS):
        known = ", ".join(sorted(PERMISSIONS))
        raise NotFoundError(detail=f"there is no type {unknown[0]}", hint=f"use one of {known}")
    publishes = frozenset(types) if types else None
    _stand(authority, folder, keys, state=AuthorityState.ACTIVE, publishes=publishes)


@click.command(epilog="Example: notifier directory remove TUR/fiu --folder pub --keys role-keys")
@click.argument("authority")
@folder_option
@keys_option
def remove(authority: str, folder: Path, keys: Path) -> None:
    """Remove an authority for good.

    What it sent before stays readable.
    """
    from notifier.directory.model import AuthorityState

    _stand(authority, folder, keys, state=AuthorityState.REMOVED)


def _stand(authority: str, folder: Path, keys: Path, **standing: Any) -> None:
    registry = registry_of(folder, keys)
    report_change(registry, "directory", out=registry.change_standing(authority, **standing))


def _present(path: Path | None) -> Any:
    from notifier.crypto.keys import SigningKey
    from notifier.keyfiles import KEY_BYTES, read_secret

    if path is None:
        return None
    secret = read_secret(path, "the present key", "with --present")
    if len(secret) != KEY_BYTES:
        raise MalformedError(detail=f"{path}: must contain {KEY_BYTES} bytes")
    return SigningKey.from_secret(secret)
