"""Properties of every decision, on random documents of all types."""

from __future__ import annotations

import copy
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from golden.book import Book, kin, permitted
from golden.cases import ABOUT, CHILD_S_PASSPORT, CORRIDORS, LOCAL, SIGNED, STAGES, base
from notifier.directory.builtin import builtin_snapshot
from notifier.directory.model import Authority
from notifier.notification import encode, for_sealing, parse
from notifier.notification.digest import digests_of
from notifier.notification.profiles import PROFILES, cut
from notifier.policy.decision import decide, expected, facts_of
from notifier.rules.table import HOLDS, SILENCES, SUPPRESSIONS
from support.drawing import examples

WORLD = builtin_snapshot()
EVERYBODY = WORLD.directory.authorities | {
    f"HKG/{role}": Authority(f"HKG/{role}", f"hkg-{role}", f"ntf.feed.hkg-{role}", (), frozenset())
    for role in ("spoc", "fiu", "consular")
}
AUTHORITIES = {name: one for name, one in EVERYBODY.items() if name[:3] != "CHE"}
DIRECTORY = replace(WORLD.directory, authorities=AUTHORITIES)
RULES = replace(WORLD.rules, corridors=CORRIDORS, consular_mandatory=frozenset({"FRA"}))
STATE_CODES = (
    *("AUT", "BEL", "CHE", "DEU", "FRA", "GBR", "MAR", "SRB", "TUR", "UTO"),
    *("CHN", "HKG", "MAC", "REU", "PRI", "USA", "TWN"),
)
TYPES = (
    *("arrest", "detention", "deportation", "travel", "identity", "consular", "pattern", "finint"),
    *("update", "release"),
)
STATES = st.sampled_from(STATE_CODES)
LISTED = st.lists(STATES, max_size=2, unique=True)
PARTIES = st.lists(st.sampled_from([*STATE_CODES, "INTERPOL", "DEU/spoc", "FRA/fiu"]), max_size=2, unique=True)
PLACES = st.sampled_from([*STATE_CODES, "unknown", {"locode": "DEFRA"}, {"iata": "CDG"}, {"text": "a field"},
                           {"iata": "SJU"}, {"icao": "VHHH"}, {"locode": "MOMFM"}, {"iata": "BSL"}])  # fmt: skip
NO_STATES = ("unknown", "XXA", "XXB", "XXC", "XXX", "UNO", "XCE", "YUCS", "CSHH", "GBO", "D")
CODES = st.sampled_from([*STATE_CODES, *NO_STATES])
DOCUMENTS = st.sampled_from(
    [
        {"kind": "P", "issuer": "UTO"},
        {"kind": "CTD", "issuer": "FRA"},
        {"kind": "RTD", "issuer": "unknown"},
        {"kind": "PT", "issuer": "FRA"},
        {"kind": "other", "issuer": "BEL"},
        CHILD_S_PASSPORT,
    ]
)
DATES = st.sampled_from([{}, {}, {}, {"until": "2010-01-01"}, {"until": "2026-11-20"}, {"since": "2026-11-21"}])


@st.composite
def nationalities(draw):
    """Between one and four, of every status."""
    status = st.sampled_from(["documented", "documented", "claimed", "inferred", "revoked"])
    return [{"state": draw(CODES), "status": draw(status), **draw(DATES)} for _ in range(draw(st.integers(1, 4)))]


@st.composite
def local_parts(draw):
    """Everything that never leaves."""
    local = copy.deepcopy(LOCAL)
    status = st.sampled_from(["none", "none", "none", "unknown", "refugee", "asylum_seeker"])
    local["refugee"] = {"status": draw(status), "feared": draw(st.one_of(st.just([]), LISTED))}
    local["risk"] = {"torture": draw(LISTED), "death_penalty": draw(st.one_of(st.just([]), LISTED))}
    local["consular"] = {"requested": draw(st.sampled_from([True, False, "unknown"]))}
    for hold in draw(st.lists(st.sampled_from(HOLDS), max_size=4)):
        local["approvals"].append({"hold": hold, "state": draw(st.one_of(st.none(), STATES)), **SIGNED})
    return local


