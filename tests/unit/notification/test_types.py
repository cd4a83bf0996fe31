"""Every type has the parts that it needs and no others; what the first schema wrote is still read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from notifier.codec.single_object import Codec
from notifier.errors import NotificationInvalidError
from notifier.notification import decode, encode, for_sealing, parse
from notifier.notification.digest import digest_of
from notifier.notification.model import LATER, TYPES
from notifier.notification.requirements import REQUIREMENTS
from notifier.shipped import schemas_folder

EXAMPLES = Path(__file__).parents[3] / "examples"
ID = bytes.fromhex("0199f0c2111171118111111111111111")
ABOUT = {"id": "0199f0c2-1111-7111-8111-111111111111", "digest": "ab" * 32}


def example(name):
    return json.loads((EXAMPLES / f"{name}.json").read_text())


def pointers(document):
    """Return the places of a document's faults."""
    with pytest.raises(NotificationInvalidError) as error:
        parse(document)
    return {fault.pointer for fault in error.value.faults}


def test_every_type_says_what_it_asks_for():
    """Those that may be sent and those whose life comes later."""
    assert set(REQUIREMENTS) == {*TYPES, *LATER}


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("deportation-ordered", ["ordered", "in_progress", "completed", "cancelled"]),
        ("travel-departed", ["planned", "departed", "attempted", "denied", "transited", "arrived"]),
        ("consular-requested", ["informed", "requested", "declined", "notified", "visited"]),
    ],
)
def test_stages(name, stages):
    """Each of its own is read; another type's, or none, is refused."""
    for stage in stages:
        assert parse(example(name) | {"stage": stage}).stage == stage
    assert pointers(example(name) | {"stage": None}) == {"/stage"}
    assert pointers(example(name) | {"stage": "somewhere"}) == {"/stage"}


@pytest.mark.parametrize("name", ["arrest", "detention", "identity", "pattern", "finint"])
def test_a_type_without_stages_has_none(name):
    """A stage that nobody can interpret is refused."""
    assert pointers(example(name) | {"stage": "ordered"}) == {"/stage"}


@pytest.mark.parametrize(
    ("name", "part", "value"),
    [
        ("identity", "movement", {"in_custody": True, "origin": "TUR", "transit": [], "destination": "DEU"}),
        (
            "consular-requested",
            "movement",
            {"in_custody": True, "origin": "TUR", "transit": [], "destination": "DEU"},
        ),
        ("pattern", "subject", example("arrest")["subject"]),
        ("arrest", "corridor", {"from": "TUR", "to": "DEU"}),
        ("arrest", "counts", [{"what": "travellers", "band": "10_to_49"}]),
        ("arrest", "amounts", [{"currency": "EUR", "value": "1.00"}]),
        ("identity", "about", ABOUT),
    ],
)
def test_a_part_that_a_type_has_not_is_refused(name, part, value):
    """So nobody's data goes where no rule looks for it: a pattern names no person."""
    assert pointers(example(name) | {part: value}) == {f"/{part}"}


@pytest.mark.parametrize(
    ("name", "part"),
    [("pattern", "corridor"), ("pattern", "counts"), ("travel-departed", "movement"), ("finint", "subject")],
)
def test_a_part_that_a_type_needs_is_missed(name, part):
    """By its name."""
    document = example(name)
    del document[part]
    assert pointers(document) == {f"/{part}"}


def test_counts_are_banded():
    """A number that singles somebody out cannot be written."""
    assert pointers(example("pattern") | {"counts": [{"what": "travellers", "band": "3"}]}) == {"/counts/0/band"}
    assert pointers(example("pattern") | {"counts": []}) == {"/counts"}


@pytest.mark.parametrize("type_", ["release", "update", "correction", "withdrawal", "response"])
def test_what_speaks_of_another_notification_names_it_with_its_digest(type_):
    """Without the digest nobody could prove what it was about."""
    stage = (REQUIREMENTS[type_].stages or (None,))[0]
    document = example("arrest") | {"type": type_, "stage": stage, "about": ABOUT}
    if REQUIREMENTS[type_].subject == "none":
        del document["subject"]
    found = parse(document)
    assert (found.about.id, found.about.digest) == (ABOUT["id"], ABOUT["digest"])
    del document["about"]
    assert pointers(document) == {"/about"}


def test_what_was_forwarded_may_lack_what_its_forwarder_was_not_told():
    """Category and grounds alone, and only of a notification that names its parent."""
    parent = ABOUT | {"originator": "FRA/spoc"}
    document = example("arrest")
    document["subject"] |= {"category": "not_told", "grounds": []}
    assert parse(document | {"parent": parent}).parent.originator == "FRA/spoc"
    assert pointers(document) == {"/subject/category", "/subject/grounds"}
    assert pointers(example("arrest") | {"parent": {"originator": "FRA", "id": "x", "digest": "ab"}}) == {
        "/parent/originator",
        "/parent/id",
        "/parent/digest",
    }


def test_what_the_first_schema_wrote_is_still_read():
    """A recipient of today reads what an originator of yesterday sealed."""
    first = Codec(json.loads((schemas_folder() / "history" / "Notification-1.avsc").read_text()))
    sealed = replace(for_sealing(parse(example("arrest"))), id=ID)
    today = Codec(json.loads((schemas_folder() / "Notification.avsc").read_text()))
    record = today.decode(encode(sealed))
    del record["counts"], record["parent"]
    assert decode(first.encode(record)) == sealed


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_a_digest_is_the_same_before_and_after_the_way(path):
    """The originator and a recipient with the full profile compute the same digest."""
    sent = replace(parse(json.loads(path.read_text())), id=ID)
    assert digest_of(sent) == digest_of(decode(encode(for_sealing(sent))))


def test_an_example_that_speaks_of_another_names_its_text():
    """So it can be published as it stands, after that one."""
    documents = [json.loads(path.read_text()) for path in sorted(EXAMPLES.glob("*.json"))]
    about = [one["about"] for one in documents if "about" in one]
    known = {one["id"]: digest_of(parse(one)) for one in documents if "id" in one}
    assert about
    assert [known[one["id"]] for one in about] == [one["digest"] for one in about]
