"""The command `notifier`: finds the verb's module, and turns every refusal into one line and an exit status."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from notifier.errors import NotifierError

VERBS = {
    "audit": "notifier.cli.audit",
    "auditor": "notifier.cli.auditor",
    "completion": "notifier.cli.completion",
    "demo": "notifier.cli.demo",
    "directory": "notifier.cli.directory",
    "inbox": "notifier.cli.inbox",
    "publish": "notifier.cli.publish",
    "route": "notifier.cli.route",
    "router": "notifier.cli.router",
    "sandbox": "notifier.cli.sandbox",
    "subscribe": "notifier.cli.subscribe",
    "why": "notifier.cli.why",
}


class Verbs(click.Group):
    """Loads a verb's module when it is asked for: start-up stays short."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[cmd_name]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of verbs without importing any of them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, SUMMARIES[verb]) for verb in sorted(VERBS)])


SUMMARIES = {
    "audit": "verify the audit log offline",
    "auditor": "run the auditor (a service)",
    "completion": "print a shell completion script",
    "demo": "the main job on a real local Kafka, from start to proof",
    "directory": "participants, authorities, keys and rules: show, init, add, rotate, sign",
    "inbox": "what came in: list, show",
    "publish": "publish notifications",
    "route": "dry run: who would be told, and why",
    "router": "run a router (a service)",
    "sandbox": "a real local Kafka with an example world: up, status, down",
    "subscribe": "fill the inbox from the feed",
    "why": "why an authority did or did not get a notification",
}


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: notifier demo",
)
@click.version_option(package_name="notifier")
def notifier() -> None:
    """Secure notifications between states under UN Security Council resolution 2396 (2017)."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 refused, 2 usage, 3 temporary, 130 interrupted."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    try:
        result = notifier.main(args=None if arguments is None else list(arguments), standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _say("interrupted", "stopped before it was done", None, 130)
    except click.ClickException as error:
        return _say("usage", error.format_message().rstrip(".").lower(), "see notifier --help", 2)
    except NotifierError as error:
        return _say(error.reason, error.detail, error.hint, error.exit_status)
    except BrokenPipeError:
        # The reader of standard output went away (`notifier inbox list | head`): not our failure to report.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _say(reason: str, detail: str, hint: str | None, status: int) -> int:
    line = " ".join(detail.split())
    click.echo(f"notifier: {reason}: {line}" + (f" ({hint})" if hint else ""), err=True)
    return status
