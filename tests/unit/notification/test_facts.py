"""Codes, places and dates."""

from __future__ import annotations

import datetime as dt

import airportsdata
import pytest

from notifier.notification import states
from notifier.notification.dates import (
    earliest,
    is_birth,
    is_plausible,
    is_printed_date,
    latest,
    may_be_of,
    printed_birth,
    proves_adult,
    proves_child,
)
from notifier.notification.differing import DIFFERING
from notifier.notification.places import Place


def test_codes_stand_for_the_states_that_answer_for_them():
    """ISO 3166-1, and ICAO 9303's own."""
    assert states.participant_of("FRA") == "FRA"
    assert states.participant_of("D") == "DEU"
    assert {states.participant_of(code) for code in states.BRITISH_CLASSES} == {"GBR"}
    assert states.participant_of("RKS") == "RKS"
    for code in ("UNO", "EUE", "XXA", "XXB", "XXX", "CSHH", "ZZZ", ""):
        assert states.participant_of(code) is None


ORGANISATIONS = (
    *("EUE", "IAO", "UNA", "UNK", "UNO", "XBA", "XCC", "XCE"),
    *("XCO", "XDC", "XEC", "XES", "XIM", "XMP", "XOM", "XPO"),
)


@pytest.mark.parametrize("code", ORGANISATIONS)
def test_an_organisation_issues_documents_and_has_no_citizens(code):
    """ICAO 9303-3, section 5: an issuer's code may stand in the place of a nationality."""
    assert states.is_issuer(code)
    assert states.is_nationality(code)
    assert states.participant_of(code) is None


@pytest.mark.parametrize(
    ("printed", "today"),
    [
        *(("YUG", "YUCS"), ("SCG", "CSXX"), ("SUN", "SUHH"), ("CSK", "CSHH"), ("DDR", "DDDE"), ("ZAR", "ZRCD")),
        *(("TMP", "TPTL"), ("ANT", "ANHH"), ("YMD", "YDYE"), ("BUR", "BUMM"), ("ROM", "ROU"), ("NTZ", "NTHH")),
        *(("FRA", None), ("ATF", None), ("XXA", None), ("ABC", None), ("unknown", None)),
    ],
)
def test_a_code_that_was_given_up_has_another(printed, today):
    """Documents print the alpha-3 code of their time; a zone with one is read, and compared as the same."""
    assert states.code_today(printed) == today
    if today is not None:
        assert states.is_printed_code(printed)
        assert states.same_code(printed) == states.same_code(today)
        assert not states.is_nationality(printed)


def test_former_states_have_living_successors():
    """Every one is a state of today."""
    assert states.successors("YUCS") == ("BIH", "HRV", "MKD", "MNE", "RKS", "SRB", "SVN")
    assert states.successors("CSXX") == ("MNE", "RKS", "SRB"), "whom to ask, and nothing of status"
    assert states.successors("DEU") is None
    import pycountry

    assert set(states.FORMER) == {country.alpha_4 for country in pycountry.historic_countries}
    for country in pycountry.historic_countries:
        followed = states.successors(country.alpha_4)
        assert followed, country.alpha_4
        assert all(states.is_state(code) for code in followed)


def test_there_are_as_many_states_as_iso_has():
    """249 codes."""
    assert len(states.iso_codes()) == 249


@pytest.mark.parametrize(
    ("place", "state"),
    [
        (Place("state", "AUT"), "AUT"),
        (Place("iata", "VIE"), "AUT"),
        (Place("iata", "PRN"), "RKS"),
        (Place("iata", "QQQ"), None),
        (Place("locode", "DEFRA"), "DEU"),
        (Place("locode", "QQFRA"), None),
        (Place("text", "an airfield"), None),
        (Place("unknown"), None),
    ],
)
def test_places_resolve_to_states_or_not(place, state):
    """Offline."""
    assert place.state == state


def test_every_airport_there_is_resolves():
    """A code of the library without a state would hold its leg for nothing, except where sources differ."""
    for kind in ("iata", "icao"):
        airports = airportsdata.load(kind.upper())
        assert len(airports) > 7000
        unresolved = {code for code in airports if Place(kind, code).state is None}
        assert unresolved == {code for code in DIFFERING if code in airports}


@pytest.mark.parametrize(
    "text", ["1974-08-12", "1974-08", "1974", "1974-XX", "1974-08-XX", "197X", "19XX", "1970~", "1970?"]
)
def test_dates_of_birth_may_be_partly_known(text):
    """EDTF."""
    assert is_birth(text)


@pytest.mark.parametrize(
    "text", ["", "74-08-12", "1974-13", "1974-02-30", "1974-8-1", "1974-XX-12", "tomorrow", "\uff11974"]
)
def test_what_is_no_date_of_birth_is_refused(text):
    """Nothing is guessed."""
    assert not is_birth(text)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("197X-02-29", "1972-02-29", "1976-02-29"),
        ("19XX-02-29", "1904-02-29", "1996-02-29"),
        ("190X-02-29", "1904-02-29", "1908-02-29"),
        ("198X-02-29~", "1970-02-28", "1998-02-28"),
        ("197X-02-XX", "1970-02-01", "1979-02-28"),
        ("19XX-06-31", None, None),
        ("197X-02-30", None, None),
        ("1974-02-29", None, None),
        ("19X5-02-29", None, None),
    ],
)
def test_a_leap_day_of_an_unspecified_year(text, first, last):
    """EDTF: any year that has it; one that no year has is none."""
    assert (str(earliest(text)), str(latest(text))) == (str(first), str(last))
    assert is_birth(text) is (first is not None)


