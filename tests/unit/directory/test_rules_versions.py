"""Rules as signed data: checked before anybody signs, numbered, staged until enough have signed, and kept."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from notifier.directory import rulebook
from notifier.directory.builtin import builtin_snapshot
from notifier.directory.model import DAY_MS
from notifier.directory.registry import Registry
from notifier.directory.roles import LIFETIME_MS, THRESHOLD_ROLES
from notifier.errors import DirectoryError, DirectoryStaleError, RefusedError
from notifier.notification.territories import BUILT_IN
from notifier.rules.ruleset import Corridor, RuleSet, default_rules
from support.published import publish_in


@pytest.fixture
def published(tmp_path):
    """Return a directory in a folder, with version 1 of the rules."""
    return publish_in(tmp_path)


def without(rules, type_, rule):
    return replace(rules, rows=tuple(row for row in rules.rows if (row.type, row.rule) != (type_, rule)))


def holder(published, number, role="rules"):
    """Return the directory of one of the three holders, who runs the online roles too."""
    folder = published.folder.parent / f"holder-{number}"
    folder.mkdir()
    for name in (f"{role}-{number}.pem", "snapshot-1.pem", "timestamp-1.pem"):
        shutil.copy(published.keys / name, folder)
    return Registry(published.folder, folder, published.clock)


def test_a_change_is_a_new_version_and_every_version_stays(published):
    """Three versions: the client has the last, knows the one before, and finds each by its number."""
    client = published.client()
    first = client.load().rules
    for rule in ("transit", "destination"):
        following, out = published.registry().change_rules(without(published.registry().rules, "deportation", rule))
        assert out
    snapshot = client.load()
    assert (snapshot.rules, snapshot.rules.version, snapshot.previous_rules.version) == (following, 3, 2)
    assert client.rules(1) == first
    assert client.rules(2) == without(replace(first, version=2), "deportation", "transit")
    assert client.rules(3) == following
    with pytest.raises(RefusedError) as raised:
        client.rules(4)
    assert raised.value.reason == "not_found"


def test_rules_from_before_the_table_of_territories_get_it_with_the_next_version(published):
    """Signed rules are read as they are; the next version has the applied table written in."""
    current = published.registry().rules
    older = without(replace(current, territories=None), "deportation", "transit")
    following, out = published.registry().change_rules(older)
    assert out
    assert following.territories == BUILT_IN
    document = published.client().load().rules.to_document()
    assert len(document["territories"]) == len(BUILT_IN)


def test_old_versions_are_verified_like_all_else(published):
    """A rewritten version 1 is refused at the source, and found intact in a cache."""
    published.registry().change_rules(without(published.registry().rules, "deportation", "transit"))
    knows = published.client()
    assert knows.rules(1).version == 1
    (path,) = (published.folder / "targets" / "rules").glob("*.1.json")
    path.write_bytes(path.read_bytes().replace(b'"spoc"', b'"fiu" '))
    assert knows.rules(1) == default_rules(1, published.clock.now)
    stranger = published._replace(cache=published.folder.parent / "other")
    with pytest.raises((DirectoryError, DirectoryStaleError)):
        stranger.client().rules(1)


def test_one_holder_alone_changes_no_rules(published):
    """The first stages a version that nobody reads; the second sees what it signs, and then it is out."""
    client = published.client()
    wanted = without(client.load().rules, "deportation", "transit")
    following, out = holder(published, 1).change_rules(wanted)
    assert not out
    assert client.load().rules.version == 1
    second = holder(published, 3)
    assert second.staged_rules == following
    (pending,) = second.pending()
    assert second.sign(pending.digest) is None
    assert client.load().rules == following
    with pytest.raises(RefusedError):
        _ = second.staged_rules


def test_what_waits_for_signatures_is_not_replaced_unawares(published):
    """A holder with another change gets an error, and must drop the first one explicitly."""
    first, second = holder(published, 1), holder(published, 2)
    rules = first.rules
    first.change_rules(without(rules, "deportation", "transit"))
    other = without(rules, "arrest", "residence")
    with pytest.raises(DirectoryError, match="waits for signatures"):
        second.change_rules(other)
    following, out = second.change_rules(other, replace_staged=True)
    assert (out, second.staged_rules) == (False, following)


def test_a_staged_document_that_was_altered_is_not_shown(published):
    """A holder sees exactly the document that the waiting signatures cover."""
    first = holder(published, 1)
    first.change_rules(without(first.rules, "deportation", "transit"))
    path = published.folder.with_name("pub.staged") / "rules.document.json"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(DirectoryError, match="damaged"):
        _ = first.staged_rules


def test_an_edit_of_older_rules_is_refused(published):
    """Somebody else's change lies between: nothing is undone by mistake."""
    registry = published.registry()
    old = registry.rules
    registry.change_rules(without(old, "deportation", "transit"))
    with pytest.raises(DirectoryError, match="made from version 1"):
        registry.change_rules(without(old, "arrest", "residence"))


