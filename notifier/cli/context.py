"""What every verb shares: where its home is, who acts, and how it prints."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from notifier.config import DirectorySettings, Settings, load, parties_in, party_config, refuse_oversight
from notifier.errors import ConfigError, UsageError
from notifier.escaping import json_text

if TYPE_CHECKING:
    from notifier.directory.snapshot import Snapshot

F = TypeVar("F", bound=Callable[..., Any])


class Seconds(click.FloatRange):
    """So many seconds, none at least; what is no number would never pass."""

    def __init__(self) -> None:
        super().__init__(min=0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return found


@dataclass(slots=True)
class Answer:
    """Whether a call printed its document: a refusal that follows prints no second one."""

    printed: bool = False


def answered() -> None:
    """Note that this call printed its document."""
    found = click.get_current_context().find_object(Answer)
    if found is not None:
        found.printed = True


@dataclass(frozen=True, slots=True)
class Context:
    """The common options of one call."""

    home: Path
    config: Path | None = None
    authority: str | None = None
    json: bool = False

    def settings(self, party: str | None = None) -> Settings:
        """The settings of `party`, or of the authority that acts (``--as``, or ``--config``)."""
        if self.config is not None:
            settings = load(self.config)
            if self.authority is not None and settings.name != self.authority:
                raise UsageError(
                    detail=f"{self.config} is the configuration of {settings.name}, not {self.authority}"
                )
            return settings
        name = party or self.authority
        if name is None:
            raise UsageError(detail="who acts is not said", hint="add --as TUR/spoc")
        if not self.home.is_dir():
            raise ConfigError(
                detail=f"there is no home at {self.home}",
                hint="run notifier sandbox up, or name one with --home",
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
        """The settings of the authority that acts, where it may write: raises `RefusedError` for oversight.

        Where nobody says who acts, it is the originator that `documents` (JSON texts) name.
        """
        named = None if self.config is not None or self.authority is not None else _originator(documents)
        settings = self.settings(named)
        refuse_oversight(settings.name)
        return settings

    def directory(self) -> Snapshot:
        """The verified directory of the configuration, or of the home."""
        from notifier.directory.client import DirectoryClient

        return DirectoryClient(self.directory_settings()).load()

    def directory_settings(self) -> DirectorySettings:
        """Where the directory of the configuration, or of the home, is."""
        if self.config is not None:
            return self.settings().directory
        if not self.home.is_dir():
            raise ConfigError(detail=f"there is no home at {self.home}", hint="name one with --home, or use --config")
        folder = self.home / "directory"
        return DirectorySettings(str(folder), folder / "1.root.json", self.home / "cache")

    def print_json(self, document: object) -> None:
        """One JSON document on standard output, and nothing else there."""
        answered()
        click.echo(json_text(document, indent=2))

    def print_line(self, document: object) -> None:
        """One JSON document on a line of its own, where a verb answers several inputs."""
        answered()
        click.echo(json_text(document))


def _originator(documents: Sequence[str]) -> str | None:
    """The one originator that all of `documents` name, or None; raises `UsageError` where they name several."""
    found = set()
    for text in documents:
        try:
            value = json.loads(text)
        except ValueError:
            continue  # said where it is read
        name = value.get("originator") if isinstance(value, dict) else None
        if isinstance(name, str):
            found.add(name)
    if len(found) > 1:
        raise UsageError(detail=f"the input names {len(found)} originators", hint="one call for each, with --as")
    return next(iter(found), None)


def common(*, acts: bool = False, prints: bool = False) -> Callable[[F], F]:
    """Adds ``--home`` and ``--config``, with `acts` ``--as``, with `prints` ``--json``; passes a `Context` first."""

    def decorate(function: F) -> F:
        @wraps(function)
        def call(home: Path, config: Path | None, **rest: Any) -> Any:
            context = Context(home, config, rest.pop("authority", None), bool(rest.pop("as_json", False)))
            try:
                return function(context, **rest)
            except UsageError as error:
                error.hint = error.hint or f"see {click.get_current_context().command_path} --help"
                raise

        wrapped: Any = call
        if prints:
            wrapped = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(wrapped)
        if acts:
            wrapped = click.option("--as", "authority", metavar="AUTHORITY", help="Who acts, for example TUR/spoc.")(
                wrapped
            )
        wrapped = click.option(
            "--config",
            type=click.Path(path_type=Path),
            help="A configuration file (TOML) in place of the home.",
        )(wrapped)
        wrapped = click.option(
            "--home",
            type=click.Path(path_type=Path),
            envvar="NOTIFIER_HOME",
            default=Path(".notifier"),
            show_default=True,
            help="The sandbox's folder.",
        )(wrapped)
        result: F = wrapped
        return result

    return decorate
