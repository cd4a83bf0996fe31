"""Checks of the machine that a party runs on: certificate, clock, disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from notifier.config import Settings, file_of
from notifier.directory.model import CLOCK_SKEW_MS, DAY_MS
from notifier.doctor.findings import OK, WARNING, WRONG, Finding, day, refused
from notifier.errors import ConfigError, NotifierError, StorageError

if TYPE_CHECKING:
    from notifier.directory.snapshot import Snapshot

SOON_MS: Final = 30 * DAY_MS
UNEASY_SKEW_MS: Final = 60_000
MIN_FREE: Final = 16 * 1024 * 1024  # bytes; with less, a database may fail
LOW_FREE: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reference:
    """Another clock: its name, and its time (Unix milliseconds) when ours was `ours`."""

    whose: str
    theirs: int
    ours: int


def check_certificate(settings: Settings, snapshot: Snapshot | None, now: int) -> Iterator[Finding]:
    """Check the certificate's validity, its principal, and that it goes with its key."""
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
        yield wrong(f"{file} has ended on {day(ends)}")
    elif now < begins:
        yield wrong(f"{file} is valid only from {day(begins)} on, or the clock is behind")
    elif authority is not None and subject != authority.principal:
        yield wrong(f"{file} is that of {subject}, not {authority.principal}")
    elif ends - now < SOON_MS:
        yield wrong(f"{file} ends on {day(ends)}", WARNING)
    else:
        yield Finding(name, "certificates", OK, f"{file} is valid until {day(ends)}")


def _read_certificate(path: Path) -> tuple[str, int, int]:
    """Return the common name, and begin and end of the validity (Unix milliseconds)."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(detail=f"kafka.certificate: {path} is not a certificate", hint="check the file") from error
    names = [str(one.value) for one in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    return names[-1] if names else "nobody", round(begins.timestamp() * 1000), round(ends.timestamp() * 1000)


def check_clock(
    settings: Settings, snapshot: Snapshot | None, references: Sequence[Reference], now: int
) -> Iterator[Finding]:
    """Compare the clock with others, and with the directory's signature, which cannot be later than now."""
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


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Check that every folder with written files accepts a file and has space."""
    folders = {file.parent for one in (settings.outbox, settings.inbox) if one and (file := file_of(one)) is not None}
    others = (settings.directory.cache, settings.log_folder)
    folders |= {_existing(folder.absolute()) for folder in others if folder is not None}
    found = [finding for folder in sorted(folders) if (finding := _check_folder(settings.name, folder)) is not None]
    yield from found or [Finding(settings.name, "disk", OK, "it takes what is written, and has room")]


def _existing(folder: Path) -> Path:
    """Return the folder, or its nearest existing parent, in which it would be created."""
    return next(one for one in (folder, *folder.absolute().parents) if one.is_dir())


def _check_folder(name: str, folder: Path) -> Finding | None:
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
