"""Did you mean: codes, authorities and words that are nearly right."""

from __future__ import annotations

import copy

import pytest

from notifier.errors import DirectoryError, NotificationInvalidError
from notifier.notification import parse
from notifier.notification.states import iso_codes, names
from notifier.notification.suggesting import closest, did_you_mean, parties_like, states_like
from notifier.policy.forwarding import check_forward
from support.samples import DEPORTATION


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("MOR", ["MAR"]),
        ("Morocco", ["MAR"]),
        ("MOROCCO", ["MAR"]),
        ("Moroco", ["MAR"]),
        ("mar", ["MAR"]),
        ("MA", ["MAR"]),
        ("GER", ["DEU"]),
        ("Germany", ["DEU"]),
        ("Turkey", ["TUR"]),
        ("Turkiye", ["TUR"]),
        ("UK", ["GBR"]),
        ("Korea", ["KOR", "PRK"]),
        ("Cote d'Ivoire", ["CIV"]),
        ("Hong Kong", ["HKG"]),
        ("Kosovo", ["RKS"]),
        ("XYZ", []),
        ("", []),
        ("?", []),
    ],
)
def test_a_state_is_found_by_its_name_another_code_or_a_slip(typed, meant):
    """From the names that ISO 3166-1 has."""
    assert states_like(typed) == meant


def test_a_code_with_two_letters_exchanged_is_among_what_is_meant():
    """The commonest slip of all."""
    for code in iso_codes():
        for wrong in (code[1] + code[0] + code[2], code[0] + code[2] + code[1]):
            if wrong not in iso_codes():
                assert states_like(wrong), wrong


def test_every_name_of_iso_3166_leads_to_its_code():
    """Case does not matter."""
    for code, known in names().items():
        for name in known:
            assert code in states_like(name.upper()), name


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("tur/spoc", ["TUR/spoc"]),
        ("TUR/SPOC", ["TUR/spoc"]),
        ("TUR/spok", ["TUR/spoc"]),
        ("Turkey/spoc", ["TUR/spoc"]),
        ("interpol/spoc", ["INTERPOL/spoc"]),
        ("TUR", ["TUR/spoc", "TUR/fiu"]),
        ("FRA/spoc", []),
        ("TUR/spoc", []),
        ("nonsense", []),
    ],
)
def test_an_authority_is_found_among_those_that_there_are(typed, meant):
    """And nobody is suggested who is not there."""
    assert parties_like(typed, ["TUR/spoc", "TUR/fiu", "INTERPOL/spoc"]) == meant


def test_a_word_is_found_among_those_that_are_allowed():
    """One that is nothing like any of them is met with none."""
    assert closest("publishh", ["publish", "person"]) == ["publish"]
    assert closest("PUBLISH", ["publish"]) == ["publish"]
    assert closest("xyzzy", ["publish", "person"]) == []
    assert did_you_mean([]) is None


FAULTS = {
    "subject/nationalities/0/state": ("Morocco", "MAR (Morocco)"),
    "subject/residences/0": ("FAR", "FRA"),
    "movement/origin": ("Turkey", "TUR"),
    "movement/transit/0": ("bgr", "BGR (Bulgaria)"),
    "local/refugee/feared/0": ("MOR", "MAR (Morocco)"),
    "local/risk/torture/0": ("Marocco", "MAR"),
    "originator": ("tur/spoc", "TUR/spoc"),
    "handling/not_to/0": ("Morocco/spoc", "MAR/spoc"),
    "type": ("deportatoin", "deportation"),
    "subject/nationalities/0/status": ("Documented", "documented"),
}


@pytest.mark.parametrize("path", FAULTS)
def test_a_fault_says_what_may_have_been_meant_to_who_wrote_it_and_to_nobody_else(path):
    """Beside the message, which goes to logs: what was given, or nearly, is somebody's nationality."""
    typed, meant = FAULTS[path]
    document = copy.deepcopy(DEPORTATION)
    *parents, name = path.split("/")
    found = document
    for part in parents:
        found = found[int(part)] if part.isdecimal() else found[part]
    if isinstance(found, list):
        found[:] = [typed]
    else:
        found[name] = typed
    with pytest.raises(NotificationInvalidError) as caught:
        parse(document)
    fault = next(one for one in caught.value.faults if one.pointer == f"/{path}")
    assert fault.hint is not None
    assert fault.hint.startswith("did you mean ")
    assert meant in fault.hint
    assert fault.hint not in str(fault) + str(caught.value)


def test_whom_nobody_can_forward_to_is_met_with_whom_one_can(snapshot_of_all):
    """By its name in the directory."""
    with pytest.raises(DirectoryError) as caught:
        check_forward(parse(copy.deepcopy(DEPORTATION)), "DEU/spoc", ["Germany/border"], snapshot_of_all.directory)
    assert caught.value.hint == "did you mean DEU/border?"


@pytest.fixture
def snapshot_of_all():
    """The built-in directory."""
    from notifier.directory.builtin import builtin_snapshot

    return builtin_snapshot()
