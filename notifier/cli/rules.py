"""`notifier rules show|diff`: the routing rules as they were signed, what changed, and for whom it would have."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from notifier.cli.context import Context, common
from notifier.cli.render import change_line, lane_line, row_line, territory_line
from notifier.cli.replay import DifferencePrinter, replay_all
from notifier.config import DirectorySettings
from notifier.errors import MalformedError, NotFoundError, UsageError
from notifier.escaping import escaped
from notifier.times import rfc3339

if TYPE_CHECKING:
    from notifier.directory.client import DirectoryClient
    from notifier.directory.snapshot import Snapshot
    from notifier.rules.ruleset import RuleSet

NO_TABLE: Final = "this version has no table of territories: the one that the software brings applies"
WORDS: Final = ("current", "previous", "staged")
folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="A directory's folder, in place of the home's.",
)


@click.group(epilog="Example: notifier rules diff previous current --replay --as TUR/spoc")
def command() -> None:
    """The routing rules: signed data of the directory, every version of which stays.

    A version is its number, or current, previous, staged (waits for signatures), or a file.
    `notifier directory rules FILE` publishes one.
    """


@command.command(epilog="Example: notifier rules show 1 --json > rules.json")
@click.argument("version", default="current")
@folder_option
@common(prints=True)
def show(context: Context, version: str, folder: Path | None) -> None:
    """Show a version of the rules: who is told of what, by which paragraph.

    With --json it is printed as it is signed: edit it, and give it to `notifier directory rules`.
    """
    with Versions(context, folder) as versions:
        rules = versions.rules(version)
    if context.json:
        context.print_json(rules.to_document())
        return
    from notifier.rules.ruleset import territory_rows

    click.echo(f"version {rules.version} of the rules, {rfc3339(rules.issued_at)}")
    document = rules.to_document()
    rows = territory_rows(rules.answers.rows)
    lines = (*map(row_line, document["rows"]), *map(lane_line, document["corridors"]), *map(territory_line, rows))
    for line in lines:
        click.echo(f"  {escaped(line)}")
    if rules.territories is None:
        click.echo(f"  {NO_TABLE}")
    if rules.consular_mandatory:
        click.echo(escaped(f"  consular, told without a request: {', '.join(sorted(rules.consular_mandatory))}"))


@command.command(epilog="Example: notifier rules diff current rules.json --replay --as TUR/spoc")
@click.argument("old")
@click.argument("new")
@click.argument("files", nargs=-1, metavar="[NOTIFICATION]...")
@click.option("--replay", is_flag=True, help="Decide stored notifications by both. Nothing is sent.")
@folder_option
@common(acts=True, prints=True)
def diff(context: Context, old: str, new: str, files: tuple[str, ...], replay: bool, folder: Path | None) -> int:
    """Say what the rules NEW say otherwise than OLD, and, with --replay, whom that would have reached.

    With --replay, every notification in the outbox of who acts (--as), and in the files named, is decided by both
    versions: who would be told, who not any more, and what would be held or told for other reasons.
    """
    from notifier.rules.diff import changes, to_json

    if files and not replay:
        raise UsageError(detail="files are for --replay")
    if replay and not files and context.authority is None and context.config is None:
        raise UsageError(
            detail="a replay needs notifications", hint="add --as TUR/spoc for its outbox, or name files"
        )
    with Versions(context, folder) as versions:
        before, after = versions.rules(old), versions.rules(new)
        found = changes(before, after)
        head = to_json(before, after, found)
        if not context.json:
            click.echo(f"rules {old} -> {new}")
            for name, rules in ((old, before), (new, after)):
                if rules.territories is None:
                    click.echo(escaped(f"  {name}: {NO_TABLE}"))
            for change in found:
                click.echo(f"  {escaped(change_line(change))}")
            if not found:
                click.echo("  both say the same")
        if not replay:
            if context.json:
                context.print_json(head)
            return 0
        from notifier.policy.replay import Replay

        replayed = Replay(versions.snapshot(), before, after)
        return replay_all(context, files, replayed, DifferencePrinter(head if context.json else None))


class Versions:
    """Where versions of the rules are found; a context manager, which removes what it cached."""

    def __init__(self, context: Context, folder: Path | None) -> None:
        self._context = context
        self._folder = folder
        self._cache: tempfile.TemporaryDirectory[str] | None = None
        self._client: DirectoryClient | None = None

    def __enter__(self) -> Versions:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._cache is not None:
            self._cache.cleanup()

    def rules(self, version: str) -> RuleSet:
        """The version of that name: verified where the directory signed it, as it stands where it is a file."""
        if version == "staged":
            return self._staged()
        if version.isdecimal() and version.isascii():
            return self.client.rules(_number(version))
        if version not in WORDS:
            return _from_file(version)
        snapshot = self.client.load()
        found = snapshot.rules if version == "current" else snapshot.previous_rules
        if found is None:
            raise NotFoundError(detail="there is no version of the rules before the current one")
        return found

    def snapshot(self) -> Snapshot:
        """Who takes part: by the directory that is meant, or, where there is none, every state."""
        if self._folder is None and self._context.config is None and not self._context.home.is_dir():
            from notifier.directory.builtin import builtin_snapshot

            return builtin_snapshot()
        return self.client.load()

    @property
    def client(self) -> DirectoryClient:
        """The directory that is meant."""
        from notifier.directory.client import DirectoryClient

        if self._client is None:
            self._client = DirectoryClient(self._settings())
        return self._client

    def _settings(self) -> DirectorySettings:
        if self._folder is None:
            return self._context.directory_settings()
        self._cache = tempfile.TemporaryDirectory()
        return DirectorySettings(str(self._folder), self._folder / "1.root.json", Path(self._cache.name))

    def _staged(self) -> RuleSet:
        from notifier.directory.registry import Registry
        from notifier.runtime import wall_clock

        source = self._folder or self._context.directory_settings().source
        if "://" in str(source):
            raise UsageError(detail="what is staged is in a folder", hint="name it with --folder")
        return Registry(Path(source), Path(source), wall_clock).staged_rules


def _number(version: str) -> int:
    """A version's number; what no version has ever had is as good as any other that is not there."""
    return int(version) if len(version) < 16 else 0


def _from_file(path: str) -> RuleSet:
    """Rules that nobody signed yet, as they would have to be to be signed."""
    from notifier.directory import rulebook
    from notifier.rules.ruleset import RuleSet

    try:
        document = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise NotFoundError(
            detail=f"{path}: {(error.strerror or 'cannot be read').lower()}",
            hint=f"a version is a number, {', '.join(WORDS)}, or a file",
        ) from error
    except (ValueError, RecursionError) as error:
        raise MalformedError(detail=f"{path}: is not JSON") from error
    rules = RuleSet.from_document(document)
    rulebook.check(rules)
    return rules
