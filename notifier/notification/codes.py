"""Codes of scripts (ISO 15924) and currencies (ISO 4217), looked up in the library that has the lists. Pure."""

from __future__ import annotations

from functools import cache


@cache
def _scripts() -> frozenset[str]:
    import pycountry

    return frozenset(script.alpha_4 for script in pycountry.scripts)


@cache
def _currencies() -> frozenset[str]:
    import pycountry

    return frozenset(currency.alpha_3 for currency in pycountry.currencies)


def is_script(code: str) -> bool:
    """Whether `code` names a script, as Latn, Cyrl, Arab."""
    return code in _scripts()


def is_currency(code: str) -> bool:
    """Whether `code` names a currency, as EUR."""
    return code in _currencies()
