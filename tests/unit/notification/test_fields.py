"""Every field that the format has, with a word on what it is for: what is not here may not be there."""

from __future__ import annotations

import copy
import importlib.util
import json
from pathlib import Path

import pytest

from golden.cases import base
from notifier.errors import NotificationInvalidError
from notifier.notification import parse
from notifier.notification.checking import Object
from notifier.notification.freetext import unverified
from notifier.notification.requirements import REQUIREMENTS
from notifier.notification.subject_parsing import ACCUSED

PROJECT = Path(__file__).parents[3]
ABOUT = {"id": "0199f0c2-1111-7111-8111-111111111111", "digest": "ab" * 32}

ALLOWED = {
    "id": "to speak of it again",
    "type": "rules",
    "stage": "rules",
    "originator": "who answers for it",
    "event_time": "when, and the age then",
    "urgency": "when an answer is due",
    "purpose": "what it may be used for",
    "legal_basis": "lawfulness",
    "grading": "how far to rely on it",
    "grading/scheme": "how far to rely on it",
    "grading/source": "how far to rely on it",
    "grading/information": "how far to rely on it",
    "handling": "what a recipient may do",
    "handling/codes": "what a recipient may do",
    "handling/text": "what a recipient may do",
    "handling/release_to": "who may have it",
    "handling/not_to": "who must not have it",
    "review_date": "nothing is kept unlooked at",
    "erase_date": "nothing is kept for ever",
    "language": "to read the texts",
    "subject": "the person",
    "subject/category": "suspects apart from family (paragraph 4)",
    "subject/age": "a child's protection",
    "subject/names": "identity",
    "subject/names/*/quality": "identity, not more certain than it is",
    "subject/names/*/text": "identity",
    "subject/names/*/script": "identity",
    "subject/names/*/icao": "identity, as a document prints it",
    "subject/names/*/language": "identity: how to read the name",
    "subject/births": "identity",
    "subject/sex": "identity, as a document prints it",
    "subject/nationalities": "who is to be told (paragraphs 3 and 6); it sets no category",
    "subject/nationalities/*/state": "who is to be told",
    "subject/nationalities/*/status": "how firm that is",
    "subject/nationalities/*/since": "which of them holds",
    "subject/nationalities/*/until": "which of them holds",
    "subject/grounds": "no suspicion without a ground",
    "subject/grounds/*/offence": "no suspicion without a ground",
    "subject/grounds/*/legal_basis": "no suspicion without a ground",
    "subject/residences": "who is to be told (paragraph 5)",
    "subject/documents": "identity",
    "subject/documents/*/kind": "identity",
    "subject/documents/*/issuer": "identity",
    "subject/documents/*/number": "identity",
    "subject/documents/*/expiry": "identity",
    "subject/documents/*/status": "lost and stolen documents (paragraph 16)",
    "subject/documents/*/mrz": "identity",
    "movement": "who is to be told (paragraph 3)",
    "movement/in_custody": "which rules hold",
    "movement/origin": "who is to be told",
    "movement/transit": "who is to be told",
    "movement/destination": "who is to be told",
    "interpol": "the originator's choice",
    "exercise": "a drill is marked",
    "narrative": "what has no field; labelled as unverified",
    "corridor": "a pattern, no person",
    "corridor/from": "a pattern, no person",
    "corridor/to": "a pattern, no person",
    "about": "which text is meant",
    "about/id": "which text is meant",
    "about/digest": "which text is meant",
    "parent": "where a copy comes from",
    "parent/originator": "where a copy comes from",
    "parent/id": "where a copy comes from",
    "parent/digest": "where a copy comes from",
    "correlation": "what belongs together",
    "reply_by": "when an answer is due",
    "references": "numbers elsewhere (paragraph 16)",
    "references/*/kind": "numbers elsewhere",
    "references/*/value": "numbers elsewhere",
    "references/*/colour": "numbers elsewhere",
    "biometrics": "never the data (paragraph 15)",
    "biometrics/*/kind": "never the data",
    "biometrics/*/digest": "never the data",
    "biometrics/*/pointer": "where to ask",
    "biometrics/*/necessity": "strict necessity",
    "amounts": "financial intelligence (paragraph 5)",
    "amounts/*/currency": "financial intelligence",
    "amounts/*/value": "financial intelligence",
    "counts": "a pattern, no person",
    "counts/*/what": "a pattern, no person",
    "counts/*/band": "wide enough that nobody is singled out",
    "local": "never leaves",
    "local/refugee": "protection",
    "local/refugee/status": "protection",
    "local/refugee/feared": "protection",
    "local/risk": "protection",
    "local/risk/torture": "protection",
    "local/risk/death_penalty": "protection",
    "local/consular": "the person's wish",
    "local/consular/requested": "the person's wish",
    "local/approvals": "who decided",
    "local/approvals/*/hold": "who decided",
    "local/approvals/*/state": "who decided",
    "local/approvals/*/by": "who decided",
    "local/approvals/*/at": "who decided",
    "local/approvals/*/reference": "on what assurance",
}
"""By its path; `*` stands for each item of a list."""

NEVER = ("religio", "faith", "ethnic", "race", "opinion", "politic", "belief", "union", "health", "sexual", "caste")


