"""What an authority sends past its own publisher's checks: shown, stored and explained, or refused; never a crash."""

from __future__ import annotations

import copy
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.cli.inbox import lines
from notifier.codec.single_object import MARKER, codec
from notifier.consumers.sinks import document
from notifier.consumers.verification import Recipient, Refusal, read
from notifier.directory.builtin import builtin_snapshot
from notifier.errors import MalformedError
from notifier.escaping import json_text
from notifier.notification import decode, encode
from notifier.policy.explain import why_told
from support.drawing import examples

SNAPSHOT = builtin_snapshot()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "unknown", "XXB", "2026-11-20T08:15:00", "9999-99-99", "0000-00-00", "\x1b[2J", "\u202e", "A" * 3]
)


def leaves(value, path=()):
    """The paths of all texts in an Avro record."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(item, str):
            yield (*path, key)
        else:
            yield from leaves(item, (*path, key))


def changed(record, path, text):
    made = copy.deepcopy(record)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = text
    return made


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_text_in_any_field_is_shown_or_refused(notification, received, data):
    """One or more texts replaced by anything: decoded and shown on printable lines, or refused as malformed."""
    record = codec("Notification").decode(encode(notification))
    for path in data.draw(st.lists(st.sampled_from(list(leaves(record))), min_size=1, max_size=4)):
        record = changed(record, path, data.draw(TEXT))
    try:
        hostile = decode(codec("Notification").encode(record))
    except (MalformedError, ValueError):
        return
    shown = document(replace(received(), notification=hostile))
    assert not [
        char for line in lines(shown, "") for char in line if unicodedata.category(char) in ("Cc", "Zl", "Zp")
    ]
    assert "\n" not in json_text(shown)
    try:
        entries = why_told(hostile, "UTO/spoc", SNAPSHOT.directory, SNAPSHOT.rules)
    except MalformedError:
        return
    assert {entry.authority for entry in entries} <= {"UTO/spoc"}


@given(st.none() | st.binary(max_size=400))
def test_any_bytes_on_the_feed_are_a_refusal(value):
    """A recipient's reader is total: bytes that nobody signed are refused, and no receipt is owed."""
    result = read(value, Recipient("DEU/spoc", {}, SNAPSHOT.directory), 0)
    assert isinstance(result, Refusal)
    assert (result.reason, result.originator, result.place) == ("malformed", None, None)
    assert result.raw == (value or b"")


@pytest.mark.parametrize("name", ["Delivery", "Notice"])
@given(rest=st.binary(max_size=300))
def test_a_known_schema_s_name_opens_no_door(name, rest):
    """Bytes that claim to be a delivery or a notice, and are not, are refused likewise."""
    result = read(MARKER + codec(name).fingerprint + rest, Recipient("DEU/spoc", {}, SNAPSHOT.directory), 0)
    assert isinstance(result, Refusal)
    assert result.originator is None
