"""41 Time bombs: keys of hub, log and roles end one day, and with them everything, years after all was well.

Nobody attacks but time. Control: a verb for every key, a lifetime for every signature, and a warning well before each
ends. Three years pass day by day, in which holders, hub, auditor and authorities do what docs/how-to/directory.md
says, and nothing that no warning asks for; and every key there is is rotated once. `make test` passes five days at a
time, the days on which holders and services look; `make test-long` each.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from notifier.audit.checkpoint import Signer, Verifier
from notifier.audit.entry import AuditEntry
from notifier.auditor.store import LogStore
from notifier.auditor.verify import verify_folder
from notifier.crypto.keys import DecryptionKey, SigningKey
from notifier.directory import ends as endings
from notifier.directory.enrolment import answer, log_request, request
from notifier.directory.holders import make_key
from notifier.directory.model import DAY_MS, KeyState
from notifier.directory.registry import Registry
from notifier.directory.roles import ALL_ROLES, ONLINE_ROLES, THRESHOLD_ROLES
from notifier.errors import NotifierError
from support.world import Keys

YEARS = 3
TRIED_EVERY = 90  # days
LOOK_EVERY = 5  # days: what ends is warned of earlier
STEP = 1 if "NOTIFIER_LONG" in os.environ else LOOK_EVERY  # days
CAST = ("AUT/spoc", "DEU/spoc", "TUR/spoc", "UTO/spoc")


class Routine:
    """Three holders with a key a role each, the online machine, the hub, the auditor, and the authorities."""

    def __init__(self, published, stage):
        self.published, self.stage, self.world = published, stage, stage.world
        self.random = stage.world.random.randbytes
        self.holders = [self.folder(f"holder-{number}") for number in (1, 2, 3)]
        self.online = self.folder("online")
        for role in THRESHOLD_ROLES:
            for number, folder in enumerate(self.holders, 1):
                shutil.copy(published.keys / f"{role}-{number}.pem", folder)
        for role in ONLINE_ROLES:
            shutil.copy(published.keys / f"{role}-1.pem", self.online)
        self.log = SigningKey.from_secret((published.hub / "log.key").read_bytes())
        self.entries = 0

    def folder(self, name):
        made = self.published.folder.parent / name
        made.mkdir()
        return made

    def registry(self, folder):
        return Registry(self.published.folder, folder, self.published.clock)

    def agreed(self, act):
        """Make a change as the first holder, sign by digest as the second; the online keys publish it."""
        first, second = (self.registry(folder) for folder in self.holders[:2])
        act(first)
        for one in second.pending():
            second.sign(one.digest)
        self.registry(self.online).freshen()

    def day(self, number):
        """Do the hourly run once a day; every few days follow its warnings and the gauges."""
        online = self.registry(self.online)
        online.freshen()
        if number % LOOK_EVERY:
            return
        for role in online.due():
            self.agreed(lambda registry, role=role: registry.renew(role))
        snapshot = self.world.directory.load()
        now = self.published.clock()
        asked = {name: [one.what for one in endings.ends(snapshot, name, now) if one.due(now)] for name in CAST}
        if any(what.startswith("hub_") for what in asked[CAST[0]]):
            self.rotate_hub()
        for name, due in asked.items():
            if any(what.startswith("own_") for what in due):
                self.rotate_authority(name)
        self.world.directory.load()

    def keys(self):
        return Keys(SigningKey.from_secret(self.random(32)), DecryptionKey.from_secret(self.random(32)))

    def enrol(self, name, keys, present):
        """New keys, signed for with the present one; enrolled by two holders."""
        hub_id = self.registry(self.online).hub_id
        asked = request(name, hub_id, keys.signing, keys.decryption, present)

        def act(registry):
            registry.enrol(asked, answer(registry.issue_challenge(asked), hub_id, keys.decryption))

        self.agreed(act)

    def retire(self, name, keys):
        for key in (keys.signing, keys.decryption):
            self.agreed(lambda registry, key=key: registry.change_key(name, key.key_id, KeyState.RETIRING))

    def rotate_hub(self):
        """New keys of statements and slips beside the old ones, which retire."""
        old, new = self.world.hub, self.keys()
        self.enrol("hub", new, old.signing)
        self.world.hub = new
        self.retire("hub", old)

    def rotate_authority(self, name):
        old, new = self.world.keys[name], self.keys()
        self.enrol(name, new, old.signing)
        self.world.keys[name] = new
        self.retire(name, old)

    def rotate_roles(self):
        """Replace every holder's and every online key, one after the other."""
        for role in ALL_ROLES:
            folder = self.online if role in ONLINE_ROLES else self.holders[2]
            old = self.registry(folder)._repository()._signers[role][0].public_key
            new = make_key(folder, role)
            self.agreed(lambda registry, role=role, new=new: registry.change_role(role, [new], []))
            self.agreed(lambda registry, role=role, old=old: registry.change_role(role, [], [old.keyid]))
            (folder / f"{role}-{'1' if role in ONLINE_ROLES else '3'}.pem").unlink()

    def rotate_log(self):
        new = SigningKey.from_secret(self.random(32))
        hub = self.world.directory.snapshot().directory.hub
        asked = log_request(hub.hub_id, Signer.of(hub.log_origin, new))
        self.agreed(lambda registry: registry.change_log_key(asked))
        self.log = new

    def audit(self):
        """Run the auditor over some entries; verify the log offline with the directory's keys."""
        hub = self.world.directory.snapshot().directory.hub
        signer = Signer.of(hub.log_origin, self.log)
        assert signer.verifier.vkey == hub.log_key
        verifiers = [Verifier.from_vkey(vkey) for vkey in hub.log_vkeys()]
        folder = self.published.folder.parent / "log"
        store = LogStore.open(folder, signer, earlier=verifiers)
        entry = AuditEntry(self.random(16), "act", bytes(32), "TUR/spoc", None, None, None, "accepted", None, 0,
                           None, None, 1, 1)  # fmt: skip
        store.append([(self.entries, entry.encode())])
        store.close()
        self.entries += 1
        report = verify_folder(folder, *verifiers)
        assert (report.ok, report.size) == (True, self.entries), report.faults
        return shutil.copytree(folder, folder.with_name(f"log-{self.entries}"))

    async def service(self):
        """Everybody works: an originator seals, the hub decides and states, a recipient reads."""
        letter = self.stage.letter()
        assert await self.stage.route(letter) == [None]
        shown = await self.stage.read("DEU/spoc")
        assert shown.texts[-1:] == [letter.text], shown.refused


