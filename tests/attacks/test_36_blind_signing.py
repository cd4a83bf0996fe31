"""36 Blind signing: a stranger's version of the directory is signed by holders who run their daily routine.

The attacker writes to the folder of versions that wait for signatures, or to the published one, or is a holder.
Control: a holder signs by digest a version shown in words that another holder has signed. The version must follow the
published one and make no other change. The online keys are kept apart from the holders'. Staged versions are not
published, and nothing is published without every signature.
"""

from __future__ import annotations

import shutil

import pytest
from tuf.api.metadata import Metadata, TargetFile

from notifier.crypto.keys import KeyUse, SigningKey
from notifier.directory.ceremony import encoded, following
from notifier.directory.document import to_document
from notifier.directory.model import Authority, Directory, Key
from notifier.directory.repository import Repository
from notifier.directory.staging import Staging
from notifier.errors import DirectoryError, RefusedError
from notifier.topics import feed_of
from support.world import START, YEAR_MS

THIEF = SigningKey.from_secret(b"t" * 32)
ONLINE = ("snapshot-1.pem", "timestamp-1.pem")


def poisoned(directory, version=None):
    """Return a version of the directory in which the thief speaks for TUR."""
    key = Key(THIEF.key_id, KeyUse.SIGN, THIEF.public, START - YEAR_MS, START + YEAR_MS)
    tur = Authority("TUR/spoc", "tur-spoc", feed_of("TUR/spoc"), (key,), frozenset({"arrest"}))
    return to_document(Directory(version or directory.version + 1, START, directory.hub, {tur.name: tur}))


def in_the_hands_of(published, *names):
    """Return the repository with those private keys alone."""
    folder = published.keys.parent / "-".join(names)
    folder.mkdir(exist_ok=True)
    for name in names:
        shutil.copy(published.keys / name, folder)
    return Repository(published.folder, [folder], published.clock())


def holder(published, number, role="directory"):
    """Return the keys of one of three holders, without online keys."""
    return in_the_hands_of(published, f"{role}-{number}.pem")


def plant(published, change=lambda _version: None, version=None):
    """Put the thief's version among those that wait for signatures; return its digest."""
    repository = holder(published, 1)
    current = repository.state().versions["directory"]
    document = encoded(poisoned(published.client().load().directory, version))
    planted = following(current, document, repository._online.expiry("directory"))
    change(planted)
    Staging(published.folder).put(planted)
    return planted.digest


def signed_by_anybody(published, digest):
    """Both holders try to sign it, and the online keys run; what each was told."""
    said = []
    for number in (2, 3):
        try:
            holder(published, number).sign(digest)
            said.append(None)
        except (DirectoryError, RefusedError) as error:
            said.append(error.detail)
        in_the_hands_of(published, *ONLINE).freshen()
    return said


def speaks_for_tur(published):
    return published.client().load().directory.signer(THIEF.key_id) is not None


def test_a_planted_version_is_signed_by_nobody(published):
    """It is well made and shown, and two holders who both fall for it do not bring it out: none of them made it."""
    digest = plant(published)
    said = signed_by_anybody(published, digest)
    assert not speaks_for_tur(published), "two holders' daily routine has signed a stranger's directory"
    assert all("no other holder" in one for one in said)


def test_the_thief_s_own_signature_is_none(published):
    """Signed by a key that is no holder's, it is as if it were not signed."""
    other = published.folder.parent / "thief"
    documents = {"directory": poisoned(published.client().load().directory), "rules": RULES}
    Repository.create(published.folder.parent / "thief-pub", other, documents, START)
    thief = Repository(published.folder, [other], published.clock())._signers["directory"][0]
    digest = plant(published, lambda version: version.metadata.sign(thief, append=True))
    assert all("no other holder" in one for one in signed_by_anybody(published, digest))
    assert not speaks_for_tur(published)


RULES = {"version": 1, "issued_at": START, "rows": [], "corridors": [], "consular_mandatory": []}


