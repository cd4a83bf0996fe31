"""48 Hidden revocation: a key was revoked, and a holder of the way to the directory keeps it from everybody.

The attacker blocks the source, or has stolen the online keys (snapshot and timestamp) and signs with them freely,
even for years ahead. Control: a state ends with the first of the signatures behind it. The timestamp is valid for a
day. The directory, which the thief cannot sign, is valid for 30 days.
"""

from __future__ import annotations

import datetime as dt
import shutil

import pytest
from tuf.api.metadata import Metadata

from notifier.directory.model import DAY_MS, KeyState
from notifier.directory.repository import Repository
from notifier.errors import DirectoryStaleError
from support.published import GRACE_S, stamp_by_force

GRACE_MS = GRACE_S * 1000
SECOND_MS = 1000


def revoke(published, name="TUR/spoc"):
    """Revoke the authority's signing key; return its id."""
    registry = published.registry()
    key = registry.directory.authorities[name].keys[0]
    assert registry.change_key(name, key.key_id, KeyState.REVOKED)
    return key.key_id


def relied_upon(client, key_id, now):
    """Return whether a running process, and one that starts now, still accept the key."""
    found = []
    for look in (client.snapshot, client.load):
        try:
            found.append(look().directory.signer(key_id)[1].accepted(now))
        except DirectoryStaleError:
            found.append(False)
    return found


def test_a_blocked_source_hides_a_revocation_for_a_day(published):
    """Nothing new arrives any more: a day and the stated grace later nothing is accepted at all."""
    published.enrol("TUR/spoc")
    client = published.client()
    client.load()
    blocked = shutil.copytree(published.folder, published.folder.with_name("blocked"))
    stolen = revoke(published)
    shutil.rmtree(published.folder)
    blocked.rename(published.folder)
    assert relied_upon(client, stolen, published.clock()) == [True, True]
    published.clock.now += DAY_MS + GRACE_MS + SECOND_MS
    assert relied_upon(client, stolen, published.clock()) == [False, False], "for longer than the documentation says"


@pytest.mark.parametrize("ahead_days", [1, 3650])
def test_a_thief_of_the_online_keys_hides_it_for_thirty_days(published, ahead_days):
    """A fresh timestamp every day, of a snapshot that knows no revocation: the directory's own signatures end."""
    published.enrol("TUR/spoc")
    client = published.client()
    client.load()
    signed_at = published.clock()
    hidden = shutil.copytree(published.folder, published.folder.with_name("hidden"))
    stolen = revoke(published)
    shutil.rmtree(published.folder)
    hidden.rename(published.folder)
    for _ in range(29):
        published.clock.now += DAY_MS
        steal(published, ahead_days)
        assert relied_upon(client, stolen, published.clock()) == [True, True]
    published.clock.now = signed_at + 30 * DAY_MS + GRACE_MS + SECOND_MS
    steal(published, ahead_days)
    assert relied_upon(client, stolen, published.clock()) == [False, False], "for longer than the documentation says"


def steal(published, ahead_days):
    """Sign timestamp and snapshot as the thief, with any lifetime."""
    folder = published.keys.parent / "thief"
    folder.mkdir(exist_ok=True)
    for name in ("snapshot-1.pem", "timestamp-1.pem"):
        shutil.copy(published.keys / name, folder)
    thief = Repository(published.folder, [folder], published.clock())
    stamp_by_force(thief, {"directory": 2})
    metadata = published.folder / "metadata"
    path = metadata / "timestamp.json"
    number = Metadata.from_bytes(path.read_bytes()).signed.snapshot_meta.version
    for name, role in ((f"{number}.snapshot.json", "snapshot"), ("timestamp.json", "timestamp")):
        forged = Metadata.from_bytes((metadata / name).read_bytes())
        now = dt.datetime.fromtimestamp(published.clock() / 1000, dt.UTC).replace(microsecond=0)
        forged.signed.expires = now.replace(year=now.year + ahead_days // 365 + 1)
        forged.sign(thief._signers[role][0])
        (metadata / name).write_bytes(forged.to_bytes())
