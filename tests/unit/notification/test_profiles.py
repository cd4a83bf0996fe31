"""The fields that each kind of recipient reads, checked against the schema in sealed envelopes."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.cases import base
from notifier.directory.model import ROLES
from notifier.notification import decode, parse
from notifier.notification.profiles import PROFILES
from notifier.outbox.payloads import payloads_for
from support.drawing import examples

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "avro" / "Notification.avsc").read_text())
ID = bytes(6) + b"\x70" + bytes(9)
KINDS = [(role, child) for role in ROLES for child in (False, True)]

FRAME = (
    "type stage originator event_time urgency purpose legal_basis grading review_date erase_date language "
    "handling handling.codes handling.text handling.release_to "
    "subject interpol exercise id about parent correlation reply_by "
    "subject.age subject.names subject.births subject.sex subject.nationalities"
)
"""What everybody reads who is told at all: the mandatory frame, the case, and who the person is."""

READS = {
    "full": "subject.category subject.grounds subject.residences subject.documents "
    "movement narrative corridor references biometrics amounts counts",
    "minimal": "subject.category movement",
    "consular": "subject.documents",
    "consular-minimal": "",
    "fiu": "subject.category subject.grounds subject.residences subject.documents "
    "movement narrative references amounts",
    "fiu-minimal": "subject.category movement",
    "border": "subject.documents movement",
    "border-minimal": "movement",
}
"""What each profile has besides; what stands in neither is read by nobody who gets it."""

NOBODY = "handling.not_to"
"""What nobody reads, whatever its role."""

NAMES = {"spoc": "full", "ncb": "full", "oversight": "full", "consular": "consular", "fiu": "fiu", "border": "border"}


def profile_name(role, *, child):
    """Return the name of a role's profile; of a child, one cut to the minimal profile."""
    name = NAMES[role]
    return name if not child else "minimal" if name == "full" else f"{name}-minimal"


def fields(record=SCHEMA, path="", within=("subject", "handling")):
    """Return every field that is decided on as a whole: the parts, and those of person and handling."""
    for field in record["fields"]:
        name = path + field["name"]
        yield name
        if field["name"] in within:
            arms = field["type"] if isinstance(field["type"], list) else [field["type"]]
            yield from fields(next(arm for arm in arms if isinstance(arm, dict)), f"{name}.", ())


def whole(*, child=False):
    """Return an artificial notification in which every field has a unique value."""
    document = base("deportation")
    document["handling"] = {"codes": ["H3"], "text": "H3-TEXT", "release_to": ["UTO", "DEU"], "not_to": ["LVA"]}
    document["subject"] |= {
        "age": "child" if child else "adult",
        "sex": "F",
        "names": [{"quality": "primary", "text": "NAME", "script": "Latn"}],
        "births": ["2015"] if child else ["1974"],
        "residences": ["FRA"],
        "nationalities": [{"state": "UTO", "status": "documented"}],
        "grounds": [{"offence": "offence_of_grounds", "legal_basis": "BASIS-OF-GROUNDS"}],
        "documents": [{"kind": "P", "issuer": "UTO", "number": "DOCUMENT1"}],
    }
    document["movement"] = {"in_custody": True, "origin": "TUR", "transit": [], "destination": {"text": "PLACE"}}
    document |= {
        "narrative": "NARRATIVE",
        "references": [{"kind": "case", "value": "REFERENCE"}],
        "biometrics": [{"kind": "face", "digest": "ab" * 32, "pointer": "POINTER", "necessity": "NECESSITY"}],
        "correlation": "CORRELATION",
        "reply_by": "2026-11-21T09:00:00Z",
        "exercise": True,
        "interpol": True,
        "stage": "ordered",
    }
    pattern = parse(base("pattern"))
    other = parse(
        base("detention") | {"parent": {"originator": "FRA/spoc", "id": ABOUT["id"], "digest": ABOUT["digest"]}}
    )
    update = parse(base("update") | {"about": ABOUT})
    money = parse(base("finint") | {"amounts": [{"currency": "EUR", "value": "1234567.89"}]})
    return replace(
        parse(document),
        id=ID,
        corridor=pattern.corridor,
        counts=pattern.counts,
        amounts=money.amounts,
        about=update.about,
        parent=other.parent,
    )


ABOUT = {"id": "0199f0c2-1111-7111-8111-111111111111", "digest": "cd" * 32}


def at(notification, path):
    """Return the value at a path."""
    for name in path.split("."):
        notification = getattr(notification, name)
    return notification


def read_by(notification, role):
    """Return the envelope to an authority of that role, and its content as it reads it."""
    (letter,) = payloads_for(notification, [f"DEU/{role}"])
    return letter, decode(letter.wire)


def test_every_field_of_the_schema_is_decided_about():
    """A field that is added stands in a profile, or in the frame, by decision."""
    listed = {*FRAME.split(), *READS["full"].split(), NOBODY}
    assert sorted(fields()) == sorted(listed), "a new field: say who reads it"
    assert {profile_name(role, child=child) for role, child in KINDS} == set(READS)
    assert set(PROFILES) == {name for name in READS if not name.endswith("-minimal")}