@pytest.mark.parametrize("ahead", [-1, 1])
def test_only_the_next_version_is_signed(published, ahead):
    """An earlier one, brought back with the signature that a holder gave then, and one that leaves a number out."""
    published.enrol("BEL/spoc")

    def renumber(version):
        version.metadata.signed.version += ahead
        signer = holder(published, 1)._signers["directory"][0]
        version.metadata.sign(signer, append=True)

    digest = plant(published, renumber)
    said = signed_by_anybody(published, digest)
    assert all("but the next one must be" in one for one in said)
    assert not speaks_for_tur(published)


def test_a_holder_s_version_says_nothing_besides_its_words(published):
    """One of three changes what was in force before, too, which no words would show: no second one signs it."""
    theirs = encoded(poisoned(published.client().load().directory))

    def besides(version):
        version.metadata.signed.targets["directory/previous.json"] = TargetFile.from_data(
            "directory/previous.json", theirs
        )
        version.metadata.sign(holder(published, 1)._signers["directory"][0], append=True)

    digest = plant(published, besides)
    said = signed_by_anybody(published, digest)
    assert not speaks_for_tur(published), "the second holder signed more than was shown"
    assert all("says more than its document" in one for one in said)


def test_what_was_looked_at_is_what_is_signed(published):
    """The version is replaced between the look and the signature: its digest is another one."""
    first = holder(published, 1)
    directory = published.client().load().directory
    first.publish("directory", to_document(directory) | {"version": 2})
    (shown,) = holder(published, 2).pending()
    Staging(published.folder).drop("directory")
    plant(published, lambda version: version.metadata.sign(first._signers["directory"][0], append=True))
    with pytest.raises(RefusedError) as refused:
        holder(published, 2).sign(shown.digest)
    assert refused.value.reason == "not_found"
    assert not speaks_for_tur(published)


def test_nothing_is_published_without_every_signature(published):
    """The threshold is reached on a machine without the online keys: it waits, is said to, and no client sees it."""
    client = published.client()
    directory = client.load().directory
    before = {path: path.read_bytes() for path in published.folder.rglob("*") if path.is_file()}
    first, second = holder(published, 1), holder(published, 2)
    assert not first.publish("directory", poisoned(directory))
    (pending,) = second.pending()
    left = second.sign(pending.digest)
    now = {path: path.read_bytes() for path in published.folder.rglob("*") if path.is_file()}
    assert now == before, "clients are shown what is not signed whole"
    assert left is not None
    assert left.complete
    assert client.load().directory.version == 1
    assert in_the_hands_of(published, *ONLINE).freshen() == ["directory"]
    assert speaks_for_tur(published), "two of three are the directory"


def test_the_online_keys_sign_no_stranger_s_snapshot(published):
    """A version set back in the published folder waits for the hourly run, which refuses it."""
    client = published.client()
    published.enrol("BEL/spoc")
    (path,) = (published.folder / "metadata").glob("2.snapshot.json")
    metadata = Metadata.from_bytes(path.read_bytes())
    metadata.signed.meta["directory.json"].version = 1
    path.write_bytes(metadata.to_bytes())
    refused = None
    try:
        in_the_hands_of(published, *ONLINE).freshen()
    except DirectoryError as error:
        refused = error
    assert refused is not None, "the online keys signed what somebody else wrote"
    with pytest.raises(DirectoryError):
        client.load()


def test_strays_are_named_and_passed_over(published):
    """Other files beside the staged versions, or in the place of earlier versions of this program, are listed."""
    staging = published.folder.with_name("pub.staged")
    former = published.folder / "staged"
    former.mkdir()
    plant(published)
    planted = staging / "directory.json"
    for place in (staging / "snapshot.json", staging / "directory.json.bak", former / "directory.json"):
        shutil.copy(planted, place)
    Staging(published.folder).drop("directory")
    online = in_the_hands_of(published, *ONLINE)
    assert online.freshen() == []
    assert online.pending() == []
    assert [path.name for path in online.strays()] == ["directory.json.bak", "snapshot.json", "directory.json"]
    assert published.client().load().directory.version == 1
