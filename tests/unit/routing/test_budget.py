"""What an originator may have delivered: so much at once, and so much a second."""

from __future__ import annotations

from notifier.routing.budget import OUTPUT_BURST, OUTPUT_RATE, Budget


def test_a_burst_is_delivered_and_what_follows_waits_until_it_has_drained():
    """To the millisecond; another originator is not concerned."""
    budget = Budget()
    assert budget.allows("TUR/spoc", 1000)
    budget.spend("TUR/spoc", OUTPUT_BURST - 1, 1000)
    assert budget.allows("TUR/spoc", 1000), "one more, whatever its size"
    budget.spend("TUR/spoc", OUTPUT_RATE + 1, 1000)
    assert not budget.allows("TUR/spoc", 1000)
    assert not budget.allows("TUR/spoc", 2000)
    assert budget.allows("TUR/spoc", 2001)
    assert budget.allows("FRA/spoc", 1000)


def test_a_clock_that_goes_back_gives_nothing_back():
    """Nor does it take more."""
    budget = Budget()
    budget.spend("TUR/spoc", OUTPUT_BURST, 5000)
    assert not budget.allows("TUR/spoc", 1000)
    assert budget.allows("TUR/spoc", 5001)
