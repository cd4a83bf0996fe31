"""`notifier person add|list|retire`: who, at this authority, may submit, and decide about holds."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from notifier.cli.context import Context, common
from notifier.cli.databases import with_outbox
from notifier.config import Settings
from notifier.errors import ConfigError, NotifierError, RefusedError
from notifier.escaping import escaped
from notifier.persons.model import NAME, PERMISSIONS, PersonKind
from notifier.times import rfc3339

if TYPE_CHECKING:
    from notifier.crypto.keys import SigningKey
    from notifier.outbox.outbox import Outbox
    from notifier.outbox.status import AuditEventProof
    from notifier.persons.model import Person
    from notifier.persons.submissions import Submitter

F = TypeVar("F", bound=Callable[..., Any])


@click.group(epilog="Example: notifier person list --as TUR/spoc")
def command() -> None:
    """Persons who submit and review holds, each with a key of their own: in the outbox, no broker is needed.

    Adding and retiring are acts: the audit log has them as soon as a publisher runs.
    """


@command.command(epilog="Example: notifier person add 'A. Lindt' --may child_reviewer --as TUR/spoc")
@click.argument("name")
@click.option(
    "--may",
    "permissions",
    multiple=True,
    type=click.Choice(PERMISSIONS),
    help="What the person may decide: risks (assurance), children (child_reviewer), the rest (release); repeatable.",
)
@click.option("--service", is_flag=True, help="A program, not a person: it submits, and decides nothing.")
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="The person's private key file; made where there is none. Default: persons/NAME.key beside the settings.",
)
@click.option("--public", metavar="HEX", help="The person's public key, where the private one was made elsewhere.")
@common(acts=True, prints=True)
def add(
    context: Context, name: str, permissions: tuple[str, ...], service: bool, key: Path | None, public: str | None
) -> None:
    """Register NAME, with a key that is made here or given.

    Without --may, NAME submits and decides nothing. The private key is for the person alone: move the file to where
    nobody else can read it.
    """
    settings = context.writer()
    if service and permissions:
        raise click.UsageError("--service and --may exclude each other")
    kind = PersonKind.SERVICE if service else PersonKind.PERSON
    if public is not None and key is not None:
        raise click.UsageError("--public and --key exclude each other")
    if public is not None:
        given, path = _public(public), None
        _refuse_own(settings, given)
        person = with_outbox(settings, lambda outbox: outbox.add_person(name, given, permissions, kind))
    else:
        path = key or key_path(settings, name)
        person = _add_with_file(settings, name, permissions, kind, path)
    if context.json:
        context.print_json({"person": as_document(person), "key_file": None if path is None else str(path)})
        return
    click.echo(_line(person))
    if path is not None:
        click.echo(f"the private key is in {path}: for {escaped(person.name)} alone", err=True)


@command.command("list", epilog="Example: notifier person list --as TUR/spoc --json")
@common(acts=True, prints=True)
def list_(context: Context) -> None:
    """List everybody who is, or was, registered."""

    async def look(outbox: Outbox) -> tuple[list[Person], list[AuditEventProof]]:
        return await outbox.persons(), await outbox.proofs(None)

    persons, proofs = with_outbox(context.settings(), look)
    if context.json:
        acts = [act_document(one) for one in proofs]
        context.print_json({"persons": [as_document(one) for one in persons], "acts": acts})
        return
    for one in persons:
        click.echo(_line(one))
    if not any(one.permissions and one.retired is None for one in persons):
        click.echo("nobody is registered who may release a hold (notifier person add)")


@command.command(epilog="Example: notifier person retire 'A. Lindt' --as TUR/spoc")
@click.argument("name")
@common(acts=True, prints=True)
def retire(context: Context, name: str) -> None:
    """Let NAME decide nothing any more; what was decided stands, and the name and key are not given again."""
    person = with_outbox(context.settings(), lambda outbox: outbox.retire_person(name))
    if context.json:
        context.print_json({"person": as_document(person)})
        return
    click.echo(_line(person))


def as_document(person: Person) -> dict[str, Any]:
    """The form that ``--json`` prints."""
    return {
        "name": person.name,
        "public": person.public.hex(),
        "kind": person.kind,
        "permissions": sorted(person.permissions),
        "added": rfc3339(person.added),
        "retired": None if person.retired is None else rfc3339(person.retired),
    }


def act_document(proof: AuditEventProof) -> dict[str, Any]:
    """An act with what shows it to an auditor: what was said, the envelope that the log names, the slip (hex)."""
    return {
        "kind": proof.state.kind,
        "at": rfc3339(proof.state.at),
        "state": proof.state.state,
        "said": proof.said,
        "envelope": None if proof.envelope is None else proof.envelope.hex(),
        "slip": None if proof.slip is None else proof.slip.hex(),
    }


def submitter_options(function: F) -> F:
    """Add ``--by`` and ``--key``: who submits and signs."""
    key = click.option(
        "--key", type=click.Path(path_type=Path), help="The private key file of --by. Default: persons/NAME.key."
    )
    by = click.option(
        "--by",
        metavar="NAME",
        envvar="NOTIFIER_PERSON",
        help="Who submits and signs: a registered person, who approves nothing of it. Default: keys.submitter.",
    )
    return by(key(function))


def submitter(settings: Settings, by: str | None, key: Path | None) -> Submitter | None:
    """Return who submits by these options; None where nobody is named: then the service of `keys.submitter` does."""
    from notifier.keyfiles import person_key
    from notifier.persons.submissions import Submitter

    if by is None:
        if key is not None:
            raise click.UsageError("--key needs --by, whose key it is")
        return None
    return Submitter(person_key(key or key_path(settings, by)), by)


def decider_options(function: F) -> F:
    """Add ``--by``, which must be given, and ``--key``: who decides and signs."""
    key = click.option(
        "--key", type=click.Path(path_type=Path), help="The private key file. Default: persons/NAME.key."
    )
    by = click.option(
        "--by", metavar="NAME", envvar="NOTIFIER_PERSON", required=True, help="Who decides: a registered person."
    )
    return by(key(function))


def decider_key(settings: Settings, by: str, path: Path | None) -> SigningKey:
    """Return the private key of who decides by these options; `ConfigError` where the file is not there."""
    from notifier.keyfiles import person_key

    return person_key(path or key_path(settings, by))


def key_path(settings: Settings, name: str) -> Path:
    """Where a person's private key is, where nothing else is said; `RefusedError` for what cannot be a name."""
    if settings.path is None:
        raise ConfigError(detail="the settings are in no file", hint="name the key with --key")
    if not NAME.fullmatch(name):
        raise RefusedError("invalid_person", hint="1 to 64 letters, digits, spaces or . @ ' - _")
    return settings.path.parent / "persons" / f"{name}.key"


