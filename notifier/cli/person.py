"""`notifier person add|list|retire`: manages the persons who submit, and who decide about holds."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from notifier.cli.context import Context, common
from notifier.cli.databases import with_outbox
from notifier.cli.output import Group, note
from notifier.config import Settings
from notifier.errors import ConfigError, NotifierError, RefusedError, UsageError
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


@click.group(cls=Group, epilog="Example: notifier person list --as TUR/spoc")
def command() -> None:
    """Manage the persons who submit and who decide about holds.

    Each has a key of their own. The register is in the outbox; no broker is needed. A running publisher writes each
    change to the audit log.
    """


@command.command(epilog="Example: notifier person add 'A. Lindt' --may child_reviewer --as TUR/spoc")
@click.argument("name")
@click.option(
    "--may",
    "permissions",
    multiple=True,
    type=click.Choice(PERMISSIONS),
    help="A permission: assurance (risks), child_reviewer (children), release (all other holds); repeatable.",
)
@click.option("--service", is_flag=True, help="A program, which submits and decides nothing.")
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="The private key file; created if missing.  [default: persons/NAME.key beside the settings]",
)
@click.option("--public", metavar="HEX", help="The public key, if the private key was made elsewhere.")
@common(acts=True, prints=True)
def add(
    context: Context, name: str, permissions: tuple[str, ...], service: bool, key: Path | None, public: str | None
) -> None:
    """Register NAME, with a new key or a given one.

    Without --may, NAME submits and decides nothing. The private key is for this person alone: move its file to a
    place that nobody else can read.
    """
    settings = context.writer()
    if service and permissions:
        raise UsageError(detail="--service and --may exclude each other")
    kind = PersonKind.SERVICE if service else PersonKind.PERSON
    if public is not None and key is not None:
        raise UsageError(detail="--public and --key exclude each other")
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
        note(f"the private key is in {path}, for {escaped(person.name)} alone")


@command.command("list", epilog="Example: notifier person list --as TUR/spoc --json")
@common(acts=True, prints=True)
def list_(context: Context) -> None:
    """List the present and former persons."""

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
        click.echo("nobody may release a hold (register a person with notifier person add)")


@command.command(epilog="Example: notifier person retire 'A. Lindt' --as TUR/spoc")
@click.argument("name")
@common(acts=True, prints=True)
def retire(context: Context, name: str) -> None:
    """Retire NAME, who decides nothing from now on.

    Earlier decisions stay valid. The name and the key cannot be registered again.
    """
    person = with_outbox(context.settings(), lambda outbox: outbox.retire_person(name))
    if context.json:
        context.print_json({"person": as_document(person)})
        return
    click.echo(_line(person))


def as_document(person: Person) -> dict[str, Any]:
    """Return the document of ``--json``."""
    return {
        "name": person.name,
        "public": person.public.hex(),
        "kind": person.kind,
        "permissions": sorted(person.permissions),
        "added": rfc3339(person.added),
        "retired": None if person.retired is None else rfc3339(person.retired),
    }


def act_document(proof: AuditEventProof) -> dict[str, Any]:
    """Return an act with its proof for an auditor: its text, the envelope that the log names, the slip (hex)."""
    return {
        "kind": proof.state.kind,
        "at": rfc3339(proof.state.at),
        "state": proof.state.state,
        "said": proof.said,
        "envelope": None if proof.envelope is None else proof.envelope.hex(),
        "slip": None if proof.slip is None else proof.slip.hex(),
    }


def submitter_options(function: F) -> F:
    """Add ``--by`` and ``--key`` for the submitter."""
    key = click.option(
        "--key", type=click.Path(path_type=Path), help="The private key file of --by.  [default: persons/NAME.key]"
    )
    by = click.option(
        "--by",
        metavar="NAME",
        envvar="NOTIFIER_PERSON",
        help="The registered person who submits and signs.  [default: keys.submitter]",
    )
    return by(key(function))


def submitter(settings: Settings, by: str | None, key: Path | None) -> Submitter | None:
    """Return the submitter of these options, or None without ``--by``: the service of `keys.submitter` submits."""
    from notifier.keyfiles import person_key
    from notifier.persons.submissions import Submitter

    if by is None:
        if key is not None:
            raise UsageError(detail="--key needs --by", hint="name the person with --by")
        return None
    return Submitter(person_key(key or key_path(settings, by)), by)


def decider_options(function: F) -> F:
    """Add ``--by``, which is required, and ``--key`` for the person who decides."""
    key = click.option(
        "--key", type=click.Path(path_type=Path), help="The private key file.  [default: persons/NAME.key]"
    )
    by = click.option(
        "--by", metavar="NAME", envvar="NOTIFIER_PERSON", required=True, help="The registered person who decides."
    )
    return by(key(function))


def decider_key(settings: Settings, by: str, path: Path | None) -> SigningKey:
    """Return the private key of the person who decides; raise `ConfigError` if its file is missing."""
    from notifier.keyfiles import person_key

    return person_key(path or key_path(settings, by))


def key_path(settings: Settings, name: str) -> Path:
    """Return the default path of a person's private key; raise `RefusedError` for an invalid name."""
    if settings.path is None:
        raise ConfigError(detail="the settings are in no file", hint="give the key with --key")
    if not NAME.fullmatch(name):
        raise RefusedError("invalid_person", hint="use 1 to 64 letters, digits, spaces or . @ ' - _")
    return settings.path.parent / "persons" / f"{name}.key"


def _add_with_file(
    settings: Settings, name: str, permissions: tuple[str, ...], kind: PersonKind, path: Path
) -> Person:
    """Register a person with the key in the file; remove a new file if the person is refused.

    After an interrupt the file stays: the person may be registered with this key, or will be at the next attempt.
    """
    from notifier.crypto.keys import SigningKey
    from notifier.files import folder_lock
    from notifier.keyfiles import person_key, write_private

    # Otherwise two calls could each create the file, and register the key that the other overwrote.
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
    """Refuse the authority's own key: its publisher could sign with it in place of a second person."""
    from notifier.keyfiles import signing_key

    if public == signing_key(settings.keys).public:
        raise RefusedError(
            "key_rejected", "this is the signing key of the authority", hint="give the person a key of their own"
        )


def _public(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise UsageError(detail="--public is not hexadecimal") from None


def _line(person: Person) -> str:
    state = "registered" if person.retired is None else f"retired {rfc3339(person.retired)}"
    may = ", ".join(sorted(person.permissions)) or (
        "service" if person.kind is PersonKind.SERVICE else "submits only"
    )
    return escaped(f"{person.name:<24} {may:<34} {state}  {person.public.hex()[:16]}")
