"""The hub's check of one envelope, at every boundary: what it refuses, by which reason, and what becomes the tail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.directory.model import (
    CLOCK_SKEW_MS,
    LONGEST_EXPIRY_MS,
    VERSION_GRACE_MS,
    AuthorityState,
    KeyState,
    KeyUse,
)
from notifier.directory.snapshot import Snapshot
from notifier.envelope import Act, Addressee, Body, DecryptionKey, Header, Slip, raw_digest, seal
from notifier.routing.decision import expected
from notifier.routing.facts import NAMING, Leg, RoutingFacts
from notifier.routing.hub import Readable, Unreadable, Verdict, examine, judge
from notifier.routing.rules import Row
from notifier.routing.sequences import StreamState
from notifier.topics import feed_of
from support.world import START, build_world

ORIGINATOR = "TUR/spoc"
FACTS = RoutingFacts("deportation", in_custody=True, legs=(Leg("destination", "DEU"),))


@pytest.fixture
def world():
    return build_world()


def sealed(world, *, issued_at=START, expires_at=START + 86_400_000, names=("DEU/spoc",), to=None, **change):
    """An envelope of TUR/spoc with slip fields, times or recipients of choice."""
    snapshot = world.directory.snapshot()
    ids = {"envelope_id": b"\x01" * 16, "originator": ORIGINATOR, "stream": world.stream(ORIGINATOR)}
    slip = {
        "notification_id": b"\x02" * 16,
        "number": 1,
        "previous": bytes(32),
        "digest_key": bytes(16),
        "rules_version": snapshot.rules.version,
        "directory_version": snapshot.directory.version,
        "facts": FACTS,
        "recipients": tuple(names),
        "withheld": (),
    } | change
    header = Header(hub_id=snapshot.directory.hub.hub_id, issued_at=issued_at, expires_at=expires_at, **ids)
    body = Body(b"\x01" * 16, world.stream(ORIGINATOR), ORIGINATOR, b"\x02" * 16, "full", b"a notification")
    return seal(
        header,
        Slip(**(ids | slip)),
        body if names else None,
        signer=world.keys[ORIGINATOR].signing,
        hub_key=(to or world.hub.decryption).public,
        addressees=[Addressee(world.keys[name].decryption.public, 1) for name in names],
        entropy=world.random.randbytes,
    )


def read(world, data):
    """What the hub makes of the bytes."""
    return examine(data, world.directory.snapshot().directory, {world.hub.decryption.key_id: world.hub.decryption})


def verdict(world, data, *, snapshot=None, state=None, now=START, feeds=None, partition=None):
    """What the hub decides; everything is as it should be, unless said otherwise."""
    readable = read(world, data.envelope)
    assert isinstance(readable, Readable)
    return judge(
        readable,
        state or StreamState(),
        snapshot or world.directory.snapshot(),
        partition=world.partition(ORIGINATOR) if partition is None else partition,
        feeds={feed_of("DEU/spoc")} if feeds is None else feeds,
        now=now,
    )


def refused(reason):
    """A refusal that becomes the tail."""
    return Verdict(reason, in_turn=True)


ACCEPTED = Verdict(None, in_turn=True)


def changed(snapshot, name, **change):
    """The snapshot with one authority changed."""
    directory = snapshot.directory
    authorities = {**directory.authorities, name: replace(directory.authorities[name], **change)}
    return replace(snapshot, directory=replace(directory, authorities=authorities))


def rekeyed(snapshot, name, use, **change):
    """The snapshot with one key of an authority changed."""
    keys = snapshot.directory.authorities[name].keys
    return changed(snapshot, name, keys=tuple(replace(key, **change) if key.use is use else key for key in keys))


def test_what_can_be_read_is_read_with_its_slip_and_recipients(world):
    """Digest, header, slip, and the one recipient's key id."""
    made = sealed(world)
    found = read(world, made.envelope)
    assert isinstance(found, Readable)
    assert (found.digest, found.header.originator, found.slip.facts) == (made.digest, ORIGINATOR, FACTS)
    assert found.rids == {"DEU/spoc": world.keys["DEU/spoc"].decryption.key_id}