@pytest.mark.timeout(1200)
async def test_every_service_works_three_years_later(published, grounded, monkeypatch):
    """Day by day, by the documented routine; the log of every year verifies with the keys of the last day."""
    monkeypatch.setattr("os.fsync", lambda _: None)  # three years of waiting for a disk
    routine = Routine(published, grounded)
    copies = []
    for day in range(0, YEARS * 365 + 1, STEP):
        try:
            routine.day(day)
            if day == 400:
                routine.rotate_roles()
            if day in (200, 700):
                copies.append(routine.audit())
                routine.rotate_log()
                routine.world.directory.load()
            if day % TRIED_EVERY == 0 or day == YEARS * 365:
                await routine.service()
                copies.append(routine.audit())
        except NotifierError as error:
            pytest.fail(f"on day {day}: {error}")
        published.clock.now += STEP * DAY_MS
    published.clock.now -= STEP * DAY_MS
    fresh = published._replace(cache=published.folder.parent / "fresh").client().load()
    hub = fresh.directory.hub
    for copy in copies:
        verifiers = [Verifier.from_vkey(vkey) for vkey in hub.log_vkeys()]
        assert verify_folder(copy, *verifiers).ok, "an earlier copy of the log does not verify any more"
    statements = grounded.statements("TUR/spoc")
    assert {one.outcome for one in statements} == {"accepted"}, "statements of every year verify"
    assert len({key.key_id for key in hub.keys}) >= 2 * YEARS
    assert len(hub.log_keys_before) == 2


def test_a_revoked_key_of_the_log_verifies_nothing(published, grounded):
    """A verifier uses the listed keys, so another history signed with the stolen one fails."""
    routine = Routine(published, grounded)
    old = Signer.of("example/log", routine.log)
    before = routine.audit()
    routine.rotate_log()
    routine.world.directory.load()
    routine.audit()
    routine.agreed(lambda registry: registry.revoke_log_key(old.verifier.vkey))
    hub = routine.world.directory.load().directory.hub
    verifiers = [Verifier.from_vkey(vkey) for vkey in hub.log_vkeys()]
    assert not verify_folder(before, *verifiers).ok
    assert verify_folder(published.folder.parent / "log", *verifiers).ok
    assert replace(hub, log_keys_before=()).log_vkeys() == hub.log_vkeys()


@pytest.mark.parametrize("role", [*THRESHOLD_ROLES, *ONLINE_ROLES])
def test_the_key_that_was_revoked_signs_no_more(published, grounded, role):
    """A holder's key, or the online one, is followed by another and revoked; with it nothing comes out any more."""
    routine = Routine(published, grounded)
    thief = routine.folder("thief")
    for name in (f"{role}-3.pem", f"{role}-1.pem") if role in ONLINE_ROLES else (f"{role}-3.pem",):
        if (published.keys / name).exists():
            shutil.copy(published.keys / name, thief)
    routine.rotate_roles()
    routine.world.directory.load()
    act = routine.registry(thief).freshen if role in ONLINE_ROLES else lambda: routine.registry(thief).renew(role)
    with pytest.raises(NotifierError) as refused:
        act()
    assert refused.value.reason == "unknown_signer"
    fresh = published._replace(cache=published.folder.parent / "fresh").client()
    assert fresh.load().directory.version == routine.world.directory.snapshot().directory.version
