"""A log is verified from its files and a public key, and nothing in it can be changed unseen."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil

import pytest
from nacl.signing import VerifyKey

from notifier.audit import checkpoint as notes
from notifier.audit import merkle, tiles
from notifier.audit.checkpoint import Signer
from notifier.audit.leaf import Leaf
from notifier.auditor.verify import MAX_FAULTS, verify_folder
from notifier.cli.main import run
from notifier.crypto.keys import SigningKey


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_edits_in_a_large_log_are_found(tmp_path, signer, make):
    """In a log with full tiles, partial ones and a second level, an edit in any file is found."""
    make.write(tmp_path, signer, [250, 300, 600, 601])
    names = {path.relative_to(tmp_path).as_posix() for path in files(tmp_path)}
    assert {"tile/0/000", "tile/1/000.p/2", "tile/entries/002.p/88", "tile/entries/002.p/89", "records/002"} <= names
    for path in files(tmp_path):
        data = path.read_bytes()
        for at in (0, len(data) // 3, len(data) - 2):
            path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
            assert not verify_folder(tmp_path, signer.verifier).ok, path
        path.write_bytes(data)


def test_missing_cut_and_foreign_files_are_found(tmp_path, signer, make):
    """A file that is gone, cut short, prolonged, or that no log has, is named."""
    make.write(tmp_path, signer, [300])
    for path in files(tmp_path):
        name = path.relative_to(tmp_path).as_posix()
        data = path.read_bytes()
        for edited in (None, b"", data[:-1]):
            if edited is None:
                path.unlink()
            else:
                path.write_bytes(edited)
            assert any(name in fault for fault in verify_folder(tmp_path, signer.verifier).faults), name
        path.write_bytes(data + b"\0")
        # Behind the last signed record an auditor may be writing the next ones.
        assert verify_folder(tmp_path, signer.verifier).ok == (name == "records/001")
        path.write_bytes(data)
    (tmp_path / "tile" / "0" / "readme").write_text("hello")
    assert verify_folder(tmp_path, signer.verifier).faults == ("tile/0/readme: is no file of a log",)


def test_no_log_at_all(tmp_path, signer):
    """An empty folder, and one whose checkpoint is no checkpoint, are negative answers."""
    assert verify_folder(tmp_path, signer.verifier).faults == ("checkpoint: is missing",)
    (tmp_path / "checkpoint").write_text("hello\n")
    report = verify_folder(tmp_path, signer.verifier)
    assert (report.ok, report.root, report.checkpoint) == (False, None, "hello\n")


def test_another_key_or_name_is_found(tmp_path, signer, make):
    """A log recreated with another key, or another log, is not accepted."""
    make.write(tmp_path, signer, [3])
    stranger = Signer.of(signer.verifier.name, SigningKey.from_secret(b"b" * 32))
    assert verify_folder(tmp_path, stranger.verifier).faults == ("checkpoint: no known key signed the note",)
    head = notes.parse((tmp_path / "checkpoint").read_bytes())
    other = Signer.of("other.example", signer.key)
    (tmp_path / "checkpoint").write_text(str(notes.sign(head.note.text, [other])))
    assert verify_folder(tmp_path, other.verifier).faults == ("checkpoint: is another log's",)


def by_hand(folder, vkey):
    """Return the size of a good log by docs/reference/audit-log.md alone, without code of this project."""
    name, key_id, encoded = vkey.split("+", 2)
    public = base64.b64decode(encoded)
    assert hashlib.sha256(name.encode() + b"\n" + public).digest()[:4].hex() == key_id
    text, _, line = (folder / "checkpoint").read_bytes().decode().rpartition("\n\n")
    origin, size, root = text.split("\n")
    dash, signed_by, signature = line.split()
    assert (dash, signed_by, origin) == ("\N{EM DASH}", name, name)
    VerifyKey(public[1:]).verify((text + "\n").encode(), base64.b64decode(signature)[4:])
    hashes, size, before = [], int(size), -1
    for number in range(-(-size // 256)):
        width = min(256, size - 256 * number)
        suffix = f"{number:03d}" if width == 256 else f"{number:03d}.p/{width}"
        bundle = (folder / "tile/entries" / suffix).read_bytes()
        records = (folder / "records" / f"{number:03d}").read_bytes()
        for at in range(width):
            leaf = bundle[42 * at + 2 : 42 * at + 42]
            length = int.from_bytes(records[:4], "big")
            record, records = records[4 : 4 + length], records[4 + length :]
            offset = int.from_bytes(leaf[:8], "big")
            assert offset > before
            assert leaf[8:] == hashlib.blake2b(record, digest_size=32, person=b"ntf1/audit").digest()
            before = offset
            hashes.append(hashlib.sha256(b"\0" + leaf).digest())
        assert (folder / "tile/0" / suffix).read_bytes() == b"".join(hashes[-width:])
    while len(hashes) > 1:
        paired = [
            hashlib.sha256(b"\1" + one + two).digest() for one, two in zip(hashes[::2], hashes[1::2], strict=False)
        ]
        hashes = paired + hashes[len(hashes) // 2 * 2 :]
    assert hashes[0] == base64.b64decode(root)
    return size


@pytest.mark.parametrize("size", [1, 3, 256, 600])
def test_a_third_party_verifies_by_the_document(tmp_path, signer, make, size):
    """Somebody with the document, the files, the public key and a standard library comes to the same answer."""
    make.write(tmp_path, signer, [size])
    assert by_hand(tmp_path, signer.verifier.vkey) == size


def rebuild(folder, signer, leaves, values):
    """Write a log of these leaves and records, with consistent and signed files."""
    shutil.rmtree(folder, ignore_errors=True)
    encoded = [leaf.encode() for leaf in leaves]
    hashes = [merkle.leaf_hash(one) for one in encoded]
    contents = {
        f"tile/0/000.p/{len(leaves)}": b"".join(hashes),
        f"tile/entries/000.p/{len(leaves)}": tiles.encode_bundle(encoded),
        "records/000": tiles.encode_records(values),
        "checkpoint": str(notes.sign_checkpoint(signer, len(leaves), merkle.root_hash(hashes))).encode(),
    }
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def test_what_only_the_signer_can_forge_is_found(tmp_path, signer, make):
    """Records that are no audit entries, offsets that go back, and foreign records show in a well-signed log."""
    folder = tmp_path / "log"
    good = make.records(0, 3)
    values = [value for _, value in good]
    leaves = [Leaf.of(offset, value) for offset, value in good]
    rebuild(folder, signer, leaves, values)
    assert verify_folder(folder, signer.verifier).ok
    rebuild(folder, signer, [leaves[1], leaves[0], leaves[2]], [values[1], values[0], values[2]])
    assert verify_folder(folder, signer.verifier).faults == ("leaf 1: its offset 0 does not follow 1",)
    rebuild(folder, signer, [leaves[0], Leaf.of(1, b"hello"), leaves[2]], [values[0], b"hello", values[2]])
    assert verify_folder(folder, signer.verifier).faults == ("leaf 1: the record at offset 1 is no audit entry",)
    rebuild(folder, signer, leaves, [values[0], values[2], values[2]])
    assert verify_folder(folder, signer.verifier).faults == (
        "leaf 1: the record in records/000 is not what the leaf commits to",
    )


def test_a_size_that_is_a_lie_ends(tmp_path, signer, make):
    """A checkpoint over more leaves than any disk holds is refused without reading for ever."""
    make.write(tmp_path, signer, [3])
    (tmp_path / "checkpoint").write_text(str(notes.sign_checkpoint(signer, 2**63 - 1, bytes(32))))
    assert len(verify_folder(tmp_path, signer.verifier).faults) == MAX_FAULTS


def test_it_verifies_beside_an_auditor(tmp_path, signer, make):
    """An older checkpoint verifies among the files of a newer one: a copy made while the log grew is good."""
    make.write(tmp_path, signer, [200])
    older = (tmp_path / "checkpoint").read_bytes()
    for size in (230, 256, 300):
        make.write(tmp_path, signer, [size])
        newer = (tmp_path / "checkpoint").read_bytes()
        (tmp_path / "checkpoint").write_bytes(older)
        (tmp_path / "checkpoint.tmp").write_bytes(newer[:20])
        assert verify_folder(tmp_path, signer.verifier).faults == ()
        (tmp_path / "checkpoint").write_bytes(newer)


def test_the_verb_needs_files_and_a_key_only(tmp_path, signer, make, capsys, monkeypatch):
    """A third person verifies a log with no home and no network, by folder or by checkpoint."""
    log = tmp_path / "log"
    store = make.write(log, signer, [3])
    monkeypatch.chdir(tmp_path)
    for path in (log, log / "checkpoint"):
        assert run(["audit", "verify", str(path), "--key", signer.verifier.vkey, "--json"]) == 0
        out = capsys.readouterr()
        assert json.loads(out.out) == {
            "ok": True,
            "size": 3,
            "root": store.checkpoint.root.hex(),
            "checkpoint": str(store.checkpoint),
            "faults": [],
        }
        assert out.err == ""
    assert run(["audit", "verify", str(log), "--key", signer.verifier.vkey]) == 0
    assert "3 entries" in capsys.readouterr().out


def test_the_verb_says_no(tmp_path, signer, make, capsys, monkeypatch):
    """A log that does not verify is exit status 1, one line with the reason, and the faults."""
    monkeypatch.chdir(tmp_path)
    make.write(tmp_path / "log", signer, [3])
    tile = tmp_path / "log" / "tile" / "0" / "000.p" / "3"
    tile.write_bytes(bytes(96))
    verb = ["audit", "verify", "log", "--key", signer.verifier.vkey]
    assert run([*verb, "--json"]) == 1
    out = capsys.readouterr()
    assert json.loads(out.out)["faults"] == ["tile/0/000.p/3: is not what the leaves give"]
    assert out.err == "notifier: audit_mismatch: tile/0/000.p/3: is not what the leaves give\n"
    assert run(verb) == 1
    assert "does NOT verify" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (["nowhere", "--key", "VKEY"], 1, "not_found"),
        (["log", "--key", "no key"], 1, "note_invalid"),
        (["log"], 2, "usage"),
        ([], 2, "usage"),
    ],
)
def test_the_verb_misused(tmp_path, signer, make, capsys, monkeypatch, arguments, status, reason):
    """A missing log, a broken key, and no word of whose log it is: one line each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOTIFIER_HOME", raising=False)
    make.write(tmp_path / "log", signer, [1])
    given = [signer.verifier.vkey if one == "VKEY" else one for one in arguments]
    assert run(["audit", "verify", *given]) == status
    error = capsys.readouterr().err
    assert error.startswith(f"notifier: {reason}: ")
    assert error.count("\n") == 1
