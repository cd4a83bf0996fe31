"""Generator of the tables of docs/reference/notification.md from the schema, the profiles and the checks.

`python tools/notification_fields.py` rewrites the file: the text between each pair of markers is replaced. A test
keeps them equal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from notifier.notification.freetext import unverified
from notifier.notification.profiles import PARTS, PROFILES, SUBJECT
from notifier.notification.requirements import REQUIREMENTS, Requirement
from notifier.shipped import schemas_folder

DOCUMENT = Path(__file__).parents[1] / "docs" / "reference" / "notification.md"

STANDARDS = {
    "id": "UUID version 7 (RFC 9562)",
    "event_time": "RFC 3339",
    "reply_by": "RFC 3339",
    "legal_basis": "S/RES/2396 (2017) and others",
    "grading": "4x4; Admiralty (AJP-2.1)",
    "handling/codes": "Europol handling codes",
    "language": "ISO 639",
    "subject/names/*/script": "ISO 15924",
    "subject/names/*/icao": "ICAO 9303-3, section 6",
    "subject/names/*/language": "ISO 639",
    "subject/births": "EDTF (ISO 8601-2)",
    "subject/nationalities/*/state": "ISO 3166-1 alpha-3, 3166-3 alpha-4; ICAO 9303-3, section 5",
    "subject/residences": "ISO 3166-1 alpha-3",
    "subject/documents/*/kind": "ICAO 9303-4, 4.4, to 9303-7; 1951 Convention, article 28",
    "subject/documents/*/issuer": "ICAO 9303-3, section 5",
    "subject/documents/*/mrz": "ICAO 9303-4 to 7",
    "movement/origin": "ISO 3166-1, IATA, ICAO, UN/LOCODE",
    "movement/transit": "ISO 3166-1, IATA, ICAO, UN/LOCODE",
    "movement/destination": "ISO 3166-1, IATA, ICAO, UN/LOCODE",
    "corridor/from": "ISO 3166-1 alpha-3",
    "corridor/to": "ISO 3166-1 alpha-3",
    "about/digest": "BLAKE2b, 256 bits",
    "parent/digest": "BLAKE2b, 256 bits",
    "references": "INTERPOL; UN Security Council lists",
    "biometrics/*/digest": "SHA-256",
    "amounts/*/currency": "ISO 4217",
    "local/refugee/status": "1951 Convention",
    "local/refugee/feared": "ISO 3166-1 alpha-3",
    "local/risk/torture": "ISO 3166-1 alpha-3",
    "local/risk/death_penalty": "ISO 3166-1 alpha-3",
    "local/consular/requested": "VCCR, article 36",
    "local/approvals/*/at": "RFC 3339",
}
"""What a field's values follow, by its path."""

LOCAL = {
    "local": "What decides who is told, and never leaves the originator in any form.",
    "local/refugee": "Whether the person is, or seeks to be, a refugee.",
    "local/refugee/status": "none, refugee, asylum_seeker or unknown (treated as none, with a warning).",
    "local/refugee/feared": "The states that the person fears; empty where it is not known which.",
    "local/risk": "What the person risks in which state.",
    "local/risk/torture": "States where torture is a risk.",
    "local/risk/death_penalty": "States where the death penalty is.",
    "local/consular": "The person's wish.",
    "local/consular/requested": "Whether the person asked that the consular service be told: true, false or unknown.",
    "local/approvals": "Holds that a person released; for a dry run alone: to send, an approval is signed.",
    "local/approvals/*/hold": "Which hold.",
    "local/approvals/*/state": "For which state; null for all.",
    "local/approvals/*/by": "Who released it.",
    "local/approvals/*/at": "When.",
    "local/approvals/*/reference": "The assurance; mandatory for torture_or_death_risk.",
}
"""The part that has no schema, because it is never encoded."""

WITHHELD = ("handling/not_to",)
"""What has a schema and is empty in whatever leaves (`for_sealing`)."""

