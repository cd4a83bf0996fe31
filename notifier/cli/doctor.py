"""`notifier doctor`: looks for faults of an installation, and says how to mend them."""

from __future__ import annotations

import asyncio
import email.utils
import http.client
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

from notifier.cli.context import Context, common
from notifier.config import CONFIG_NAME, PARTY_FOLDER, Settings, load, party_config
from notifier.errors import ConfigError, NotifierError, RefusedError
from notifier.escaping import escaped

if TYPE_CHECKING:
    from notifier.doctor.findings import Finding
    from notifier.doctor.machine import Reference

REQUEST_TIMEOUT_S: Final = 3.0
MAX_AT_ONCE: Final = 8  # parties
MAX_NAMED: Final = 4  # parties of a finding
MARGIN: Final = " " * 23
MARKS: Final = {"ok": "ok", "warning": "WARNING", "wrong": "WRONG"}


@click.command(epilog="Example: notifier doctor --as TUR/spoc")
@common(acts=True, prints=True)
def command(context: Context) -> None:
    """Check settings, keys, databases, certificates, clock, broker, directory and disk.

    It changes nothing. Without --as and --config it checks every party of the home. Exit status 1: there is a
    fault.
    """
    parties, findings = _parties(context)
    findings += asyncio.run(_examine(parties, list(_references(context, parties))))
    wrong = [finding for finding in findings if finding.state == "wrong"]
    if context.json:
        context.print_json({"ok": not wrong, "findings": [finding.to_json() for finding in findings]})
    else:
        for line in _lines(findings):
            click.echo(escaped(line))
    if wrong:
        first = wrong[0]
        what = f"{first.party}: {first.detail}" + (f", and {len(wrong) - 1} more" if len(wrong) > 1 else "")
        raise RefusedError(first.reason, what, hint=first.hint)


def _parties(context: Context) -> tuple[list[Settings], list[Finding]]:
    """Return the parties to examine, and a finding for each whose settings cannot be read."""
    from notifier.doctor.findings import refused

    if context.config is not None or context.authority is not None:
        return [context.settings()], []
    parties: list[Settings] = []
    spoiled: list[Finding] = []
    for path in _configurations(context.home):
        try:
            parties.append(load(path))
        except NotifierError as error:
            spoiled.append(refused(path.parent.name.replace(".", "/"), "settings", error))
    return parties, spoiled


async def _examine(parties: list[Settings], references: list[Reference]) -> list[Finding]:
    from notifier.doctor.diagnosis import diagnose
    from notifier.runtime import wall_clock

    turn = asyncio.Semaphore(MAX_AT_ONCE)

    async def one(settings: Settings) -> list[Finding]:
        async with turn:
            return await diagnose(settings, references, wall_clock())

    return [finding for found in await asyncio.gather(*map(one, parties)) for finding in found]


def _configurations(home: Path) -> list[Path]:
    found = sorted(home.glob(f"{PARTY_FOLDER}/*/{CONFIG_NAME}"))
    if not found:
        raise ConfigError(
            detail=f"there is no home at {home}", hint="run notifier sandbox up, or give one with --home"
        )
    return found


def _references(context: Context, parties: list[Settings]) -> Iterator[Reference]:
    """Yield other clocks: those of the directory's server and of the auditor of the home."""
    from notifier.doctor.machine import Reference
    from notifier.runtime import wall_clock

    places = {one.directory.source for one in parties if "://" in one.directory.source}
    auditor = party_config(context.home, "auditor")
    if context.config is None and auditor.is_file():
        try:
            listen = load(auditor).listen
        except NotifierError:
            listen = None
        if listen is not None:
            places.add(f"http://{listen}/healthz")
    for place in sorted(places):
        theirs = _date(place)
        if theirs is not None:
            yield Reference(f"the clock of {urlsplit(place).netloc}", theirs, wall_clock())


def _date(place: str) -> int | None:
    """Return the time in a web server's answer (RFC 9110, 6.6.1), or None without an answer."""
    parts = urlsplit(place)
    secure = parts.scheme == "https"
    connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(
        parts.netloc, timeout=REQUEST_TIMEOUT_S
    )
    try:
        connection.request("HEAD", parts.path or "/")
        date = connection.getresponse().getheader("Date")
        return None if date is None else round(email.utils.parsedate_to_datetime(date).timestamp() * 1000)
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _lines(findings: list[Finding]) -> Iterator[str]:
    """Yield every check of one party; of several parties, each fault with the parties that have it."""
    parties = list(dict.fromkeys(finding.party for finding in findings))
    if len(parties) == 1:
        for finding in findings:
            yield from _shown(finding)
        return
    concerned: dict[Finding, list[str]] = {}
    for finding in findings:
        if finding.state != "ok":
            concerned.setdefault(replace(finding, party=""), []).append(finding.party)
    for finding, names in concerned.items():
        yield from _shown(finding)
        yield f"{MARGIN}{_names(names, len(parties))}"
    well = set(parties) - {name for names in concerned.values() for name in names}
    yield f"{len(well)} of {len(parties)} parties have no fault"


def _shown(finding: Finding) -> Iterator[str]:
    yield f"{finding.check:<13} {MARKS[finding.state]:<8} {finding.detail}"
    if finding.state != "ok" and finding.hint:
        yield f"{MARGIN}-> {finding.hint}"


def _names(names: list[str], of: int) -> str:
    if len(names) == of:
        return f"all {of} parties"
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
