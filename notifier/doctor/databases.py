"""Checks of a party's databases: they open, their rows are unchanged, and nothing in them is stuck."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from notifier.config import Settings, file_of
from notifier.doctor.findings import OK, WARNING, WRONG, Finding, refused
from notifier.errors import NotifierError

if TYPE_CHECKING:
    from notifier.consumers.inbox.inbox import Inbox


async def check_databases(settings: Settings) -> list[Finding]:
    """Return whether the storage key opens the databases and their rows are unchanged.

    A missing database is no fault: it is created at its first use.
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
            if address is None or not await _exists(address):
                continue
            there = True
            opened = await kind.open(address, settings.name, storage_key(settings.keys), REAL)
            try:
                await opened.verify()
                if isinstance(opened, Inbox):
                    refusals = [
                        *await _kept_refusals(settings.name, opened),
                        *await _parked_messages(settings.name, opened),
                    ]
            finally:
                await opened.close()
        except NotifierError as error:
            wrong = refused(settings.name, "databases", error)
            found.append(replace(wrong, detail=f"{which}: {error.detail}"))
    said = "they open with the storage key" if there else "there are none yet"
    return [*(found or [Finding(settings.name, "databases", OK, said)]), *refusals]


async def _parked_messages(name: str, inbox: Inbox) -> list[Finding]:
    """Return a finding where a sink or a callback could not take messages."""
    parked = await inbox.cursors.parked()
    if not parked:
        return []
    reasons = ", ".join(sorted({one.reason for one in parked}))
    hint = "notifier inbox list shows them, notifier inbox retry delivers them again"
    return [Finding(name, "parked", WARNING, f"{len(parked)} messages are parked ({reasons})", None, hint)]


async def _kept_refusals(name: str, inbox: Inbox) -> list[Finding]:
    """Return the refused deliveries that may be cured; several in a row mean a wrong clock or directory."""
    from notifier.consumers.inbox.inbox import ALARM

    kept = await inbox.kept()
    if not kept:
        return []
    reasons = ", ".join(sorted({one.reason for one in kept}))
    hint = "notifier inbox refused says what cures them, notifier inbox retry tries them again"
    state = WRONG if await inbox.refused_in_a_row() >= ALARM else WARNING
    return [Finding(name, "inbox", state, f"deliveries are refused and kept ({reasons})", kept[-1].reason, hint)]


async def check_outbox(settings: Settings) -> list[Finding]:
    """Return the unreachable recipients, and the rest of a restore from a backup."""
    from notifier.doctor.backlog import HINTS, restored, unreachable

    findings = []
    if found := await unreachable(settings, _exists):
        reason, text = found
        findings.append(Finding(settings.name, "outbox", WARNING, text, reason, HINTS[reason]))
    if restore := await restored(settings, _exists):
        is_over, text = restore
        if is_over:
            findings.append(Finding(settings.name, "outbox", OK, text))
        else:
            hint = f"notifier outbox status --as {settings.name}"
            findings.append(Finding(settings.name, "outbox", WARNING, text, "outbox_restored", hint))
    return findings


async def _exists(address: str) -> bool:
    from notifier.storage.database import Database

    file = file_of(address)
    return await Database.is_there(address) if file is None else file.exists()
