"""The structure: one folder is one layer, imports point up the list, and pure folders have no effects."""

from __future__ import annotations

import ast
from itertools import combinations
from pathlib import Path

import pytest

import notifier
from notifier.errors import REASONS

PACKAGE = Path(notifier.__file__).parent
LAYERS = (  # each may import from those above it alone
    *("errors", "runtime", "names", "topics", "escaping", "times", "shipped", "aio", "config", "files"),
    *("crypto", "codec", "telemetry", "storage"),
    *("notification", "rules", "audit", "keyfiles", "transport"),
    *("directory", "auditor"),
    *("envelope", "policy", "persons", "outbox"),
    *("supervision", "lifecycle", "examples"),
    *("producers", "routing", "consumers"),
    *("doctor", "sandbox", "testing", "cli"),
)
PROCESSES = ("producers", "routing", "consumers", "auditor")
PURE = ("crypto", "codec", "notification", "rules", "audit", "envelope", "policy", "persons")
EFFECTS = {"asyncio", "aiokafka", "sqlalchemy", "socket", "time", "confluent_kafka", "httpx", "os", "subprocess"}


def imports(path):
    """Yield every import of a module, as whole dotted names: at the top, inside functions, and for types alone."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(dotted):
    """Return the layer of a dotted name of the package; None for the package itself (`notifier.__version__`)."""
    name = dotted.split(".")[1]
    return name if name in LAYERS else None


def modules():
    """Yield every module of a layer, with its layer."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if not name.startswith("__"):
            yield name, path


@pytest.mark.parametrize(
    ("own", "path"), [pytest.param(*one, id=str(one[1].relative_to(PACKAGE))) for one in modules()]
)
def test_imports_point_up_the_list(own, path):
    """A layer sees those above it, a process no other process, and a pure layer no effect."""
    used = set(imports(path))
    seen = {layer(name) for name in used if name.startswith("notifier.")} - {own, None}
    assert {name for name in seen if LAYERS.index(name) > LAYERS.index(own)} == set()
    if own in PROCESSES:
        assert seen & set(PROCESSES) == set()
    if own in PURE:
        assert {name.partition(".")[0] for name in used} & EFFECTS == set()
    assert own == "transport" or not any(name.startswith("aiokafka") for name in used)


def test_every_layer_is_there_and_named_once():
    """A folder that is not in the list would escape it."""
    assert {name for name, _ in modules()} == set(LAYERS)
    assert all(one != other for one, other in combinations(LAYERS, 2))


def test_the_public_surface_is_sorted_and_there():
    """The 12 to 20 names that `notifier` exports, each imported on first use."""
    assert 12 <= len(notifier.__all__) <= 20
    assert set(notifier.__all__) <= set(dir(notifier))
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
