"""A later evaluation of a notification adds nobody whom its submitter did not see."""

from __future__ import annotations

from dataclasses import dataclass

from notifier.policy.decision import Entry, Reason
from notifier.policy.plan import Plan, plan
from notifier.rules.facts import Leg, RoutingFacts

FACTS = RoutingFacts("deportation", True, False, ("TUR", "DEU"), (Leg("destination", "DEU"), Leg("transit", "AUT")))


@dataclass(frozen=True)
class Decided:
    """As much of a decision as a plan reads."""

    outcomes: dict
    withheld: tuple = ()
    rules_version: int = 3

    @property
    def recipients(self):
        return tuple(name for name, outcome in self.outcomes.items() if outcome == "send")

    @property
    def entries(self):
        because = {"send": (), "hold": ("child_review",), "suppress": ("not_to",)}
        return tuple(
            Entry(name, outcome, (Reason("destination", "3"),), because[outcome])
            for name, outcome in self.outcomes.items()
        )


def test_the_first_plan_approves_what_it_sends():
    """Everybody whom the rules tell is sent to; the others are withheld."""
    made = plan(Decided({"AUT/spoc": "send", "DEU/spoc": "suppress"}, ("DEU/spoc",)), FACTS, 5)
    assert (made.recipients, made.withheld, made.approved) == (("AUT/spoc",), ("DEU/spoc",), {"AUT/spoc"})


def test_an_addition_is_held_and_counts_as_withheld():
    """The hub still sees recipients and withheld together as all that the rules name."""
    later = Decided({"AUT/spoc": "send", "DEU/spoc": "send", "FRA/spoc": "hold"}, ("FRA/spoc",))
    made = plan(later, FACTS, 6, {"DEU/spoc"})
    assert made.recipients == ("DEU/spoc",)
    assert made.withheld == ("AUT/spoc", "FRA/spoc")
    held = {entry.authority: entry.because for entry in made.entries if entry.outcome == "hold"}
    assert held == {"AUT/spoc": ("rules_changed",), "FRA/spoc": ("child_review",)}


def test_whoever_the_rules_no_longer_name_is_not_sent_to():
    """An earlier approval does not outlive the expectation."""
    made = plan(Decided({"DEU/spoc": "suppress"}, ("DEU/spoc",)), FACTS, 6, {"AUT/spoc", "DEU/spoc"})
    assert (made.recipients, made.withheld) == ((), ("DEU/spoc",))


def test_a_stored_plan_is_read_as_it_was():
    """Nothing of a plan is lost in the outbox."""
    made = plan(Decided({"AUT/spoc": "send", "DEU/spoc": "hold"}, ("DEU/spoc",)), FACTS, 5)
    assert Plan.from_document(made.document()) == made
