"""What may be wrong with one party's installation, and how each of it is mended.

Every check is a function that answers with findings; what it meets as a refusal is a finding with the refusal's
reason and hint. Nothing is changed, and no secret is shown.
"""

from __future__ import annotations

import datetime as dt
import os
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from notifier.config import Settings, file_of
from notifier.directory.ends import ends
from notifier.directory.key_check import ENROL, check_private_keys
from notifier.directory.model import CLOCK_SKEW_MS, DAY_MS
from notifier.directory.roles import margin
from notifier.errors import ConfigError, NotifierError, RefusedError, StorageError
from notifier.keyfiles import readable_by_others
from notifier.topics import AUDIT, INTAKE, REJECTED, STREAMS, feed_of
from notifier.transport.base import Access, Right

if TYPE_CHECKING:
    from notifier.consumers.inbox.inbox import Inbox
    from notifier.directory.snapshot import Snapshot

OK: Final = "ok"
WARNING: Final = "warning"
WRONG: Final = "wrong"

SOON_MS: Final = 30 * DAY_MS
UNEASY_SKEW_MS: Final = 60_000
NAMED: Final = 3  # topics
MIN_FREE: Final = 16 * 1024 * 1024  # bytes; below, a database cannot be relied upon
LOW_FREE: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer: which check, how it went, and where it is not `ok` the reason and how to mend it."""

    party: str
    check: str
    state: str
    detail: str
    reason: str | None = None
    hint: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The form that ``notifier doctor --json`` prints."""
        return asdict(self)


def refused(party: str, check: str, error: NotifierError) -> Finding:
    """The finding that a refusal is."""
    return Finding(party, check, WRONG, error.detail, error.reason, error.hint)


@dataclass(frozen=True, slots=True)
class Reference:
    """Another clock: whose, and what it showed (Unix milliseconds) when ours showed `ours`."""

    whose: str
    theirs: int
    ours: int


async def diagnose(settings: Settings, references: Sequence[Reference], now: int) -> list[Finding]:
    """Every check of one party, in the order in which one thing needs the other."""
    snapshot: Snapshot | None = None
    findings = []
    try:
        snapshot, fault = _load(settings, now)
        findings.append(
            _fresh(settings, snapshot, now) if fault is None else refused(settings.name, "directory", fault)
        )
        findings += _due(settings, snapshot, now)
    except NotifierError as error:
        findings.append(refused(settings.name, "directory", error))
    findings += [*_keys(settings, snapshot, now), *await _databases(settings), *await _outbox(settings)]
    findings += [*_certificate(settings, snapshot, now), *_clock(settings, snapshot, references, now)]
    findings += [await broker(settings, snapshot), *_disk(settings)]
    return findings


def _load(settings: Settings, now: int) -> tuple[Snapshot, StorageError | None]:
    """Return the directory, and what keeps it from being cached."""
    from notifier.directory.client import DirectoryClient

    client = DirectoryClient(settings.directory, lambda: now)
    return client.load(), client.cache_fault


def _fresh(settings: Settings, snapshot: Snapshot, now: int) -> Finding:
    ends = snapshot.fresh_until - settings.directory.grace_seconds * 1000
    text = f"directory version {snapshot.directory.version}, rules version {snapshot.rules.version}"
    if now <= ends:
        return Finding(settings.name, "directory", OK, f"{text}, fresh until {_day(ends)}")
    hint = "make the directory's source reachable, or have it made fresh (notifier directory freshen)"
    return Finding(
        settings.name, "directory", WARNING, f"{text}: expired, served in its grace", "directory_stale", hint
    )


