"""Text that others wrote, on terminals and in lines."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from notifier.escaping import escaped, json_text

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_nothing_that_acts_or_hides_is_left(text):
    """No control, format, surrogate or line-separating character survives, in text or in JSON."""
    for shown in (escaped(text), json_text({"text": text})):
        assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]
        assert not set(shown) & set(
            "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\ufeff"
        )


@given(
    st.recursive(
        st.none() | st.booleans() | ANY_TEXT, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner)
    )
)
def test_json_stays_the_same_document(document):
    """Escaped text is read back unchanged."""
    assert json.loads(json_text(document, indent=2)) == json.loads(json.dumps(document))
    assert "\n" not in json_text(document)


def test_names_stay_readable_in_their_own_script():
    """Letters of any script are not escaped."""
    for name in ("Ériksson", "محمد", "Ерикссон", "エリクソン"):
        assert escaped(name) == name
        assert name in json_text([name])
