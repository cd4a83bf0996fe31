"""Reading notifications: every fault at once, by place, and nothing of what was given in the answer."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest

from notifier.errors import MalformedError, NotificationInvalidError
from notifier.notification import decode, encode, for_sealing, parse, restore, to_json
from notifier.notification.model import Document
from notifier.notification.suggesting import states_like
from notifier.notification.warnings import warnings
from notifier.policy.legs import legs_of
from unit.notification.test_mrz import SPECIMENS

EXAMPLES = Path(__file__).parents[3] / "examples"
FILES = sorted(EXAMPLES.glob("*.json"))
ID = bytes.fromhex("0199f0c2111171118111111111111111")


def faults(document):
    """{pointer: message} of everything that is wrong."""
    with pytest.raises(NotificationInvalidError) as error:
        parse(document)
    return {fault.pointer: fault.message for fault in error.value.faults}


@pytest.fixture
def good():
    return json.loads((EXAMPLES / "deportation-ordered.json").read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_reads_and_is_written_back(path):
    """The public form survives reading and writing, the local part too."""
    notification = parse(path.read_text())
    assert parse(to_json(notification, local=True)) == notification
    assert "local" not in to_json(notification, local=False)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_leaves_has_no_local_part_and_shows_no_refugee(path):
    """Through Avro and back: no status, no code, no document of a refugee."""
    sealed = replace(for_sealing(parse(path.read_text())), id=ID)
    encoded = encode(sealed)
    assert decode(encoded) == sealed
    assert sealed.local is None
    for word in (b"XXB", b"XXC", b"refugee", b"feared", b"torture"):
        assert word not in encoded
    assert not sealed.shows_refugee


def test_a_refugee_of_no_known_nationality_leaves_as_one_of_an_unknown_nationality(good):
    """An empty list would tell: nobody else's notification has one."""
    good["subject"] |= {"documents": [], "nationalities": "unknown"}
    unknown = encode(replace(for_sealing(parse(good)), id=ID))
    for code in ("XXB", "XXC"):
        good["subject"]["nationalities"] = [{"state": code, "status": "documented"}]
        assert encode(replace(for_sealing(parse(good)), id=ID)) == unknown


def test_the_issuer_of_a_refugee_s_document_leaves_as_a_residence(good):
    """Once, whatever was said of residence; the document does not leave."""
    good["subject"]["documents"] = [{"kind": "CTD", "issuer": "FRA"}, {"kind": "P", "issuer": "UTO"}]
    for stated, leaves in (([], ("FRA",)), (["BEL"], ("BEL", "FRA")), (["FRA"], ("FRA",)), ("unknown", ("FRA",))):
        good["subject"]["residences"] = stated
        subject = for_sealing(parse(good)).subject
        assert (subject.residences, [one.kind for one in subject.documents]) == (leaves, ["P"])
    good["subject"] |= {"documents": [], "residences": "unknown"}
    assert for_sealing(parse(good)).subject.residences == ("unknown",)


@pytest.mark.parametrize(
    ("format_", "shown"),
    [
        *((format_, code) for format_ in sorted(SPECIMENS) for code in ("XXB", "XXC")),
        *((format_, kind) for format_ in ("TD1", "TD2", "TD3") for kind in ("PR", "PS")),
    ],
)
def test_a_machine_readable_zone_alone_makes_a_refugee(good, format_, shown):
    """A document that is called a passport, card or visa: by the nationality printed in its zone, or by its kind."""
    lines = list(SPECIMENS[format_])
    plain = {"kind": lines[0][0], "issuer": "UTO", "mrz": list(lines)}
    if shown.startswith("XX"):
        place = 15 if format_ == "TD1" else 10
        lines[1] = lines[1][:place] + shown + lines[1][place + 3 :]
    else:
        lines[0] = shown + lines[0][2:]
    good["local"]["refugee"]["status"] = "none"
    good["subject"] |= {"residences": [], "documents": [plain | {"mrz": lines}, plain]}
    notification = parse(good)
    assert notification.shows_refugee
    leaves = for_sealing(notification)
    assert leaves.subject.documents == (Document(plain["kind"], "UTO", mrz=tuple(plain["mrz"])),)
    assert (shown if shown.startswith("XX") else lines[0][:5]).encode() not in encode(replace(leaves, id=ID))


