"""Blank and invisible text counts as no text in every mandatory field."""

from __future__ import annotations

import copy

import pytest

from notifier.errors import NotificationInvalidError
from notifier.notification import parse
from notifier.notification.blanks import is_blank, says_something
from notifier.notification.model import Approval
from support.samples import DEPORTATION

INVISIBLE = {
    "nothing": "",
    "blank": " ",
    "tab": "\t",
    "lines": "\n\n",
    "no-break space": "\u00a0",
    "zero-width space": "\u200b",
    "zero-width joiners": "\u200c\u200d",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "ideographic space": "\u3000",
    "Hangul filler": "\u3164",
    "half-width Hangul filler": "\uffa0",
    "empty braille cell": "\u2800",
    "combining grapheme joiner": "\u034f",
    "variation selector": "\ufe0f",
    "Mongolian vowel separator": "\u180e",
    "invisible times": "\u2062",
    "tag characters": "\U000e0041\U000e007f",
    "several": " \u200b\t\u3164",
}


@pytest.mark.parametrize("text", INVISIBLE.values(), ids=list(INVISIBLE))
def test_what_shows_nothing_is_blank(text):
    """The Unicode category does not matter."""
    assert is_blank(text)
    assert not says_something(text)


@pytest.mark.parametrize("text", ["Z 1", "\u200bx", "\u6587", "7", "\u0645", "e\u0301"])
def test_what_shows_a_letter_or_digit_says_something(text):
    """In any script, and beside what does not show."""
    assert not is_blank(text)
    assert says_something(text)


@pytest.mark.parametrize("text", ["-", "...", "+"])
def test_punctuation_is_seen_and_names_nobody(text):
    """A stroke is no reference."""
    assert not is_blank(text)
    assert not says_something(text)


def put(document, path, value):
    """Return the document with one field replaced."""
    *parents, name = path.split("/")
    found = document
    for part in parents:
        found = found[int(part) if part.isdigit() else part]
    found[int(name) if name.isdigit() else name] = value
    return document


MANDATORY = (
    "legal_basis/0",
    "subject/grounds/0/legal_basis",
    "subject/names/0/text",
    "movement/origin/text",
    "handling/text",
    "biometrics/0/pointer",
    "biometrics/0/necessity",
    "references/0/value",
    "local/approvals/0/by",
    "local/approvals/0/reference",
)


@pytest.mark.parametrize("path", MANDATORY)
@pytest.mark.parametrize(
    "text", [one for one in INVISIBLE.values() if one], ids=[name for name in INVISIBLE if name != "nothing"]
)
def test_a_text_that_shows_nothing_is_refused_by_its_pointer(path, text):
    """Everywhere alike."""
    document = copy.deepcopy(DEPORTATION)
    document["movement"]["origin"] = {"text": "an airfield"}
    document["handling"] |= {"codes": ["H3"], "text": "ask by telephone"}
    document["biometrics"] = [{"kind": "face", "digest": "ab" * 32, "pointer": "file 7", "necessity": "a twin"}]
    document["references"] = [{"kind": "case", "value": "7/26"}]
    document["local"]["approvals"] = [
        {
            "hold": "torture_or_death_risk",
            "state": "DEU",
            "by": "A. Lindt",
            "at": "2026-11-20T09:00:00Z",
            "reference": "Z 1",
        }
    ]
    parse(copy.deepcopy(document))
    with pytest.raises(NotificationInvalidError) as caught:
        parse(put(document, path, text))
    assert f"/{path}" in [fault.pointer for fault in caught.value.faults]


@pytest.mark.parametrize("text", [None, *INVISIBLE.values()])
def test_an_approval_that_says_nothing_releases_nothing(text):
    """Neither without a name nor, of a risk, without an assurance: however it came here."""
    assert Approval("torture_or_death_risk", "A. Lindt", "", "DEU", "Z 1").says_enough
    assert not Approval("torture_or_death_risk", "A. Lindt", "", "DEU", text).says_enough
    assert not Approval("child_review", text or "", "").says_enough