def _due(settings: Settings, snapshot: Snapshot, now: int) -> Iterator[Finding]:
    """What the directory's holders must see to before it ends."""
    for end in ends(snapshot, "", now):
        if end.what == "timestamp":
            detail = "two hourly runs or more were missed: the timestamp was not made fresh"
            hint = "find out why notifier directory freshen does not run; within a day everything stops"
        elif end.what.startswith("hub_"):
            detail = f"the hub's {end.what.removeprefix('hub_')} key ends on {_day(end.at)}"
            hint = "the hub asks for another (notifier directory request hub)"
        else:
            detail = f"the signatures of {end.what} end on {_day(end.at)}"
            hint = f"two holders renew it (notifier directory renew {end.what})"
            if end.what == "snapshot":
                hint = "find out why notifier directory freshen does not run"
        if end.due(now):
            yield Finding(settings.name, "directory", WARNING, detail, "directory_stale", hint)


# Keys.


def _keys(settings: Settings, snapshot: Snapshot | None, now: int) -> Iterator[Finding]:
    name, keys = settings.name, settings.keys
    overseen = [one.key for one in settings.oversees]
    named = (keys.signing, *keys.encryption, keys.storage, keys.submitter, *overseen, settings.kafka.key)
    if wrong := [*_private(name, [path for path in named if path is not None])]:
        yield from wrong
        return
    try:
        said = _held(settings, snapshot, now)
    except NotifierError as error:
        said = refused(name, "keys", error)
    yield said


def _private(name: str, files: Sequence[Path]) -> Iterator[Finding]:
    """A key that others can read is no secret."""
    for path in files:
        if path.is_file() and readable_by_others(path.stat()):
            yield Finding(
                name, "keys", WRONG, f"others can read {path}", "key_rejected", f"chmod 600 {shlex.quote(str(path))}"
            )


def _held(settings: Settings, snapshot: Snapshot | None, now: int) -> Finding:
    """The keys can be read, and are those that the directory lists; raises what is wrong with them."""
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
            raise ConfigError("unknown_signer", "keys.signing is no key of the log in the directory", hint=ENROL)
        if vkey != hub.log_key:
            detail = "keys.signing is an earlier key of the log, which is retiring"
            return Finding(name, "keys", WARNING, detail, "key_rejected", "sign with the one that followed it")
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
        return Finding(name, "keys", WARNING, f"a key ends on {_day(first)}", "key_rejected", hint)
    return Finding(name, "keys", OK, f"the directory lists them; the first ends on {_day(first)}")


async def _databases(settings: Settings) -> list[Finding]:
    """The storage key opens what there is, and nobody else wrote into it.

    A database that is not there yet is made when it is needed.
    """
    from notifier.consumers.inbox.inbox import Inbox
    from notifier.keyfiles import storage_key
    from notifier.outbox.outbox import Outbox
    from notifier.runtime import REAL

    kinds: tuple[tuple[str, str | None, type[Outbox | Inbox]], ...] = (
        ("outbox", settings.outbox, Outbox),
        ("inbox", settings.inbox, Inbox),
    )
    found, there = [], False
    refusals: list[Finding] = []
    for which, address, kind in kinds:
        try:
            if address is None or not await _there(address):
                continue
            there = True
            opened = await kind.open(address, settings.name, storage_key(settings.keys), REAL)
            try:
                await opened.verify()
                if isinstance(opened, Inbox):
                    refusals = await _refusals(settings.name, opened)
            finally:
                await opened.close()
        except NotifierError as error:
            wrong = refused(settings.name, "databases", error)
            found.append(replace(wrong, detail=f"{which}: {error.detail}"))
    said = "they open with the storage key" if there else "there are none yet"
    return [*(found or [Finding(settings.name, "databases", OK, said)]), *refusals]


async def _refusals(name: str, inbox: Inbox) -> list[Finding]:
    """What the inbox refused and may be cured: several in a row are wrong, and say that clock or directory is."""
    from notifier.consumers.inbox.inbox import ALARM

    kept = await inbox.kept()
    if not kept:
        return []
    reasons = ", ".join(sorted({one.reason for one in kept}))
    hint = "notifier inbox refused says what cures them, notifier inbox retry tries them again"
    state = WRONG if await inbox.refused_in_a_row() >= ALARM else WARNING
    return [Finding(name, "inbox", state, f"deliveries are refused and kept ({reasons})", kept[-1].reason, hint)]