@st.composite
def documents(draw, types=TYPES):
    """Return a notification of any type, in every mix of cases."""
    type_ = draw(st.sampled_from(types))
    document = base(type_, in_custody=draw(st.booleans())) | {"interpol": draw(st.booleans())}
    if type_ in STAGES:
        stages = {"travel": ["departed", "planned", "arrived"]}
        document["stage"] = draw(st.sampled_from(stages.get(type_, [STAGES[type_]])))
    released, excluded = draw(st.one_of(st.just([]), PARTIES)), draw(PARTIES)
    within = {*released, *(name.partition("/")[0] for name in released)}
    excluded = [name for name in excluded if name not in within]  # released and excluded: refused
    document["handling"] |= {"not_to": excluded, "release_to": released}
    if "subject" in document:
        subject = document["subject"]
        subject["nationalities"] = draw(nationalities())
        subject["age"] = draw(st.sampled_from(["adult", "adult", "adult", "child", "disputed", "unknown"]))
        subject["births"] = draw(st.sampled_from([["1974-08-12"], ["1388-05-01"], "unknown"]))
        subject["residences"] = draw(LISTED)
        subject["documents"] = draw(st.lists(DOCUMENTS, max_size=2))
        document["local"] = draw(local_parts())
        if draw(st.integers(0, 9)) == 0:
            subject |= {"category": "accompanying_family", "grounds": []}
    if "movement" in document:
        document["movement"] |= {
            "origin": draw(PLACES),
            "destination": draw(PLACES),
            "transit": draw(st.lists(PLACES, max_size=3)),
        }
    if type_ in ("update", "release"):
        document["about"] = ABOUT
    return document


BEFORE = st.dictionaries(
    st.sampled_from(["FRA/spoc", "DEU/spoc", "MAR/spoc", "CHE/spoc", "TUR/border", "INTERPOL/spoc"]),
    st.sampled_from(["3", "6"]),
    max_size=3,
)
OF = st.sampled_from([None, "arrest", "travel", "deportation", "finint", "consular", "pattern"])


def decided(document, *, approvals=True, told_before=None, of=None):
    """Return the decision, with the file's own approvals by default."""
    notification = parse(copy.deepcopy(document))
    given_ = notification.local.approvals if notification.local and approvals else ()
    return decide(notification, DIRECTORY, RULES, approvals=given_, told_before=told_before or {}, of=of)


def told(document, **options):
    return set(decided(document, **options).recipients)


@settings(max_examples=examples(500), deadline=None)
@given(document=documents(), told_before=BEFORE, of=OF)
def test_the_book_says_the_same(document, told_before, of):
    """A second implementation, from the words of the domain's tables alone, entry by entry."""
    if document["type"] not in ("update", "release"):
        told_before, of = {}, None
    if of == "pattern":
        of = None
    book = Book(
        document,
        AUTHORITIES,
        mandatory={"FRA"},
        subscribers={(one.start, one.end): one.subscribers for one in CORRIDORS},
        approvals=document.get("local", {}).get("approvals", ()),
        told_before=told_before,
        of=of,
    )
    decision = decided(document, told_before=told_before, of=of)
    found = [
        (
            one.authority,
            one.outcome,
            tuple(f"{reason.rule}:{reason.paragraph}" for reason in one.reasons),
            one.because,
            one.successors or one.readings,
            one.answers_for,
        )
        for one in decision.entries
    ]
    assert found == book.entries()


@settings(max_examples=examples(300), deadline=None)
@given(document=documents(), told_before=BEFORE, of=OF)
def test_suppression_always_wins_and_nobody_is_told_who_has_no_reason(document, told_before, of):
    """Feared, excluded or not released to: never told, whatever else speaks for it; each entry has its reasons."""
    decision = decided(document, told_before=told_before, of=of)
    handling, local = document["handling"], document.get("local", LOCAL)
    for entry in decision.entries:
        assert entry.reasons
        assert len({one.rule for one in entry.reasons}) == len(entry.reasons)
        causes = set(entry.because)
        if causes & set(SUPPRESSIONS):
            assert entry.outcome == "suppress"
            assert causes <= set(SUPPRESSIONS)
        else:
            assert entry.outcome == ("hold" if causes else "send")
    for name in decision.recipients:
        state = name.split("/")[0]
        assert state != "TUR"
        assert name in AUTHORITIES
        assert not {*kin(state)} & set(local["refugee"]["feared"])
        assert not {*kin(state), name} & set(handling["not_to"])
        assert not handling["release_to"] or {*permitted(state), name} & set(handling["release_to"])
    assert decision.nobody is not bool(decision.recipients)


SPEAKS = {"suppressed", "own", "stateless", "refugee_code", "revoked", "accompanying_family", "no_subscriber"}


