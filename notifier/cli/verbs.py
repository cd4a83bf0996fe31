"""The verbs of the command `notifier`, in the groups of its help. A verb's module is loaded when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

import click
from click.shell_completion import CompletionItem

from notifier.cli.output import Group, with_output_options
from notifier.errors import NotifierError

GROUPS: Final = {
    "Send": {
        "publish": "Publish notifications",
        "route": "Show who would be told, and why (a dry run)",
        "forward": "Pass on a received notification, or ask its originator",
        "outbox": "Decide what a restored outbox still has to send",
    },
    "Receive": {
        "subscribe": "Fill the inbox from the feed",
        "inbox": "List, show and retry what came in",
    },
    "Follow": {
        "track": "Show the state of each recipient of a notification",
        "why": "Explain why an authority did or did not get a notification",
        "audit": "Verify the audit log offline",
    },
    "Decide": {
        "review": "Release or refuse what waits for a second person",
        "person": "Register who may submit, and who may decide about holds",
    },
    "Administer": {
        "directory": "Manage participants, authorities and keys",
        "rules": "Show, compare and publish the routing rules",
        "oversight": "Let oversight read the decisions, and nothing else",
        "doctor": "Look for faults, and say how to mend them",
        "completion": "Print a shell completion script",
    },
    "Run": {
        "run": "Run a service: router, auditor, publisher or subscriber",
        "sandbox": "Run a real local Kafka with an example world",
        "demo": "Run the whole path on a local Kafka, from publish to proof",
    },
}
"""The verbs by group, each with its short help."""

VERBS: Final = {name: text for verbs in GROUPS.values() for name, text in verbs.items()}
SERVICES: Final = {
    "router": "Run a router",
    "auditor": "Run an auditor",
    "publisher": "Send what waits in an outbox",
    "subscriber": "Fill an inbox",
}
"""The services of `notifier run`, each with its short help."""

ALIASES: Final = ("router", "auditor", "publisher")
"""Services that are still started without `run`, too; no help lists these names."""


class Stopped(NotifierError):
    """A signal ended the verb before it was done."""

    default_reason = "interrupted"
    exit_status = 130


class Verbs(Group):
    """The command `notifier`."""

    def invoke(self, ctx: click.Context) -> object:
        """Invoke as click does; raise `Stopped` on an interrupt, for which click would print an empty line."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Stopped from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve as click does; for an unknown verb, raise a usage error that names the closest one."""
        if args and args[0] not in (*VERBS, *ALIASES) and not args[0].startswith("-"):
            from notifier.notification.suggesting import closest, did_you_mean

            meant = did_you_mean(closest(args[0], VERBS))
            raise click.UsageError(f"No such command '{args[0]}'{f': {meant}' if meant else ''}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the verbs that begin with `incomplete`, without loading any, and the options."""
        return [*_completions(VERBS, incomplete), *click.Command.shell_complete(self, ctx, incomplete)]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the verbs in the order of the help, without the aliases."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load a verb, or the service that an alias names."""
        if cmd_name in VERBS:
            return _load(cmd_name, VERBS[cmd_name])
        return _load(f"run_{cmd_name}", SERVICES[cmd_name]) if cmd_name in ALIASES else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the verbs group by group, without loading any."""
        width = max(map(len, VERBS))
        for title, verbs in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in verbs.items()])


class Services(Group):
    """The command `notifier run`."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the services that begin with `incomplete`, without loading any, and the options."""
        return [*_completions(SERVICES, incomplete), *click.Command.shell_complete(self, ctx, incomplete)]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the services."""
        return list(SERVICES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load a service."""
        return _load(f"run_{cmd_name}", SERVICES[cmd_name]) if cmd_name in SERVICES else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the services without loading any."""
        with formatter.section("Services"):
            formatter.write_dl(list(SERVICES.items()))


def _completions(texts: Mapping[str, str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=text) for name, text in texts.items() if name.startswith(incomplete)]


def _load(module: str, short_help: str) -> click.Command:
    command: click.Command = importlib.import_module(f"notifier.cli.{module}").command
    command.short_help = short_help
    return with_output_options(command)
