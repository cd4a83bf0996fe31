"""Warnings to the originator before it sends: contradictions, and values without effect."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from notifier.notification import parse
from notifier.notification.warnings import CONCERN_SAFETY, NAMES_NO_STATE, WarningKind, warnings

EXAMPLES = Path(__file__).parents[3] / "examples"
PERSON = json.loads((EXAMPLES / "deportation-ordered.json").read_text())
MRZ = ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"]
PASSPORT = {"kind": "P", "issuer": "UTO", "number": "L898902C3", "expiry": "2012-04-15", "mrz": MRZ}


def made(local=None, **subject):
    document = copy.deepcopy(PERSON)
    document["subject"] |= {"documents": [dict(PASSPORT)], **subject}
    document["local"] |= local or {}
    return document


def found(document):
    """{pointer: message} of the warnings, which never repeat what was given."""
    said = {fault.pointer: fault.message for fault in warnings(parse(document))}
    assert not any(word in text for text in said.values() for word in ("L8989", "Eriksson", "UTO", "1974"))
    return said


def test_what_agrees_with_itself_earns_none():
    """The specimen, as it is printed."""
    assert found(made()) == {}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"number": "L898902C4"}, "/subject/documents/0/number"),
        ({"issuer": "FRA"}, "/subject/documents/0/issuer"),
        ({"expiry": "2013-04-15"}, "/subject/documents/0/expiry"),
    ],
)
def test_a_field_that_its_machine_readable_zone_contradicts(change, pointer):
    """Named where it stands; what is unknown contradicts nothing."""
    assert list(found(made(documents=[PASSPORT | change]))) == [pointer]
    unknown = {name: "unknown" for name in change if name != "issuer"}
    if unknown:
        assert found(made(documents=[PASSPORT | unknown])) == {}


def test_a_person_whom_the_machine_readable_zone_contradicts():
    """Another date of birth, another nationality; partly known dates agree with what they can be."""
    assert list(found(made(births=["1974-08-13"]))) == ["/subject/births"]
    for birth in (["1974-08-13", "1974-08-12"], ["1974"], ["197X"], ["1974-XX"], ["1970~"], "unknown"):
        assert found(made(births=birth)) == {}
    other = [{"state": "FRA", "status": "documented"}]
    assert list(found(made(nationalities=other))) == ["/subject/nationalities"]
    both = [*other, {"state": "UTO", "status": "claimed"}]
    assert found(made(nationalities=both)) == {}


def test_a_name_and_its_script():
    """An ICAO form that does not follow, in any of the three scripts; a script that is another."""
    name = {"quality": "primary", "text": "Шевченко", "script": "Cyrl", "icao": "SHEVCHENKO"}
    plain = {"documents": []}
    assert found(made(names=[name], **plain)) == {}
    assert list(found(made(names=[name | {"icao": "SEVCENKO"}], **plain))) == []
    assert list(found(made(names=[name | {"icao": "SMITH"}], **plain))) == ["/subject/names/0/icao"]
    arabic = {"quality": "aka", "text": "محمد", "script": "Arab", "icao": "AHMED"}
    assert list(found(made(names=[name, arabic], **plain))) == ["/subject/names/1/icao"]
    assert list(found(made(names=[name | {"script": "Latn"}], **plain))) == ["/subject/names/0/script"]
    for script in ("Latn", "Grek", "Hans"):
        blank = {"quality": "primary", "text": "\u0391", "script": script, "icao": "<<<"}
        assert "/subject/names/0/icao" in found(made(names=[blank], **plain)), "a form without a letter"


def test_ages_that_the_dates_of_birth_do_not_bear_out():
    """An adult of whom one date says child; what a child's dates say is never argued with."""
    plain = {"documents": []}
    assert list(found(made(births=["1974-08-12", "2012"], **plain))) == ["/subject/age"]
    assert found(made(births=["1974-08-12"], age="child", **plain)) == {}
    assert list(found(made(births="unknown", age="unknown", **plain))) == ["/subject/age"]
    assert found(made(births=["1974-08-12"], age="unknown", **plain)) == {}
    assert found(made(births=["1974-08-12", "2012"], age="disputed", **plain)) == {}


def test_an_approval_that_releases_nothing():
    """The leg names no authority: an update that names the state is what helps."""
    signed = {"state": None, "by": "A", "at": "2026-11-20T09:00:00Z"}
    approvals = [{"hold": "child_review", **signed}, *({"hold": hold, **signed} for hold in sorted(NAMES_NO_STATE))]
    said = found(made(local={"approvals": approvals}))
    assert list(said) == [f"/local/approvals/{number}/hold" for number in range(1, 5)]


def test_free_text_about_a_refugee():
    """It leaves as it is written, in every profile that has it."""
    document = made(local={"refugee": {"status": "refugee", "feared": ["UTO"]}})
    assert list(found(document | {"narrative": "Stopped at the border."})) == ["/narrative"]
    assert found(document | {"narrative": None}) == {}
    document["local"]["refugee"]["status"] = "unknown"
    assert list(found(document)) == ["/local/refugee/status"]


def test_an_exclusion_that_excludes_nobody():
    """A code that only looks like a state's; an organisation's own code is longer, or ICAO's."""
    document = made()
    document["handling"] |= {"not_to": ["FRN", "FRA", "INTERPOL", "GBD"], "release_to": ["UNO", "XYZ/spoc"]}
    assert list(found(document)) == ["/handling/release_to/1", "/handling/not_to/0", "/handling/not_to/3"]


@pytest.mark.parametrize(
    ("codes", "not_to", "warned"),
    [(["H1"], ["FRA"], []), (["H1"], ["FRA/border"], ["/handling/codes"]), (["H2", "H1"], ["FRA/border"], [])],
)
def test_an_exclusion_that_lets_nobody_share_onwards_without_asking(codes, not_to, warned):
    """The originator is told of a code that is added to its own."""
    document = made()
    document["handling"] |= {"codes": codes, "not_to": not_to}
    assert list(found(document)) == warned


def test_kinds_are_stable():
    """Scripts name them; those that concern a person's safety have to be accepted by name."""
    assert sorted(CONCERN_SAFETY) == [
        "age_unknown",
        "refugee_document_possible",
        "refugee_status_unknown",
        "repeated",
        "zone_contradicts",
    ]
    assert all(kind == kind.name.lower() for kind in WarningKind)
    document = made(births="unknown", age="unknown", local={"refugee": {"status": "unknown", "feared": []}})
    said = [(one.kind, one.pointer) for one in warnings(parse(document))]
    assert said == [("age_unknown", "/subject/age"), ("refugee_status_unknown", "/local/refugee/status")]
    assert str(warnings(parse(document))[0]).startswith("age_unknown: /subject/age: is unknown")
