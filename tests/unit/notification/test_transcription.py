"""Names and their form in a machine readable zone: the three tables of ICAO 9303-3, section 6."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.notification.transcription import follows, tables, written_in


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
    assert written_in("王", "Hans") is None


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
