"""Codes of scripts (ISO 15924) and currencies (ISO 4217).

Current codes come from pycountry. A payment is stated in the currency of its time, so codes that ISO 4217 has
withdrawn (its list three) stay valid. They are listed here with the month of their withdrawal.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Final

_WITHDRAWN: Final = (
    "ADP=2003-07 AFA=2003-01 ALK=1989-12 ANG=2025-03 AOK=1991-03 AON=2000-02 AOR=2000-02 ARA=1992-01 ARP=1985-07 "
    "ARY=1990-12 ATS=2002-03 AYM=2005-10 AZM=2005-12 BAD=1998-07 BEC=1990-03 BEF=2002-03 BEL=1990-03 BGJ=1990-12 "
    "BGK=1990-12 BGL=2003-11 BGN=2026-01 BOP=1987-02 BRB=1986-03 BRC=1989-02 BRE=1993-03 BRN=1990-03 BRR=1994-07 "
    "BUK=1990-02 BYB=2001-01 BYR=2017-01 CHC=2004-11 CSD=2006-10 CSJ=1990-12 CSK=1993-03 CUC=2021-06 CYP=2008-01 "
    "DDM=1990-09 DEM=2002-03 ECS=2000-09 ECV=2000-09 EEK=2011-01 ESA=1981-12 ESB=1994-12 ESP=2002-03 FIM=2002-03 "
    "FRF=2002-03 GEK=1995-10 GHC=2008-01 GHP=2007-06 GNE=1989-12 GNS=1986-02 GQE=1986-06 GRD=2002-03 GWE=1981-12 "
    "GWP=1997-05 HRD=1995-01 HRK=2023-01 IEP=2002-03 ILP=1981-12 ILR=1990-12 ISJ=1990-12 ITL=2002-03 LAJ=1979-12 "
    "LSM=1985-05 LTL=2014-12 LTT=1993-07 LUC=1990-03 LUF=2002-03 LUL=1990-03 LVL=2014-01 LVR=1994-12 MGF=2004-12 "
    "MLF=1984-11 MRO=2017-12 MTL=2008-01 MTP=1983-06 MVQ=1989-12 MXP=1993-01 MZE=1981-12 MZM=2006-06 NIC=1990-10 "
    "NLG=2002-03 PEH=1990-12 PEI=1991-07 PES=1986-02 PLZ=1997-01 PTE=2002-03 RHD=1981-12 ROK=1990-12 ROL=2005-06 "
    "RUR=2004-01 SDD=2007-07 SDP=1998-06 SIT=2007-01 SKK=2009-01 SLL=2023-12 SRG=2003-12 STD=2017-12 SUR=1990-12 "
    "TJR=2001-04 TMM=2009-01 TPE=2002-11 TRL=2005-12 UAK=1996-09 UGS=1987-05 UGW=1990-12 USS=2014-03 UYN=1989-12 "
    "UYP=1993-03 VEB=2008-01 VEF=2018-08 VNC=1989-19 XEU=1999-01 XFO=2006-10 XFU=2013-11 XRE=1999-11 YDD=1991-09 "
    "YUD=1990-01 YUM=2003-07 YUN=1995-11 ZAL=1995-03 ZMK=2012-12 ZRN=1999-06 ZRZ=1994-02 ZWC=1989-12 ZWD=2008-08 "
    "ZWL=2024-09 ZWN=2006-09 ZWR=2009-06 "
)
"""The last month counts for a code that was withdrawn more than once."""


@cache
def _scripts() -> frozenset[str]:
    import pycountry

    return frozenset(script.alpha_4 for script in pycountry.scripts)


@cache
def _currencies() -> frozenset[str]:
    import pycountry

    return frozenset(currency.alpha_3 for currency in pycountry.currencies)


@cache
def _withdrawn() -> dict[str, str]:
    return dict(entry.split("=") for entry in _WITHDRAWN.split())


def is_script(code: str) -> bool:
    """Return whether `code` names a script, such as Latn, Cyrl or Arab."""
    return code in _scripts()


def is_currency(code: str) -> bool:
    """Return whether `code` names a currency, current (EUR) or withdrawn."""
    return code in _currencies() or code in _withdrawn()


def withdrawn_before(code: str, day: dt.date) -> bool:
    """Return whether the currency was withdrawn before the month of `day`."""
    month = _withdrawn().get(code)
    return month is not None and month < day.isoformat()[:7]