def _add_with_file(
    settings: Settings, name: str, permissions: tuple[str, ...], kind: PersonKind, path: Path
) -> Person:
    """Registers with the key in the file; a new file goes away where the person is refused.

    Where nobody knows whether the person is registered (it was interrupted), the file stays: it is the key of
    whoever is, or will be at the next attempt.
    """
    from notifier.crypto.keys import SigningKey
    from notifier.files import folder_lock
    from notifier.keyfiles import person_key, write_private

    # Else two at once could each make the file: the key of one, and the other's would be registered.
    with folder_lock(path.parent if settings.path is None else settings.path.parent):
        new = not os.path.lexists(path)
        key = SigningKey.generate(secrets.token_bytes) if new else person_key(path)
        _refuse_own(settings, key.public)
        if new:
            write_private(path, key.secret)
        try:
            return with_outbox(settings, lambda outbox: outbox.add_person(name, key.public, permissions, kind))
        except NotifierError:
            if new:
                path.unlink(missing_ok=True)
            raise


def _refuse_own(settings: Settings, public: bytes) -> None:
    """The authority's own key is whoever's runs the publisher: what it signs, no second person has signed."""
    from notifier.keyfiles import signing_key

    if public == signing_key(settings.keys).public:
        raise RefusedError(
            "key_rejected", "that is the authority's own signing key", hint="a person has a key of their own"
        )


def _public(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise click.UsageError("--public is not hexadecimal") from None


def _line(person: Person) -> str:
    state = "registered" if person.retired is None else f"retired {rfc3339(person.retired)}"
    may = ", ".join(sorted(person.permissions)) or (
        "service" if person.kind is PersonKind.SERVICE else "submits only"
    )
    return escaped(f"{person.name:<24} {may:<34} {state}  {person.public.hex()[:16]}")