def test_what_cannot_be_read_is_named_and_its_originator_is_told_only_where_it_signed(world):
    """A tombstone, garbage and a forged signature have no header; a slip that does not open has one."""
    assert read(world, None) == Unreadable(raw_digest(b""), "malformed")
    assert read(world, b"garbage") == Unreadable(raw_digest(b"garbage"), "malformed")
    made = sealed(world)
    forged = made.envelope[:-1] + bytes((made.envelope[-1] ^ 1,))
    unsigned = read(world, forged)
    assert (unsigned.reason, unsigned.header) == ("bad_signature", None)
    assert unsigned.digest not in (made.digest, raw_digest(forged)), "it parses, so it has a digest of its own"
    closed = sealed(world, to=DecryptionKey.from_secret(b"\x07" * 32))
    found = read(world, closed.envelope)
    assert (found.digest, found.reason) == (closed.digest, "hub_key_retired")
    assert found.header.originator == ORIGINATOR
    hidden = sealed(world, recipients=())
    found = read(world, hidden.envelope)
    assert (found.digest, found.reason) == (hidden.digest, "unreadable_slip")
    assert found.header.stream == world.stream(ORIGINATOR)


def test_an_envelope_as_it_should_be_is_accepted(world):
    """And the verdict says so."""
    found = verdict(world, sealed(world))
    assert found == ACCEPTED
    assert found.accepted
    assert not refused("expired").accepted


def test_partition_and_sequence_come_first_and_place_nothing(world):
    """Whatever else is wrong with it: here it is expired, too."""
    made = sealed(world, expires_at=START - 1)
    other = 1 - world.partition(ORIGINATOR)
    assert verdict(world, made, partition=other) == Verdict("wrong_partition", in_turn=False)
    assert verdict(world, made, state=StreamState(1, bytes(32))) == Verdict("replayed", in_turn=False)
    assert verdict(world, made, state=StreamState(0, made.digest)) == Verdict("replayed", in_turn=False)
    assert verdict(world, made, state=StreamState(0, b"\x09" * 32)) == Verdict("out_of_order", in_turn=False)
    assert verdict(world, made) == refused("expired")


def test_times_are_judged_to_the_millisecond(world):
    """Issue five minutes ahead and no more, expiry at its own moment and not after, thirty days at most."""
    ahead = START + CLOCK_SKEW_MS
    assert verdict(world, sealed(world, issued_at=ahead)) == ACCEPTED
    assert verdict(world, sealed(world, issued_at=ahead + 1)) == refused("not_yet_valid")
    assert verdict(world, sealed(world, issued_at=START - 9, expires_at=START)) == ACCEPTED
    assert verdict(world, sealed(world, issued_at=START - 9, expires_at=START - 1)) == refused("expired")
    longest = START + LONGEST_EXPIRY_MS
    assert verdict(world, sealed(world, expires_at=longest)) == ACCEPTED
    assert verdict(world, sealed(world, expires_at=longest + 1)) == refused("not_permitted")


def test_permission_is_the_directory_s_as_it_stands_now(world):
    """A signer that is gone, suspended, revoked, or may not send this type."""
    made, now = sealed(world), world.directory.snapshot()
    gone = {name: one for name, one in now.directory.authorities.items() if name != ORIGINATOR}
    without = replace(now, directory=replace(now.directory, authorities=gone))
    assert verdict(world, made, snapshot=without) == refused("not_permitted")
    for change in (
        {"state": AuthorityState.SUSPENDED},
        {"publishes": frozenset({"arrest"})},
        {"publishes": frozenset()},
    ):
        assert verdict(world, made, snapshot=changed(now, ORIGINATOR, **change)) == refused("not_permitted")
    revoked = rekeyed(now, ORIGINATOR, KeyUse.SIGN, state=KeyState.REVOKED, changed_at=START)
    assert verdict(world, made, snapshot=revoked) == refused("not_permitted")
    late = rekeyed(now, ORIGINATOR, KeyUse.SIGN, not_before=START + 1)
    assert verdict(world, made, snapshot=late) == refused("not_permitted")


def newer(snapshot, *, directory=0, rules=0, issued_at=START, authorities=None):
    """The snapshot after that many new versions of the directory and of the rules, with the ones before."""
    old = snapshot.directory
    later = replace(
        old, version=old.version + directory, issued_at=issued_at, authorities=authorities or old.authorities
    )
    ruled = replace(snapshot.rules, version=snapshot.rules.version + rules, issued_at=issued_at)
    return Snapshot(later, ruled, old if directory else None, snapshot.rules if rules else None)