@settings(max_examples=examples(500), deadline=None)
@given(document=documents(), told_before=BEFORE, of=OF)
def test_nobody_is_told_and_nothing_held_only_where_the_document_says_why(document, told_before, of):
    """The causes in docs/reference/routing.md are complete; each is looked for in the document itself."""
    decision = decided(document, told_before=told_before, of=of)
    outcomes = {one.outcome for one in decision.entries}
    assert bool(decision.silent) is (not outcomes & {"send", "hold"})
    assert set(decision.silent) <= set(SILENCES)
    if not decision.silent or document["type"] in ("update", "release"):
        return
    subject, given_ = document.get("subject"), document.get("subject", {}).get("nationalities", [])
    own = {"TUR"}
    firm = {one["state"] for one in given_ if one["status"] != "revoked"}
    allowed = {
        "suppressed": "suppress" in outcomes,
        "own": bool(firm & own) or document["type"] not in ("identity", "consular"),
        "stateless": "XXA" in {one["state"] for one in given_},
        "refugee_code": bool({"XXB", "XXC"} & {one["state"] for one in given_}),
        "revoked": any(one["status"] == "revoked" for one in given_),
        "accompanying_family": bool(subject) and subject["category"] == "accompanying_family",
        "no_subscriber": document["type"] == "pattern",
    }
    assert all(allowed[name] for name in set(decision.silent) & SPEAKS)
    assert {*decision.silent} & SPEAKS, "no_rule alone explains nothing by the default rules"
    if subject and "accompanying_family" not in decision.silent and "suppressed" not in decision.silent:
        spoken = {"XXA", "XXB", "XXC", "TUR", *(one["state"] for one in given_ if one["status"] == "revoked")}
        assert {one["state"] for one in given_} - {"UNO", "XCE"} <= spoken
        assert firm - {"UNO", "XCE"} or not firm, "what shows no citizenship is held"


@settings(max_examples=examples(200), deadline=None)
@given(document=documents())
def test_no_approval_lifts_a_suppression_or_names_a_recipient(document):
    """With any approvals the same authorities are expected, and suppressed ones stay so."""
    plain, approved = decided(document, approvals=False), decided(document)
    assert [(one.authority, one.reasons) for one in plain.entries] == [
        (one.authority, one.reasons) for one in approved.entries
    ]
    for before, after in zip(plain.entries, approved.entries, strict=True):
        if before.outcome == "suppress" or before.authority is None:
            assert after == before
        assert set(after.because) <= set(before.because)
    assert set(plain.recipients) <= set(approved.recipients)


@settings(max_examples=examples(300), deadline=None)
@given(document=documents(tuple(one for one in TYPES if one != "pattern")), more=nationalities())
def test_another_nationality_takes_nobody_away(document, more):
    """Adding one never removes another's recipient, except a refugee's feared states; XXB and XXC are a status."""
    before = told(document)
    added = copy.deepcopy(document)
    added["subject"]["nationalities"] += [one for one in more if one["state"] not in ("XXB", "XXC")]
    gone = before - told(added)
    if not parse(copy.deepcopy(document)).shows_refugee:
        assert gone == set()
    own = {"D": "DEU", "GBO": "GBR", "YUCS": "SRB"}
    states = {own.get(one["state"], one["state"]) for one in more}
    assert {name.split("/")[0] for name in gone} <= {one for state in states for one in kin(state)}


@settings(max_examples=examples(200), deadline=None)
@given(document=documents(), data=st.data())
def test_order_does_not_matter(document, data):
    """Of nationalities, places, residences, documents, exclusions and approvals."""
    turned = copy.deepcopy(document)
    lists = [turned["handling"]["not_to"], turned["handling"]["release_to"]]
    if "subject" in turned:
        lists += [turned["subject"][name] for name in ("nationalities", "residences", "documents")]
        lists += [turned["local"]["approvals"], turned["local"]["refugee"]["feared"]]
    if "movement" in turned:
        lists.append(turned["movement"]["transit"])
    for one in lists:
        one[:] = data.draw(st.permutations(one))
    assert decided(turned) == decided(document)
    facts = [facts_of(parse(copy.deepcopy(one)), RULES) for one in (document, turned)]
    assert facts[0] == facts[1]


