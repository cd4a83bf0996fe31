"""The structure: imports point down, the core is pure, the public surface is what it says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import notifier
from notifier.errors import REASONS

PACKAGE = Path(notifier.__file__).parent
EFFECTS = {"asyncio", "aiokafka", "sqlalchemy", "socket", "time", "confluent_kafka", "httpx", "os", "subprocess"}
CORE = (
    "audit/checkpoint",
    "audit/entry",
    "audit/leaf",
    "audit/merkle",
    "audit/tiles",
    "consumers/reading",
    "consumers/receipts",
    "consumers/why",
    "directory/document",
    "directory/keys",
    "directory/model",
    "directory/rulebook",
    "directory/snapshot",
    "envelope/",
    "escaping",
    "notification/",
    "producers/approvals",
    "producers/ids",
    "producers/letters",
    "producers/persons",
    "producers/pipeline",
    "producers/plan",
    "producers/sealer",
    "producers/submissions",
    "producers/ties",
    "routing/batch",
    "routing/budget",
    "routing/changes",
    "routing/decision",
    "routing/facts",
    "routing/forwarding",
    "routing/hub",
    "routing/legs",
    "routing/rules",
    "routing/safeguards",
    "routing/sequences",
    "routing/streams",
    "routing/table",
)
SHELLS = {"audit", "consumers", "producers", "routing", "transport"}


def modules():
    return sorted(path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py"))


def imports(module, *, everywhere=True):
    """What a module imports: whole dotted names; with `everywhere` inside functions too, never for types alone."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree) if everywhere else tree.body:
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_core(module):
    return module.startswith(CORE)


@pytest.mark.parametrize("module", [one for one in modules() if is_core(one)])
def test_the_core_is_pure(module):
    """No event loop, no broker, no database, no clock, no file: time, keys and bytes come in as arguments."""
    used = set(imports(module))
    assert {name.partition(".")[0] for name in used} & EFFECTS == set()
    inside = {name.removeprefix("notifier.").replace(".", "/") for name in used if name.startswith("notifier.")}
    shells = {one for one in inside if (PACKAGE / f"{one}.py").exists() and one.partition("/")[0] in SHELLS}
    allowed = {one for one in shells if is_core(one)} | {"transport/base"}
    assert shells - allowed == set()


@pytest.mark.parametrize("module", [one for one in modules() if one.partition("/")[0] in SHELLS])
def test_shells_do_not_import_each_other(module):
    """The top wires them: what a shell needs of another comes in by a protocol."""
    own = module.partition("/")[0]
    for name in imports(module, everywhere=False):
        place = name.removeprefix("notifier.").replace(".", "/")
        if not name.startswith("notifier.") or not (PACKAGE / f"{place}.py").exists():
            continue
        other = place.partition("/")[0]
        if other in SHELLS - {own}:
            assert is_core(place) or place == "transport/base", f"{module} imports {name}"
        assert other not in ("cli", "sandbox"), f"{module} imports {name}"


def test_only_one_folder_knows_the_kafka_client():
    """aiokafka is behind the transport's protocol."""
    users = [one for one in modules() if any(name.startswith("aiokafka") for name in imports(one))]
    assert users
    assert {one.rpartition("/")[0] for one in users} == {"transport/kafka"}


def test_the_public_surface_is_sorted_and_there():
    """What `notifier` exports."""
    assert notifier.__all__ == sorted(notifier.__all__)
    for name in notifier.__all__:
        assert getattr(notifier, name).__name__ == name
    with pytest.raises(AttributeError):
        notifier.nothing  # noqa: B018 - the access is what is tested


def test_reasons_are_stable_words():
    """Lower snake, each with one line of text."""
    for reason, text in REASONS.items():
        assert reason.replace("_", "").isalpha()
        assert reason == reason.lower()
        assert "\n" not in text
