"""The hub's check of one envelope, at every boundary: what it refuses, by which reason, and what becomes the tail.

What its signer may not say comes near no stream; the place in the stream comes next; all that can change with time
comes last.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.crypto.keys import DecryptionKey, KeyUse
from notifier.directory.model import CLOCK_SKEW_MS, MAX_EXPIRY_MS, VERSION_GRACE_MS, AuthorityState, KeyState
from notifier.directory.snapshot import Snapshot
from notifier.envelope import Act, Addressee, Body, Header, Slip, raw_digest, seal
from notifier.policy.decision import expected
from notifier.routing.admission import OpenedEnvelope, RejectedRecord, TransactionContext, open_record
from notifier.routing.batch import decide_batch
from notifier.routing.budget import Budget
from notifier.routing.sequence import StreamState
from notifier.routing.streams import Streams
from notifier.rules.facts import NAMING, Leg, RoutingFacts
from notifier.rules.ruleset import Row
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
    return open_record(data, world.directory.snapshot().directory, hub_keys(world))


def hub_keys(world):
    """The hub's decryption keys, by their id."""
    return {world.hub.decryption.key_id: world.hub.decryption}


def decided(world, data, *, snapshot=None, state=None, now=START, feeds=None, partition=None):
    """What the hub decides, and what becomes of the streams; everything is as it should be, unless said otherwise."""
    streams = Streams()
    if state is not None:
        streams.put((ORIGINATOR, world.stream(ORIGINATOR)), state)
    context = TransactionContext(
        snapshot or world.directory.snapshot(),
        world.hub.signing,
        world.partition(ORIGINATOR) if partition is None else partition,
        {feed_of("DEU/spoc")} if feeds is None else feeds,
        now,
        world.random.randbytes,
    )
    (one,), changed = decide_batch([(0, read(world, data.envelope))], streams, context, Budget())
    assert bool(changed) == (one.place == "in_turn"), "the streams change where something is in turn, and only there"
    return one


def verdict(world, data, **rest):
    """Reason and place of what the hub could read."""
    one = decided(world, data, **rest)
    assert isinstance(one.item, OpenedEnvelope)
    return one.reason, one.place


def refused(reason):
    """A refusal that becomes the tail."""
    return reason, "in_turn"


def unplaced(reason):
    """A refusal for which nobody looked at the stream."""
    return reason, None


ACCEPTED = (None, "in_turn")


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
    assert isinstance(found, OpenedEnvelope)
    assert (found.digest, found.header.originator, found.slip.facts) == (made.digest, ORIGINATOR, FACTS)
    assert found.rids == {"DEU/spoc": world.keys["DEU/spoc"].decryption.key_id}


def test_what_cannot_be_read_is_named_and_its_originator_is_told_only_where_it_signed(world):
    """A tombstone, garbage and a forged signature have no header; a slip that does not open has one."""
    assert read(world, None) == RejectedRecord(raw_digest(b""), "malformed")
    assert read(world, b"garbage") == RejectedRecord(raw_digest(b"garbage"), "malformed")
    made = sealed(world)
    forged = made.envelope[:-1] + bytes((made.envelope[-1] ^ 1,))
    unsigned = read(world, forged)
    assert (unsigned.reason, unsigned.header) == ("bad_signature", None)
    assert unsigned.digest not in (made.digest, raw_digest(forged)), "it parses, so it has a digest of its own"
    closed = sealed(world, to=DecryptionKey.from_secret(b"\x07" * 32))
    found = read(world, closed.envelope)
    assert (found.digest, found.reason) == (closed.digest, "directory_unknown")
    assert found.header.originator == ORIGINATOR
    hidden = sealed(world, recipients=())
    found = read(world, hidden.envelope)
    assert (found.digest, found.reason) == (hidden.digest, "unreadable_slip")
    assert found.header.stream == world.stream(ORIGINATOR)


def test_an_envelope_as_it_should_be_is_accepted(world):
    """And the decision says so."""
    found = decided(world, sealed(world))
    assert (found.reason, found.place) == ACCEPTED
    assert found.accepted
    assert not decided(world, sealed(world, expires_at=START - 1)).accepted


def test_partition_and_sequence_come_before_what_changes_with_time_and_place_nothing(world):
    """Whatever else is wrong with it: here it is expired, too."""
    made = sealed(world, expires_at=START - 1)
    other = 1 - world.partition(ORIGINATOR)
    assert verdict(world, made, partition=other) == unplaced("wrong_partition")
    assert verdict(world, made, state=StreamState(1, bytes(32))) == ("replayed", "replayed")
    assert verdict(world, made, state=StreamState(0, made.digest)) == ("replayed", "replayed")
    assert verdict(world, made, state=StreamState(0, b"\x09" * 32)) == ("out_of_order", "out_of_order")
    assert verdict(world, made) == refused("expired")


def test_times_are_judged_to_the_millisecond(world):
    """Issue five minutes ahead and no more, expiry at its own moment and not after, thirty days at most."""
    ahead = START + CLOCK_SKEW_MS
    assert verdict(world, sealed(world, issued_at=ahead)) == ACCEPTED
    assert verdict(world, sealed(world, issued_at=ahead + 1)) == refused("not_yet_valid")
    assert verdict(world, sealed(world, issued_at=START - 9, expires_at=START)) == ACCEPTED
    assert verdict(world, sealed(world, issued_at=START - 9, expires_at=START - 1)) == refused("expired")
    longest = START + MAX_EXPIRY_MS
    assert verdict(world, sealed(world, expires_at=longest)) == ACCEPTED
    assert verdict(world, sealed(world, expires_at=longest + 1)) == refused("malformed")


