"""`notifier rules show|diff|publish`: the signed routing rules, their differences, and how a version is published."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from notifier.cli.context import Context, common
from notifier.cli.directory_shared import keys_option, read_json, registry_of, report_change
from notifier.cli.output import Group, warn
from notifier.cli.render import change_line, lane_line, row_line, territory_line
from notifier.cli.replay import DifferencePrinter, replay_all
from notifier.cli.rules_versions import Versions
from notifier.errors import UsageError
from notifier.escaping import escaped
from notifier.times import rfc3339

NO_TABLE: Final = "this version has no table of territories; the built-in one applies"
folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="The folder of a directory, in place of the home's.",
)


@click.group(cls=Group, epilog="Example: notifier rules diff previous current --replay --as TUR/spoc")
def command() -> None:
    """Show, compare and publish the routing rules, which are signed data of the directory.

    A version is a number, a file, or one of: current, previous, staged (it waits for signatures). Old versions stay
    readable.
    """


@command.command(epilog="Example: notifier rules show 1 --json > rules.json")
@click.argument("version", default="current")
@folder_option
@common(prints=True)
def show(context: Context, version: str, folder: Path | None) -> None:
    """Show a version of the rules: who is told of what, by which paragraph.

    --json prints the document as it is signed: edit it and publish it with notifier rules publish.
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
@click.option("--replay", is_flag=True, help="Decide stored notifications by both versions; send nothing.")
@folder_option
@common(acts=True, prints=True)
def diff(context: Context, old: str, new: str, files: tuple[str, ...], replay: bool, folder: Path | None) -> int:
    """Show how NEW differs from OLD, and whom that would reach.

    --replay decides each notification in the outbox of --as, and in the given files, by both versions. It shows who
    would be added or removed, and which outcomes or reasons would change.
    """
    from notifier.rules.diff import changes, to_json

    if files and not replay:
        raise UsageError(detail="notifications are only used with --replay", hint="add --replay")
    if replay and not files and context.authority is None and context.config is None:
        raise UsageError(
            detail="no notifications to replay", hint="use --as, e.g. --as TUR/spoc for its outbox, or name files"
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
                click.echo("  no difference")
        if not replay:
            if context.json:
                context.print_json(head)
            return 0
        from notifier.policy.replay import Replay

        replayed = Replay(versions.snapshot(), before, after)
        return replay_all(context, files, replayed, DifferencePrinter(head if context.json else None))


@command.command(epilog="Example: notifier rules publish rules.json --folder pub --keys role-keys")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace-staged", is_flag=True, help="Drop a version that still waits for signatures.")
@keys_option
@folder_option
@common(prints=True)
def publish(context: Context, file: Path, replace_staged: bool, keys: Path, folder: Path | None) -> None:
    """Publish FILE as the next version: check, number and sign it.

    FILE is an edited output of notifier rules show --json. First see what it changes, and for whom: notifier rules
    diff current FILE --replay. With a threshold of two, it is published once a second holder signs it (notifier
    directory sign).
    """
    from notifier.directory import rulebook
    from notifier.rules.diff import changes, to_json
    from notifier.rules.ruleset import RuleSet

    registry = registry_of(folder or _folder(context), keys)
    before = registry.rules
    after, out = registry.change_rules(RuleSet.from_document(read_json(file)), replace_staged=replace_staged)
    for name in rulebook.unknown_subscribers(after, registry.directory):
        warn(f"{name} subscribes to a corridor but does not take part")
    found = changes(before, after)
    report_change(registry, "rules", out=out)
    if context.json:
        context.print_json({**to_json(before, after, found), "published": out})
        return
    click.echo(f"version {after.version} of the rules")
    for change in found:
        click.echo(f"  {escaped(change_line(change))}")


def _folder(context: Context) -> Path:
    """Return the folder of the home's directory; raise `UsageError` if the directory is not in a folder."""
    source = context.directory_settings().source
    if "://" in source:
        raise UsageError(detail="a version is published in the directory's folder", hint="use --folder")
    return Path(source)