def test_what_was_not_made_for_leaving_is_not_encoded(good):
    """The local part, whom it excludes, or no id: a fault of the caller, not a quiet omission."""
    notification = parse(good)
    sealed = replace(for_sealing(notification), id=ID)
    excluding = replace(sealed, handling=replace(sealed.handling, not_to=("FRA",)))
    for wrong in (notification, for_sealing(notification), replace(notification, id=ID), excluding):
        with pytest.raises(ValueError, match="for_sealing"):
            encode(wrong)


def test_every_fault_is_listed_at_once(good):
    """Missing, unknown, wrong: each at its place."""
    bad = copy.deepcopy(good)
    del bad["grading"]
    bad["religion"] = "none of our business"
    bad["subject"]["age"] = "old"
    bad["subject"]["ethnicity"] = "x"
    bad["subject"]["nationalities"][0]["state"] = "Utopia"
    bad["movement"]["destination"] = {"iata": "fra", "locode": "DEFRA"}
    bad["review_date"] = "soon"
    bad["handling"]["codes"] = ["H9"]
    found = faults(bad)
    assert set(found) == {
        "/grading",
        "/religion",
        "/subject/age",
        "/subject/ethnicity",
        "/subject/nationalities/0/state",
        "/movement/destination/iata",
        "/movement/destination/locode",
        "/review_date",
        "/handling/codes/0",
    }
    assert found["/grading"] == "is mandatory"
    assert found["/religion"] == "is not a field of this format"
    assert "adult" in found["/subject/age"]


def test_what_was_given_is_never_repeated(good):
    """Values, and unknown field names that could be somebody's data."""
    bad = copy.deepcopy(good)
    secret = "Canary Personname"
    bad["subject"]["sex"] = secret
    bad["subject"][secret] = 1
    bad["event_time"] = secret
    with pytest.raises(NotificationInvalidError) as error:
        parse(bad)
    assert "anary" not in str(error.value)


def test_rights_are_checks(good):
    """No grading, review date, category, or no grounds for who is accused: refused; a label is no offence."""
    for path in (("grading",), ("review_date",), ("subject", "category")):
        bad = copy.deepcopy(good)
        holder = bad if len(path) == 1 else bad[path[0]]
        del holder[path[-1]]
        assert "/" + "/".join(path) in faults(bad)
    for category in ("suspect", "charged", "convicted"):
        bad = copy.deepcopy(good)
        bad["subject"] |= {"category": category, "grounds": []}
        assert "/subject/grounds" in faults(bad)
    bad = copy.deepcopy(good)
    bad["subject"]["grounds"][0]["offence"] = "terrorist"
    assert "/subject/grounds/0/offence" in faults(bad)


def test_accompanying_family_is_accused_of_nothing(good):
    """No grounds are needed, and none may stand there."""
    good["subject"]["category"] = "accompanying_family"
    assert "/subject/grounds" in faults(good)
    good["subject"]["grounds"] = []
    assert parse(good).subject.grounds == ()


def test_stages_belong_to_their_type(good):
    """A deportation has one, an arrest none."""
    assert "/stage" in faults(good | {"stage": None})
    assert "/stage" in faults(good | {"stage": "departed"})
    assert "/stage" in faults(good | {"type": "arrest"})
    assert parse(good | {"type": "arrest", "stage": None}).stage is None


def test_a_deportation_says_all_its_legs(good):
    """Explicitly unknown is an answer, nothing is not."""
    del good["movement"]["destination"]
    assert faults(good) == {"/movement/destination": "is mandatory"}
    good["movement"]["destination"] = "unknown"
    assert parse(good).movement.destination.unknown


