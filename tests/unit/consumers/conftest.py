"""A notification of the first types, and the inbox's form of it."""

from __future__ import annotations

import pytest

from notifier.consumers.inbox import Received
from notifier.notification import parse

DOCUMENT = {
    "id": "01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11",
    "type": "arrest",
    "originator": "TUR/spoc",
    "event_time": "2026-11-20T08:15:00+03:00",
    "urgency": "urgent",
    "purpose": "counter_terrorism",
    "legal_basis": ["S/RES/2396 (2017) para 6"],
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
        "nationalities": [{"state": "UTO", "status": "documented"}, {"state": "MAR", "status": "claimed"}],
        "residences": ["FRA"],
        "documents": [{"kind": "P", "issuer": "UTO", "number": "L898902C3", "expiry": "2012-04-15"}],
    },
    "movement": {"in_custody": True, "origin": "unknown", "transit": [], "destination": "unknown"},
    "local": {
        "refugee": {"status": "none", "feared": []},
        "risk": {"torture": [], "death_penalty": []},
        "consular": {"requested": "unknown"},
        "approvals": [],
    },
}


@pytest.fixture
def notification():
    """The example as a recipient has it."""
    from notifier.notification import for_sealing

    return for_sealing(parse(DOCUMENT))


@pytest.fixture
def received(notification):
    """Makes messages of the inbox, by number; `change` replaces the notification's fields."""
    from dataclasses import replace

    def make(row=1, **change):
        return Received(
            row=row,
            id=DOCUMENT["id"],
            originator="TUR/spoc",
            stream="ab" * 16,
            seq=row,
            envelope="cd" * 32,
            accepted_at=1_795_000_000_000,
            rules_version=1,
            received_at=1_795_000_000_000,
            state="opened",
            notification=replace(notification, **change),
        )

    return make
