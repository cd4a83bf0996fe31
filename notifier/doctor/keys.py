"""Checks of a party's private keys: readable by their owner alone, and listed in the directory."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from notifier.config import Settings
from notifier.directory.key_check import ENROL, check_private_keys
from notifier.directory.roles import margin
from notifier.doctor.findings import OK, WARNING, WRONG, Finding, day, refused
from notifier.errors import ConfigError, NotifierError, RefusedError
from notifier.keyfiles import readable_by_others

if TYPE_CHECKING:
    from notifier.directory.snapshot import Snapshot


def check_keys(settings: Settings, snapshot: Snapshot | None, now: int) -> Iterator[Finding]:
    """Yield the findings about the private keys; key files that others can read come alone."""
    name, keys = settings.name, settings.keys
    overseen = [one.key for one in settings.oversees]
    named = (keys.signing, *keys.encryption, keys.storage, keys.submitter, *overseen, settings.kafka.key)
    if wrong := [*_readable_keys(name, [path for path in named if path is not None])]:
        yield from wrong
        return
    try:
        said = _held_keys(settings, snapshot, now)
    except NotifierError as error:
        said = refused(name, "keys", error)
    yield said


def _readable_keys(name: str, files: Sequence[Path]) -> Iterator[Finding]:
    """Yield the key files that others can read."""
    for path in files:
        if path.is_file() and readable_by_others(path.stat()):
            yield Finding(
                name, "keys", WRONG, f"others can read {path}", "key_rejected", f"chmod 600 {shlex.quote(str(path))}"
            )


def _held_keys(settings: Settings, snapshot: Snapshot | None, now: int) -> Finding:
    """Return whether the keys can be read and are those that the directory lists; raise the error otherwise."""
    from notifier.keyfiles import decisions_key_of, decryption_keys, signing_key, storage_key

    name, keys = settings.name, settings.keys
    signing = signing_key(keys) if keys.signing is not None else None
    decryption = decryption_keys(keys) if keys.encryption else {}
    if keys.storage is not None:
        storage_key(keys)
    for overseen in settings.oversees:
        decisions_key_of(overseen)
    if signing is None:
        return Finding(name, "keys", OK, "it has none of its own")
    if snapshot is None:
        return Finding(name, "keys", OK, "they can be read; without the directory no more is known")
    if settings.log_folder is not None:
        from notifier.audit.checkpoint import Signer

        hub = snapshot.directory.hub
        vkey = Signer.of(hub.log_origin, signing).verifier.vkey
        if vkey not in hub.log_vkeys():
            raise ConfigError(
                "unknown_signer", "the directory does not list keys.signing as a key of the log", hint=ENROL
            )
        if vkey != hub.log_key:
            detail = "keys.signing is an earlier key of the log, and is retiring"
            return Finding(name, "keys", WARNING, detail, "key_rejected", "sign with its successor")
        return Finding(name, "keys", OK, "the directory lists the log's key")
    authority = snapshot.directory.authority(name)
    listed = snapshot.directory.hub.keys if authority is None and name == "router" else None
    if listed is None and (authority is None or not authority.active):
        raise RefusedError(
            "unknown_authority", f"the directory has no active authority {name}", hint="have it enrolled"
        )
    keys_of = listed or (authority.keys if authority is not None else ())
    first = check_private_keys(name, keys_of, signing.key_id, decryption, now)
    if any(now >= key.not_after - margin(key.not_after - key.not_before) for key in keys_of if key.makes(now)):
        hint = "enrol new ones (notifier directory request), then retire these (notifier directory rotate)"
        return Finding(name, "keys", WARNING, f"a key ends on {day(first)}", "key_rejected", hint)
    return Finding(name, "keys", OK, f"the directory lists them; the first ends on {day(first)}")