def test_unknown_is_a_value(good):
    """Names, dates of birth and nationalities may be unknown, and empty is not unknown."""
    good["subject"] |= {"names": "unknown", "births": "unknown", "nationalities": "unknown"}
    subject = parse(good).subject
    assert (subject.names, subject.births) == ((), ())
    assert subject.nationalities[0].state == "unknown"
    good["subject"]["names"] = []
    assert "unknown" in faults(good)["/subject/names"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("narrative", "x" * 8193),
        ("narrative", "red\u202egreen"),
        ("narrative", "escape \x1b[2J"),
        ("narrative", "null \x00"),
        ("originator", "tur/spoc"),
        ("originator", "TUR/king"),
        ("event_time", "2026-11-20T08:15:00"),
        ("event_time", "2026-11-20"),
        ("urgency", "now"),
        ("legal_basis", []),
        ("legal_basis", "S/RES/2396"),
        ("legal_basis", ["x"] * 65),
        ("id", "0189f0c2-1111-4111-8111-111111111111"),
        ("language", "English"),
        ("interpol", "yes"),
        ("erase_date", "2026-02-30"),
    ],
)
def test_a_wrong_value_is_a_fault_at_its_place(good, field, value):
    """Each with one pointer, or one below it."""
    (pointer,) = faults(good | {field: value})
    assert pointer.startswith(f"/{field}")


@pytest.mark.parametrize(
    "text",
    [
        *("2026-11-20T08:15:00Z", "2026-11-20T08:15:00+03:00", "2026-11-20t08:15:00.123456789z"),
        *("2026-11-20T08:15:00-00:00", "2016-12-31T23:59:60Z", "2017-01-01T02:59:60+03:00"),
    ],
)
def test_a_time_of_rfc_3339_is_taken_as_it_is(good, text):
    """Section 5.6, in either case of its letters, leap seconds too."""
    good["subject"]["births"] = ["1974"]
    assert parse(good | {"event_time": text, "type": "arrest", "stage": None}).event_time == text


@pytest.mark.parametrize(
    "text",
    [
        *("20261120T081500+0300", "2026-11-20T081500Z", "2026-11-20T08:15+03:00", "2026-11-20T08Z"),
        *("2026-W47-5T08:15:00Z", "2026-324T08:15:00Z", "2026-11-20 08:15:00Z", "2026-11-20T08:15:00,5Z"),
        *("2026-11-20T08:15:00+03", "2026-11-20T08:15:00+0300", "2026-11-20T08:15:00+24:00"),
        *("2026-11-20T24:00:00Z", "2026-11-20T08:15:60Z", "2026-11-20T08:60:00Z", "2026-02-29T08:15:00Z"),
        *("2026-11-20T08:15:00", "2026-11-20T08:15:00.Z", "2026-11-20T08:15:00+03:00:30"),
        *("\uff12026-11-20T08:15:00Z", "0001-01-01T00:00:00+23:59"),
    ],
)
def test_other_forms_of_a_time_are_refused_wherever_one_stands(good, text):
    """ISO 8601 has more of them, and Python reads those."""
    approval = {"hold": "child_review", "by": "A", "at": text}
    good["local"]["approvals"] = [approval]
    found = faults(good | {"event_time": text, "reply_by": text})
    assert sorted(found) == ["/event_time", "/local/approvals/0/at", "/reply_by"]


@pytest.mark.parametrize(
    "text", ["2027-W01-1", "20270101", "2027-001", "2027-1-1", "2027-02-29", "2027-01", "27-01-01"]
)
def test_other_forms_of_a_date_are_refused_wherever_one_stands(good, text):
    """YYYY-MM-DD alone (RFC 3339, full-date)."""
    good["subject"]["documents"] = [{"kind": "P", "issuer": "UTO", "expiry": text}]
    good["subject"]["nationalities"] = [{"state": "UTO", "status": "documented", "since": text, "until": text}]
    assert sorted(faults(good | {"review_date": text, "erase_date": text})) == [
        "/erase_date",
        "/review_date",
        "/subject/documents/0/expiry",
        "/subject/nationalities/0/since",
        "/subject/nationalities/0/until",
    ]


