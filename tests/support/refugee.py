"""A refugee's travel document, as its machine readable zone shows it."""

from __future__ import annotations

from notifier.notification.mrz import check_digit


def zone(kind: str, number: str, nationality: str) -> list[str]:
    """The two lines of a passport's size (TD3): of FRA's, of nine letters and digits, for somebody born in 1974."""
    digits = number + check_digit(number)
    birth = "740812" + check_digit("740812")
    expiry = "300101" + check_digit("300101")
    whole = check_digit(digits + birth + expiry + "<" * 15)
    first = f"{kind:<<2}FRAERIKSSON<<ANNA<MARIA".ljust(44, "<")
    return [first, f"{digits}{nationality}{birth}F{expiry}{'<' * 15}{whole}"]
