"""Codes of states and other issuers: ISO 3166-1 and 3166-3, and ICAO 9303-3 section 5."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

UNKNOWN: Final = "unknown"
SPECIMEN: Final = "UTO"
STATELESS: Final = "XXA"
REFUGEES: Final = frozenset({"XXB", "XXC"})
UNSPECIFIED: Final = "XXX"
BRITISH_CLASSES: Final = frozenset({"GBD", "GBN", "GBO", "GBP", "GBS"})
NOT_CITIZENSHIP: Final = frozenset(
    {
        *("EUE", "IAO", "UNA", "UNK", "UNO", "XBA", "XCC", "XCE"),
        *("XCO", "XDC", "XEC", "XES", "XIM", "XMP", "XOM", "XPO"),
    }
)
"""Issuers of travel documents whose code shows no nationality (ICAO 9303-3, section 5)."""

_ICAO_ALIASES: Final = {"D": "DEU"} | dict.fromkeys(BRITISH_CLASSES, "GBR")
_RENAMED: Final = {"ROM": "ROU"}
"""Codes that ISO 3166-1 replaced for the same state, and that documents still show."""
_BEYOND_ISO: Final = frozenset({"RKS", SPECIMEN})
FORMER: Final[Mapping[str, tuple[str, ...]]] = {
    "AIDJ": ("DJI",),
    "ANHH": ("BES", "CUW", "SXM"),
    "BQAQ": ("ATA",),
    "BUMM": ("MMR",),
    "BYAA": ("BLR",),
    "CSHH": ("CZE", "SVK"),
    "CSXX": ("MNE", "RKS", "SRB"),
    "CTKI": ("KIR",),
    "DDDE": ("DEU",),
    "DYBJ": ("BEN",),
    "FQHH": ("ATA", "ATF"),
    "FXFR": ("FRA",),
    "GEHH": ("KIR", "TUV"),
    "HVBF": ("BFA",),
    "JTUM": ("UMI",),
    "MIUM": ("UMI",),
    "NHVU": ("VUT",),
    "NQAQ": ("ATA",),
    "NTHH": ("IRQ", "SAU"),
    "PCHH": ("FSM", "MHL", "MNP", "PLW"),
    "PUUM": ("UMI",),
    "PZPA": ("PAN",),
    "RHZW": ("ZWE",),
    "SKIN": ("IND",),
    "SUHH": (
        *("ARM", "AZE", "BLR", "EST", "GEO", "KAZ", "KGZ", "LTU", "LVA", "MDA", "RUS", "TJK", "TKM", "UKR", "UZB"),
    ),
    "TPTL": ("TLS",),
    "VDVN": ("VNM",),
    "WKUM": ("UMI",),
    "YDYE": ("YEM",),
    "YUCS": ("BIH", "HRV", "MKD", "MNE", "RKS", "SRB", "SVN"),
    "ZRCD": ("COD",),
}
"""Former states of ISO 3166-3 by alpha-4 code, with the states to ask today; this implies no legal status."""


@cache
def iso_codes() -> tuple[str, ...]:
    """Return every ISO 3166-1 alpha-3 code, sorted."""
    import pycountry

    return tuple(sorted(country.alpha_3 for country in pycountry.countries))


@cache
def _iso() -> frozenset[str]:
    return frozenset(iso_codes())


@cache
def _alpha_2() -> dict[str, str]:
    import pycountry

    return {country.alpha_2: country.alpha_3 for country in pycountry.countries} | {"XK": "RKS"}


def from_alpha_2(code: str) -> str | None:
    """Return the alpha-3 code of an ISO 3166-1 alpha-2 code, or of Kosovo's XK; None for others."""
    return _alpha_2().get(code)


@cache
def names() -> Mapping[str, tuple[str, ...]]:
    """Return every name that ISO 3166-1 has for a code, the common one first; with Kosovo's and the specimen's."""
    import pycountry

    found: dict[str, tuple[str, ...]] = {"RKS": ("Kosovo",), SPECIMEN: ("Utopia",)}
    for country in pycountry.countries:
        known = (getattr(country, "common_name", None), country.name, getattr(country, "official_name", None))
        found[country.alpha_3] = tuple(dict.fromkeys(name for name in known if name))
    return found


def name_of(code: str) -> str:
    """Return the common name of a state's code, or the code where it has none."""
    return names().get(code, (code,))[0]


def is_state(code: str) -> bool:
    """Return whether `code` names a state that a leg may have: ISO 3166-1, Kosovo's, or the specimen's."""
    return code in _iso() or code in _BEYOND_ISO


def participant_of(code: str) -> str | None:
    """Return the state whose authorities a code stands for; None where it names no state.

    ``D`` is Germany; the British classes are the United Kingdom.
    """
    code = _ICAO_ALIASES.get(code, code)
    return code if is_state(code) else None


@cache
def _printed_former() -> dict[str, str]:
    import pycountry

    former = {country.alpha_3: country.alpha_4 for country in pycountry.historic_countries}
    return {code: alpha_4 for code, alpha_4 in former.items() if code not in _iso()}


def code_today(code: str) -> str | None:
    """Return the current code for a three-letter one that ISO 3166-1 gave up; None for others.

    A former state has its alpha-4 code (ISO 3166-3), because alpha-3 codes may be reassigned.
    """
    return _RENAMED.get(code) or _printed_former().get(code)


def same_code(code: str) -> str:
    """Return the code by which two equivalent ones compare equal: ``D`` is DEU, ``YUG`` is ``YUCS``."""
    return participant_of(code) or code_today(code) or code


def is_printed_code(code: str) -> bool:
    """Return whether a zone may show `code`, current or former, as issuer or nationality (ICAO 9303-3, section 5)."""
    return len(code) <= 3 and (is_nationality(code) or code_today(code) is not None)


def successors(code: str) -> tuple[str, ...] | None:
    """Return the states that followed a former one (ISO 3166-3 alpha-4); None where it is none."""
    return FORMER.get(code)


def is_nationality(code: str) -> bool:
    """Return whether `code` may stand as a nationality: a state, a former one, an ICAO code, or "unknown"."""
    special = {UNKNOWN, STATELESS, UNSPECIFIED} | REFUGEES | NOT_CITIZENSHIP
    return code in special or participant_of(code) is not None or code in FORMER


def is_party(code: str) -> bool:
    """Return whether `code` can be a participant's: a state, or an organisation with a code of its own.

    A code of three letters must be a state's or an ICAO 9303 organisation's. ``D`` and the British classes have no
    authority: a code that only looks like a state's would exclude nobody.
    """
    return is_state(code) or code in NOT_CITIZENSHIP or len(code) > 3


def is_issuer(code: str) -> bool:
    """Return whether `code` may issue a document."""
    return is_nationality(code) and code not in REFUGEES | {STATELESS}