def test_what_an_earlier_version_stored_is_restored_as_it_stands(good):
    """It was checked then; what is refused today opens all the same, and keeps its every word."""
    good |= {"event_time": "20261120T081500+0300", "erase_date": "2027-W52-1", "urgency": "whenever"}
    good["subject"]["nationalities"] = [
        {"state": "UTO", "status": "documented", "since": "2020-01-01", "until": "2010-01-01"}
    ]
    good["handling"]["codes"] = ["H3"]
    assert len(faults(good)) == 5
    stored = restore(json.dumps(good))
    assert (stored.event_time, stored.erase_date, stored.urgency) == (
        "20261120T081500+0300",
        "2027-W52-1",
        "whenever",
    )
    assert str(stored.day) == "2026-11-20"
    assert stored.subject.nationalities[0].until == "2010-01-01"
    assert [leg.rule for leg in legs_of(stored)][:2] == ["origin", "destination"]
    with pytest.raises(MalformedError):
        restore("[]")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_stored_is_restored_as_it_was_parsed(path):
    """The one reader, with and without its checks."""
    notification = parse(path.read_text())
    assert restore(json.dumps(to_json(notification, local=True))) == notification


def test_a_line_ends_as_windows_ends_it(good):
    """CR LF is LF, in every text; a CR alone is a control character, and no second fault stands behind it."""
    good["handling"] = {"codes": ["H3"], "text": "ask\r\nfirst", "release_to": [], "not_to": []}
    found = parse(good | {"narrative": "one\r\ntwo\r\n\r\nthree"})
    assert (found.narrative, found.handling.text) == ("one\ntwo\n\nthree", "ask\nfirst")
    good["handling"]["text"] = "ask\rfirst"
    assert list(faults(good)) == ["/handling/text"]
    approval = {"hold": "torture_or_death_risk", "by": "A", "at": "2026-11-20T09:00:00Z", "state": "DEU"}
    good["handling"] = {"codes": [], "text": None}
    good["local"]["approvals"] = [approval | {"reference": "Z\r1"}]
    assert list(faults(good)) == ["/local/approvals/0/reference"]
    good["local"]["approvals"] = []
    good["subject"]["grounds"] = "none"
    assert list(faults(good)) == ["/subject/grounds"]


@pytest.mark.parametrize("issuer", ["XCE", "XIM", "XCO", "XES", "XMP", "XDC", "XBA", "UNO", "EUE", "GBD", "D"])
def test_every_issuer_of_icao_9303_is_one(good, issuer):
    """Part 3, section 5."""
    good["subject"]["documents"] = [{"kind": "P", "issuer": issuer}]
    assert parse(good).subject.documents[0].issuer == issuer


@pytest.mark.parametrize(
    ("printed", "written"), [("YUG", "YUCS"), ("SCG", "CSXX"), ("SUN", "SUHH"), ("ANT", "ANHH"), ("ROM", "ROU")]
)
def test_a_code_that_was_given_up_is_refused_with_the_one_to_write(good, printed, written):
    """Of an issuer and a nationality; where a state of today is asked for, no former one is offered."""
    good["subject"] |= {
        "documents": [{"kind": "P", "issuer": printed}],
        "nationalities": [{"state": printed, "status": "documented"}],
        "residences": [printed],
    }
    found = faults(good)
    assert sorted(found) == [
        "/subject/documents/0/issuer",
        "/subject/nationalities/0/state",
        "/subject/residences/0",
    ]
    assert f"write {written}" in found["/subject/documents/0/issuer"]
    assert f"write {written}" in found["/subject/nationalities/0/state"]
    assert "given up" in found["/subject/residences/0"]
    assert states_like(printed) == [], "nothing else is guessed"
    assert ("write ROU" in found["/subject/residences/0"]) is (written == "ROU")


