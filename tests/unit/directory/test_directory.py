"""The directory as its clients verify it: thresholds, tampering, rollback, staleness; and how it is kept."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from notifier.config import DirectorySettings
from notifier.crypto.keys import DecryptionKey, KeyUse, SigningKey
from notifier.crypto.points import check_encryption_key, check_signing_key
from notifier.directory.client import DirectoryClient
from notifier.directory.document import from_document, to_document
from notifier.directory.enrolment import Challenge, Request, answer, challenge, check_answer, check_request, request
from notifier.directory.model import CLOCK_SKEW_MS, DAY_MS, Authority, AuthorityState, Directory, Hub, Key, KeyState
from notifier.directory.registry import Registry, create
from notifier.errors import DirectoryError, KeyRejectedError, RefusedError
from notifier.rules.ruleset import default_rules

NOW = 1_795_000_000_000
GRACE_S = 3600


class Clock:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def place(tmp_path):
    """Return a published directory, its role keys, and a client's cache."""
    create(tmp_path / "pub", tmp_path / "keys", tmp_path / "hub", "example/log", 4, NOW)
    return tmp_path


@pytest.fixture
def client(place, clock):
    """Return a client that trusts the first root."""
    settings = DirectorySettings(str(place / "pub"), place / "pub" / "1.root.json", place / "cache", GRACE_S)
    return DirectoryClient(settings, clock)


def enrol(place, clock, name="NLD/spoc", seed=1):
    """Enrol an authority with keys that follow from `seed`, as the two sides do it."""
    registry = Registry(place / "pub", place / "keys", clock)
    signing = SigningKey.from_secret(bytes([seed]) * 32)
    decryption = DecryptionKey.from_secret(bytes([seed + 1]) * 32)
    asked = request(name, registry.hub_id, signing, decryption)
    given = answer(registry.issue_challenge(asked), registry.hub_id, decryption)
    assert registry.enrol(asked, given)
    return registry


def test_a_client_reads_what_was_signed(client, place, clock):
    """Authorities, keys and rules; the version before stays readable."""
    assert client.load().directory.version == 1
    enrol(place, clock)
    snapshot = client.load()
    assert snapshot.directory.version == 2
    assert snapshot.previous_directory.version == 1
    assert snapshot.directory.participates("NLD/spoc")
    assert snapshot.rules == default_rules(1, NOW)
    assert snapshot.directory.hub.hub_id == client.hub_id


def test_a_key_is_retired_and_revoked(place, clock, client):
    """Retiring makes nothing new and is still accepted; revoked is accepted at no later time."""
    registry = enrol(place, clock)
    (signing, _) = registry.directory.authorities["NLD/spoc"].keys
    clock.now += 1000
    registry.change_key("NLD/spoc", signing.key_id, KeyState.RETIRING)
    (key, _) = client.load().directory.authorities["NLD/spoc"].keys
    assert (key.makes(clock.now), key.accepted(clock.now)) == (False, True)
    assert key.accepted(clock.now + 30 * DAY_MS)
    assert not key.accepted(clock.now + 31 * DAY_MS)
    clock.now += 1000
    registry.change_key("NLD/spoc", signing.key_id, KeyState.REVOKED)
    snapshot = client.load()
    (key, _) = snapshot.directory.authorities["NLD/spoc"].keys
    assert (key.accepted(clock.now - 1), key.accepted(clock.now)) == (True, False)
    assert snapshot.directory.revoked_since(snapshot.previous_directory)
    with pytest.raises(RefusedError):
        registry.change_key("NLD/spoc", bytes(16), KeyState.REVOKED)
    with pytest.raises(DirectoryError):
        registry.change_key("BEL/spoc", signing.key_id, KeyState.REVOKED)


