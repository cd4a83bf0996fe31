"""Machine readable zones: the specimens of ICAO Doc 9303, and every digit that does not hold."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import MrzError
from notifier.notification.mrz import check_digit, parse

TD1 = ["I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"]
TD2 = ["I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"]
TD3 = ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"]
MRV_A = ["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<"]
MRV_B = ["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<"]
SPECIMENS = {"TD1": TD1, "TD2": TD2, "TD3": TD3, "MRV-A": MRV_A, "MRV-B": MRV_B}


@pytest.mark.parametrize("name", SPECIMENS)
def test_a_specimen_is_read(name):
    """Names, issuer and format."""
    found = parse(SPECIMENS[name])
    assert (found.format, found.issuer, found.surname, found.given) == (name, "UTO", "ERIKSSON", "ANNA MARIA")
    assert found.sex == "F"


def test_the_fields_of_the_passport_specimen():
    """Doc 9303-4, appendix B."""
    found = parse(TD3)
    assert (found.kind, found.number, found.nationality) == ("P", "L898902C3", "UTO")
    assert (found.birth, found.expiry, found.optional) == ("740812", "120415", "ZE184226B")


LONG_TD1 = ["I<UTOD23145890<7349<<<<<<<<<<<", "3407127M9507122UTO<<<<<<<<<<<2", "STEVENSON<<PETER<JOHN<<<<<<<<<"]
LONG_TD2 = ["I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<", "D23145890<UTO3407127M95071227349<<<8"]


@pytest.mark.parametrize("lines", [LONG_TD1, LONG_TD2], ids=["TD1", "TD2"])
def test_the_specimens_of_a_long_document_number(lines):
    """Doc 9303-5 and 9303-6: twelve characters, three of them and the digit in the optional data."""
    found = parse(lines)
    assert (found.number, found.surname, found.given) == ("D23145890734", "STEVENSON", "PETER JOHN")
    assert (found.birth, found.expiry, found.sex, found.optional) == ("340712", "950712", "M", "")
    line = 0 if len(lines) == 3 else 1
    place = lines[line].index("7349") + 3
    wrong = [*lines]
    wrong[line] = wrong[line][:place] + "8" + wrong[line][place + 1 :]
    with pytest.raises(MrzError) as error:
        parse(wrong)
    assert (error.value.field, error.value.expected) == ("document number", "9")


def test_a_long_document_number_goes_on_in_the_optional_data():
    """Doc 9303-5, note j: a filler for the check digit, the rest and its digit before the next filler."""
    number = "D23145890734"
    rest = number[9:] + check_digit(number)
    first = f"I<UTO{number[:9]}<{rest}".ljust(30, "<")
    second = "7408122F1204159UTO<<<<<<<<<<<"
    second += check_digit(first[5:30] + second[0:7] + second[8:15] + second[18:29])
    assert parse([first, second, TD1[2]]).number == number
    wrong = first.replace(rest, rest[:-1] + str((int(rest[-1]) + 1) % 10))
    with pytest.raises(MrzError) as error:
        parse([wrong, second, TD1[2]])
    assert (error.value.field, error.value.expected) == ("document number", rest[-1])


def td1(number, optional="", digit="<", birth="801010", expiry="200601"):
    """Return a card's three lines with this number field and optional data, and right check digits elsewhere."""
    first = f"I<PRT{number:<<9}{digit}{optional}".ljust(30, "<")
    second = f"{birth}{check_digit(birth)}F{expiry}{check_digit(expiry)}PRT<<<<<<<<<<<"
    second += check_digit(first[5:30] + second[0:7] + second[8:15] + second[18:29])
    return [first, second, TD1[2]]


@pytest.mark.parametrize("rest", ["ZZ7", "1", "034", "ABCDEFGHIJKLM"])
@pytest.mark.parametrize("counted", [False, True], ids=["by the letter", "as genuine cards count"])
def test_a_long_number_with_the_filler_counted_or_not(rest, counted):
    """9303-5, 4.2.4 leaves the filler at position 15 out; cards of several states count it. No other sum holds."""
    number = "000024759"
    digit = check_digit(f"{number}<{rest}" if counted else number + rest)
    assert parse(td1(number, rest + digit)).number == number + rest
    both = {check_digit(f"{number}<{rest}"), check_digit(number + rest)}
    wrong = next(one for one in "0123456789" if one not in both)
    with pytest.raises(MrzError) as error:
        parse(td1(number, rest + wrong))
    assert error.value.field == "document number"
    assert error.value.expected == check_digit(number + rest)


