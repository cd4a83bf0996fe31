"""The checks of one party's installation, each with its remedy.

A check is a function that returns findings. An error that it meets becomes a finding with the error's reason and
hint. Nothing is changed, and no secret is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from notifier.config import Settings
from notifier.directory.ends import ends
from notifier.doctor.broker import check_broker
from notifier.doctor.databases import check_databases, check_outbox
from notifier.doctor.findings import OK, WARNING, Finding, day, refused
from notifier.doctor.keys import check_keys
from notifier.doctor.machine import Reference, check_certificate, check_clock, check_disk
from notifier.errors import NotifierError, StorageError

if TYPE_CHECKING:
    from notifier.directory.snapshot import Snapshot


async def diagnose(settings: Settings, references: Sequence[Reference], now: int) -> list[Finding]:
    """Return the findings of every check of one party; a check comes after those that it depends on."""
    snapshot: Snapshot | None = None
    findings = []
    try:
        snapshot, fault = _load(settings, now)
        findings.append(
            _freshness(settings, snapshot, now) if fault is None else refused(settings.name, "directory", fault)
        )
        findings += _due_renewals(settings, snapshot, now)
    except NotifierError as error:
        findings.append(refused(settings.name, "directory", error))
    findings += [
        *check_keys(settings, snapshot, now),
        *await check_databases(settings),
        *await check_outbox(settings),
    ]
    findings += [*check_certificate(settings, snapshot, now), *check_clock(settings, snapshot, references, now)]
    findings += [await check_broker(settings, snapshot), *check_disk(settings)]
    return findings


def _load(settings: Settings, now: int) -> tuple[Snapshot, StorageError | None]:
    """Return the directory, and the error that keeps it from being cached."""
    from notifier.directory.client import DirectoryClient

    client = DirectoryClient(settings.directory, lambda: now)
    return client.load(), client.cache_fault


def _freshness(settings: Settings, snapshot: Snapshot, now: int) -> Finding:
    ends = snapshot.fresh_until - settings.directory.grace_seconds * 1000
    text = f"directory version {snapshot.directory.version}, rules version {snapshot.rules.version}"
    if now <= ends:
        return Finding(settings.name, "directory", OK, f"{text}, fresh until {day(ends)}")
    hint = "make the directory's source reachable, or have it made fresh (notifier directory freshen)"
    return Finding(
        settings.name, "directory", WARNING, f"{text}: expired, served in its grace", "directory_stale", hint
    )


def _due_renewals(settings: Settings, snapshot: Snapshot, now: int) -> Iterator[Finding]:
    """Yield the parts of the directory that its holders must renew now."""
    for end in ends(snapshot, "", now):
        if end.what == "timestamp":
            detail = "two hourly runs or more were missed: the timestamp was not made fresh"
            hint = "find out why notifier directory freshen does not run; within a day everything stops"
        elif end.what.startswith("hub_"):
            detail = f"the hub's {end.what.removeprefix('hub_')} key ends on {day(end.at)}"
            hint = "the hub asks for another (notifier directory request hub)"
        else:
            detail = f"the signatures of {end.what} end on {day(end.at)}"
            hint = f"two holders renew it (notifier directory renew {end.what})"
            if end.what == "snapshot":
                hint = "find out why notifier directory freshen does not run"
        if end.due(now):
            yield Finding(settings.name, "directory", WARNING, detail, "directory_stale", hint)
