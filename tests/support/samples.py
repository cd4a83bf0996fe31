"""The notifications that tests begin from: one person, by the ICAO specimen, and what may be changed of it."""

from __future__ import annotations

from typing import Any

from notifier.testing import changed, sample_notification

Document = dict[str, Any]

DEPORTATION: Document = sample_notification()
"""A deportation from TUR through AUT to DEU of somebody from UTO: those three are told."""


def document(base: Document = DEPORTATION, **change: Any) -> Document:
    """A copy of `base` with top-level members replaced; `subject__age` and the like reach one level down."""
    return changed(base, **change)


ARREST = document(
    type="arrest",
    stage=None,
    legal_basis=["S/RES/2396 (2017) para 6"],
    movement={"in_custody": True, "origin": "unknown", "transit": [], "destination": "unknown"},
)
"""Her arrest, with nothing known of where she was or went."""
