"""13 Rewritten history: the hub's operator changes a decision in the log, or removes one.

The attacker holds the auditor's disk; then the log's signing key as well. Control: an RFC 6962 tree over all entries,
whose signed checkpoint binds every byte. A party with an older checkpoint sees by a consistency proof that today's
tree does not continue it.
"""

from __future__ import annotations

import asyncio

import pytest

from notifier.audit import checkpoint as notes
from notifier.audit import merkle, tiles
from notifier.audit.checkpoint import Signer
from notifier.auditor.auditor import Auditor
from notifier.auditor.store import LogStore
from notifier.auditor.verify import verify_folder
from notifier.crypto.keys import SigningKey
from notifier.errors import ProofError, RefusedError
from notifier.topics import AUDIT

LOG = Signer.of("log.notifier.example", SigningKey.from_secret(b"l" * 32))


async def audit(stage, folder):
    """Let an auditor add all decisions so far to the log in `folder`."""
    stop, looks = asyncio.Event(), 0

    async def once(step):
        nonlocal looks
        looks += step == "read"
        if looks > 1:
            stop.set()

    stage.world.broker.fault = once
    await Auditor(stage.world.broker.transport(), folder, LOG).run(stop)


def files(folder):
    """Return every file of a log."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


async def test_every_edited_byte_is_found(stage, tmp_path):
    """Verification with a public key alone finds any edited byte of any file."""
    await stage.route(stage.letter())
    await audit(stage, tmp_path / "log")
    assert verify_folder(tmp_path / "log", LOG.verifier).size == 4, "a decision and three deliveries"
    for path in files(tmp_path / "log"):
        data = path.read_bytes()
        for at in range(len(data)):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
            assert not verify_folder(tmp_path / "log", LOG.verifier).ok, f"{path.name} byte {at}"
        path.write_bytes(data)
    assert verify_folder(tmp_path / "log", LOG.verifier).ok


async def test_an_auditor_signs_nothing_upon_an_edited_log(stage, tmp_path):
    """One stored tile is edited: the auditor refuses to go on, and its last checkpoint stands."""
    await stage.route(stage.letter())
    await audit(stage, tmp_path / "log")
    signed = (tmp_path / "log" / "checkpoint").read_bytes()
    (tile,) = (tmp_path / "log" / "tile" / "0").rglob("4")
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    await stage.route(stage.letter())
    with pytest.raises(RefusedError) as refused:
        await audit(stage, tmp_path / "log")
    assert refused.value.reason == "audit_mismatch"
    assert (tmp_path / "log" / "checkpoint").read_bytes() == signed


@pytest.mark.parametrize("left_out", [0, 2])
async def test_a_log_written_anew_is_not_the_one_that_others_saw(stage, tmp_path, left_out):
    """A log rebuilt without one decision or delivery is valid, but does not continue the old one."""
    await stage.route(stage.letter())
    await audit(stage, tmp_path / "log")
    kept = notes.parse((tmp_path / "log" / "checkpoint").read_bytes())
    await stage.route(stage.letter())
    records = [(record.offset, record.value) for record in stage.world.broker.records(AUDIT)]
    store = LogStore.open(tmp_path / "anew", LOG)
    store.append([one for number, one in enumerate(records) if number != left_out])
    store.close()
    assert verify_folder(tmp_path / "anew", LOG.verifier).ok
    with pytest.raises(ProofError):
        consistent(kept, tmp_path / "anew")
    await audit(stage, tmp_path / "log")
    consistent(kept, tmp_path / "log")


def consistent(kept, folder):
    """Raise `ProofError` unless the log in `folder` continues the checkpoint that was kept elsewhere."""
    head = notes.parse((folder / "checkpoint").read_bytes())
    (tile,) = (folder / "tile" / "0").rglob(str(head.size))
    proof = merkle.consistency_path(kept.size, tiles.decode_hashes(tile.read_bytes()))
    merkle.verify_consistency(kept.size, head.size, proof, kept.root, head.root)