@pytest.mark.parametrize(("role", "child"), KINDS)
def test_a_recipient_reads_what_its_profile_names_and_nothing_more(role, child):
    """Every field: as the originator wrote it, or empty."""
    sent = whole(child=child)
    letter, read = read_by(sent, role)
    profile = profile_name(role, child=child)
    assert letter.profile == profile
    names = {*FRAME.split(), *READS[profile].split()}
    for path in fields():
        given, found = at(sent, path), at(read, path)
        if path in ("subject", "handling"):
            continue
        assert given not in (None, (), "unknown"), f"{path} shows nothing here: the test is blind for it"
        if path in names:
            assert found == given, path
        else:
            assert found in (None, (), "not_told"), path


@pytest.mark.parametrize(("role", "child"), KINDS)
def test_what_is_not_read_is_not_in_the_bytes_either(role, child):
    """A hidden field leaves no trace in the bytes, even for a holder of every key."""
    letter, _ = read_by(whole(child=child), role)
    words = {
        NOBODY: [b"LVA"],
        "subject.grounds": [b"offence_of_grounds", b"BASIS-OF-GROUNDS"],
        "subject.documents": [b"DOCUMENT1"],
        "subject.residences": [b"FRA\x00"],
        "movement": [b"PLACE"],
        "narrative": [b"NARRATIVE"],
        "references": [b"REFERENCE"],
        "biometrics": [b"POINTER", b"NECESSITY", b"ab" * 32],
        "amounts": [b"1234567.89"],
    }
    kept = READS[profile_name(role, child=child)].split()
    for path, canaries in words.items():
        for canary in canaries:
            assert (canary in letter.wire) is (path in kept), (path, canary)


def test_one_notification_in_several_profiles_is_several_letters():
    """Each to its own, sorted; under one id."""
    letters = payloads_for(whole(), ["UTO/spoc", "DEU/consular", "DEU/spoc", "DEU/border", "FRA/fiu"])
    assert [(one.profile, one.names) for one in letters] == [
        ("border", ("DEU/border",)),
        ("consular", ("DEU/consular",)),
        ("fiu", ("FRA/fiu",)),
        ("full", ("DEU/spoc", "UTO/spoc")),
    ]
    assert {decode(one.wire).id for one in letters} == {ID}


@pytest.mark.parametrize(
    ("release_to", "not_to", "leaves"),
    [
        ([], [], ("H1",)),
        ([], ["LVA"], ("H1",)),
        ([], ["LVA/border"], ("H1", "H2")),
        (["DEU"], ["DEU/border"], ("H1", "H2")),
        (["DEU"], ["LVA/border"], ("H1",)),
        (["DEU/spoc"], ["DEU/border"], ("H1",)),
    ],
)
def test_nobody_reads_whom_the_originator_excludes(release_to, not_to, leaves):
    """Nor could anybody tell them by not knowing: an authority within a reader's reach is told by asking first."""
    handling = {"codes": ["H1"], "text": None, "release_to": release_to, "not_to": not_to}
    letter, read = read_by(replace(parse(base("deportation") | {"handling": handling}), id=ID), "spoc")
    assert (read.handling.codes, read.handling.not_to) == (leaves, ())
    assert b"LVA" not in letter.wire


def test_the_order_of_codes_does_not_say_which_of_them_the_originator_wrote():
    """One that was added for an exclusion looks like any other."""
    for codes, not_to in ((["H3", "H2"], []), (["H3"], ["LVA/border"]), (["H2", "H3"], ["LVA/border"])):
        handling = {"codes": codes, "text": "TEXT", "release_to": [], "not_to": not_to}
        _, read = read_by(replace(parse(base("deportation") | {"handling": handling}), id=ID), "spoc")
        assert read.handling.codes == ("H2", "H3")


REFUGEES = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["none", "refugee", "asylum_seeker", "unknown"]),
        "feared": st.lists(st.sampled_from(["MAR", "GBR"]), max_size=2, unique=True),
    }
)
CODES = st.lists(st.sampled_from(["XXB", "XXC", "UTO", "FRA"]), min_size=1, max_size=4, unique=True)
DOCUMENTS = st.lists(
    st.sampled_from(
        [
            {"kind": "CTD", "issuer": "FRA", "number": "CANARY1"},
            {"kind": "RTD", "issuer": "FRA", "number": "CANARY2"},
            {"kind": "PR", "issuer": "FRA", "number": "CANARY3"},
            {"kind": "PS", "issuer": "FRA", "number": "CANARY4"},
            {"kind": "P", "issuer": "UTO", "number": "L898902C3"},
        ]
    ),
    max_size=4,
    unique_by=lambda one: one["number"],
)


@settings(max_examples=examples(150), deadline=None, report_multiple_bugs=False)
@given(refugee=REFUGEES, codes=CODES, papers=DOCUMENTS, age=st.sampled_from(["adult", "child"]))
def test_no_profile_lets_through_what_is_local_or_shows_a_refugee(refugee, codes, papers, age):
    """Codes, papers and the local part, for every role, whatever else is told."""
    document = copy.deepcopy(base("deportation"))
    document["local"] |= {"refugee": refugee, "risk": {"torture": ["MAR"], "death_penalty": []}}
    document["subject"] |= {
        "age": age,
        "nationalities": [{"state": code, "status": "documented"} for code in codes],
        "documents": papers,
    }
    notification = replace(parse(document), id=ID)
    for role in ROLES:
        letter, read = read_by(notification, role)
        assert read.local is None
        assert not {one.state for one in read.subject.nationalities} & {"XXB", "XXC"}
        for word in (b"CANARY", b"XXB", b"XXC", b"CTD", b"RTD", b"MAR", b"GBR", b"refugee", b"asylum", b"torture"):
            assert word not in letter.wire
