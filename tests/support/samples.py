"""The notifications that tests begin from: one person, by the ICAO specimen, and what may be changed of it."""

from __future__ import annotations

import copy
from typing import Any

Document = dict[str, Any]

DEPORTATION: Document = {
    "type": "deportation",
    "stage": "ordered",
    "originator": "TUR/spoc",
    "event_time": "2026-11-20T08:15:00+03:00",
    "urgency": "urgent",
    "purpose": "counter_terrorism",
    "legal_basis": ["S/RES/2396 (2017) para 3"],
    "grading": {"scheme": "4x4", "source": "B", "information": "2"},
    "handling": {"codes": ["H2"], "text": None, "release_to": [], "not_to": []},
    "review_date": "2027-11-20",
    "erase_date": "2031-11-20",
    "interpol": False,
    "language": "en",
    "subject": {
        "category": "suspect",
        "grounds": [{"offence": "travel_for_terrorist_purpose", "legal_basis": "S/RES/2178 (2014) para 6(a)"}],
        "age": "adult",
        "names": [
            {"quality": "primary", "text": "Eriksson Anna Maria", "script": "Latn", "icao": "ERIKSSON<<ANNA<MARIA"}
        ],
        "births": ["1974-08-12"],
        "sex": "F",
        "nationalities": [{"state": "UTO", "status": "documented"}],
        "residences": ["FRA"],
        "documents": [{"kind": "P", "issuer": "UTO", "number": "L898902C3", "expiry": "2012-04-15"}],
    },
    "movement": {
        "in_custody": True,
        "origin": "TUR",
        "transit": [{"iata": "VIE"}],
        "destination": {"locode": "DEFRA"},
    },
    "narrative": "a narrative that only recipients may read",
    "local": {
        "refugee": {"status": "none", "feared": []},
        "risk": {"torture": [], "death_penalty": []},
        "consular": {"requested": "unknown"},
        "approvals": [],
    },
}
"""A deportation from TUR through AUT to DEU of somebody from UTO: those three are told."""


def document(base: Document = DEPORTATION, **change: Any) -> Document:
    """A copy of `base` with top-level members replaced; `subject__age` and the like reach one level down."""
    made = copy.deepcopy(base)
    for key, value in change.items():
        outer, _, inner = key.partition("__")
        if inner:
            made[outer][inner] = value
        else:
            made[outer] = value
    return made


ARREST = document(
    type="arrest",
    stage=None,
    legal_basis=["S/RES/2396 (2017) para 6"],
    movement={"in_custody": True, "origin": "unknown", "transit": [], "destination": "unknown"},
)
"""Her arrest, with nothing known of where she was or went."""
