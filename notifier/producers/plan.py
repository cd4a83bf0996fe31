"""What will be done about one notification: the decision, confined to what its submitter saw. Pure.

Directory and rules may change between submission and sealing, or the hub may ask for a new evaluation. The
publisher then sends by itself only to those who were in the approved set; whoever the new rules add is held
as `rules_changed` until a person agrees (DESIGN.md, "What the hub checks").
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from notifier.routing.decision import Decision
from notifier.routing.facts import Leg, RoutingFacts

RULES_CHANGED: Final = "rules_changed"

Entry = dict[str, Any]
"""One entry of a routing decision as JSON (FORMATS.md)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One evaluation of a notification, as stored.

    `entries` are the decision's, as JSON, amended; `recipients` are sealed to, `withheld` are the expected
    participating authorities that are not; `approved` is the set that the submitter saw being sent to.
    """

    rules_version: int
    directory_version: int
    facts: RoutingFacts
    entries: tuple[Entry, ...]
    recipients: tuple[str, ...]
    withheld: tuple[str, ...]
    approved: frozenset[str]

    def document(self) -> bytes:
        """The stored form."""
        facts = self.facts
        return json.dumps(
            {
                "rules_version": self.rules_version,
                "directory_version": self.directory_version,
                "facts": {
                    "type": facts.type,
                    "in_custody": facts.in_custody,
                    "interpol": facts.interpol,
                    "corridor": facts.corridor,
                    "legs": [[leg.rule, leg.state] for leg in facts.legs],
                    "of": facts.of,
                },
                "entries": self.entries,
                "recipients": self.recipients,
                "withheld": self.withheld,
                "approved": sorted(self.approved),
            }
        ).encode()

    @classmethod
    def from_document(cls, stored: bytes) -> Plan:
        """The plan that `document` gave."""
        value = json.loads(stored)
        facts = value["facts"]
        return cls(
            value["rules_version"],
            value["directory_version"],
            RoutingFacts(
                facts["type"],
                facts["in_custody"],
                facts["interpol"],
                tuple(facts["corridor"]) if facts["corridor"] else None,
                tuple(Leg(rule, state) for rule, state in facts["legs"]),
                facts["of"],
            ),
            tuple(value["entries"]),
            tuple(value["recipients"]),
            tuple(value["withheld"]),
            frozenset(value["approved"]),
        )


def plan(
    decision: Decision, facts: RoutingFacts, directory_version: int, approved: Collection[str] | None = None
) -> Plan:
    """The plan that `decision` gives; `approved` confines it to an earlier one's recipients (None: the first)."""
    allowed = frozenset(decision.recipients if approved is None else approved)
    entries: list[Entry] = [dict(entry) for entry in decision.to_json()["recipients"]]
    for entry in entries:
        if entry["outcome"] == "send" and entry["authority"] not in allowed:
            entry["outcome"] = "hold"
            entry["because"] = [*entry["because"], RULES_CHANGED]
    added = set(decision.recipients) - allowed
    return Plan(
        decision.rules_version,
        directory_version,
        facts,
        tuple(entries),
        tuple(sorted(set(decision.recipients) - added)),
        tuple(sorted(set(decision.withheld) | added)),
        allowed,
    )
