"""53 False alarm: after a change of the directory honest slips look like an attack, and an attacker hides among them.

Who sends sees the change first, so its slips name a key of the hub, a recipient, or a recipient's key that the router
has not heard of. Control: that is `directory_unknown`, which is no attack's reason; it makes the router look, and the
publisher sends again in the same place. Who names such keys on purpose takes no stream and no number, makes nobody
wait, and makes the router look no oftener.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from notifier.codec.single_object import codec
from notifier.crypto.keys import DecryptionKey, KeyUse
from notifier.directory.model import Key, KeyState
from notifier.directory.snapshot import Snapshot
from notifier.routing import router
from notifier.routing.batch import NO_STREAM
from notifier.telemetry import metrics
from notifier.topics import REJECTED, STREAMS
from support.attack_harness import PATIENCE_S
from support.samples import document
from support.world import PARTITIONS, START, YEAR_MS, Keys

OWNER, RECIPIENT, EVIL = "TUR/spoc", "DEU/spoc", "AUT/spoc"
FLOOD = 200
NOBODYS = DecryptionKey.from_secret(b"?" * 32)
ATTACKS = ("bad_signature", "unreadable_slip", "signer_revoked", "replayed")
"""The reasons that docs/how-to/operations.md calls attacks or faults."""


class Hub:
    """The hub's own view: its directory is what it was until it looks, its keys those that it was started with."""

    def __init__(self, world):
        self.world, self.known, self.looks, self.finds = world, world.directory.snapshot(), 0, True

    def snapshot(self):
        return self.known

    async def refresh(self):
        self.looks += 1
        if self.finds:
            self.known = self.world.directory.snapshot()

    @asynccontextmanager
    async def routing(self, keys=None):
        """Return a router with `keys`, or with those of the hub."""
        async with replace(self.world, directory=self, hub=keys or self.world.hub).routing():
            yield


def following(snapshot, **change):
    """Return the next version of the directory."""
    before = snapshot.directory
    later = replace(before, version=before.version + 1, issued_at=before.issued_at + 1, **change)
    return Snapshot(later, snapshot.rules, before, snapshot.rules)


def rotated(keys, new):
    """Return keys in which `new` replaces the one to seal to."""
    retiring = [
        replace(key, state=KeyState.RETIRING, changed_at=START) if key.use is KeyUse.ENCRYPT else key for key in keys
    ]
    return (*retiring, Key(new.key_id, KeyUse.ENCRYPT, new.public, START - YEAR_MS, START + YEAR_MS))


def rotate_recipient(stage, new):
    """Rotate a key of a recipient."""
    now = stage.world.directory.snapshot()
    one = now.directory.authorities[RECIPIENT]
    changed = replace(one, keys=rotated(one.keys, new))
    stage.world.directory.put(following(now, authorities=now.directory.authorities | {RECIPIENT: changed}))
    stage.world.keys[RECIPIENT] = Keys(stage.signing(RECIPIENT), new)


def rotate_hub(stage, new):
    """List a new hub key for slips, before routers are started with it."""
    now = stage.world.directory.snapshot()
    hub = replace(now.directory.hub, keys=rotated(now.directory.hub.keys, new))
    stage.world.directory.put(following(now, hub=hub))
    stage.world.hub = Keys(stage.world.hub.signing, new)


def enrol(stage, new):
    """Enrol the recipient, which the hub does not know until now."""
    now = stage.world.directory.snapshot()
    rotate_recipient(stage, new)
    others = {name: one for name, one in now.directory.authorities.items() if name != RECIPIENT}
    return replace(now, directory=replace(now.directory, authorities=others))


CHANGES = {"a new recipient": enrol, "a recipient's key": rotate_recipient, "a key of the hub": rotate_hub}


def reasons(stage):
    """Return the reasons of all rejections."""
    return [codec("Rejection").decode(record.value)["reason"] for record in stage.world.broker.records(REJECTED)]


def counted():
    """Return the number of decisions counted as attacks, and as an outdated directory."""
    count = {
        reason: metrics.DECISIONS.labels("rejected", reason)._value.get()
        for reason in (*ATTACKS, "directory_unknown")
    }
    return sum(count[one] for one in ATTACKS), count["directory_unknown"]


