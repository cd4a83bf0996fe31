"""A machine readable zone beside the fields of a person: what contradicts them, what does not, and who is a child."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from notifier.directory.builtin import builtin_snapshot
from notifier.notification import parse
from notifier.notification.mrz import check_digit
from notifier.notification.warnings import warnings
from notifier.policy.decision import decide

EXAMPLES = Path(__file__).parents[3] / "examples"
PERSON = json.loads((EXAMPLES / "deportation-ordered.json").read_text())
WORLD = builtin_snapshot()


SPECIMEN = {
    "kind": "P<",
    "issuer": "UTO",
    "name": "ERIKSSON<<ANNA<MARIA",
    "number": "L898902C3",
    "nationality": "UTO",
    "birth": "740812",
    "sex": "F",
    "expiry": "120415",
}


def td3(**change):
    """Return a passport's two lines, with their check digits."""
    of = SPECIMEN | change
    first = f"{of['kind']:<<2}{of['issuer']:<<3}{of['name']}".ljust(44, "<")
    fields = [f"{of['number']:<<9}", of["birth"], of["expiry"], "<" * 14]
    one, two, three, four = (text + check_digit(text) for text in fields)
    whole = one + two + three + four
    return [first, one + f"{of['nationality']:<<3}" + two + of["sex"] + three + four + check_digit(whole)]


def made(document=None, local=None, **subject):
    """Return the example's person with one document of this zone."""
    found = copy.deepcopy(PERSON)
    found["subject"] |= {"documents": [{"kind": "P", "issuer": "UTO"} | (document or {})], **subject}
    found["local"] |= local or {}
    return found


def said(document):
    """{(kind, pointer)} of the warnings."""
    return {(str(one.kind), one.pointer) for one in warnings(parse(copy.deepcopy(document)))}


def contradicted(document):
    """Return the pointers of a zone's contradictions."""
    return {pointer for kind, pointer in said(document) if kind == "zone_contradicts"}


def held(document):
    """Return the holds of the decision."""
    decision = decide(parse(copy.deepcopy(document)), WORLD.directory, WORLD.rules)
    return {code for entry in decision.entries if entry.outcome == "hold" for code in entry.because}


DOCUMENT = "/subject/documents/0"


@pytest.mark.parametrize(
    ("zone", "stated", "pointers"),
    [
        ({}, {}, set()),
        ({"kind": "PP"}, {"kind": "P"}, set()),
        ({"kind": "PP"}, {"kind": "PP"}, set()),
        ({"kind": "PO"}, {"kind": "PD"}, {"/kind"}),
        ({}, {"kind": "V"}, {"/kind"}),
        ({}, {"kind": "ID"}, {"/kind"}),
        ({}, {"kind": "unknown"}, set()),
        ({}, {"kind": "other"}, set()),
        ({"number": "AB<123456"}, {"number": "AB-123456"}, set()),
        ({"number": "AB123456"}, {"number": "ab 12 34 56"}, set()),
        ({"number": "AB123456"}, {"number": "AB/123457"}, {"/number"}),
        ({"number": "123456789"}, {"number": "1234567890123"}, set()),
        ({"number": "AB1234567"}, {"number": "\u0410\u0412 1234567"}, set()),
        ({"number": "AB1234567"}, {"number": "\u0410\u0412 1234568"}, {"/number"}),
        ({}, {"number": "unknown"}, set()),
        ({"issuer": "D"}, {"issuer": "DEU"}, set()),
        ({"issuer": "YUG"}, {"issuer": "YUCS"}, set()),
        ({"issuer": "SUN"}, {"issuer": "YUCS"}, {"/issuer"}),
        ({"issuer": "XPO"}, {"issuer": "UNO"}, {"/issuer"}),
        ({"issuer": "UNO"}, {"issuer": "UNO"}, set()),
        ({"issuer": "UNO"}, {"issuer": "unknown"}, set()),
        ({"issuer": "FRA"}, {"issuer": "UNO"}, {"/issuer"}),
        ({}, {"expiry": "2012-04-15"}, set()),
        ({}, {"expiry": "2112-04-15"}, {"/expiry"}),
        ({}, {"expiry": "1912-04-15"}, {"/expiry"}),
        ({}, {"expiry": "2012-04-16"}, {"/expiry"}),
        ({"expiry": "1204<<"}, {"expiry": "2012-04-16"}, set()),
        ({"expiry": "1204<<"}, {"expiry": "2012-05-01"}, {"/expiry"}),
        ({"expiry": "<<<<<<"}, {"expiry": "2012-05-01"}, set()),
        ({"expiry": "991231"}, {"expiry": "9999-12-31"}, set()),
    ],
)  # fmt: skip
def test_a_document_s_fields(zone, stated, pointers):
    """Named where they stand; what ICAO 9303 writes otherwise, and what is unknown, contradicts nothing."""
    document = made({"mrz": td3(**zone)} | stated)
    assert contradicted(document) == {f"{DOCUMENT}{one}" for one in pointers}