def test_who_may_not_say_it_comes_near_no_stream(world):
    """A signer that is gone, suspended, revoked, or may not send this type: by the directory as it stands now."""
    made, now = sealed(world), world.directory.snapshot()
    gone = {name: one for name, one in now.directory.authorities.items() if name != ORIGINATOR}
    without = replace(now, directory=replace(now.directory, authorities=gone))
    assert verdict(world, made, snapshot=without) == unplaced("unknown_signer")
    suspended = changed(now, ORIGINATOR, state=AuthorityState.SUSPENDED)
    assert verdict(world, made, snapshot=suspended) == unplaced("signer_suspended")
    for types in (frozenset({"arrest"}), frozenset()):
        narrowed = changed(now, ORIGINATOR, publishes=types)
        assert verdict(world, made, snapshot=narrowed) == unplaced("not_permitted")
    assert verdict(world, made, snapshot=revoked(now)) == unplaced("signer_revoked")
    late = rekeyed(now, ORIGINATOR, KeyUse.SIGN, not_before=START + 1)
    assert verdict(world, made, snapshot=late) == unplaced("not_yet_valid")


def revoked(snapshot):
    """The snapshot in which the originator's signing key is revoked."""
    return rekeyed(snapshot, ORIGINATOR, KeyUse.SIGN, state=KeyState.REVOKED, changed_at=START)


def test_the_signer_is_asked_before_anything_else(world):
    """Before the partition, the place, the slip's key and the stanzas, each of which is wrong here."""
    now = world.directory.snapshot()
    by_revoked, other = {"snapshot": revoked(now)}, 1 - world.partition(ORIGINATOR)
    assert verdict(world, sealed(world), partition=other, **by_revoked) == unplaced("signer_revoked")
    assert verdict(world, sealed(world, number=7), **by_revoked) == unplaced("signer_revoked")
    for made in (sealed(world, to=DecryptionKey.from_secret(b"\x07" * 32)), sealed(world, recipients=())):
        found = decided(world, made, **by_revoked)
        assert isinstance(found.item, RejectedRecord)
        assert (found.reason, found.place, found.told) == ("signer_revoked", None, False)
        assert decided(world, made).told


def test_who_is_told_of_a_refusal_holds_a_key_that_is_not_revoked(world):
    """A thief of a revoked key makes nobody be told; who is suspended, or may not send a type, hears of it."""
    made, now = sealed(world), world.directory.snapshot()
    assert not decided(world, made, snapshot=revoked(now)).told
    assert not decided(world, made, snapshot=changed(now, ORIGINATOR, keys=())).told
    for change in ({"state": AuthorityState.SUSPENDED}, {"publishes": frozenset()}):
        assert decided(world, made, snapshot=changed(now, ORIGINATOR, **change)).told


def test_a_key_makes_nothing_new_after_its_retirement_or_its_end(world):
    """To the millisecond of the skew, by the time that the envelope names; what was issued before is accepted."""
    now = world.directory.snapshot()
    at, last = START + 3_600_000, START + CLOCK_SKEW_MS
    before, after = (sealed(world, issued_at=issued, expires_at=at) for issued in (last, last + 1))
    for change in ({"state": KeyState.RETIRING, "changed_at": START}, {"not_after": START}):
        snapshot = rekeyed(now, ORIGINATOR, KeyUse.SIGN, **change)
        assert verdict(world, before, snapshot=snapshot, now=at) == ACCEPTED
        assert verdict(world, after, snapshot=snapshot, now=at) == unplaced("signer_retired")
        gone = START + MAX_EXPIRY_MS + CLOCK_SKEW_MS + 1
        assert verdict(world, before, snapshot=snapshot, now=gone) == unplaced("signer_retired")


def test_what_another_version_of_the_directory_explains_is_no_attack(world):
    """A recipient's key that the hub does not know yet, or no more: one may be retried, one be sealed anew."""
    now = world.directory.snapshot()
    keyless = changed(now, "DEU/spoc", keys=())
    version = now.directory.version

    def made_of(named):
        found = open_record(sealed(world, directory_version=named).envelope, keyless.directory, hub_keys(world))
        return found.reason

    assert made_of(version + 1) == "directory_unknown"
    assert made_of(version - 1) == "rules_outdated"
    assert made_of(version) == "unreadable_slip"


def test_a_slip_for_a_key_of_the_hub_that_is_not_listed_may_be_for_one_to_come(world):
    """One that the directory lists, and that is not held any more, is retired."""
    now, old = world.directory.snapshot(), DecryptionKey.from_secret(b"\x07" * 32)
    made = sealed(world, to=old)
    assert read(world, made.envelope).reason == "directory_unknown"
    (template,) = (key for key in now.directory.hub.keys if key.use is KeyUse.ENCRYPT)
    listed = (*now.directory.hub.keys, replace(template, key_id=old.key_id, public=old.public))
    directory = replace(now.directory, hub=replace(now.directory.hub, keys=listed))
    assert open_record(made.envelope, directory, hub_keys(world)).reason == "hub_key_retired"


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
