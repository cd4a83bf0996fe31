"""`notifier demo`: runs the whole path on a real local Kafka, from publish to proof."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from notifier.cli.context import Context, common
from notifier.cli.output import configure_log, in_color, note
from notifier.errors import NotFoundError
from notifier.shipped import examples_folder

if TYPE_CHECKING:
    from rich.console import Console

    from notifier.sandbox.sandbox import Sandbox
    from notifier.sandbox.scenario import Scenario

_COLOURS = {"told": "green", "held": "yellow", "not_told": "red", "rejected": "bold red"}


@click.command(epilog="Example: notifier demo --keep")
@click.option("--keep", is_flag=True, help="Leave the sandbox running, in the home.")
@click.option(
    "--examples",
    type=click.Path(path_type=Path),
    help="The folder of notifications.  [default: the built-in examples]",
)
@common(prints=True)
def command(context: Context, keep: bool, examples: Path | None) -> int:
    """Run the whole path on a real local Kafka: publish, attack, receive, and verify the log.

    Exit status 1 if a check fails. Without --keep, everything is in a temporary folder and is removed at the end.
    """
    configure_log(logging.ERROR)
    files = _files(examples)
    begun = time.monotonic()

    def progress(text: str) -> None:
        note(f"{time.monotonic() - begun:5.1f} s  {text}")

    with _sandbox(context, keep) as sandbox:
        from notifier.sandbox.scenario import as_document, run

        sandbox.up(progress)
        started = time.monotonic() - begun
        scenario = asyncio.run(run(sandbox, files, progress))
        scenario.timings = {"start the sandbox": started, **scenario.timings}
        if context.json:
            context.print_json(as_document(scenario))
        else:
            _show(scenario)
        if keep:
            progress(f"left running; next: notifier inbox list --as DEU/spoc --home {context.home}")
    return 1 if scenario.faults else 0


def _files(folder: Path | None) -> list[Path]:
    """Return the files in `folder`, or those of the built-in examples."""
    place = folder or examples_folder()
    found = sorted(place.glob("*.json"))
    if not found:
        raise NotFoundError(detail=f"there are no examples in {place}", hint="use --examples")
    return found


@contextlib.contextmanager
def _sandbox(context: Context, keep: bool) -> Iterator[Sandbox]:
    """Open the sandbox of the home, which is kept, or one in a temporary folder, which is removed."""
    from notifier.sandbox.sandbox import Sandbox

    if keep:
        yield Sandbox(context.home)
        return
    with tempfile.TemporaryDirectory(prefix="notifier-demo-") as folder:
        sandbox = Sandbox(Path(folder))
        try:
            yield sandbox
        finally:
            sandbox.down(lambda _text: None)


def _show(scenario: Scenario) -> None:
    from rich.console import Console

    console = Console() if in_color() else Console(color_system=None)
    _show_messages(console, scenario)
    _show_view(console, scenario)
    _show_proof(console, scenario)
    for fault in scenario.faults:
        console.print(f"[bold red]check failed:[/] {fault}", highlight=False)
    console.print("[bold green]every check passed[/]" if not scenario.faults else "", highlight=False)


def _show_messages(console: Console, scenario: Scenario) -> None:
    """Print who was told of each message, by which paragraph, and who was not, with the reason."""
    from rich.table import Table

    console.print("\n[bold]Who is told of what, by which rule and paragraph; who is not, and why[/]", highlight=False)
    for example in scenario.examples:
        console.print(f"\n[bold]{example.name}[/]", highlight=False)
        table = Table.grid(padding=(0, 2), pad_edge=False)
        for width in (9, 14):
            table.add_column(min_width=width, no_wrap=True)
        for entry in example.entries:
            state, got = entry.state or "", scenario.has_received(entry.authority, example.id)
            reasons = ", ".join(f"{reason.rule} ({reason.paragraph})" for reason in entry.reasons)
            because = [*entry.because, *(f"now {code}" for code in entry.successors)]
            table.add_row(
                f"  [{_COLOURS.get(state, 'white')}]{state.replace('_', ' ')}[/]",
                entry.authority or "no state yet",
                reasons + (f"; because {', '.join(because)}" if because else ""),
                "in its inbox" if got else "",
            )
        if not example.entries:
            table.add_row("  nobody", "", "no rule names anybody")
        console.print(table)


def _show_view(console: Console, scenario: Scenario) -> None:
    """Print the inbox of one recipient, which shows nothing about other recipients."""
    shown = next(((name, inbox) for name, inbox in scenario.received.items() if len(inbox) > 1), None)
    if shown is None:
        return
    name, inbox = shown
    console.print(f"\n[bold]What {name} has in its inbox[/] (it cannot see who else was told)", highlight=False)
    for message in inbox:
        mark = "  [bold yellow]EXERCISE[/]" if message.exercise else ""
        line = f"  {message.id}  {message.type:<12} from {message.originator}, number {message.seq} to it{mark}"
        console.print(line, highlight=False)


def _show_proof(console: Console, scenario: Scenario) -> None:
    console.print("\n[bold]Attacks[/]", highlight=False)
    for attack in scenario.attacks:
        console.print(f"  {attack.name}: refused as {attack.seen}", highlight=False)
    console.print("\n[bold]The audit log, verified offline with the public key alone[/]", highlight=False)
    if scenario.report is not None:
        console.print(
            f"  {scenario.report.size} entries, root {scenario.report.root.hex() if scenario.report.root else None}",
            highlight=False,
        )
    if scenario.tampered_report is not None and scenario.tampered_report.faults:
        console.print(f"  with one byte changed: {scenario.tampered_report.faults[0]}", highlight=False)
    console.print("\n[bold]Timings[/]", highlight=False)
    for name, seconds in scenario.timings.items():
        console.print(f"  {name:<30} {seconds:8.3f} s", highlight=False)
