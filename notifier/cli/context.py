"""The context of a call: its home, the authority that acts, and the options that verbs have in common."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from notifier.cli.output import configure_log, output
from notifier.config import DirectorySettings, Settings, load, parties_in, party_config, refuse_oversight
from notifier.errors import ConfigError, UsageError
from notifier.escaping import json_text

if TYPE_CHECKING:
    from notifier.directory.snapshot import Snapshot

F = TypeVar("F", bound=Callable[..., Any])


class Seconds(click.FloatRange):
    """A finite number of seconds, zero or more."""

    def __init__(self) -> None:
        super().__init__(min=0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; fail if it is out of range or not finite."""
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is not a number of seconds.", param, ctx)
        return found


@dataclass(frozen=True, slots=True)
class Context:
    """The common options of one call."""

    home: Path
    config: Path | None = None
    authority: str | None = None
    json: bool = False

    def settings(self, party: str | None = None) -> Settings:
        """Return the settings of `party`, or of the authority that acts (``--as``, or ``--config``)."""
        if self.config is not None:
            settings = load(self.config)
            if self.authority is not None and settings.name != self.authority:
                raise UsageError(
                    detail=f"{self.config} is the configuration of {settings.name}, not of {self.authority}"
                )
            return settings
        name = party or self.authority
        if name is None:
            raise UsageError(detail="no authority given", hint="use --as, e.g. --as TUR/spoc")
        if not self.home.is_dir():
            raise ConfigError(
                detail=f"there is no home at {self.home}",
                hint="run notifier sandbox up, or give one with --home",
            )
        path = party_config(self.home, name)
        if not path.is_file():
            from notifier.notification.suggesting import did_you_mean, parties_like

            raise ConfigError(
                "unknown_authority",
                f"the home has no party {name}",
                hint=did_you_mean(parties_like(name, parties_in(self.home))) or "notifier directory show lists them",
            )
        return load(path)

    def writer(self, documents: Sequence[str] = ()) -> Settings:
        """Return the settings of the authority that acts and may write; raise `RefusedError` for oversight.

        Without ``--as`` and ``--config``, the authority is the originator that `documents` (JSON texts) name.
        """
        named = None if self.config is not None or self.authority is not None else _originator(documents)
        settings = self.settings(named)
        refuse_oversight(settings.name)
        return settings

    def directory(self) -> Snapshot:
        """Return the verified directory of the configuration, or of the home."""
        from notifier.directory.client import DirectoryClient

        return DirectoryClient(self.directory_settings()).load()

    def directory_settings(self) -> DirectorySettings:
        """Return the settings of the directory of the configuration, or of the home."""
        if self.config is not None:
            return self.settings().directory
        if not self.home.is_dir():
            raise ConfigError(detail=f"there is no home at {self.home}", hint="give one with --home, or use --config")
        folder = self.home / "directory"
        return DirectorySettings(str(folder), folder / "1.root.json", self.home / "cache")

    def print_json(self, document: object) -> None:
        """Print one JSON document on standard output."""
        output().printed = True
        click.echo(json_text(document, indent=2))

    def print_line(self, document: object) -> None:
        """Print one JSON document on a line, for one of several inputs."""
        output().printed = True
        click.echo(json_text(document))


def _originator(documents: Sequence[str]) -> str | None:
    """Return the originator that `documents` name, or None; raise `UsageError` if they name several."""
    found = set()
    for text in documents:
        try:
            value = json.loads(text)
        except ValueError:
            continue  # reported when it is parsed
        name = value.get("originator") if isinstance(value, dict) else None
        if isinstance(name, str):
            found.add(name)
    if len(found) > 1:
        raise UsageError(detail=f"the input names {len(found)} originators", hint="call once for each, with --as")
    return next(iter(found), None)


def common(*, acts: bool = False, prints: bool = False) -> Callable[[F], F]:
    """Add ``--home`` and ``--config``, with `acts` ``--as``, with `prints` ``--json``; pass a `Context` first."""

    def decorate(function: F) -> F:
        @wraps(function)
        def call(home: Path, config: Path | None, **rest: Any) -> Any:
            context = Context(home, config, rest.pop("authority", None), bool(rest.pop("as_json", False)))
            if output().verbosity:
                configure_log()
            try:
                return function(context, **rest)
            except UsageError as error:
                error.hint = error.hint or f"see {click.get_current_context().command_path} --help"
                raise

        wrapped: Any = call
        if prints:
            wrapped = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(wrapped)
        if acts:
            wrapped = click.option(
                "--as", "authority", metavar="AUTHORITY", help="The authority that acts, e.g. TUR/spoc."
            )(wrapped)
        wrapped = click.option(
            "--config",
            type=click.Path(path_type=Path),
            help="A configuration file (TOML), in place of the home.",
        )(wrapped)
        wrapped = click.option(
            "--home",
            type=click.Path(path_type=Path),
            envvar="NOTIFIER_HOME",
            default=Path(".notifier"),
            show_default=True,
            help="The folder of the sandbox.",
        )(wrapped)
        result: F = wrapped
        return result

    return decorate
