"""10 Poisoned directory: somebody enrols a key of its own, or changes who is told, in everybody's directory.

The attacker holds the place where the directory is published, the keys that are online there (snapshot and
timestamp), and fewer private keys of a role than its threshold; or all of another role. Control: the documents
are signed by two holders of three, hashed, and looked for in their own role alone; the client trusts one root.
"""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
from tuf.api.metadata import Metadata, TargetFile, Targets

from notifier.crypto.keys import KeyUse, SigningKey
from notifier.directory.ceremony import Version
from notifier.directory.document import to_document
from notifier.directory.model import Authority, Directory, Key
from notifier.directory.repository import Repository
from notifier.errors import DirectoryError
from notifier.topics import feed_of
from support.published import publish_in, stamp_by_force
from support.world import START, YEAR_MS

THIEF = SigningKey.from_secret(b"t" * 32)
ONLINE = ("snapshot-1.pem", "timestamp-1.pem")


def poisoned(directory: Directory) -> dict[str, object]:
    """Return the next version, in which the thief speaks for TUR."""
    key = Key(THIEF.key_id, KeyUse.SIGN, THIEF.public, START - YEAR_MS, START + YEAR_MS)
    tur = Authority("TUR/spoc", "tur-spoc", feed_of("TUR/spoc"), (key,), frozenset({"arrest"}))
    document = to_document(directory)
    theirs = to_document(Directory(2, START, directory.hub, {tur.name: tur}))
    return document | {"version": document["version"] + 1, "authorities": theirs["authorities"]}


def in_the_hands_of(published, *names):
    """Return a folder with those private keys alone."""
    folder = published.keys.parent / "-".join(names)
    folder.mkdir()
    for name in names:
        shutil.copy(published.keys / name, folder)
    return Repository(published.folder, [folder], published.clock())


def test_one_signature_of_two_is_not_enough(published):
    """A holder alone stages a version, and no client reads it until a second holder has signed it too."""
    client = published.client()
    before = client.load().directory
    alone = in_the_hands_of(published, "directory-1.pem", *ONLINE)
    assert not alone.publish("directory", poisoned(before))
    assert client.load().directory.signer(THIEF.key_id) is None
    second = in_the_hands_of(published, "directory-3.pem", *ONLINE)
    (pending,) = second.pending()
    assert second.sign(pending.digest) is None
    assert client.load().directory.signer(THIEF.key_id) is not None, "two of three are the directory"


def test_a_version_with_one_signature_put_in_by_force_is_refused(published):
    """One holder writes its version among the published ones and signs all that is online: refused, not used."""
    client = published.client()
    before = client.load().directory
    alone = in_the_hands_of(published, "directory-1.pem", *ONLINE)
    alone.publish("directory", poisoned(before))
    staged = published.folder.with_name("pub.staged")
    (staged / "directory.json").rename(published.folder / "metadata" / "2.directory.json")
    document = (staged / "directory.document.json").read_bytes()
    digest = hashlib.sha256(document).hexdigest()
    (published.folder / "targets" / "directory" / f"{digest}.current.json").write_bytes(document)
    stamp_by_force(alone, {"directory": 2})
    with pytest.raises(DirectoryError, match="does not verify"):
        client.load()
    assert client.snapshot().directory == before, "what was known stays"


def test_an_altered_document_is_refused(published):
    """Another document under the signed one's name, of the same length: its hash is not what was signed."""
    published.enrol("TUR/spoc")
    (path,) = (one for one in (published.folder / "targets/directory").iterdir() if b"TUR/spoc" in one.read_bytes())
    document = json.loads(path.read_text())
    (tur,) = document["authorities"]
    (key,) = (one for one in tur["keys"] if one["use"] == "sign")
    swapped = path.read_bytes().replace(key["public"].encode(), THIEF.public.hex().encode())
    assert len(swapped) == path.stat().st_size
    path.write_bytes(swapped)
    with pytest.raises(DirectoryError, match="does not verify"):
        published.client().load()


def test_a_longer_document_is_refused(published):
    """Not one byte more is read than was signed for."""
    for path in (published.folder / "targets" / "directory").iterdir():
        path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(DirectoryError, match="longer than was signed"):
        published.client().load()


def test_the_holders_of_one_role_change_nothing_of_the_other(published):
    """Two holders of the directory's keys sign rules of their own under the rules' name: nobody looks there."""
    client = published.client()
    before = client.load().rules
    holders = in_the_hands_of(published, "directory-1.pem", "directory-2.pem", *ONLINE)
    metadata: Metadata[Targets] = holders.state().versions["directory"].metadata
    nobody = json.dumps(before.to_document() | {"version": 2, "rows": []}).encode()
    target = TargetFile.from_data("rules/current.json", nobody)
    path = published.folder / "targets" / "rules" / f"{target.hashes['sha256']}.current.json"
    path.write_bytes(nobody)
    metadata.signed.targets["rules/current.json"] = target
    metadata.signed.version += 1
    holders._sign(Version("directory", metadata), holders.state())
    holders._published.write("2.directory.json", metadata)
    stamp_by_force(holders, {"directory": 2})
    assert client.load().rules == before


def test_another_root_is_another_hub(published, tmp_path):
    """A directory of the attacker's making, in the place of the true one, does not verify under the true root."""
    other = publish_in(tmp_path / "other")
    with pytest.raises(DirectoryError, match="does not verify"):
        other.client(published.folder / "1.root.json").load()
