"""A copy of a log that somebody else made: nothing is read that is not its own, and nothing without end."""

from __future__ import annotations

import os
import shutil

import pytest

from notifier.audit.checkpoint import Signer
from notifier.auditor import log_files as copies
from notifier.auditor.store import LogStore
from notifier.auditor.verify import verify_folder
from notifier.cli.main import run
from notifier.crypto.keys import SigningKey
from notifier.errors import RefusedError

NAMES = ("checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3", "records/000")


@pytest.fixture
def log(tmp_path, signer, make):
    """Return a log of three entries."""
    make.write(tmp_path / "log", signer, [3])
    return tmp_path / "log"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("aim", ["/etc/passwd", "/dev/zero", "/dev/stdin", "own"])
def test_no_link_is_followed(log, signer, name, aim, tmp_path):
    """To a file of the system's, to one without end, or even to the right bytes elsewhere."""
    elsewhere = shutil.copy(log / name, tmp_path / "elsewhere")
    (log / name).unlink()
    (log / name).symlink_to(elsewhere if aim == "own" else aim)
    faults = verify_folder(log, signer.verifier).faults
    assert f"{name}: is a link, or lies behind one" in faults


def test_no_folder_is_entered_by_a_link(log, signer, tmp_path):
    """A folder of the log that is a link, and one that leads back to itself."""
    shutil.move(log / "tile", tmp_path / "tile")
    (log / "tile").symlink_to(tmp_path / "tile")
    (log / "round").symlink_to(log)
    faults = verify_folder(log, signer.verifier).faults
    assert "tile/0/000.p/3: is a link, or lies behind one" in faults
    assert "round: is no file of a log" in faults


@pytest.mark.parametrize("name", NAMES)
def test_nobody_waits_for_a_pipe(log, signer, name):
    """It never answers, and is not a regular file."""
    (log / name).unlink()
    os.mkfifo(log / name)
    assert f"{name}: is not a regular file" in verify_folder(log, signer.verifier).faults


@pytest.mark.parametrize("name", [*NAMES, "tile/0/001"])
def test_no_file_is_read_beyond_what_a_log_holds(log, signer, name):
    """Most of it a hole, and it may be without end: refused by its size, and not brought into memory."""
    with (log / name).open("ab") as file:
        file.truncate(1 << 26)
    fault, *_ = [one for one in verify_folder(log, signer.verifier).faults if one.startswith(name)]
    assert "is larger than" in fault


def test_more_files_than_a_log_has_are_not_gone_through(log, signer, monkeypatch):
    """It ends, and says so."""
    monkeypatch.setattr(copies, "MAX_FILES", 10)
    for number in range(20):
        (log / f"{number}.tmp").touch()
    assert verify_folder(log, signer.verifier).faults == ("the folder: has more than 10 files",)


def test_a_file_s_name_acts_on_no_terminal(log, signer, capsys):
    """Names are shown as faults, and may hold anything."""
    (log / "\x1b[2Jclear").touch()
    assert run(["audit", "verify", str(log), "--key", signer.verifier.vkey]) == 1
    assert "\x1b" not in "".join(capsys.readouterr())


def test_the_folder_that_was_named_may_be_a_link(log, signer, tmp_path):
    """The user named it."""
    (tmp_path / "link").symlink_to(log)
    assert verify_folder(tmp_path / "link", signer.verifier).ok


def test_a_log_goes_on_under_another_key(log, signer, make):
    """The new key signs at once what the old one had signed; both verify what is theirs."""
    old_copy = shutil.copytree(log, log.with_name("old"))
    new = Signer.of(signer.verifier.name, SigningKey.from_secret(b"n" * 32))
    with pytest.raises(RefusedError, match="not ours"):
        LogStore.open(log, new)
    store = LogStore.open(log, new, earlier=[signer.verifier])
    assert verify_folder(log, new.verifier).ok, "the earlier key may be revoked from now on"
    store.append(make.records(3, 5))
    store.close()
    assert verify_folder(log, new.verifier).size == 5
    assert not verify_folder(log, signer.verifier).ok
    assert verify_folder(old_copy, new.verifier, signer.verifier).ok
    assert not verify_folder(old_copy, new.verifier).ok
