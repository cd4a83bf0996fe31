"""The fixed layout of a sandbox: its home, brokers, routers, and ports."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from notifier.errors import ConfigError, TemporaryError, UsageError
from notifier.files import write_atomic
from notifier.sandbox.broker import Node, free_ports, node_folder, plan
from notifier.storage.sqlite import MAX_PATH

FILE: Final = "sandbox.json"
MAX_HOME: Final = MAX_PATH - len("/parties/INTERPOL.oversight/outbox.db")


@dataclass(frozen=True, slots=True)
class Layout:
    """The nodes of a sandbox, its number of routers, and the ports of metrics and health."""

    nodes: tuple[Node, ...]
    routers: int
    ports: tuple[int, ...]  # the auditor's, then the routers'


def check_home(home: Path) -> None:
    """Raise `ConfigError` where `home` cannot hold a sandbox: its name must be UTF-8 text and not too long.

    Java opens no file whose name is not UTF-8, and SQLite none whose path is too long. A name with a line break would
    be two lines in every log and list of files.
    """
    try:
        size = len(str(home.resolve()).encode())
    except UnicodeEncodeError as error:
        raise ConfigError(detail=f"{home}: the name is not UTF-8", hint="name another folder with --home") from error
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in str(home)):
        raise ConfigError(
            detail=f"{home}: the name has a line break or control character", hint="name another folder with --home"
        )
    if size > MAX_HOME:
        raise ConfigError(
            detail=f"{home}: the path has {size} bytes, but a home's may have {MAX_HOME} at most",
            hint="name a shorter one with --home",
        )


def arrange(home: Path, brokers: int | None, routers: int | None) -> Layout:
    """Return the layout of the sandbox in `home`, created where there is none, with at least `routers` routers.

    None means as many as there are, or one. Raises `UsageError` where the sandbox has another number of brokers, or
    more routers than wanted.
    """
    if not (home / FILE).exists():
        count = routers or 1
        return _write(home, Layout(tuple(plan(home, brokers or 1)), count, tuple(free_ports(1 + count))))
    layout = read(home)
    has = f"this sandbox has {len(layout.nodes)} brokers and {layout.routers} routers"
    if brokers not in (None, len(layout.nodes)):
        raise UsageError(detail=has, hint="take another --home, or remove this one after notifier sandbox down")
    if routers is not None and routers < layout.routers:
        raise UsageError(
            detail=has, hint="routers can be added, not removed: end the process of any that is not needed"
        )
    more = (routers or layout.routers) - layout.routers
    if not more:
        return layout
    ports = (*layout.ports, *free_ports(more))
    return _write(home, replace(layout, routers=layout.routers + more, ports=ports))


def read(home: Path) -> Layout:
    """Return the layout of the sandbox in `home`; raises `TemporaryError` (sandbox_not_running), `ConfigError`."""
    try:
        document = json.loads((home / FILE).read_text())
    except OSError as error:
        raise TemporaryError(
            "sandbox_not_running", f"there is no sandbox in {home}", hint="run notifier sandbox up"
        ) from error
    except ValueError as error:
        raise _spoiled(home) from error
    try:
        nodes = tuple(_node(home, one) for one in document["nodes"])
        layout = Layout(nodes, int(document["routers"]), tuple(map(int, document["ports"])))
    except (KeyError, TypeError, ValueError) as error:
        raise _spoiled(home) from error
    if len(layout.ports) != 1 + layout.routers:
        raise _spoiled(home)
    return layout


def _node(home: Path, document: dict[str, Any]) -> Node:
    number = int(document["id"])
    return Node(number, node_folder(home, number), int(document["port"]), int(document["controller"]))


def _write(home: Path, layout: Layout) -> Layout:
    nodes = [{name: value for name, value in asdict(node).items() if name != "folder"} for node in layout.nodes]
    document = {"nodes": nodes, "routers": layout.routers, "ports": layout.ports}
    write_atomic(home / FILE, json.dumps(document).encode())
    return layout


def _spoiled(home: Path) -> ConfigError:
    return ConfigError(
        detail=f"{home / FILE}: is damaged",
        hint="end the processes that are listed in run/, remove the home, and create another",
    )