EVENT = dt.date(2026, 11, 20)


@pytest.mark.parametrize(
    ("text", "calendars"),
    [
        ("1388-05-01", "solar Hijri lunar Hijri"),
        ("1430-08-01", "lunar Hijri"),
        ("1353-XX", "solar Hijri lunar Hijri"),
        ("13XX", "solar Hijri lunar Hijri"),
        ("0008", "century Minguo"),
        ("0074-08-12", "century Minguo"),
        ("2517-08-12", "Buddhist"),
        ("2066", "Bikram"),
        ("5734", "Hebrew"),
        ("1690", "Coptic"),
        ("1900-01-01", ""),
        ("9999", ""),
        ("1388-05-01?", "solar Hijri lunar Hijri"),
    ],
)
def test_a_year_that_nobody_alive_has_proves_nothing(text, calendars):
    """Neither an adult nor a child; it says which calendars it may be of, and not what was given."""
    assert is_birth(text)
    assert not is_plausible(text, EVENT)
    assert not proves_adult((text,), EVENT)
    assert not proves_child((text,), EVENT)
    assert not proves_adult(("1974-08-12", text), EVENT)
    said = " ".join(may_be_of(text, EVENT))
    assert all(word in said for word in calendars.split())
    assert bool(said) is bool(calendars)
    assert not any(char.isdigit() for char in said)


def test_a_long_life_is_plausible():
    """To the year: 125 years before the event, and no later one than the event's."""
    for text in ("1901", "1901-01-01", "2026", "19XX", "20XX", "1895~"):
        assert is_plausible(text, EVENT)
    assert proves_adult(("1901-12-31",), EVENT)


@pytest.mark.parametrize(
    ("printed", "is_date", "birth"),
    [
        ("120101", True, ("2012-01-01", "2012-01-01")),
        ("740812", True, ("1974-08-12", "1974-08-12")),
        ("261231", True, ("1926-12-31", "1926-12-31")),
        ("250812", True, ("2025-08-12", "2025-08-12")),
        ("000229", True, ("2000-02-29", "2000-02-29")),
        ("74<<<<", True, ("1974-01-01", "1974-12-31")),
        ("7408<<", True, ("1974-08-01", "1974-08-31")),
        ("74<<12", True, ("1974-01-01", "1974-12-31")),
        ("<<0812", True, None),
        ("<<<<<<", True, None),
        ("740231", False, None),
        ("010229", False, None),
        ("741301", False, None),
        ("740800", False, None),
        ("000000", False, None),
        ("7<0812", False, None),
        ("74081<", False, None),
    ],
)
def test_a_zone_s_date_is_a_date_in_its_younger_reading(printed, is_date, birth):
    """ICAO 9303-3, 4.8: fillers stand for a whole part that is unknown; the century is not printed."""
    assert is_printed_date(printed) is is_date
    found = printed_birth(printed, EVENT)
    assert (None if found is None else tuple(str(day) for day in found)) == birth


@pytest.mark.parametrize("text", ["1970/1975", "[1974-08-12,1974-12-08]", "{1974,1975}", "1974-21", "Y17", "-1974"])
def test_neither_intervals_nor_sets_nor_seasons_are_dates_of_birth(text):
    """Several dates say which ones are possible, each for itself."""
    assert not is_birth(text)


def test_the_first_possible_day():
    """With the same allowance for an estimate as the last one."""
    assert earliest("1974-08-12") == dt.date(1974, 8, 12)
    assert (earliest("1974-08"), earliest("1974-XX")) == (dt.date(1974, 8, 1), dt.date(1974, 1, 1))
    assert (earliest("197X"), earliest("19XX")) == (dt.date(1970, 1, 1), dt.date(1900, 1, 1))
    assert (earliest("1974~"), earliest("2000-02-29?")) == (dt.date(1964, 1, 1), dt.date(1990, 2, 28))
    assert earliest("nothing") is None


def test_a_child_is_proven_where_no_date_leaves_an_adult():
    """To the day of the eighteenth birthday."""
    day = dt.date(2026, 11, 20)
    assert proves_child(("2008-11-21",), day)
    assert not proves_child(("2008-11-20",), day)
    assert not proves_child(("2008",), day)
    assert proves_child(("2009", "2012-01"), day)
    assert not proves_child(("2012", "1999"), day)
    assert not proves_child(("2015~",), day)
    assert not proves_child((), day)


def test_the_last_possible_day_decides():
    """A person is an adult only where every stated date says so."""
    assert latest("1974-02") == dt.date(1974, 2, 28)
    assert latest("1974-12") == dt.date(1974, 12, 31)
    assert latest("197X") == dt.date(1979, 12, 31)
    day = dt.date(2026, 11, 20)
    assert proves_adult(("2008-11-20",), day)
    assert not proves_adult(("2008-11-21",), day)
    assert proves_adult(("2007",), day)
    assert not proves_adult(("2008",), day)
    assert not proves_adult(("1999", "2010"), day)
    assert not proves_adult(("2000~",), day)
    assert proves_adult(("1990~",), day)
    assert not proves_adult((), day)
