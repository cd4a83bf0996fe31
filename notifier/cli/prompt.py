"""The questions that `publish` asks on a terminal: who will be told, and which warnings there are."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import click

from notifier.cli.render import EXERCISE, reasons
from notifier.errors import RefusedError
from notifier.escaping import escaped

if TYPE_CHECKING:
    from notifier.producers.results import Prepared

_WORDS: Final = {"send": "will be told", "hold": "held", "suppress": "not told"}


def is_terminal() -> bool:
    """Return True if standard input and standard error are a terminal."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def shown(where: str, prepared: Prepared) -> Iterator[str]:
    """Yield the lines that show the recipients of a notification and its warnings."""
    notification, plan = prepared.notification, prepared.plan
    yield escaped(f"{where}: {notification.type}") + (EXERCISE if notification.exercise else "")
    if plan is None:
        yield "  everyone who was told before, and those that the new facts add"
    for entry in plan.entries if plan is not None else ():
        whom = entry.authority or "(no state named yet)"
        yield f"  {_WORDS[entry.outcome]:<12} {whom:<22} {reasons(entry.to_json())}"
    if plan is not None and not plan.recipients:
        yield "  nobody is told now"
    for warning in prepared.warnings:
        yield f"  warning: {warning}"


def confirmed(question: str) -> bool:
    """Return the answer; the default is no."""
    return click.confirm(question, default=False, err=True)


def ask(found: Sequence[tuple[str, Prepared]], accepted: frozenset[str]) -> list[frozenset[str] | RefusedError]:
    """Return the accepted kinds of warnings of each notification, or `RefusedError` (declined).

    Ask once for each notification that a warning about safety stops, and once for all others.
    """
    from notifier.persons.acceptance import stopping

    for where, prepared in found:
        for line in shown(where, prepared):
            click.echo(line, err=True)
    answers: dict[int, frozenset[str] | RefusedError] = {}
    for place, (where, prepared) in enumerate(found):
        stops = frozenset(str(one.kind) for one in stopping(prepared.warnings, accepted))
        if stops:
            yes = confirmed(f"{escaped(where)}: {', '.join(sorted(stops))}. Send it anyway?")
            answers[place] = accepted | stops if yes else _declined()
    others = [place for place in range(len(found)) if place not in answers]
    if others:
        what = "it" if len(found) == 1 else f"{len(others)} of {len(found)}" if answers else f"all {len(found)}"
        yes = confirmed(f"Send {what}?")
        answers |= {place: accepted if yes else _declined() for place in others}
    return [answers[place] for place in range(len(found))]


def _declined() -> RefusedError:
    return RefusedError("declined")