def test_cards_choose_among_their_letters():
    """A, C and I are one class (9303-5, note k); a visa and a passport are others."""
    card = ["I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"]
    for kind, pointers in (("I", set()), ("C", set()), ("ID", set()), ("P", {"/kind"}), ("V", {"/kind"})):
        assert contradicted(made({"mrz": card, "kind": kind})) == {f"{DOCUMENT}{one}" for one in pointers}


def national(*codes):
    return {"nationalities": [{"state": code, "status": "documented"} for code in codes]}


@pytest.mark.parametrize(
    ("zone", "subject", "pointers"),
    [
        ({"name": "STEVENSON<<PETER<JOHN", "sex": "M"}, {}, {"/subject/names", "/subject/sex"}),
        ({"name": "STEVENSON<<PETER<JOHN"}, {"names": "unknown"}, set()),
        ({"sex": "<"}, {}, set()),
        ({"sex": "M"}, {"sex": "unknown"}, set()),
        ({"sex": "M"}, {"sex": "X"}, {"/subject/sex"}),
        ({"birth": "740813"}, {}, {"/subject/births"}),
        ({"birth": "74<<<<"}, {}, set()),
        ({"birth": "740813"}, {"births": "unknown"}, set()),
        ({"nationality": "FRA"}, {}, {"/subject/nationalities"}),
        ({"nationality": "FRA"}, national("UTO", "FRA"), set()),
        ({"nationality": "D"}, national("DEU"), set()),
        ({"nationality": "YUG"}, national("YUCS"), set()),
        ({"nationality": "UTO"}, {"nationalities": "unknown"}, {"/subject/nationalities"}),
        ({"nationality": "XXA"}, national("UTO"), {"/subject/nationalities"}),
        ({"nationality": "XXX"}, national("XXA"), {"/subject/nationalities"}),
        ({"nationality": "XXX"}, {"nationalities": "unknown"}, set()),
        ({"nationality": "UNO"}, national("XPO"), {"/subject/nationalities"}),
        ({"nationality": "UNO"}, national("UTO"), set()),
        ({"nationality": "XXB"}, national("UTO"), set()),
        ({"nationality": ""}, national("UTO"), set()),
    ],
)
def test_a_person_s_fields(zone, subject, pointers):
    """Names, sex, birth, nationality, also between two codes that are no states."""
    assert contradicted(made({"mrz": td3(**zone)}, **subject)) == pointers


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ({"birth": "740231"}, "date of birth"),
        ({"birth": "7<0812"}, "date of birth"),
        ({"expiry": "121315"}, "date of expiry"),
        ({"nationality": "UT0"}, "code of the nationality"),
        ({"issuer": "ABC"}, "code of the issuer"),
    ],
)
def test_what_icao_9303_does_not_have_is_doubted(zone, words):
    """A date that is no date, a code that is no code: named by its field, and read all the same."""
    found = warnings(parse(made({"mrz": td3(**zone)}, births=["1974"])))
    assert [(str(one.kind), one.pointer) for one in found if "birth" not in one.pointer] == [
        ("zone_doubtful", f"{DOCUMENT}/mrz")
    ]
    assert words in next(one.message for one in found if one.kind == "zone_doubtful")


CHILD = td3(birth="120101", expiry="271231")