def test_a_nationality_does_not_end_before_it_begins(good):
    """The same day is a day."""
    one = {"state": "UTO", "status": "documented", "since": "2020-01-01"}
    good["subject"]["nationalities"] = [one | {"until": "2019-12-31"}]
    assert list(faults(good)) == ["/subject/nationalities/0/until"]
    good["subject"]["nationalities"] = [one | {"until": "2020-01-01"}]
    assert parse(good).subject.nationalities[0].until == "2020-01-01"


@pytest.mark.parametrize(
    ("currency", "event", "warned"),
    [
        ("BGN", "2025-11-03T10:00:00+02:00", False),
        ("BGN", "2026-01-03T10:00:00+02:00", False),
        ("BGN", "2026-02-03T10:00:00+02:00", True),
        ("HRK", "2022-12-31T10:00:00Z", False),
        ("HRK", "2025-11-03T10:00:00Z", True),
        ("SLL", "2022-05-03T10:00:00Z", False),
        ("ZWL", "2024-08-03T10:00:00Z", False),
        ("DEM", "2001-11-03T10:00:00Z", False),
        ("EUR", "2025-11-03T10:00:00Z", False),
    ],
)
def test_a_payment_is_told_in_the_currency_of_its_time(good, currency, event, warned):
    """ISO 4217, list three; one that had been withdrawn is warned of, in the month after."""
    good |= {"type": "finint", "stage": None, "event_time": event}
    good["subject"] |= {"documents": [], "births": ["1974"]}
    good["amounts"] = [{"currency": currency, "value": "5000.00"}]
    found = [(str(one.kind), one.pointer) for one in warnings(parse(good))]
    assert found == ([("currency_withdrawn", "/amounts/0/currency")] if warned else [])


def test_review_comes_before_erasure(good):
    """A date of review behind the date of erasure would never come."""
    assert "/review_date" in faults(good | {"review_date": "2032-01-01"})


def test_h3_says_its_condition(good):
    """Other handling needs words."""
    good["handling"] = {"codes": ["H3"], "text": None, "release_to": [], "not_to": []}
    assert faults(good) == {"/handling/text": "is mandatory with H3"}


@pytest.mark.parametrize(
    ("release_to", "not_to", "faulty"),
    [
        (["DEU"], ["DEU"], ["0"]),
        (["DEU/spoc", "FRA", "DEU/fiu"], ["DEU"], ["0", "2"]),
        (["FRA", "DEU/fiu"], ["DEU/fiu"], ["1"]),
        (["DEU", "FRA"], ["DEU/fiu", "AUT"], []),
        ([], ["DEU"], []),
    ],
)
def test_nobody_is_released_to_and_excluded(good, release_to, not_to, faulty):
    """A contradiction is refused; a state without one of its authorities is none."""
    good["handling"] |= {"release_to": release_to, "not_to": not_to}
    said = {f"/handling/release_to/{number}": "must not be there: not_to excludes it" for number in faulty}
    assert (faults(good) if faulty else parse(good).handling.not_to) == (said or tuple(not_to))


def test_an_mrz_that_does_not_check_is_a_fault_with_the_digit(good):
    """The field and the expected check digit, without the zone."""
    line = good["subject"]["documents"][0]["mrz"][1]
    good["subject"]["documents"][0]["mrz"][1] = line[:9] + "7" + line[10:]
    found = faults(good)
    assert "document number" in found["/subject/documents/0/mrz"]
    assert "6" in found["/subject/documents/0/mrz"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nan",
        '{"a": NaN}',
        '{"a": 1e999999}',
        '{"a": ' + "9" * 5000 + "}",
        '{"a": 1, "a": 2}',
        '"\\ud800"',
        "[" * 100_000,
        '{"a":' * 50 + "1" + "}" * 50,
        " " * (256 * 1024 + 1),
        b"\xff\xfe",
    ],
    ids=range(12),
)
def test_a_bomb_is_one_clean_refusal(text):
    """Depth, numbers, size, double keys, broken Unicode."""
    with pytest.raises((MalformedError, NotificationInvalidError)):
        parse(text)


