"""A pytest plugin that takes one control away: ``NOTIFIER_WITHOUT=module:attribute=expression``."""

from __future__ import annotations

import importlib
import os
from types import SimpleNamespace
from typing import Any


class Anything:
    """Equal to whatever it is compared with."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


NAMES = {"Anything": Anything, "SimpleNamespace": SimpleNamespace}


def pytest_configure(config: Any) -> None:
    """Patches before any test module is imported."""
    place, _, expression = os.environ["NOTIFIER_WITHOUT"].partition("=")
    module, _, path = place.partition(":")
    holder: Any = importlib.import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        holder = getattr(holder, parent)
    getattr(holder, name)  # a control that is not there any more is an error of the table
    setattr(holder, name, eval(expression, dict(NAMES)))
