"""The Unicode Script property of letters, by the codes of ISO 15924.

Python's library lacks the property. The table is made from Unicode 14 (Scripts.txt): the ranges of letters of each
script. A letter in no range is common to several scripts.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from functools import cache
from typing import Final

_LETTERS: Final = (
    "Adlm 1E900-1E94B; Aghb 10530-10563; Ahom 11700-11746; Arab 620-63F 641-6FF 750-77F 870-8C9 FB50-FEFC "
    "1EE00-1EEBB; Armi 10840-10855; Armn 531-588 FB13-FB17; Avst 10B00-10B35; Bali 1B05-1B4C; Bamu A6A0-A6E5 "
    "16800-16A38; Bass 16AD0-16AED; Batk 1BC0-1BE5; Beng 980-9FC; Bhks 11C00-11C40; Bopo 3105-312F 31A0-31BF; Brah "
    "11003-11075; Bugi 1A00-1A16; Buhd 1740-1751; Cakm 11103-11147; Cans 1401-167F 18B0-18F5 11AB0-11ABF; Cari "
    "102A0-102D0; Cham AA00-AA4B; Cher 13A0-13FD AB70-ABBF; Chrs 10FB0-10FC4; Copt 3E2-3EF 2C80-2CF3; Cpmn "
    "12F90-12FF0; Cprt 10800-1083F; Cyrl 400-52F 1C80-1C88 1D2B 1D78 A640-A69D; Deva 904-97F A8F2-A8FE; Diak "
    "11900-11941; Dogr 11800-1182B; Dsrt 10400-1044F; Dupl 1BC00-1BC99; Egyp 13000-1342E; Elba 10500-10527; Elym "
    "10FE0-10FF6; Ethi 1200-138F 2D80-2DDE AB01-AB2E 1E7E0-1E7FE; Geor 10A0-10FF 1C90-1CBF 2D00-2D2D; Glag "
    "2C00-2C5F; Gong 11D60-11D98; Gonm 11D00-11D46; Goth 10330-10349; Gran 11305-11361; Grek 370-373 376-3E1 "
    "3F0-3FF 1D26-1D2A 1D5D-1D61 1D66-1D6A 1DBF 1F00-1FFC 2126 AB65; Gujr A85-AF9; Guru A05-A74; Hang 1100-11FF "
    "3131-318E A960-A97C AC00-D7FB FFA0-FFDC; Hani 3005 303B 3400-9FFF F900-FAD9 16FE3 20000-3134A; Hano 1720-1731; "
    "Hatr 108E0-108F5; Hebr 5D0-5F2 FB1D-FB4F; Hira 3041-309F 1B001-1B11F 1B150-1B152; Hluw 14400-14646; Hmng "
    "16B00-16B8F; Hmnp 1E100-1E14E; Hung 10C80-10CF2; Ital 10300-1032F; Java A984-A9B2; Kali A90A-A925; Kana "
    "30A1-30FA 30FD-30FF 31F0-31FF FF66-FF6F FF71-FF9D 1AFF0-1B000 1B120-1B122 1B164-1B167; Khar 10A00-10A35; Khmr "
    "1780-17DC; Khoj 11200-1122B; Kits 18B00-18CD5; Knda C80-CF2; Kthi 11083-110AF; Lana 1A20-1AA7; Laoo E81-EDF; "
    "Latn 41-AA BA-2B8 2E0-2E4 1D00-1D25 1D2C-1D5C 1D62-1D65 1D6B-1D77 1D79-1DBE 1E00-1EFF 2071-209C 212A-212B 2132 "
    "214E-2184 2C60-2C7F A722-A787 A78B-A7FF AB30-AB64 AB66-AB69 FB00-FB06 FF21-FF5A 10780-107BA 1DF00-1DF1E; Lepc "
    "1C00-1C4F; Limb 1900-191E; Lina 10600-10767; Linb 10000-100FA; Lisu A4D0-A4FD 11FB0; Lyci 10280-1029C; Lydi "
    "10920-10939; Mahj 11150-11176; Maka 11EE0-11EF2; Mand 840-858; Mani 10AC0-10AE4; Marc 11C72-11C8F; Medf "
    "16E40-16E7F; Mend 1E800-1E8C4; Merc 109A0-109BF; Mero 10980-1099F; Mlym D04-D7F; Modi 11600-11644; Mong "
    "1820-18AA; Mroo 16A40-16A5E; Mtei AAE0-AAF4 ABC0-ABE2; Mult 11280-112A8; Mymr 1000-108E A9E0-A9FE AA60-AA7F; "
    "Nand 119A0-119E3; Narb 10A80-10A9C; Nbat 10880-1089E; Newa 11400-11461; Nkoo 7CA-7FA; Nshu 16FE1 1B170-1B2FB; "
    "Ogam 1681-169A; Olck 1C5A-1C7D; Orkh 10C00-10C48; Orya B05-B71; Osge 104B0-104FB; Osma 10480-1049D; Ougr "
    "10F70-10F81; Palm 10860-10876; Pauc 11AC0-11AF8; Perm 10350-10375; Phag A840-A873; Phli 10B60-10B72; Phlp "
    "10B80-10B91; Phnx 10900-10915; Plrd 16F00-16F9F; Prti 10B40-10B55; Rjng A930-A946; Rohg 10D00-10D23; Runr "
    "16A0-16F8; Samr 800-828; Sarb 10A60-10A7C; Saur A882-A8B3; Shaw 10450-1047F; Shrd 11183-111DC; Sidd "
    "11580-115DB; Sind 112B0-112DE; Sinh D85-DC6; Sogd 10F30-10F45; Sogo 10F00-10F27; Sora 110D0-110E8; Soyo "
    "11A50-11A9D; Sund 1B83-1BBF; Sylo A800-A822; Syrc 710-74F 860-86A; Tagb 1760-1770; Takr 11680-116B8; Tale "
    "1950-1974; Talu 1980-19C9; Taml B83-BD0; Tang 16FE0 17000-18AFF 18D00-18D08; Tavt AA80-AADD; Telu C05-C61; "
    "Tfng 2D30-2D6F; Tglg 1700-171F; Thaa 780-7B1; Thai E01-E46; Tibt F00-F8C; Tirh 11480-114C7; Tnsa 16A70-16ABE; "
    "Toto 1E290-1E2AD; Ugar 10380-1039D; Vaii A500-A62B; Vith 10570-105BC; Wara 118A0-118FF; Wcho 1E2C0-1E2EB; Xpeo "
    "103A0-103CF; Xsux 12000-12543; Yezi 10E80-10EB1; Yiii A000-A48C; Zanb 11A00-11A3A "
)

_WRITES_IN: Final = {
    "Aran": ("Arab",),
    "Cyrs": ("Cyrl",),
    "Geok": ("Geor",),
    "Hanb": ("Hani", "Bopo"),
    "Hans": ("Hani",),
    "Hant": ("Hani",),
    "Hrkt": ("Hira", "Kana"),
    "Jamo": ("Hang",),
    "Jpan": ("Hani", "Hira", "Kana"),
    "Kore": ("Hang", "Hani"),
    "Latf": ("Latn",),
    "Latg": ("Latn",),
    "Syre": ("Syrc",),
    "Syrj": ("Syrc",),
    "Syrn": ("Syrc",),
}
"""Codes of ISO 15924 that the property lacks, with the scripts of their letters."""


@cache
def _table() -> tuple[list[int], list[int], list[str]]:
    """Return the first and last letters of every range, in order, and their scripts."""
    found = []
    for entry in _LETTERS.split(";"):
        script, *ranges = entry.split()
        for one in ranges:
            first, _, last = one.partition("-")
            found.append((int(first, 16), int(last or first, 16), script))
    found.sort()
    return [one[0] for one in found], [one[1] for one in found], [one[2] for one in found]


@cache
def _known() -> frozenset[str]:
    return frozenset(_table()[2])


def script_of(char: str) -> str | None:
    """Return the script of a letter; None for a letter common to several scripts, and for any other character."""
    if not unicodedata.category(char).startswith("L"):
        return None
    firsts, lasts, scripts = _table()
    place = bisect_right(firsts, ord(char)) - 1
    return scripts[place] if place >= 0 and ord(char) <= lasts[place] else None


def written_in(text: str, script: str) -> bool | None:
    """Return whether every letter of `text` is of `script` (ISO 15924); None where Unicode has no letters of it."""
    wanted = set(_WRITES_IN.get(script, (script,)))
    if not wanted <= _known():
        return None
    return all(found is None or found in wanted for found in map(script_of, set(text)))