def test_a_card_without_a_number_may_have_optional_data():
    """The optional data continues no number."""
    assert parse(td1("", "12345")).optional == "12345"
    assert parse(td1("", "12345")).number == ""


FRENCH = ["IDFRAERIKSSON<<<<<<<<<<<<<<<<<<<<<<<", "8806923102858ANNA<<<<<<<<<<7408122F0"]


@pytest.mark.parametrize(
    "lines",
    [
        FRENCH,
        ["IDFRADUPONT<DURAND<<<<<<<<<<<<923456", "9409923102854CORINNE<<<<<<<6512068F6"],
        ["D1FRA13AA000026181231MARTIN<<9"],
        ["I<XYZ123456789ABCDEFGHIJKLMNOP", "ABCDEF1F1234567XYZ<<<<<<<<<<<6", TD1[2]],
        ["12345", "67890"],
    ],
    ids=["French card", "another", "driving licence", "a national card", "no zone at all"],
)
def test_lines_of_a_state_s_own_form_are_told_as_no_zone(lines):
    """The error advises to leave them out."""
    with pytest.raises(MrzError, match="leave them out") as error:
        parse(lines)
    assert error.value.expected is None


def test_a_zone_knows_whether_its_names_may_be_truncated():
    """A letter in the last position, in any format."""
    full = "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K"
    assert parse([f"P<UTO{full}", TD3[1]]).full
    assert not parse(TD3).full
    assert parse([TD1[0], TD1[1], "VILARCHAO<FERNANDEZ<<JOSE<RAMO"]).full


@pytest.mark.parametrize(
    ("line", "place", "field"),
    [(1, 9, "document number"), (1, 19, "date of birth"), (1, 27, "date of expiry"), (1, 42, "personal number")],
)
def test_a_wrong_check_digit_is_named_with_the_right_one(line, place, field):
    """So that a typing error can be found."""
    right = TD3[line][place]
    lines = list(TD3)
    lines[line] = lines[line][:place] + str((int(right) + 1) % 10) + lines[line][place + 1 :]
    with pytest.raises(MrzError) as error:
        parse(lines)
    assert (error.value.field, error.value.expected) == (field, right)


@pytest.mark.parametrize("name", ["TD1", "TD2", "TD3"])
def test_the_composite_digit_binds_the_fields_together(name):
    """The last digit of the line."""
    lines = list(SPECIMENS[name])
    place = 1
    lines[place] = lines[place][:-1] + str((int(lines[place][-1]) + 1) % 10)
    with pytest.raises(MrzError, match="composite"):
        parse(lines)


def test_an_unknown_date_of_birth_is_read():
    """Fillers count as zero."""
    second = TD3[1][:13] + "74<<<<" + check_digit("74<<<<") + TD3[1][20:]
    second = second[:43] + check_digit(second[0:10] + second[13:20] + second[21:43])
    assert parse([TD3[0], second]).birth == "74<<<<"


@pytest.mark.parametrize(
    ("name", "line", "place", "field"),
    [
        ("TD1", 0, 14, "document number"),
        ("TD1", 1, 6, "date of birth"),
        ("TD1", 1, 14, "date of expiry"),
        ("TD2", 1, 9, "document number"),
        ("TD2", 1, 19, "date of birth"),
        ("TD2", 1, 27, "date of expiry"),
        *(
            (visa, 1, place, field)
            for visa in ("MRV-A", "MRV-B")
            for place, field in ((9, "document number"), (19, "date of birth"), (27, "date of expiry"))
        ),
    ],
)
def test_every_digit_of_every_format_is_checked(name, line, place, field):
    """Named with the right one, as in a passport."""
    lines = list(SPECIMENS[name])
    right = lines[line][place]
    lines[line] = lines[line][:place] + str((int(right) + 1) % 10) + lines[line][place + 1 :]
    with pytest.raises(MrzError) as error:
        parse(lines)
    assert (error.value.field, error.value.expected) == (field, right)


@given(st.lists(st.text(alphabet="ABCXYZ019<p ", min_size=28, max_size=46), max_size=4))
def test_whatever_comes_is_read_or_refused(lines):
    """Total: no other exception."""
    with contextlib.suppress(MrzError):
        assert parse(lines).format in SPECIMENS


@pytest.mark.parametrize("lines", ["P<UTO", [], [1, 2], ["", ""], [TD3[0]], [TD3[0], TD3[1] + "<"]])
def test_what_is_no_zone_is_refused(lines):
    """Strings, numbers, wrong shapes."""
    with pytest.raises(MrzError, match="lines"):
        parse(lines)