@settings(max_examples=examples(200), deadline=None)
@given(document=documents(tuple(one for one in TYPES if one != "pattern")), local=local_parts())
def test_nothing_local_changes_a_byte_that_leaves(document, local):
    """Bodies in every profile and the facts for the hub are the same; only who is told may differ."""
    other = copy.deepcopy(document) | {"local": local}
    one, two = (replace(parse(copy.deepcopy(each)), id=bytes(6) + b"\x70" + bytes(9)) for each in (document, other))
    assert facts_of(one, RULES) == facts_of(two, RULES)
    for profile in PROFILES.values():
        assert encode(cut(for_sealing(one), profile)) == encode(cut(for_sealing(two), profile))
    together = [sorted((*decide(each, DIRECTORY, RULES).recipients, *decide(each, DIRECTORY, RULES).withheld))
                for each in (one, two)]  # fmt: skip
    assert together[0] == together[1], "held, suppressed and told look alike to the hub, taken together"


@settings(max_examples=examples(100), deadline=None)
@given(document=documents(), excluded=LISTED)
def test_whom_the_originator_excludes_changes_no_byte_that_leaves(document, excluded):
    """A state more or less: only who is told may differ, in no profile what they read."""
    document["handling"] |= {"release_to": [], "not_to": []}
    other = copy.deepcopy(document)
    other["handling"]["not_to"] = excluded
    one, two = (replace(parse(copy.deepcopy(each)), id=bytes(6) + b"\x70" + bytes(9)) for each in (document, other))
    for profile in PROFILES.values():
        assert encode(cut(for_sealing(one), profile)) == encode(cut(for_sealing(two), profile))
    assert digests_of(one) == digests_of(two)
    assert facts_of(one, RULES) == facts_of(two, RULES)


@settings(max_examples=examples(200), deadline=None)
@given(document=documents())
def test_what_leaves_speaks_for_everybody_who_is_told(document):
    """The hub's facts follow from the body alone: nobody is told by a fact that was taken out, and has to wonder."""
    notification = parse(copy.deepcopy(document))
    assert facts_of(for_sealing(notification), RULES) == facts_of(notification, RULES)


@settings(max_examples=examples(300), deadline=None)
@given(document=documents(), told_before=BEFORE, of=OF)
def test_the_hub_can_check_every_decision(document, told_before, of):
    """Recipients and withheld together are those of the rules for the facts, and those told before."""
    notification = parse(copy.deepcopy(document))
    decision = decided(document, told_before=told_before, of=of)
    facts = facts_of(notification, RULES, of=of)
    named = [*decision.recipients, *decision.withheld]
    by_rules = set(expected(facts, notification.originator, DIRECTORY, RULES))
    assert len(set(named)) == len(named)
    if document["type"] in ("update", "release"):
        assert by_rules <= set(named) <= by_rules | set(told_before)
    else:
        assert by_rules | {one for one in told_before if one in named} == set(named)
    assert not {leg.state for leg in facts.legs} & {*NO_STATES}


@settings(max_examples=examples(200), deadline=None)
@given(document=documents(tuple(one for one in TYPES if one != "pattern")))
def test_a_child_is_told_of_to_nobody_before_a_review_and_to_interpol_never(document):
    """The word for its age does not matter."""
    document["subject"] |= {"age": "disputed"}
    document["local"]["approvals"] = []
    assert told(document) == set()
    document["local"]["approvals"] = [{"hold": hold, "state": None, **SIGNED} for hold in HOLDS]
    decision = decided(document, told_before={"INTERPOL/spoc": "3"})
    assert not any((one.authority or "").startswith("INTERPOL") for one in decision.entries)


@settings(max_examples=examples(150), deadline=None)
@given(document=documents(tuple(one for one in TYPES if one != "pattern")), code=st.sampled_from(["XXB", "XXC"]))
def test_what_leaves_does_not_say_that_somebody_is_a_refugee(document, code):
    """With code and document, or with a nationality that nobody knows and a plain residence: the same bytes."""
    kept = [one for one in document["subject"]["nationalities"] if one["state"] not in ("XXB", "XXC")]
    document["subject"]["documents"] = [one for one in document["subject"]["documents"] if one["kind"] == "P"]
    bodies = []
    for nationality in ([*kept, {"state": code, "status": "documented"}], kept or "unknown"):
        shown = copy.deepcopy(document)
        shown["subject"]["nationalities"] = nationality
        if bodies:
            lived = shown["subject"]["residences"]
            shown["subject"]["residences"] = lived if "FRA" in lived else [*lived, "FRA"]
        else:
            shown["subject"]["documents"] += [{"kind": "CTD", "issuer": "FRA"}]
        bodies.append(encode(replace(for_sealing(parse(shown)), id=bytes(6) + b"\x70" + bytes(9))))
    assert bodies[0] == bodies[1]
