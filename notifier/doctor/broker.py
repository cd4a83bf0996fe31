"""Checks of the broker as one principal sees it: reachable, with every topic and right that the party needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from notifier.config import Settings
from notifier.doctor.findings import OK, WRONG, Finding, refused
from notifier.errors import NotifierError
from notifier.topics import AUDIT, INTAKE, REJECTED, STREAMS, feed_of
from notifier.transport.base import Access, Right

if TYPE_CHECKING:
    from notifier.directory.snapshot import Snapshot

NAMED: Final = 3  # topics


async def check_broker(settings: Settings, snapshot: Snapshot | None = None) -> Finding:
    """Return whether a broker answers, accepts our certificate, and grants this party its rights.

    With the directory (`snapshot`) the hub's feeds are checked, too.
    """
    from notifier.transport.kafka.client import tls_context
    from notifier.transport.kafka.probing import look
    from notifier.transport.kafka.rights import rights

    try:
        await look(settings.kafka, tls_context(settings.kafka))
        wanted = _wanted_rights(settings, snapshot)
        seen = await rights(settings.kafka, wanted)
        wrong = lacking(wanted, seen)
    except NotifierError as error:
        return refused(settings.name, "broker", error)
    if wrong is not None:
        return replace(wrong, party=settings.name)
    return Finding(settings.name, "broker", OK, f"{settings.kafka.bootstrap} answers this principal")


def _wanted_rights(settings: Settings, snapshot: Snapshot | None) -> dict[str, frozenset[Right]]:
    """Return the topics that a party uses, with the rights that it needs."""
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
    """Return the finding of missing topics or rights, without a party's name; None where all are there.

    A missing topic is distinguished from a missing right as far as the broker does so.
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