async def _outbox(settings: Settings) -> list[Finding]:
    """Who waits to be told because nobody can reach it; and what a restore from a backup left."""
    from notifier.doctor.backlog import HINTS, restored, unreachable

    findings = []
    if found := await unreachable(settings, _there):
        reason, text = found
        findings.append(Finding(settings.name, "outbox", WARNING, text, reason, HINTS[reason]))
    if restore := await restored(settings, _there):
        is_over, text = restore
        if is_over:
            findings.append(Finding(settings.name, "outbox", OK, text))
        else:
            hint = f"notifier outbox status --as {settings.name}"
            findings.append(Finding(settings.name, "outbox", WARNING, text, "outbox_restored", hint))
    return findings


async def _there(address: str) -> bool:
    from notifier.storage.database import Database

    file = file_of(address)
    return await Database.is_there(address) if file is None else file.exists()


# Certificates.


def _certificate(settings: Settings, snapshot: Snapshot | None, now: int) -> Iterator[Finding]:
    from notifier.transport.kafka.client import tls_context

    name = settings.name
    try:
        tls_context(settings.kafka)
        subject, begins, ends = _read_certificate(settings.kafka.certificate)
    except NotifierError as error:
        yield refused(name, "certificates", error)
        return
    authority = snapshot.directory.authority(name) if snapshot is not None else None
    file, issue = settings.kafka.certificate.name, "have a new one issued by the broker's authority"

    def wrong(detail: str, state: str = WRONG) -> Finding:
        return Finding(name, "certificates", state, detail, "certificate_invalid", issue)

    if now > ends:
        yield wrong(f"{file} has ended on {_day(ends)}")
    elif now < begins:
        yield wrong(f"{file} is valid only from {_day(begins)} on, or the clock is behind")
    elif authority is not None and subject != authority.principal:
        yield wrong(f"{file} is that of {subject}, not {authority.principal}")
    elif ends - now < SOON_MS:
        yield wrong(f"{file} ends on {_day(ends)}", WARNING)
    else:
        yield Finding(name, "certificates", OK, f"{file} is valid until {_day(ends)}")