@pytest.mark.parametrize("which", ["directory", "rules"])
def test_the_version_before_is_accepted_for_a_while_and_no_other(world, which):
    """To the millisecond of its grace; two versions back, or with nothing known before, never."""
    made, now = sealed(world), world.directory.snapshot()
    after = newer(now, **{which: 1})
    assert verdict(world, made, snapshot=after) == ACCEPTED
    inside, outside = START + VERSION_GRACE_MS, START + VERSION_GRACE_MS + 1
    lasting = sealed(world, expires_at=outside)
    assert verdict(world, lasting, snapshot=after, now=inside) == ACCEPTED
    assert verdict(world, lasting, snapshot=after, now=outside) == refused("rules_outdated")
    unknown = replace(after, **{f"previous_{which}": None})
    assert verdict(world, made, snapshot=unknown) == refused("rules_outdated")
    before = getattr(after, f"previous_{which}")
    two = replace(newer(now, **{which: 2}), **{f"previous_{which}": replace(before, version=before.version + 1)})
    assert verdict(world, made, snapshot=two) == refused("rules_outdated")


def test_a_version_that_the_hub_does_not_have_yet_may_be_retried(world):
    """Of either document."""
    current = world.directory.snapshot()
    rules, directory = current.rules.version + 1, current.directory.version + 1
    assert verdict(world, sealed(world, rules_version=rules)) == refused("rules_unknown")
    assert verdict(world, sealed(world, directory_version=directory)) == refused("rules_unknown")


def test_a_version_from_before_a_revocation_is_outdated_at_once(world):
    """Within its grace, too."""
    now = world.directory.snapshot()
    (signing, encryption) = now.directory.authorities["FRA/spoc"].keys
    fewer = replace(now.directory.authorities["FRA/spoc"], keys=(encryption,))
    after = newer(now, directory=1, authorities={**now.directory.authorities, "FRA/spoc": fewer})
    assert signing not in after.directory.authorities["FRA/spoc"].keys
    assert verdict(world, sealed(world), snapshot=after) == refused("rules_outdated")


def test_the_expected_are_those_of_the_version_that_the_slip_names(world):
    """An authority that came since is not missed in a slip of the version before; in one of this version it is."""
    now = world.directory.snapshot()
    facts = replace(FACTS, legs=(*FACTS.legs, Leg("transit", "CHE")))
    newcomer = replace(now.directory.authorities["AUT/fiu"], name="CHE/spoc", keys=())
    after = newer(now, directory=1, authorities={**now.directory.authorities, "CHE/spoc": newcomer})
    version = after.directory.version
    assert verdict(world, sealed(world, facts=facts), snapshot=after) == ACCEPTED
    current = sealed(world, facts=facts, directory_version=version)
    assert verdict(world, current, snapshot=after) == refused("recipients_mismatch")
    withheld = sealed(world, facts=facts, directory_version=version, withheld=("CHE/spoc",))
    assert verdict(world, withheld, snapshot=after) == ACCEPTED
    bare = replace(after, rules=replace(after.rules, version=2, rows=()), previous_rules=after.rules)
    assert verdict(world, sealed(world), snapshot=bare) == ACCEPTED, "by the rules of version 1"
    assert verdict(world, sealed(world, rules_version=2), snapshot=bare) == refused("recipients_mismatch")


def test_recipients_and_withheld_are_together_what_the_rules_say_and_disjoint(world):
    """Nobody more, nobody less, nobody twice."""
    assert verdict(world, sealed(world, names=(), withheld=("DEU/spoc",))) == ACCEPTED
    for change in (
        {"names": (), "withheld": ()},
        {"withheld": ("DEU/spoc",)},
        {"withheld": ("FRA/spoc",)},
        {"names": ("DEU/spoc", "FRA/spoc")},
    ):
        assert verdict(world, sealed(world, **change)) == refused("recipients_mismatch")


def named(world, type_, names=("DEU/spoc",), of=None, **change):
    """The verdict upon a slip of this type that names these authorities; both DEU and FRA are nationalities."""
    legs = (Leg("nationality", "DEU"), Leg("nationality", "FRA"))
    facts = RoutingFacts(type_, legs=legs, of=of)
    return verdict(world, sealed(world, facts=facts, names=names, **change))


@pytest.mark.parametrize("type_", sorted(name for name, naming in NAMING.items() if naming == "rules"))
def test_most_types_name_exactly_those_whom_the_rules_expect(world, type_):
    """Neither somebody more nor somebody less, whatever was told before."""
    now = world.directory.snapshot()
    wanted = set(
        expected(RoutingFacts(type_, legs=(Leg("nationality", "DEU"),)), ORIGINATOR, now.directory, now.rules)
    )
    assert wanted <= {"DEU/spoc", "DEU/consular", "DEU/fiu"}
    facts = RoutingFacts(type_, legs=(Leg("nationality", "DEU"),))
    one = {"facts": facts, "names": ()}
    assert verdict(world, sealed(world, **one, withheld=tuple(wanted))) == ACCEPTED
    more = (*wanted, "FRA/spoc")
    assert verdict(world, sealed(world, **one, withheld=more)) == refused("recipients_mismatch")
    if wanted:
        assert verdict(world, sealed(world, **one)) == refused("recipients_mismatch")