RENAMED = {"corridor/start": "corridor/from", "corridor/end": "corridor/to"}
INSIDE_A_PLACE = re.compile(r"movement/(origin|destination)/(kind|value)")


def fields() -> dict[str, str]:
    """Return every field of the public JSON form by its path (`*` for each item of a list), with its meaning."""
    schema = json.loads((schemas_folder() / "Notification.avsc").read_text())
    found = {
        RENAMED.get(path, path): meaning for path, meaning in _walk(schema, "") if not INSIDE_A_PLACE.fullmatch(path)
    }
    return {"id": found.pop("id"), **found, **LOCAL}


def _walk(schema: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(schema, list):
        for arm in schema:
            yield from _walk(arm, path)
    elif isinstance(schema, dict) and schema["type"] == "record":
        for field in schema["fields"]:
            name = f"{path}/{field['name']}" if path else field["name"]
            yield name, field["doc"]
            yield from _walk(field["type"], name)
    elif isinstance(schema, dict) and schema["type"] == "array":
        yield from _walk(schema["items"], f"{path}/*")


def seen_by(path: str) -> str:
    """Return the readers of a field: nobody, every recipient, or the profiles that have it."""
    top, _, rest = path.partition("/")
    if top == "local" or path in WITHHELD:
        return "nobody"
    if top == "subject" and rest:
        profiles = [name for name, one in PROFILES.items() if rest.partition("/")[0] in one.subject]
    elif top in PARTS:
        profiles = [name for name, one in PROFILES.items() if top in one.parts]
    else:
        profiles = list(PROFILES)
    return "all" if profiles == list(PROFILES) else ", ".join(profiles)


def field_table() -> str:
    """Return one line per field."""
    lines = ["| field | meaning | standard | who sees it |", "|---|---|---|---|"]
    for path, meaning in fields().items():
        lines.append(f"| `{path}` | {meaning} | {STANDARDS.get(path, '')} | {seen_by(path)} |")
    return "\n".join(lines)


def type_table() -> str:
    """Return one line per type: its stages, and the parts that it must, may and must not have."""
    parts = ("subject", "movement", "corridor", "amounts", "about")
    lines = [f"| type | stages | {' | '.join(parts)} |", f"|---|---|{'---|' * len(parts)}"]
    for name, one in REQUIREMENTS.items():
        cells = " | ".join(_presence(one, part) for part in parts)
        lines.append(f"| {name} | {', '.join(one.stages)} | {cells} |")
    return "\n".join(lines)


def _presence(one: Requirement, part: str) -> str:
    word = getattr(one, part)
    return "" if word == "none" else str(word)


def profile_table() -> str:
    """Return one line per profile with its fields."""
    lines = ["| profile | parts | of the person |", "|---|---|---|"]
    for name, one in PROFILES.items():
        parts = ", ".join(part for part in PARTS if part in one.parts)
        subject = ", ".join(field for field in SUBJECT if field in one.subject)
        lines.append(f"| {name} | {parts} | {subject} |")
    return "\n".join(lines)


def free_text() -> str:
    """Return the fields that are labelled as not verified."""
    place = {"text": "x"}
    document = {
        "narrative": "x",
        "handling": {"text": "x"},
        "biometrics": [{"necessity": "x"}],
        "movement": {"origin": place, "destination": place, "transit": [place]},
    }
    return ", ".join(f"`{re.sub('/0(?=/|$)', '/*', pointer)[1:]}`" for pointer in unverified(document))


TABLES = {"types": type_table, "fields": field_table, "profiles": profile_table, "free text": free_text}


def written(document: str) -> str:
    """`document` with the tables between its markers as the code has them."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: written by tools/notification_fields.py -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(document):
            raise ValueError(f"the markers of {name} are not there")
        block = f"{begin}\n{table()}\n{end}"
        document = pattern.sub(lambda _, block=block: block, document)
    return document


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