def _read_certificate(path: Path) -> tuple[str, int, int]:
    """The common name, and from when to when it is valid (Unix milliseconds)."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(detail=f"kafka.certificate: {path} is no certificate", hint="check the file") from error
    names = [str(one.value) for one in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    return names[-1] if names else "nobody", round(begins.timestamp() * 1000), round(ends.timestamp() * 1000)


# Clock.


def _clock(
    settings: Settings, snapshot: Snapshot | None, references: Sequence[Reference], now: int
) -> Iterator[Finding]:
    """Against other clocks where there are any; what was signed cannot have been signed later than now."""
    signed = snapshot.directory.issued_at if snapshot is not None else 0
    compared = [*references]
    if signed > now:
        compared.append(Reference("the directory's last signature", signed, now))
    if not compared:
        yield Finding(settings.name, "clock", OK, "nothing that was signed is later; there is no other clock to ask")
        return
    worst = max(compared, key=lambda one: abs(one.ours - one.theirs))
    off = worst.ours - worst.theirs
    words = f"{abs(off) / 60_000:.0f} minutes {'ahead of' if off > 0 else 'behind'} {worst.whose}"
    if abs(off) > UNEASY_SKEW_MS:
        state = WRONG if abs(off) > CLOCK_SKEW_MS else WARNING
        yield Finding(settings.name, "clock", state, words, "clock_wrong", "set the clock, and keep it set (NTP)")
    else:
        yield Finding(settings.name, "clock", OK, f"within a minute of {worst.whose}")


# Broker.


async def broker(settings: Settings, snapshot: Snapshot | None = None) -> Finding:
    """Whether a broker answers, takes our certificate, and lets this party do what it has to do.

    With the directory (`snapshot`) the hub's feeds are looked at, too.
    """
    from notifier.transport.kafka.client import tls_context
    from notifier.transport.kafka.probing import look
    from notifier.transport.kafka.rights import rights

    try:
        await look(settings.kafka, tls_context(settings.kafka))
        wanted = _wanted(settings, snapshot)
        seen = await rights(settings.kafka, wanted)
        wrong = lacking(wanted, seen)
    except NotifierError as error:
        return refused(settings.name, "broker", error)
    if wrong is not None:
        return replace(wrong, party=settings.name)
    return Finding(settings.name, "broker", OK, f"{settings.kafka.bootstrap} answers this principal")


def _wanted(settings: Settings, snapshot: Snapshot | None) -> dict[str, frozenset[Right]]:
    """The topics that a party uses, and the right that it needs to each."""
    read, write = frozenset({Right.READ}), frozenset({Right.WRITE})
    if settings.log_folder is not None:
        return {AUDIT: read}
    if settings.inbox is not None:
        return {feed_of(settings.name): read} | ({INTAKE: write} if settings.outbox is not None else {})
    if settings.keys.signing is None:
        return {}
    authorities = snapshot.directory.authorities.values() if snapshot is not None else ()
    feeds = {one.feed: write for one in authorities if one.active}
    return {INTAKE: read, STREAMS: read | write, REJECTED: write, AUDIT: write, **feeds}


def lacking(wanted: Mapping[str, frozenset[Right]], seen: Mapping[str, Access]) -> Finding | None:
    """The finding of a party (its name is left out) that lacks topics or rights; None where it has all of them.

    A topic that is missing is told from a right that is missing, as far as the broker tells them apart.
    """
    missing = sorted(name for name in wanted if seen[name].exists is False)
    denied = {
        right: sorted(
            name
            for name, needed in wanted.items()
            if name not in missing and right in needed and right not in seen[name].rights
        )
        for right in Right
    }
    refusals = [f"{right} {_some(names)}" for right, names in denied.items() if names]
    if not missing and not refusals:
        return None
    parts = [f"there is no topic {_some(missing)}"] * bool(missing)
    parts += [f"this principal may not {' nor '.join(refusals)}"] * bool(refusals)
    mend = ["have the topic made"] * bool(missing) + ["have the right granted"] * bool(refusals)
    reason = "broker_refused" if refusals or INTAKE in missing else "feed_missing"
    return Finding("", "broker", WRONG, f"it answers, but {', and '.join(parts)}", reason, " and ".join(mend))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


# Disk.


def _disk(settings: Settings) -> Iterator[Finding]:
    """Every folder that something is written to takes a file, and has room."""
    folders = {file.parent for one in (settings.outbox, settings.inbox) if one and (file := file_of(one)) is not None}
    others = (settings.directory.cache, settings.log_folder)
    folders |= {_existing(folder.absolute()) for folder in others if folder is not None}
    found = [finding for folder in sorted(folders) if (finding := _folder(settings.name, folder)) is not None]
    yield from found or [Finding(settings.name, "disk", OK, "it takes what is written, and has room")]


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there: it will be made in that."""
    return next(one for one in (folder, *folder.absolute().parents) if one.is_dir())


def _folder(name: str, folder: Path) -> Finding | None:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
        disk = os.statvfs(folder)
    except OSError as error:
        what = (error.strerror or "cannot be written").lower()
        return refused(name, "disk", StorageError(detail=f"{folder}: {what}", hint="make room, or make it writable"))
    free = disk.f_bavail * disk.f_frsize
    if free >= LOW_FREE:
        return None
    full = refused(name, "disk", StorageError(detail=f"{folder}: {free >> 20} MiB are free", hint="make room"))
    return full if free < MIN_FREE else replace(full, state=WARNING)


def _day(milliseconds: int) -> str:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC).date().isoformat()