@pytest.mark.parametrize("type_", ["update", "release"])
def test_an_update_names_whom_the_new_facts_add_and_others_who_take_part(world, type_):
    """Whoever was told before is the slip's word; leaving out whom the rules expect is not."""
    assert named(world, type_, withheld=("FRA/spoc",)) == ACCEPTED
    assert named(world, type_, withheld=("AUT/spoc", "FRA/spoc")) == ACCEPTED, "told before"
    assert named(world, type_) == refused("recipients_mismatch"), "FRA is expected"
    assert named(world, type_, withheld=("FRA/spoc", "XYZ/spoc")) == refused("recipients_mismatch")


def test_an_update_is_judged_by_the_type_that_it_is_about(world):
    """One of finint expects fiu's; a type that nothing is an update of changes nothing; an arrest is about none."""
    assert named(world, "update", names=(), of="finint", withheld=("DEU/fiu", "FRA/fiu")) == ACCEPTED
    both = {"withheld": ("FRA/spoc",)}
    assert named(world, "update", of="finint", **both) == refused("recipients_mismatch")
    for other in ("receipt", "update", "nonsense"):
        assert named(world, "update", names=(), of=other) == refused("recipients_mismatch")
        assert named(world, "update", of=other, **both) == ACCEPTED
    fiu = {"names": (), "withheld": ("DEU/fiu", "FRA/fiu")}
    assert named(world, "arrest", of="finint", **fiu) == refused("recipients_mismatch")
    assert named(world, "arrest", of="finint", **both) == ACCEPTED


@pytest.mark.parametrize("type_", ["receipt", "response", "correction", "withdrawal", "forward"])
def test_who_gets_an_answer_is_the_slip_s_word_and_takes_part(world, type_):
    """The hub cannot know who was told; nobody is named that the directory does not have."""
    assert named(world, type_) == ACCEPTED
    assert named(world, type_, withheld=("AUT/fiu",)) == ACCEPTED
    assert named(world, type_, withheld=("XYZ/spoc",)) == refused("recipients_mismatch")


def test_an_act_is_for_the_log_alone(world):
    """It names nobody, says what was done, and nothing else says that."""
    act = Act("approval", b"\x08" * 32)
    facts = RoutingFacts("act")
    assert verdict(world, sealed(world, facts=facts, names=(), act=act)) == ACCEPTED
    assert verdict(world, sealed(world, facts=facts, act=act)) == refused("recipients_mismatch")
    assert verdict(world, sealed(world, facts=facts, names=(), withheld=("DEU/spoc",), act=act)) == refused(
        "recipients_mismatch"
    )
    assert verdict(world, sealed(world, facts=facts, names=())) == refused("malformed")
    assert verdict(world, sealed(world, act=act)) == refused("malformed")
    snapshot = world.directory.snapshot()
    mute = changed(snapshot, ORIGINATOR, publishes=frozenset())
    assert verdict(world, sealed(world, facts=facts, names=(), act=act), snapshot=mute) == ACCEPTED
    rows = (*snapshot.rules.rows, Row("act", "any", "destination", "spoc", "3"))
    told = replace(snapshot, rules=replace(snapshot.rules, rows=rows))
    facts = replace(facts, legs=(Leg("destination", "DEU"),))
    assert verdict(world, sealed(world, facts=facts, act=act), snapshot=told) == refused("recipients_mismatch")


def test_a_recipient_that_can_no_longer_read_makes_the_slip_outdated(world):
    """Its key revoked, not valid yet, gone, or the authority suspended since."""
    made, now = sealed(world), world.directory.snapshot()
    since = newer(now, directory=1)
    for snapshot in (
        rekeyed(now, "DEU/spoc", KeyUse.ENCRYPT, state=KeyState.REVOKED, changed_at=START),
        rekeyed(now, "DEU/spoc", KeyUse.ENCRYPT, not_before=START + 1),
        changed(now, "DEU/spoc", keys=()),
        changed(since, "DEU/spoc", state=AuthorityState.SUSPENDED),
    ):
        assert verdict(world, made, snapshot=snapshot) == refused("rules_outdated")


def test_a_missing_feed_is_found_before_anything_is_written(world):
    """It may be retried."""
    assert verdict(world, sealed(world), feeds={feed_of("FRA/spoc")}) == refused("feed_missing")
