"""A notification of the first types, and the inbox's form of it."""

from __future__ import annotations

import pytest

from notifier.consumers.inbox.records import Received
from notifier.notification import parse
from support.samples import ARREST, document

DOCUMENT = document(
    ARREST,
    id="01997e5c-1c00-7c55-9a3e-0d3f5e0b8a11",
    subject__nationalities=[{"state": "UTO", "status": "documented"}, {"state": "MAR", "status": "claimed"}],
)


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