def streams(stage):
    """Return the originators of the hub's streams, each with its number."""
    found = {}
    for number in range(PARTITIONS):
        for record in stage.world.broker.records(STREAMS, number):
            if record.key not in NO_STREAM:
                state = codec("StreamState").decode(record.value)
                found[state["originator"]] = state["number"]
    return found


@pytest.mark.parametrize("change", CHANGES)
async def test_what_the_hub_does_not_know_yet_is_no_attack_and_arrives(stage, change):
    """It is refused for what it is, in metric and log, and delivered once the hub has looked."""
    hub, before = Hub(stage.world), stage.world.hub
    new = DecryptionKey.from_secret(stage.world.random.randbytes(32))
    hub.known = CHANGES[change](stage, new) or hub.known
    hub.finds = False
    attacks, behind = counted()
    with capture_logs() as logs:
        async with stage.publishing(OWNER) as publisher:
            submitted = await publisher.publish(document(narrative="after the change"))
            async with hub.routing(before):
                await stage.world.until(lambda: bool(reasons(stage)))
            hub.finds = True
            if change == "a key of the hub":  # it is read at a start, as the directory is
                await hub.refresh()
            async with hub.routing():
                status = await waited(stage, publisher, submitted.id)
    assert (status.state, status.reason) == ("told", None)
    assert set(reasons(stage)) == {"directory_unknown"}
    assert counted()[0] == attacks
    assert counted()[1] > behind
    refused = [one for one in logs if one["event"] in ("rejected", "refused, no stream moved")]
    assert refused
    assert all(set(one["reasons"]) == {"directory_unknown"} for one in refused)
    shown = await stage.read(RECIPIENT)
    assert (shown.texts, shown.sequences, shown.gaps) == (["after the change"], [1], [])
    assert streams(stage) == {OWNER: 1}


async def waited(stage, publisher, message):
    """Return the state of a message while time goes on."""
    waiting = asyncio.create_task(publisher.wait(message, PATIENCE_S))
    while not waiting.done():
        stage.world.clock.now += 1_000
        await asyncio.wait({waiting}, timeout=0.05)
    return await waiting


def naming_a_key_of_the_hub(stage):
    """Yield slips for a hub key that does not exist."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage.world, "hub", Keys(stage.world.hub.signing, NOBODYS))
        return [stage.forge(EVIL, f"naming {number}") for number in range(FLOOD)]


def naming_a_recipient(stage, first=9):
    """Yield stanzas for an unknown key, in versions of the directory from `first` on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(stage.world.keys, RECIPIENT, Keys(stage.signing(RECIPIENT), NOBODYS))
        return [stage.forge(EVIL, f"naming {n}", slip={"directory_version": first + n}) for n in range(FLOOD)]


@pytest.mark.parametrize("naming", [naming_a_key_of_the_hub, naming_a_recipient])
async def test_who_names_keys_that_there_are_not_holds_up_nobody(stage, monkeypatch, naming):
    """The others' letters among them are delivered; no stream, no number, one look, one line; and then its own."""
    monkeypatch.setattr(router, "LOOK_AGAIN_S", 3600.0)  # what is asked, besides the first time, waits so long
    hub = Hub(stage.world)
    monkeypatch.setattr(stage.world, "directory", hub)
    flood = naming(stage)
    items = []
    for number, one in enumerate(flood):
        items += [one, stage.letter(OWNER, f"{number}")] if number % 50 == 0 else [one]
    with capture_logs() as logs:
        found = await stage.route(*items)
    assert found == [None if one.originator == OWNER else "directory_unknown" for one in items]
    assert streams(stage) == {OWNER: FLOOD // 50}
    assert hub.looks == 1
    assert len([one for one in logs if one["log_level"] == "warning"]) <= PARTITIONS * 2
    assert (await stage.route(stage.letter(EVIL, "in its own place"))) == [None]
    shown = await stage.read(RECIPIENT)
    assert (shown.texts, shown.gaps) == (["0", "50", "100", "150", "in its own place"], [])


async def test_who_hides_an_addressee_under_the_version_of_now_is_no_false_alarm(stage):
    """By the very directory that the hub has, a stanza for nobody is an attack, and counts as one."""
    hidden = naming_a_recipient(stage, stage.directory.version)[0]
    attacks, behind = counted()
    assert await stage.route(hidden) == ["unreadable_slip"]
    assert counted() == (attacks + 1, behind)