def whole(type_):
    """Return a notification of this type with an object in every place that may have one."""
    made = base(type_ if type_ in ("pattern", "identity") else "deportation") | {"type": type_, "stage": None}
    if "subject" in made:
        made["subject"]["nationalities"] = [{"state": "UTO", "status": "documented"}]
        made["subject"]["documents"] = [{"kind": "P", "issuer": "UTO"}]
        made["local"]["approvals"] = [{"hold": "child_review", "by": "A", "at": "2026-11-20T09:00:00Z"}]
    made["references"] = [{"kind": "case", "value": "1"}]
    made["biometrics"] = [{"kind": "face", "digest": "ab" * 32, "pointer": "p", "necessity": "n"}]
    if type_ == "finint":
        made["amounts"] = [{"currency": "EUR", "value": "1"}]
    if type_ == "update":
        made["about"] = ABOUT
    if type_ == "detention":
        made["parent"] = {"originator": "FRA/spoc", **ABOUT}
    return made


@pytest.fixture
def asked(monkeypatch):
    """Return the paths of all fields that a parser asks for."""
    found = set()

    def recorded(method):
        original = getattr(Object, method)

        def asks(self, name, *rest, **named):
            path = f"{self.pointer}/{name}"[1:].split("/")
            found.add("/".join("*" if part.isdigit() else part for part in path))
            return original(self, name, *rest, **named)

        return asks

    for method in ("_take", "_drop", "has", "is_word"):
        monkeypatch.setattr(Object, method, recorded(method))
    return found


def tool():
    spec = importlib.util.spec_from_file_location("fields", PROJECT / "tools" / "notification_fields.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_field_is_read_that_is_not_allowed(asked):
    """The parser asks for exactly the fields listed above, each with its purpose."""
    for type_ in ("arrest", "detention", "finint", "pattern", "update"):
        assert parse(whole(type_)).type == type_
    places = {
        f"movement/{leg}/{kind}" for leg in ("origin", "destination") for kind in ("iata", "icao", "locode", "text")
    }
    assert asked - places == set(ALLOWED)


def test_no_field_is_encoded_or_documented_that_is_not_allowed():
    """The schema's fields and the document's are the same, each with its meaning."""
    documented = tool().fields()
    assert set(documented) == set(ALLOWED)
    assert all(documented.values())
    assert all(ALLOWED.values())


def test_no_field_is_for_what_nobody_may_be_profiled_by():
    """Paragraph 4: neither religion, ethnicity nor opinion, by any name; what is added is refused."""
    text = (PROJECT / "schemas" / "avro" / "Notification.avsc").read_text()
    names = {field.rpartition("/")[2] for field in ALLOWED}
    assert not [word for word in NEVER for name in names if word in name]
    assert not [word for word in NEVER if f'"{word}' in text]
    for place in ("", "subject", "local", "handling"):
        made = whole("arrest")
        (made[place] if place else made)["religion"] = "x"
        with pytest.raises(NotificationInvalidError) as error:
            parse(made)
        assert [fault.pointer for fault in error.value.faults] == [f"/{place}/religion".replace("//", "/")]


@pytest.mark.parametrize("type_", sorted(REQUIREMENTS))
def test_every_type_asks_for_grading_and_review_and_of_a_person_for_category_and_grounds(type_):
    """Each on its own refused, whatever the type."""
    requirement = REQUIREMENTS[type_]
    made = base(type_ if type_ in ("pattern", "identity", "consular") else "deportation")
    made |= {"type": type_, "stage": requirement.stages[0] if requirement.stages else None}
    made |= {"about": ABOUT} if requirement.about == "mandatory" else {}
    for part in ("subject", "movement", "corridor", "counts"):
        if getattr(requirement, "corridor" if part == "counts" else part) == "none":
            made.pop(part, None)
    assert parse(copy.deepcopy(made)).type == type_

    def refused(change):
        wrong = copy.deepcopy(made)
        change(wrong)
        with pytest.raises(NotificationInvalidError) as error:
            parse(wrong)
        return [fault.pointer for fault in error.value.faults]

    for name in ("grading", "review_date", "erase_date", "legal_basis", "purpose", "handling"):
        assert refused(lambda wrong, name=name: wrong.pop(name)) == [f"/{name}"]
    if "subject" in made:
        assert refused(lambda wrong: wrong["subject"].pop("category")) == ["/subject/category"]
        for accused in ACCUSED:
            change = {"category": accused, "grounds": []}
            assert refused(lambda wrong, change=change: wrong["subject"].update(change)) == ["/subject/grounds"]


def test_free_text_is_found_wherever_it_stands():
    """By pointer; a place that is a code is none."""
    made = whole("arrest")
    made["narrative"] = "n"
    made["handling"] |= {"codes": ["H3"], "text": "t"}
    made["movement"] |= {"origin": {"text": "o"}, "transit": ["AUT", {"text": "t"}], "destination": {"iata": "VIE"}}
    assert parse(copy.deepcopy(made))
    assert unverified(made) == [
        "/narrative",
        "/handling/text",
        "/biometrics/0/necessity",
        "/movement/origin/text",
        "/movement/transit/1/text",
    ]
    assert unverified({"handling": {"text": None}, "narrative": None}) == []


def test_the_document_is_what_the_code_says():
    """Types, fields, profiles and free text, as the tool writes them: `python tools/notification_fields.py`."""
    text = (PROJECT / "docs" / "reference" / "notification.md").read_text()
    assert tool().written(text) == text
    assert "| `local/refugee/status` |" in text


def test_the_document_says_who_sees_what():
    """From the profiles themselves."""
    seen_by = tool().seen_by
    assert seen_by("local/risk/torture") == "nobody"
    assert seen_by("type") == "all"
    assert "consular" not in seen_by("subject/grounds/*/offence").split(", ")
    assert json.loads(json.dumps(seen_by("subject/names"))) == "all"
