"""Protection of children: age as stated, dates of birth, and documents.

The younger reading wins (S/RES/2396 (2017), paragraphs 29 to 31). A child taken for an adult would be reported as a
suspect; an adult taken for a child only waits for a reviewer.
"""

from __future__ import annotations

import datetime as dt

from notifier.notification.dates import earliest, is_adult, latest, printed_birth, proves_adult
from notifier.notification.model import Document, Subject


def may_be_child(subject: Subject, on: dt.date) -> bool:
    """Return whether the person is a child, may be one, or is one by any document.

    A stated adult is doubted where a machine readable zone shows a child. An unknown age counts as an adult's where
    every date of birth proves one, those of the zones too. An implausible date proves no adult.
    """
    if subject.age in ("adult", "unknown"):
        proven = subject.age == "adult" or proves_adult(subject.births, on)
        return not proven or any(shows_child(document, subject.births, on) for document in subject.documents)
    return True


def shows_child(document: Document, births: tuple[str, ...], on: dt.date) -> bool:
    """Return whether the date of birth in a document's zone makes its holder younger than 18 on the day `on`.

    Where the zone prints a part of the date only, a stated date that agrees with it completes it. A zone without a
    year, or with an invalid date, shows nothing.
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
