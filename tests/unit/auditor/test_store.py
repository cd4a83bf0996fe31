"""The log on disk survives a crash at every step, and never signs what it cannot bear out."""

from __future__ import annotations

import pytest

from notifier.audit import checkpoint as notes
from notifier.audit import merkle
from notifier.audit.checkpoint import Signer
from notifier.audit.leaf import Leaf
from notifier.auditor.store import Disk, LogStore
from notifier.auditor.verify import verify_folder
from notifier.crypto.keys import SigningKey
from notifier.errors import RefusedError, StorageError


class Crash(Exception):
    """The machine stops here."""


class CrashingDisk(Disk):
    """Crashes at its nth durable step: before, half through, or after it."""

    def __init__(self, at, when):
        self.left = at
        self.when = when

    def put(self, path, data):
        def half():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(path.name + ".tmp").write_bytes(data[: len(data) // 2])

        self._step(lambda: super(CrashingDisk, self).put(path, data), half)

    def append(self, path, at, data):
        def half():
            super(CrashingDisk, self).append(path, at, data[: len(data) // 2])

        self._step(lambda: super(CrashingDisk, self).append(path, at, data), half)

    def remove(self, path):
        self._step(lambda: super(CrashingDisk, self).remove(path), lambda: None)

    def _step(self, whole, half):
        self.left -= 1
        if self.left:
            whole()
            return
        if self.when == "half":
            half()
        elif self.when == "after":
            whole()
        raise Crash


def root_of(make, size):
    return merkle.root_hash([Leaf.of(offset, value).hash() for offset, value in make.records(0, size)])


@pytest.mark.parametrize("sizes", [[1], [3, 5], [255, 256], [255, 257, 600], [700]])
def test_a_log_has_the_root_of_its_records(tmp_path, signer, make, sizes):
    """However it was batched, the signed root is that of the tree over all records, and the log verifies."""
    make.write(tmp_path / "log", signer, sizes)
    head = notes.parse((tmp_path / "log" / "checkpoint").read_bytes())
    assert (head.size, head.root) == (sizes[-1], root_of(make, sizes[-1]))
    assert verify_folder(tmp_path / "log", signer.verifier).faults == ()


def test_an_empty_log_verifies(tmp_path, signer, make):
    """A log that was just begun is a log, with the empty tree's root."""
    store = make.write(tmp_path, signer, [])
    assert store.position == 0
    report = verify_folder(tmp_path, signer.verifier)
    assert (report.ok, report.size, report.root) == (True, 0, merkle.EMPTY_ROOT)


def test_it_goes_on_where_it_stopped(tmp_path, signer, make):
    """Opened at every size, the log gives the offset after its last leaf and grows the same tree."""
    for size in [*range(1, 6), 255, 256, 257, 512]:
        store = make.write(tmp_path, signer, [size])
        assert store.position == make.records(size - 1, size)[0][0] + 1
        assert LogStore.open(tmp_path, signer).close() is None
        assert store.checkpoint.root == root_of(make, size)


@pytest.mark.parametrize("when", ["before", "half", "after"])
@pytest.mark.parametrize("sizes", [[2], [250, 260], [255, 256], [600]])
def test_a_crash_at_any_step_loses_nothing_signed(tmp_path, signer, make, sizes, when):
    """After a crash at every step the log verifies as it stands, and goes on to the very same tree."""
    step = 0
    while True:
        step += 1
        folder = tmp_path / str(step)
        try:
            make.write(folder, signer, sizes, CrashingDisk(step, when))
        except Crash:
            if (folder / "checkpoint").exists():
                assert verify_folder(folder, signer.verifier).faults == ()
            store = LogStore.open(folder, signer)
            assert store.position == (make.records(store.size - 1, store.size)[0][0] + 1 if store.size else 0)
            store.append(make.records(store.size, 601))
            store.close()
            assert store.checkpoint.root == root_of(make, 601)
            report = verify_folder(folder, signer.verifier)
            assert (report.faults, report.size) == ((), 601)
            continue
        break
    assert step > 5


def test_recovery_leaves_no_trace(tmp_path, signer, make):
    """A log that crashed and one that did not end up with the same files."""
    with pytest.raises(Crash):
        make.write(tmp_path / "a", signer, [300], CrashingDisk(8, "after"))
    make.write(tmp_path / "a", signer, [300])
    make.write(tmp_path / "b", signer, [300])
    one, two = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "a", tmp_path / "b")
    )
    assert one == two


def test_offsets_only_grow(tmp_path, signer, make):
    """A record that was logged before is never logged again."""
    store = LogStore.open(tmp_path, signer)
    store.append(make.records(0, 3))
    for again in (make.records(2, 4), make.records(0, 1)):
        with pytest.raises(RefusedError) as caught:
            store.append(again)
        assert caught.value.reason == "audit_mismatch"
    store.close()


def test_one_auditor_writes(tmp_path, signer):
    """Two processes never write one log."""
    store = LogStore.open(tmp_path, signer)
    with pytest.raises(StorageError) as caught:
        LogStore.open(tmp_path, signer)
    assert caught.value.reason == "storage_locked"
    store.close()
    LogStore.open(tmp_path, signer).close()


@pytest.mark.parametrize(
    "file",
    [
        "checkpoint",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/001.p/44",
        "records/001",
    ],
)
@pytest.mark.parametrize("how", ["removed", "edited", "cut"])
def test_a_damaged_log_is_not_signed_again(tmp_path, signer, make, file, how):
    """Where the right edge contradicts the checkpoint, the auditor stops and does not sign."""
    make.write(tmp_path, signer, [300])
    path = tmp_path / file
    data = path.read_bytes()
    if how == "removed":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if how == "cut" else bytes([data[-9] ^ 1]).join([data[:-9], data[-8:]]))
    with pytest.raises(RefusedError) as caught:
        LogStore.open(tmp_path, signer)
    assert caught.value.reason == "audit_mismatch"


def test_another_key_does_not_go_on(tmp_path, signer, make):
    """An auditor takes up neither another's log nor its own under another name."""
    make.write(tmp_path, signer, [3])
    for other in (
        Signer.of(signer.verifier.name, SigningKey.from_secret(b"b" * 32)),
        Signer.of("other.example", signer.key),
    ):
        with pytest.raises(RefusedError) as caught:
            LogStore.open(tmp_path, other)
        assert caught.value.reason == "audit_mismatch"


def test_a_full_disk_is_temporary(tmp_path, signer, make, monkeypatch):
    """The caller is told to try again, and the log is unchanged."""
    make.write(tmp_path, signer, [3])
    store = LogStore.open(tmp_path, signer)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store._disk, "put", full)
    with pytest.raises(StorageError, match="No space left"):
        store.append(make.records(3, 4))
    store.close()
    assert LogStore.open(tmp_path, signer).size == 3
