"""Output of a command: how much it says, in colour or not, and which of its texts is a result, a note or an error.

A result goes to standard output. Notes and errors go to standard error; with ``-q`` only errors do.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import Any, Final

import click

from notifier.errors import UsageError

LEVELS: Final = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)


@dataclass(slots=True)
class Output:
    """The output of one call: the verbosity (-1 with ``-q``), the colour, and what was printed.

    `printed` is set once a JSON document is printed: an error that follows prints no second one.
    """

    verbosity: int = 0
    color: bool = True
    printed: bool = False


def output() -> Output:
    """Return the output of the current call, or a default one outside of any."""
    context = click.get_current_context(silent=True)
    found = context.find_object(Output) if context is not None else None
    return Output() if found is None else found


def note(text: str) -> None:
    """Print a line on standard error that is neither a result nor an error; nothing with ``-q``."""
    if output().verbosity >= 0:
        click.echo(text, err=True)


def warn(text: str) -> None:
    """Print a warning on standard error; nothing with ``-q``."""
    note(f"notifier: warning: {text}")


def in_color() -> bool:
    """Return False if ``--no-color`` is given, or if the environment has a NO_COLOR that is not empty."""
    return output().color and not os.environ.get("NO_COLOR")


def log_level(default: int = logging.WARNING) -> int:
    """Return the level of the log: `default`, lower by a step for each ``-v``; errors alone with ``-q``."""
    verbosity = output().verbosity
    if verbosity < 0:
        return logging.ERROR
    return LEVELS[max(LEVELS.index(default) - verbosity, 0)]


def configure_log(default: int = logging.WARNING) -> None:
    """Send the log to standard error, from `log_level(default)` on."""
    from notifier.telemetry.logging import configure

    configure(level=log_level(default), color=in_color())


def _set_verbose(context: click.Context, _parameter: click.Parameter, count: int) -> None:
    _add(context, count)


def _set_quiet(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    _add(context, -1 if wanted else 0)


def _add(context: click.Context, step: int) -> None:
    found = context.ensure_object(Output)
    if step * found.verbosity < 0:
        raise UsageError(detail="-v and -q exclude each other", hint=f"see {context.command_path} --help")
    found.verbosity = -1 if step < 0 else found.verbosity + step


def _set_no_color(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.ensure_object(Output).color = context.color = False


def output_options(*, hidden: bool) -> list[click.Parameter]:
    """Return the options -v, -q and --no-color; `hidden` ones are taken and not listed in the help."""
    common: dict[str, Any] = {"expose_value": False, "hidden": hidden}
    return [
        click.Option(("-v", "--verbose"), count=True, callback=_set_verbose, help="Log more; -vv: all.", **common),
        click.Option(("-q", "--quiet"), is_flag=True, callback=_set_quiet, help="Print errors only.", **common),
        click.Option(
            ("--no-color",),
            is_flag=True,
            callback=_set_no_color,
            help="Print without colours, as with NO_COLOR in the environment.",
            **common,
        ),
    ]


class Group(click.Group):
    """A group of commands that each take the output options; its help never cuts a text."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command with the output options; None if there is none of that name."""
        command = super().get_command(ctx, cmd_name)
        return None if command is None else with_output_options(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with the whole first sentence of its help."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.short_help or "") for name, one in commands if one and not one.hidden])


def with_output_options(command: click.Command) -> click.Command:
    """Add the output options and an uncut short help to a command that does not have them, and return it."""
    if not any("--no-color" in one.opts for one in command.params):
        command.params.extend(output_options(hidden=True))
    command.short_help = command.get_short_help_str(limit=1000).rstrip(".")
    return command
