"""Whether a person is to be protected as a child: by the age that is stated, the births, and the documents. Pure.

The younger reading wins (S/RES/2396 (2017), paragraphs 29 to 31): a child that is taken for an adult is told of as a
suspect, an adult that is taken for a child waits for a reviewer.
"""

from __future__ import annotations

import datetime as dt

from notifier.notification.dates import earliest, is_adult, latest, printed_birth, proves_adult
from notifier.notification.model import Document, Subject


def may_be_child(subject: Subject, on: dt.date) -> bool:
    """Whether the person is a child, may be one, or is one by any document.

    An age that is stated as adult is doubted where a machine readable zone says child; one that is unknown is an
    adult's where every date of birth says so, those of the zones too. A date that proves nothing proves no adult.
    """
    if subject.age in ("adult", "unknown"):
        proven = subject.age == "adult" or proves_adult(subject.births, on)
        return not proven or any(shows_child(document, subject.births, on) for document in subject.documents)
    return True


def shows_child(document: Document, births: tuple[str, ...], on: dt.date) -> bool:
    """Whether the date of birth in a document's zone leaves somebody younger than 18 on the day `on`.

    Of a zone that prints a part of the date only, a stated date of birth that it bears out is the whole one. A zone
    without a year, or with a date that is none, says nothing.
    """
    zone = document.zone
    printed = None if zone is None else printed_birth(zone.birth, on)
    if printed is None or is_adult(printed[1], on):
        return False
    for text in births:
        first, last = earliest(text), latest(text)
        if first and last and printed[0] <= first and last <= printed[1] and is_adult(last, on):
            return False
    return True