def test_suspension_and_permissions_are_dated(place, clock, client):
    """Messages accepted before a restriction count afterwards; later ones do not."""
    registry = enrol(place, clock)
    ever = client.load().directory.authorities["NLD/spoc"].publishes
    clock.now += DAY_MS
    narrowed = clock.now
    assert registry.change_standing("NLD/spoc", publishes=frozenset({"arrest"}))
    clock.now += DAY_MS
    suspended = clock.now
    assert registry.change_standing("NLD/spoc", state=AuthorityState.SUSPENDED)
    clock.now += DAY_MS
    lifted = clock.now
    assert registry.change_standing("NLD/spoc", state=AuthorityState.ACTIVE, publishes=ever)
    one = client.load().directory.authorities["NLD/spoc"]
    for at, active, arrest, detention in (
        (narrowed - 1, True, True, True),
        (narrowed, True, True, False),
        (suspended - 1, True, True, False),
        (suspended, False, False, False),
        (lifted - CLOCK_SKEW_MS - 1, False, False, False),
        (lifted, True, True, True),
    ):
        assert (one.active_at(at), one.permits("arrest", at), one.permits("detention", at)) == (
            active,
            arrest,
            detention,
        )


def test_a_hub_whose_clock_is_behind_may_use_a_new_permission(place, clock, client):
    """It goes by a directory that is dated a little ahead of its own clock."""
    registry = enrol(place, clock)
    clock.now += DAY_MS
    registry.change_standing("NLD/spoc", state=AuthorityState.SUSPENDED)
    clock.now += DAY_MS
    registry.change_standing("NLD/spoc", state=AuthorityState.ACTIVE)
    one = client.load().directory.authorities["NLD/spoc"]
    assert one.active_at(clock.now - CLOCK_SKEW_MS)
    assert not one.active_at(clock.now - CLOCK_SKEW_MS - 1)


def test_a_registrar_s_clock_that_went_back_reorders_nothing(place, clock, client):
    """The second change counts from the first one, and the directory stays readable."""
    registry = enrol(place, clock)
    clock.now += DAY_MS
    registry.change_standing("NLD/spoc", state=AuthorityState.SUSPENDED)
    clock.now -= DAY_MS // 2
    registry.change_standing("NLD/spoc", state=AuthorityState.REMOVED)
    one = client.load().directory.authorities["NLD/spoc"]
    assert (one.state, one.active_at(NOW + DAY_MS - CLOCK_SKEW_MS), one.active_at(NOW + DAY_MS)) == (
        AuthorityState.REMOVED,
        True,
        False,
    )


def test_a_standing_that_says_nothing_new_is_refused(place, clock):
    """So is one of an authority that is not there."""
    registry = enrol(place, clock)
    with pytest.raises(DirectoryError, match="already"):
        registry.change_standing("NLD/spoc", state=AuthorityState.ACTIVE)
    with pytest.raises(DirectoryError, match="no authority"):
        registry.change_standing("BEL/spoc", state=AuthorityState.SUSPENDED)


@pytest.mark.parametrize("active", [True, False])
def test_a_directory_that_was_signed_before_standings_were_dated_is_read(active):
    """It had `active` alone: what it said of an authority, it said of all times."""
    document = to_document(example())
    (one,) = document["authorities"]
    del one["state"], one["history"]
    one["active"] = active
    found = from_document(document, bytes(16)).authorities["NLD/spoc"]
    assert (found.active, found.active_at(NOW - DAY_MS), found.history) == (active, active, ())


def test_enrolment_asks_for_both_proofs(place, clock):
    """A copied signature, another's encryption key, another hub, a wrong answer: refused."""
    registry = Registry(place / "pub", place / "keys", clock)
    signing, decryption = SigningKey.from_secret(b"s" * 32), DecryptionKey.from_secret(b"d" * 32)
    other = DecryptionKey.from_secret(b"o" * 32)
    asked = request("NLD/spoc", registry.hub_id, signing, decryption)
    assert Request.from_document(asked.to_document()) == asked
    for wrong in (
        replace(asked, authority="BEL/spoc"),
        replace(asked, encryption=other.public),
        replace(asked, signing=SigningKey.from_secret(b"x" * 32).public),
        request("NLD/spoc", bytes(16), signing, decryption),
    ):
        with pytest.raises(KeyRejectedError):
            check_request(wrong, registry.hub_id)
    posed, expected = challenge(asked, registry.hub_id, lambda count: bytes(range(count)))
    assert Challenge.from_document(posed.to_document()) == posed
    check_answer(expected, answer(posed, registry.hub_id, decryption))
    for hub_id, key in ((registry.hub_id, other), (bytes(16), decryption)):
        with pytest.raises(KeyRejectedError):
            answer(posed, hub_id, key)
    with pytest.raises(KeyRejectedError):
        check_answer(expected, bytes(32))
    with pytest.raises(RefusedError):
        registry.enrol(asked, expected)