def test_nothing_new_is_no_version(published):
    """The same rules again are refused: a new version makes every publisher evaluate again."""
    registry = published.registry()
    with pytest.raises(DirectoryError, match="already"):
        registry.change_rules(registry.rules)


@pytest.mark.parametrize("role", THRESHOLD_ROLES)
def test_what_does_not_change_is_signed_anew_before_it_expires(published, role):
    """It would have ended; renewed by two holders it serves, in the version that it had."""
    client, registry = published.client(), published.registry()
    before = client.load()
    published.clock.now += LIFETIME_MS[role] - DAY_MS
    for one in THRESHOLD_ROLES:
        assert one == role or registry.renew(one)
    assert not holder(published, 1, role).renew(role)
    with pytest.raises(DirectoryError, match="waits for signatures"):
        holder(published, 2, role).renew(role)
    (pending,) = registry.pending()
    assert holder(published, 3, role).sign(pending.digest) is None
    published.clock.now += 2 * DAY_MS
    registry.freshen()
    after = published.client().load()
    assert (after.directory, after.rules) == (before.directory, before.rules)


@pytest.mark.parametrize("role", THRESHOLD_ROLES)
def test_whoever_holds_no_key_of_a_role_renews_nothing(published, role, tmp_path):
    """Else what nobody signed would wait for signatures, and stand in the way of every change."""
    with pytest.raises(DirectoryError) as error:
        Registry(published.folder, tmp_path / "nowhere", published.clock).renew(role)
    assert error.value.reason == "unknown_signer"
    assert published.registry().renew(role)


def test_what_nobody_renews_expires(published):
    """However fresh the timestamp is."""
    published.client().load()
    published.clock.now += LIFETIME_MS["directory"] + DAY_MS
    published.registry().freshen()
    with pytest.raises(DirectoryStaleError):
        published.client().load()


FIRST = default_rules().to_document()["rows"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": [FIRST | {"type": "deporation"}]}, "rows/0/type"),
        ({"rows": [FIRST | {"role": "spock"}]}, "rows/0/role"),
        ({"rows": [FIRST | {"paragraph": ""}]}, "rows/0/paragraph"),
        ({"rows": [FIRST | {"stage_paragraphs": {"planned": "five"}}]}, "rows/0/paragraph"),
        ({"rows": [FIRST, FIRST | {"paragraph": "5"}]}, "rows/1: repeats rows/0"),
        ({"rows": [FIRST, FIRST | {"custody": "any"}]}, "rows/1: repeats rows/0"),
        ({"corridors": [{"from": "TUR", "to": "TUR", "subscribers": []}]}, "corridors/0"),
        ({"corridors": [{"from": "TUR", "to": "XXX", "subscribers": []}]}, "corridors/0"),
        ({"corridors": [{"from": "TUR", "to": "DEU", "subscribers": ["DEU"]}]}, "corridors/0/subscribers"),
        ({"corridors": [{"from": "TUR", "to": "DEU", "subscribers": ["DEU/spoc"] * 2}]}, "corridors/0/subscribers"),
        ({"corridors": [{"from": "TUR", "to": "DEU", "subscribers": []}] * 2}, "corridors: must not list one twice"),
        ({"consular_mandatory": ["MAROC"]}, "consular_mandatory"),
        ({"territories": [{"code": "REU", "state": "FR", "tells": "own"}]}, "territories/0/state"),
        ({"territories": [{"code": "XYZ", "state": "FRA", "tells": "own"}]}, "territories/0/code"),
        ({"territories": [{"code": "REU", "state": "FRA", "tells": "own"}] * 2}, "territories/1/code"),
        (
            {
                "territories": [
                    {"code": one, "state": state, "tells": "own"} for one, state in (("A", "B"), ("B", "FRA"))
                ]
            },
            "territories/0/state",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_word_that_means_nothing_is_refused_before_anybody_signs(change, said):
    """A typing error would leave somebody untold, and nobody would see it."""
    rules = RuleSet.from_document(json.loads(json.dumps(default_rules().to_document() | change)))
    with pytest.raises(DirectoryError, match=said):
        rulebook.check(rules)


def test_every_fault_is_said_at_once():
    """Two rows, two faults."""
    rows = [FIRST | {"type": "x"}, FIRST | {"role": "y"}]
    with pytest.raises(DirectoryError) as raised:
        rulebook.check(RuleSet.from_document(default_rules().to_document() | {"rows": rows}))
    assert "rows/0/type" in raised.value.detail
    assert "rows/1/role" in raised.value.detail


def test_the_default_rules_and_the_sandbox_s_are_good():
    """A check that refused everything would not pass."""
    rulebook.check(replace(default_rules(), corridors=(Corridor("TUR", "DEU", ("BGR/spoc", "INTERPOL/spoc")),)))


def test_a_subscriber_who_does_not_take_part_is_a_warning():
    """Rules may come before an authority does."""
    rules = replace(default_rules(), corridors=(Corridor("TUR", "DEU", ("DEU/spoc", "DEU/oversight")),))
    assert rulebook.unknown_subscribers(rules, builtin_snapshot().directory) == ["DEU/oversight"]
