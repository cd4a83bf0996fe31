"""Why a recipient was told: its own rules and paragraphs, and nobody else's."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest

from notifier.directory.builtin import builtin_snapshot
from notifier.errors import MalformedError
from notifier.notification import decode, parse
from notifier.notification.model import About, Parent
from notifier.outbox.payloads import payloads_for
from notifier.policy.decision import Reason, decide
from notifier.policy.explain import why_told
from unit.consumers.conftest import DOCUMENT

SNAPSHOT = builtin_snapshot()


def why(notification, authority):
    return [entry.to_json() for entry in why_told(notification, authority, SNAPSHOT.directory, SNAPSHOT.rules)]


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
    with pytest.raises(MalformedError):
        why(broken, "UTO/spoc")


REFUGEE = {"state": "XXB", "status": "documented"}
LOCAL = {
    "nobody else is kept back": {},
    "a feared state": {"refugee": {"status": "refugee", "feared": ["MAR"]}},
    "a refugee whose fear is not known": {"refugee": {"status": "refugee", "feared": []}},
    "a risk of torture": {"risk": {"torture": ["MAR"], "death_penalty": []}},
}


def got(local, name, not_to=(), **subject):
    """The notification as `name` has it after the originator sent what it may, and who else was not told."""
    document = copy.deepcopy(DOCUMENT)
    document["local"] |= local
    document["handling"]["not_to"] = list(not_to)
    document["subject"]["nationalities"] = [{"state": code, "status": "documented"} for code in ("UTO", "MAR")]
    document["subject"] |= subject
    notification = parse(document)
    decision = decide(notification, SNAPSHOT.directory, SNAPSHOT.rules)
    (letter,) = payloads_for(notification, [name])
    return decode(letter.wire), {entry.outcome for entry in decision.entries if entry.authority == "MAR/spoc"}


def test_what_a_recipient_is_told_shows_nothing_of_who_was_not():
    """FRA hears the same words whether MAR was told, suppressed or held, by whichever door one looks (attack 33)."""
    answers, fates = set(), set()
    for local in LOCAL.values():
        notification, fate = got(local, "FRA/spoc")
        answers.add(json.dumps(why(notification, "FRA/spoc")))
        fates |= fate
    notification, _ = got({}, "FRA/spoc", not_to=["MAR"])
    answers.add(json.dumps(why(notification, "FRA/spoc")))
    assert fates == {"send", "suppress", "hold"}
    assert len(answers) == 1
    said = answers.pop()
    for word in ("MAR", "UTO", "feared", "refugee", "torture", "not_to", "review", "hold", "suppress"):
        assert word not in said


def test_a_child_s_recipient_hears_of_no_review():
    """Told after a review, or told at once: why is the rule, in the same words."""
    child, _ = got({}, "FRA/spoc", age="child")
    adult, _ = got({}, "FRA/spoc")
    assert child.subject.age == "child"
    for notification in (child, adult):
        (entry,) = why(notification, "UTO/spoc")
        assert (entry["outcome"], entry["because"]) == ("send", [])


def test_whoever_was_told_before_hears_so(notification):
    """An update that names no leg of FRA's any more: it is told because it was, on the paragraph of then."""
    update = replace(
        notification, type="update", about=About("x", "00"), subject=replace(notification.subject, residences=())
    )
    known = why_told(update, "FRA/spoc", SNAPSHOT.directory, SNAPSHOT.rules, notification)
    assert [entry.reasons for entry in known] == [(Reason("told_before", "5"),)]
    (unknown,) = why(update, "FRA/spoc")
    assert unknown["reasons"] == [{"rule": "told_before", "paragraph": "3"}]


@pytest.mark.parametrize(
    ("type_", "rule"),
    [("correction", "told_before"), ("withdrawal", "told_before"), ("response", "originator")],
)
def test_what_follows_upon_a_notification_has_its_reason(notification, type_, rule):
    """No leg decides there: its originator answers, or everybody who was told is told again."""
    (entry,) = why(replace(notification, type=type_), "FRA/spoc")
    assert entry["reasons"] == [{"rule": rule, "paragraph": "3"}]


def test_what_was_passed_on_says_so(notification):
    """The forwarder chose; a front line hears it on paragraph 8."""
    shared = replace(notification, originator="FRA/spoc", parent=Parent("TUR/spoc", "x", "00"))
    told = {name: why(shared, name)[0]["reasons"] for name in ("FRA/border", "FRA/fiu", "DEU/spoc")}
    assert told == {
        "FRA/border": [{"rule": "forwarded", "paragraph": "8"}],
        "FRA/fiu": [{"rule": "forwarded", "paragraph": "7"}],
        "DEU/spoc": [{"rule": "forwarded", "paragraph": "5"}],
    }
