"""Names and their form in a machine readable zone: the three tables of ICAO 9303-3, section 6."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.notification.scripts import script_of, written_in
from notifier.notification.transcription import follows, is_name_of, tables


@pytest.mark.parametrize(
    ("text", "script", "icao"),
    [
        ("Eriksson Anna Maria", "Latn", "ERIKSSON<<ANNA<MARIA"),
        ("Müller Zoë", "Latn", "MUELLER<<ZOE"),
        ("Müller", "Latn", "MUXXLLER"),
        ("Ångström Åsa", "Latn", "AANGSTROEM<<AASA"),
        ("Núñez", "Latn", "NUNEZ"),
        ("Straße", "Latn", "STRASSE"),
        ("Þórður", "Latn", "THORDUR"),
        ("I\u015f\u0131k", "Latn", "ISIK"),
        ("d\u2019Artagnan-Batz", "Latn", "DARTAGNAN<BATZ"),
        ("Шевченко Денис", "Cyrl", "SHEVCHENKO<<DENIS"),
        ("Щербаков Юрий", "Cyrl", "SHCHERBAKOV<<IURII"),
        ("Объедков", "Cyrl", "OBIEEDKOV"),
        ("Олег", "Cyrl", "OLEH"),
        ("Євгенія", "Cyrl", "YEVHENIIA"),
        ("Живковић", "Cyrl", "ZIVKOVIC"),
        ("Ѓорѓи", "Cyrl", "GJORGJI"),
        ("محمد", "Arab", "MXHMD"),
        ("محمّد", "Arab", "MXHMMD"),
        ("عبد الله", "Arab", "EBD<ALLH"),
        ("فاطمة", "Arab", "FAXTTMXAH"),
        ("خالد", "Arab", "XKHALD"),
        ("پرویز", "Arab", "PRWXYAZ"),
    ],
)
def test_a_form_of_the_table_follows(text, script, icao):
    """One that does not, in the same script, is told apart; decomposed characters are the same."""
    assert follows(icao, text, script) is True
    assert follows(icao, unicodedata.normalize("NFD", text), script) is True
    assert follows(icao + "Q", text, script) is False
    assert written_in(text, script) is True


def test_every_part_of_the_form_must_follow():
    """Fewer names than were given are right; another name is not."""
    assert follows("ERIKSSON<<ANNA", "Eriksson Anna Maria", "Latn") is True
    assert follows("ERIKSSON<<ANNA<SMITH", "Eriksson Anna Maria", "Latn") is False
    assert follows("MUHAMMAD", "محمد", "Arab") is False, "a transcription by sound is not that of the table"


@pytest.mark.parametrize(("text", "script"), [("Παπαδόπουλος", "Grek"), ("王", "Hans"), ("Қайрат", "Cyrl")])
def test_where_the_tables_do_not_say_nothing_is_said(text, script):
    """Neither that it follows nor that it does not."""
    assert follows("ANYTHING", text, script) is None


def test_a_script_is_that_of_the_letters():
    """Look-alikes of another script are found."""
    assert written_in("Anna", "Cyrl") is False
    assert written_in("\u0410nna", "Latn") is False
    assert written_in("\uff21\uff4e\uff4e\uff41 \u212bsa M\u00aa", "Latn") is True, (
        "fullwidth, ANGSTROM SIGN, ordinal"
    )
    assert written_in("王", "Hans") is written_in("王さん", "Jpan") is written_in("김", "Kore") is True
    assert written_in("Anna", "Grek") is written_in("Παύλος", "Latn") is written_in("王", "Kana") is False
    assert written_in("O'Brien 3, \u02bc", "Latn") is True, "what several scripts have is of each"
    assert written_in("Anna", "Blis") is None


def test_every_letter_has_the_script_that_its_name_says():
    """Against the names of Unicode, where they say it: nobody wrote the ranges down wrongly."""
    for first, last, script, name in (
        (0x41, 0x24F, "Latn", "LATIN"),
        (0x370, 0x3FF, "Grek", "GREEK"),
        (0x400, 0x52F, "Cyrl", "CYRILLIC"),
        (0x620, 0x6FF, "Arab", "ARABIC"),
        (0x5D0, 0x5EA, "Hebr", "HEBREW"),
        (0x4E00, 0x9FFF, "Hani", "CJK"),
    ):
        for char in map(chr, range(first, last + 1)):
            if unicodedata.name(char, "").startswith(name) and script_of(char) is not None:
                assert script_of(char) == script, hex(ord(char))


TRUNCATED = (
    ("Nilavadhanananda Chayapa Dejthamrong Krasuang", "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K"),
    ("Nilavadhanananda Arnpol Petch Charonguang", "NILAVADHANANANDA<<ARNPOL<PETCH<CHARONGU"),
    *(
        ("Bennelong Wooloomooloo Warrandyte Warnambool, Dingo Potoroo", form)
        for form in (
            "BENNELONG<WOOLOOMOOLOO<WARRANDYTE<W<<DI",
            "BENNELONG<WOOLOOM<WARRAND<WARNAM<<DINGO",
            "BENNEL<WOOLOO<WARRAN<WARNAM<<DINGO<POTO",
            "BENNELONG<WOOLOOMOOLOO<W<W<<DI",
            "BENNELONG<WOOLOOM<WA<WARN<<D<P",
            "BENNE<WOOLO<WARRA<WARNA<<DIN<P",
            "BENNELONG<WOOLOOMOOLOO<W<W<<D<P",
        )
    ),
    ("Nilavadhanananda Chayapa Dejthamrong Krasuang", "NILAVADHANANANDA<<CHAYAPA<DE<K"),
    ("Nilavadhanananda Arnpol Petch Charonguang", "NILAVADHANANANDA<<ARNPOL<PE<CH"),
    ("Nilavadhanananda Chayapa Dejthamrong Krasuang", "NILAVADHANANANDA<<CHAYAPA<DEJ<K"),
    ("Papandropoulous Jonathon Warren Trevor", "PAPANDROPOULOUS<<JONATHON<WARREN<TREVOR"),
    ("Vilarchao Fernandez Jose Ramon", "VILARCHAO<FERNANDEZ<<JOSE<RAMO"),
)
"""Doc 9303-4, 4.2.3.2 to 4; 9303-5, 4.2.3; 9303-6, 4.2.3."""


@pytest.mark.parametrize(("text", "icao"), TRUNCATED)
def test_icao_s_own_truncation_follows(text, icao):
    """A form that fills its field; one that does not is not truncated, and another name follows in no case."""
    assert len(icao) in (30, 31, 39)
    assert follows(icao, text, "Latn") is True
    assert follows(icao[:-1] + "Q", text, "Latn") is False, "a letter that no name begins or goes on with"
    assert follows("NILA<<CHA", "Nilavadhanananda Chayapa", "Latn") is False, "room was left"


@pytest.mark.parametrize(
    ("text", "icao"),
    [
        *((f"O{mark}Connor Enya", "OCONNOR<<ENYA") for mark in "'\u2019\u2018\u00b4`\u02bc\u02bb\u2032\uff07"),
        ("Eriksson,Anna Maria", "ERIKSSON<<ANNA<MARIA"),
        ("Eriksson\uff0cAnna", "ERIKSSON<<ANNA"),
        *((f"Smith{dash}Jones", "SMITH<JONES") for dash in "-\u2010\u2011\u2013\u2014\u2212\uff0d"),
        ("Smith (Jones)", "SMITH<JONES"),
        ('Anna "Annie" Smith', "SMITH<<ANNA<ANNIE"),
        ("J.R. Smith", "SMITH<<JR"),
        ("J.R.Smith", "SMITH<<J<R"),
        ("St. John", "ST<JOHN"),
        ("Gal\u00b7la", "GALLA"),
        ("Anna/Maria", "ANNA<MARIA"),
        ("M\u00aa Carmen", "MARIA<CARMEN"),
        ("M\u00aa Carmen", "MA<CARMEN"),
        ("Eriksson\u00a0Anna", "ERIKSSON<<ANNA"),
        ("\uff21\uff4e\uff4e\uff41", "ANNA"),
    ],
)
def test_punctuation_that_people_type(text, icao):
    """Apostrophes go, hyphens and commas divide, the rest is left out (9303-3, 4.6)."""
    assert follows(icao, text, "Latn") is True
    assert follows(icao + "X", text, "Latn") is False


def test_a_form_without_a_letter_follows_from_nothing():
    """In every script."""
    for script in ("Latn", "Cyrl", "Arab", "Grek"):
        assert follows("<<<", "Anna", script) is False


@pytest.mark.parametrize(
    ("printed", "text", "script", "full", "said"),
    [
        ("ERIKSSON ANNA MARIA", "Eriksson Anna Maria", "Latn", False, True),
        ("ERIKSSON ANNA MARIA", "Anna Eriksson", "Latn", False, True),
        ("ERIKSSON ANNA MARIA", "Eriksson A. M.", "Latn", False, True),
        ("ERIKSSON", "Eriksson Anna", "Latn", False, True),
        ("ERIKSSON ANNA MARIA", "Eriksson Eva", "Latn", False, False),
        ("STEVENSON PETER JOHN", "Eriksson Anna Maria", "Latn", False, False),
        (
            "NILAVADHANANANDA CHAYAPA DEJTHAMRONG K",
            "Nilavadhanananda Chayapa Dejthamrong Krasuang",
            "Latn",
            True,
            True,
        ),
        ("NILAVADHANANANDA K", "Nilavadhanananda Krasuang Anna", "Latn", False, False),
        ("SHEVCHENKO YURY", "Шевченко Юрий", "Cyrl", False, None),
        ("SMITH PETER", "Шевченко Юрий", "Cyrl", False, False),
        ("MOHAMMED", "محمد", "Arab", False, None),
        ("PAPADOPOULOS", "Παπαδόπουλος", "Grek", False, None),
    ],
)
def test_the_names_of_a_zone_are_those_of_a_person_or_another_s(printed, text, script, full, said):
    """Fewer names on one side are no others; where nobody can say, nothing is said."""
    assert is_name_of(printed, text, script, full=full) is said


def test_the_tables_are_whole():
    """Every letter of the alphabets has its form, in the letters that may stand in a zone."""
    found = tables()
    russian = "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ"
    assert set(russian) | set("ҐЄІЇЎЂЃЅЈЉЊЋЌЏ") <= set(found["Cyrl"])
    assert {chr(code) for code in (*range(0x621, 0x63B), *range(0x641, 0x64B))} <= set(found["Arab"])
    for table in found.values():
        for spelled in table.values():
            assert all(one == "" or (one.isascii() and one.isalpha() and one.isupper()) for one in spelled)


@given(st.text(max_size=40), st.text(alphabet="ABC<", max_size=40), st.sampled_from(["Latn", "Cyrl", "Arab", "Grek"]))
def test_whatever_comes_is_judged(text, icao, script):
    """Total."""
    assert follows(icao, text, script) in (True, False, None)
    assert written_in(text, script) in (True, False, None)
