"""A notification to vary, and the built-in directory."""

from __future__ import annotations

import copy

import pytest

from notifier.directory.builtin import builtin_snapshot
from notifier.notification import parse
from notifier.policy.decision import decide
from support import samples

BASE = samples.document(
    handling__codes=[],
    subject__residences=[],
    subject__documents=[],
    movement={"in_custody": True, "origin": "BGR", "transit": ["AUT"], "destination": "DEU"},
)


@pytest.fixture
def document():
    """As `document_factory`, for tests that hypothesis does not repeat."""
    return make


@pytest.fixture(scope="session")
def document_factory():
    """Return the function that makes documents; it is the same in every example."""
    return make


def make(**change):
    """Return a document from top-level fields and `subject_`, `movement_`, `local_`, `handling_` ones."""
    made = copy.deepcopy(BASE)
    for name, value in change.items():
        part, _, rest = name.partition("_")
        if rest and part in ("subject", "movement", "local", "handling"):
            made[part][rest] = value
        elif value is None and name == "movement":
            del made[name]
        else:
            made[name] = value
    if made["type"] != "deportation":
        made["stage"] = None
    return made


@pytest.fixture(scope="session")
def snapshot():
    return builtin_snapshot()


@pytest.fixture
def route(document, snapshot):
    """Return the decision on a document as {authority: (outcome, rules, because)}.

    A leg without a state is named by its hold.
    """

    def decided(**change):
        notification = parse(document(**change))
        approvals = notification.local.approvals
        decision = decide(notification, snapshot.directory, snapshot.rules, approvals=approvals)
        return {
            entry.authority or " ".join(entry.because): (
                entry.outcome,
                " ".join(f"{reason.rule}:{reason.paragraph}" for reason in entry.reasons),
                " ".join(entry.because),
            )
            for entry in decision.entries
        }

    return decided
