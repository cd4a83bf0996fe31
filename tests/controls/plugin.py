"""A pytest plugin that takes controls away, and says by the exit status whether a test noticed.

``NOTIFIER_WITHOUT`` holds one ``module:attribute = expression`` a line. The expression sees what its module sees,
and what stood there before as `original`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

NOTICED = 64
BROKEN = 65


class Anything:
    """Equal to whatever it is compared with."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class Everything:
    """Contains whatever is looked for in it."""

    def __contains__(self, item: object) -> bool:
        return True


async def nothing(*_arguments: object) -> None:
    """Does nothing, and may be awaited."""


async def after(first: Awaitable[object], then: Callable[[], Awaitable[object]]) -> object:
    """What `then` comes to, begun once `first` is over."""
    await first
    return await then()


def otherwise(call: Callable[..., Any], value: object) -> Callable[..., Any]:
    """As `call`, and `value` where it raises."""

    def called(*arguments: object, **named: object) -> object:
        try:
            return call(*arguments, **named)
        except Exception:
            return value

    return called


NAMES = {
    "after": after,
    "Anything": Anything,
    "Everything": Everything,
    "SimpleNamespace": SimpleNamespace,
    "module": importlib.import_module,
    "nothing": nothing,
    "otherwise": otherwise,
    "replace": replace,
}


def find(place: str) -> tuple[Any, Any, str]:
    """The module, the object and the name of its attribute; raise where the control is not there any more."""
    name, _, path = place.partition(":")
    module: Any = importlib.import_module(name)
    holder = module
    *parents, attribute = path.split(".")
    for parent in parents:
        holder = getattr(holder, parent)
    getattr(holder, attribute)
    return module, holder, attribute


def take_away(line: str) -> None:
    """Patches one attribute."""
    place, _, expression = (part.strip() for part in line.partition("="))
    module, holder, attribute = find(place)
    original = getattr(holder, attribute)
    setattr(holder, attribute, eval(expression, {**vars(module), **NAMES, "original": original}))


class Judge:
    """Keeps how tests failed: by an assertion of their own, or by something else, which proves nothing."""

    def __init__(self) -> None:
        self.noticed = self.broken = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Any:
        report = yield
        if report.failed:
            asserted = call.when == "call" and call.excinfo.errisinstance((AssertionError, pytest.fail.Exception))
            asserted = asserted and not str(call.excinfo.value).startswith("Timeout (>")
            self.noticed = self.noticed or asserted
            self.broken = self.broken or not asserted
        return report

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: Any) -> None:
        if self.broken:
            session.exitstatus = BROKEN
        elif self.noticed:
            session.exitstatus = NOTICED


def take_all_away() -> None:
    """Patches every attribute of ``NOTIFIER_WITHOUT``: before any module that takes one over is imported.

    A test's own processes call this, too.
    """
    for line in os.environ["NOTIFIER_WITHOUT"].splitlines():
        take_away(line)


def pytest_configure(config: Any) -> None:
    """Judges what fails."""
    config.pluginmanager.register(Judge())