def test_another_directory_s_keys_sign_nothing(place, clock, client):
    """Neither a change nor the daily signature: what clients read stays as it is, and verifies."""
    create(place / "other", place / "others", place / "other-hub", "example/log", 4, NOW)
    registry = Registry(place / "pub", place / "others", clock)
    before = {path: path.read_bytes() for path in (place / "pub").rglob("*.json")}
    asked = request(
        "NLD/spoc", registry.hub_id, SigningKey.from_secret(bytes(32)), DecryptionKey.from_secret(b"2" * 32)
    )
    given = answer(registry.issue_challenge(asked), registry.hub_id, DecryptionKey.from_secret(b"2" * 32))
    for act in (registry.freshen, lambda: registry.enrol(asked, given)):
        with pytest.raises(DirectoryError) as error:
            act()
        assert error.value.reason == "unknown_signer"
    assert {path: path.read_bytes() for path in (place / "pub").rglob("*.json")} == before
    assert client.load().directory.version == 1


def test_a_key_stands_in_the_directory_once(place, clock):
    """The same keys again, under the same or another name, are refused."""
    enrol(place, clock)
    with pytest.raises(DirectoryError, match="already"):
        enrol(place, clock)
    with pytest.raises(DirectoryError, match="already"):
        enrol(place, clock, "BEL/spoc")


@pytest.mark.parametrize("check", [check_signing_key, check_encryption_key])
@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), "text", None])
def test_a_key_has_32_bytes(check, key):
    """No other length is accepted."""
    with pytest.raises(KeyRejectedError):
        check(key)


@pytest.mark.parametrize("over", [0, 9, 18])
def test_an_encryption_key_has_one_encoding(over):
    """RFC 7748 reads bytes beyond the field as another key's: a revoked key would come back under another id."""
    reduced, same = over.to_bytes(32, "little"), (2**255 - 19 + over).to_bytes(32, "little")
    with_bit = bytes([*DecryptionKey.from_secret(b"d" * 32).public[:31], 0x80 | reduced[31]])
    refused = []
    for key in (same, with_bit):
        try:
            check_encryption_key(key)
        except KeyRejectedError as error:
            refused.append(error.detail)
    assert refused == ["the encryption key is not in its canonical encoding"] * 2


def test_an_answer_is_compared_in_constant_time():
    """Not byte by byte, and not by the object's own idea of equality."""
    asked = []

    class Watched(bytes):
        def __eq__(self, other):
            asked.append(other)
            return bytes(self) == bytes(other)

        def __hash__(self):
            return 0

    check_answer(Watched(b"a" * 32), Watched(b"a" * 32))
    with pytest.raises(KeyRejectedError):
        check_answer(Watched(b"a" * 32), Watched(b"b" * 32))
    assert not asked, "a comparison that ends early tells how much was right"


def enrolled_again(place, clock, present):
    """Return the words that a second holder sees of new keys of NLD/spoc, endorsed by `present`."""
    registry = enrol(place, clock)
    alone = place / "holder-1"
    alone.mkdir()
    shutil.copy(place / "keys" / "directory-1.pem", alone)
    first = Registry(place / "pub", alone, clock)
    signing, decryption = SigningKey.from_secret(b"9" * 32), DecryptionKey.from_secret(b"8" * 32)
    asked = request("NLD/spoc", registry.hub_id, signing, decryption, present)
    asked = Request.from_document(json.loads(json.dumps(asked.to_document())))
    assert not first.enrol(asked, answer(first.issue_challenge(asked), registry.hub_id, decryption))
    (pending,) = registry.pending()
    return " | ".join(pending.reading.words)


