"""Documents from outside: whatever they hold, the answer is a value or one clean refusal."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.audit.checkpoint import Verifier, parse
from notifier.config import load
from notifier.directory.document import from_document
from notifier.directory.enrolment import Challenge, Request
from notifier.errors import ConfigError, NotifierError
from notifier.notification import parse as parse_notification
from notifier.policy.plan import Plan
from notifier.producers.sources import documents
from notifier.rules.ruleset import RuleSet, default_rules
from support.drawing import examples

NAMES = st.sampled_from(
    ["version", "issued_at", "hub", "authorities", "keys", "rows", "type", "subject", "names", "movement", "transit"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)
READERS = {
    "directory": lambda value: from_document(value, bytes(16)),
    "rules": RuleSet.from_document,
    "request": Request.from_document,
    "challenge": Challenge.from_document,
    "notification": parse_notification,
}


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=examples(200), deadline=None)
@given(value=VALUES)
def test_any_value_is_read_or_refused(reader, value):
    """JSON of any shape."""
    with contextlib.suppress(NotifierError):
        READERS[reader](value)


def paths(value, here=()):
    """Yield every place in a JSON value."""
    yield here
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in items:
            yield from paths(item, (*here, name))


def spoiled(value, path, wrong):
    """Return a copy of `value` with one place replaced."""
    copy = json.loads(json.dumps(value))
    if not path:
        return wrong
    holder = copy
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = wrong
    return copy


@pytest.mark.parametrize("wrong", [None, 7, "", "x", [], {}, [1], {"a": 1}, True, -1, 1.5])
def test_one_wrong_value_anywhere_in_the_rules_or_a_notification_is_refused_cleanly(wrong):
    """Place by place: a refusal, or a value that was allowed there."""
    rules = default_rules(3, 1).to_document() | {
        "corridors": [{"from": "TUR", "to": "DEU", "subscribers": ["FRA/spoc"]}],
        "consular_mandatory": ["FRA"],
    }
    rules["rows"] = rules["rows"][:2]
    for path in paths(rules):
        with contextlib.suppress(NotifierError):
            assert RuleSet.from_document(spoiled(rules, path, wrong)).version is not None


@settings(max_examples=examples(200), deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_note_is_read_or_refused(text):
    """Checkpoints and verifier keys."""
    with contextlib.suppress(NotifierError):
        parse(text)
    if isinstance(text, str):
        with contextlib.suppress(NotifierError):
            Verifier.from_vkey(text)


@settings(max_examples=examples(100), deadline=None)
@given(st.text(max_size=300))
def test_any_input_of_publish_is_divided_or_refused(text):
    """JSON, JSON Lines, or neither."""
    with contextlib.suppress(NotifierError):
        assert isinstance(documents(text), list)


@settings(max_examples=examples(150), deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_configuration_is_read_or_refused(tmp_path_factory, data):
    """Bytes of any kind in the place of TOML."""
    path = tmp_path_factory.mktemp("config") / "config.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        load(path)


def test_a_stored_plan_survives():
    """The outbox reads the plans that it wrote."""
    from notifier.policy.decision import Entry
    from notifier.rules.facts import Leg, RoutingFacts

    facts = RoutingFacts("pattern", corridor=("TUR", "DEU"), legs=(Leg("origin", "TUR"),), of="finint")
    plan = Plan(
        1,
        2,
        facts,
        (Entry(None, "hold", (), ("unresolved_place",)),),
        ("A/spoc",),
        ("B/spoc",),
        frozenset({"A/spoc"}),
    )
    assert Plan.from_document(plan.document()) == plan