@pytest.mark.parametrize("value", [None, 1, "text", [], [1], True])
def test_what_is_no_object_is_refused(value):
    """No other JSON value is taken."""
    with pytest.raises((MalformedError, NotificationInvalidError)):
        parse(value if not isinstance(value, str) else json.dumps(value))


def test_nobody_is_born_after_the_event(good):
    """Or is an adult whom every date of birth makes a child."""
    good["subject"] |= {"documents": [], "births": ["2026-11-21"]}
    assert list(faults(good)) == ["/subject/births"]
    good["subject"]["births"] = ["2026-11-20"]
    assert list(faults(good)) == ["/subject/age"]
    good["subject"]["age"] = "child"
    assert parse(good).subject.age == "child"
    good["subject"]["births"] = ["2552-05-01"]
    assert parse(good).subject.births == ("2552-05-01",), "of another calendar: warned of, and no proof"
    good["subject"] |= {"age": "adult", "births": ["2008-11-20"]}
    assert parse(good).subject.age == "adult"


@pytest.mark.parametrize(
    ("reference", "refused"),
    [
        ({"kind": "un_list", "value": "QDi.001"}, True),
        ({"kind": "interpol_notice", "value": "2026/12345", "colour": "red"}, True),
        ({"kind": "interpol_notice", "value": "2026/12345", "colour": None}, True),
        ({"kind": "interpol_notice", "value": "2026/12345", "colour": "yellow"}, False),
        ({"kind": "case", "value": "A 1"}, False),
    ],
)
def test_accompanying_family_carries_no_suspect_s_number(good, reference, refused):
    """No listing, and no notice but of a missing person; a suspect may carry them."""
    good["references"] = [reference]
    assert parse(good).references
    good["subject"] |= {"category": "accompanying_family", "grounds": []}
    if refused:
        assert list(faults(good)) == ["/references/0/kind"]
    else:
        assert parse(good).references


@pytest.mark.parametrize("kind", ["P", "PP", "PR", "V", "ID", "AC", "RP", "CTD", "RTD", "other", "unknown"])
def test_a_kind_of_document_is_a_code_or_a_word(good, kind):
    """Of ICAO 9303 or as printed; other where it has no code, unknown where nobody knows it."""
    good["subject"]["documents"] = [{"kind": kind, "issuer": "UTO"}]
    assert parse(good).subject.documents[0].kind == kind
    for other in ("R", "REFUGEE", "CTDX", "p", "Other", ""):
        good["subject"]["documents"] = [{"kind": other, "issuer": "UTO"}]
        assert list(faults(good)) == ["/subject/documents/0/kind"]


def test_residence_and_expiry_may_be_unknown(good):
    """Said explicitly, kept so, and no leg."""
    good["subject"]["residences"] = "unknown"
    good["subject"]["documents"] = [{"kind": "P", "issuer": "unknown", "number": "unknown", "expiry": "unknown"}]
    found = parse(good)
    assert to_json(found, local=True)["subject"]["residences"] == "unknown"
    assert parse(to_json(found, local=True)) == found
    arrest = parse(good | {"type": "arrest", "stage": None})
    assert not any(leg.rule == "residence" for leg in legs_of(arrest))


@pytest.mark.parametrize(
    ("pointer", "change"),
    [
        ("/subject/names/0/script", {"subject": {"names": [{"quality": "primary", "text": "A", "script": "Abcd"}]}}),
        ("/amounts/0/currency", {"type": "finint", "stage": None, "amounts": [{"currency": "EUX", "value": "1"}]}),
    ],
)
def test_codes_are_those_of_their_lists(good, pointer, change):
    """ISO 15924 and ISO 4217."""
    good["subject"] |= change.pop("subject", {})
    assert list(faults(good | change)) == [pointer]
