"""Why a recipient was told: its own rules and paragraphs, and nobody else's."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from notifier.consumers.why import why_told
from notifier.directory.builtin import builtin_snapshot
from notifier.errors import Malformed

SNAPSHOT = builtin_snapshot()


def why(notification, authority):
    return why_told(notification, authority, SNAPSHOT.directory, SNAPSHOT.rules)


def test_the_rule_and_paragraph_of_its_own_authority(notification):
    """UTO is told as the nationality's state, on paragraph 6, and sees no other authority."""
    assert why(notification, "UTO/spoc") == [
        {
            "authority": "UTO/spoc",
            "outcome": "send",
            "reasons": [{"rule": "nationality", "paragraph": "6"}],
            "because": [],
        }
    ]
    assert "FRA" not in json.dumps(why(notification, "UTO/spoc"))


def test_what_the_originator_weighed_is_not_said(notification):
    """A claimed nationality was held until a person released it: the recipient sees that it was told, and why."""
    (entry,) = why(notification, "MAR/spoc")
    assert (entry["outcome"], entry["because"]) == ("send", [])


def test_an_authority_that_no_rule_names(notification):
    """Nothing is made up for it."""
    assert why(notification, "GBR/spoc") == []


def test_a_notification_out_of_its_format_is_a_refusal(notification):
    """What an originator sends unchecked does not break the asker's command."""
    broken = replace(notification, event_time="yesterday", subject=replace(notification.subject, age="unknown"))
    with pytest.raises(Malformed):
        why(broken, "UTO/spoc")