@pytest.mark.parametrize(
    ("age", "births", "zone", "waits"),
    [
        ("adult", "unknown", "120101", True),
        ("adult", ["1974-08-12"], "120101", True),
        ("adult", ["1912-01-01"], "120101", True),
        ("adult", "unknown", "740812", False),
        ("adult", ["1974-08-12"], "740812", False),
        ("adult", "unknown", "081120", False),
        ("adult", "unknown", "081121", True),
        ("adult", "unknown", "08<<<<", True),
        ("adult", ["2008-01-05"], "08<<<<", False),
        ("adult", ["2008-12-05"], "08<<<<", True),
        ("adult", "unknown", "<<<<<<", False),
        ("adult", "unknown", "740231", False),
        ("unknown", ["1974-08-12"], "740812", False),
        ("unknown", ["1974-08-12"], "120101", True),
        ("unknown", "unknown", "740812", True),
        ("unknown", ["1388-05-01"], "740812", True),
    ],
)
def test_the_younger_reading_wins(age, births, zone, waits):
    """A zone's date of birth counts; only what is stated proves an adult."""
    document = made({"mrz": td3(birth=zone)}, age=age, births=births)
    if births == ["2008-12-05"]:
        document["subject"]["births"] = ["2008-01-05", "2008-12-05"]
        waits = False  # one of the stated dates is an adult's, and the zone bears it out
    assert ("child_review" in held(document)) is waits
    kinds = said(document)
    assert (("zone_contradicts", "/subject/age") in kinds) is (age == "adult" and waits)
    assert (("age_unknown", "/subject/age") in kinds) is (age == "unknown" and waits)


def test_any_document_of_a_child_counts():
    """The second of two; a zone that is none says nothing."""
    document = made({"mrz": td3()})
    assert held(document) == set()
    document["subject"]["documents"].append({"kind": "P", "issuer": "UTO", "mrz": CHILD})
    assert "child_review" in held(document)


def test_a_year_of_another_calendar_is_held_and_said():
    """It is held for an unknown age; a child's age is never doubted, an adult's is."""
    plain = {"documents": [], "births": ["1388-05-01"]}
    document = made(age="unknown", **plain)
    assert "child_review" in held(document)
    assert said(document) == {("birth_implausible", "/subject/births/0"), ("age_unknown", "/subject/age")}
    assert said(made(age="child", **plain)) == {("birth_implausible", "/subject/births/0")}
    adult = {("birth_implausible", "/subject/births/0"), ("age_doubtful", "/subject/age")}
    assert said(made(age="adult", **plain)) == adult
    (text,) = (one.message for one in warnings(parse(made(age="child", **plain))))
    assert "solar Hijri" in text
    assert "1388" not in text


@pytest.mark.parametrize("kind", ["PT", "P"])
def test_an_alien_s_passport_makes_no_refugee_and_is_asked_about(kind):
    """Its kind or zone (9303-4, 4.4) suppresses nobody; it leaves, and the publisher is warned."""
    document = made({"kind": kind, "mrz": td3(kind="PT")})
    notification = parse(copy.deepcopy(document))
    assert not notification.shows_refugee
    assert ("refugee_document_possible", f"{DOCUMENT}/kind") in said(document)
    document = made({"kind": "CTD", "mrz": td3(kind="PT")})
    assert parse(copy.deepcopy(document)).shows_refugee
    assert said(document) == set(), "it says that it is one"


@pytest.mark.parametrize(("kind", "unlisted"), [("RP", True), ("other", False), ("unknown", False), ("PX", False)])
def test_a_kind_that_icao_does_not_have(kind, unlisted):
    """Taken as it is printed, with a word about it."""
    document = made({"kind": kind})
    assert said(document) == ({("document_kind_unlisted", f"{DOCUMENT}/kind")} if unlisted else set())


@pytest.mark.parametrize(
    ("dates", "current"),
    [
        ({}, True),
        ({"until": "2010-01-01"}, False),
        ({"until": "2026-11-19"}, False),
        ({"until": "2026-11-20"}, True),
        ({"since": "2026-11-20"}, True),
        ({"since": "2026-11-21"}, False),
        ({"since": "2010-01-01", "until": "2030-01-01"}, True),
    ],
)
def test_a_nationality_that_is_not_of_the_day_is_a_doubt(dates, current):
    """Held as unconfirmed, and said; a revoked one is no leg and no doubt."""
    document = made({"kind": "P"}, nationalities=[{"state": "ITA", "status": "documented", **dates}])
    assert (held(document) == set()) is current
    assert said(document) == (set() if current else {("nationality_not_current", "/subject/nationalities/0")})
    document["subject"]["nationalities"][0]["status"] = "revoked"
    assert held(document) == set() == said(document)