@pytest.mark.parametrize("present", [None, bytes([7]) * 32])
def test_new_keys_without_a_present_one_s_signature_are_a_replacement(place, clock, present):
    """The signer is told to ask the authority, even with a signature of a foreign key."""
    shown = enrolled_again(place, clock, present and SigningKey.from_secret(present))
    assert "NLD/spoc: THE NEW KEYS ARE A REPLACEMENT" in shown


def test_new_keys_that_a_present_one_signed_for_are_shown_as_that(place, clock):
    """The words have the id of the present key, and the added keys."""
    present = SigningKey.from_secret(bytes([1]) * 32)
    shown = enrolled_again(place, clock, present)
    assert f"NLD/spoc: its present key {present.key_id.hex()} signed for the new ones" in shown
    assert "REPLACEMENT" not in shown
    assert "is added, in use" in shown


def test_good_keys_are_good():
    """A check that refused everything would not pass."""
    check_signing_key(SigningKey.from_secret(bytes(range(32))).public)
    check_encryption_key(DecryptionKey.from_secret(bytes(range(32))).public)


def example():
    signing, decryption = SigningKey.from_secret(b"a" * 32), DecryptionKey.from_secret(b"b" * 32)
    keys = (
        Key(signing.key_id, KeyUse.SIGN, signing.public, NOW, NOW + DAY_MS),
        Key(decryption.key_id, KeyUse.ENCRYPT, decryption.public, NOW, NOW + DAY_MS),
    )
    authority = Authority("NLD/spoc", "nld-spoc", "notifier.feed.NLD.spoc.v1", keys, frozenset({"arrest"}))
    authority = authority.changed(NOW - DAY_MS, state=AuthorityState.SUSPENDED)
    authority = authority.changed(NOW, state=AuthorityState.ACTIVE, publishes=frozenset({"arrest", "detention"}))
    return Directory(3, NOW, Hub(bytes(16), (), 4, "example/log", "vkey"), {"NLD/spoc": authority})


def test_the_document_says_everything():
    """Out and in again."""
    assert from_document(to_document(example()), bytes(16)) == example()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.update(more=1),
        lambda document: document.pop("hub"),
        lambda document: document.update(version="3"),
        lambda document: document.update(version=True),
        lambda document: document["hub"].update(partitions=0),
        lambda document: document["authorities"].append(document["authorities"][0]),
        lambda document: document["authorities"][0].update(name="nld/spoc"),
        lambda document: document["authorities"][0].update(name="NLD/king"),
        lambda document: document["authorities"][0].update(active=True),
        lambda document: document["authorities"][0].update(state="asleep"),
        lambda document: document["authorities"][0].update(state=["active"]),
        lambda document: document["authorities"][0].update(history=None),
        lambda document: document["authorities"][0]["history"].reverse(),
        lambda document: document["authorities"][0]["history"][0].update(until="1"),
        lambda document: document["authorities"][0]["history"][0].update(active=True),
        lambda document: document["authorities"][0]["keys"][0].update(public="00" * 32),
        lambda document: document["authorities"][0]["keys"][0].update(use="both"),
        lambda document: document["authorities"][0]["keys"].append(document["authorities"][0]["keys"][0]),
    ],
)
def test_a_wrong_document_is_refused(spoil):
    """Unknown, missing, of another kind, listed twice, low order."""
    document = to_document(example())
    spoil(document)
    with pytest.raises(DirectoryError):
        from_document(document, bytes(16))


def test_rules_survive_their_document_and_wrong_ones_are_refused():
    """Strict both ways."""
    from notifier.rules.ruleset import RuleSet

    rules = default_rules(4, NOW)
    assert RuleSet.from_document(json.loads(json.dumps(rules.to_document()))) == rules
    for spoil in (
        {"version": "4"},
        {"more": 1},
        {"rows": [{}]},
        {"rows": [rules.to_document()["rows"][0] | {"rule": "whim"}]},
        {"rows": [rules.to_document()["rows"][0] | {"role": 7}]},
        {"corridors": [{"from": "TUR"}]},
    ):
        with pytest.raises(DirectoryError):
            RuleSet.from_document(rules.to_document() | spoil)
