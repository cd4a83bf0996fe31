"""Signed notes and checkpoints: those of the specification are read, and nothing else."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.audit import checkpoint as notes
from notifier.audit.checkpoint import Checkpoint, Signer, Verifier
from notifier.crypto.keys import SigningKey
from notifier.errors import NoteError

DOCUMENT = json.loads((Path(__file__).parents[2] / "vectors" / "audit" / "checkpoints.json").read_text())
VECTORS = DOCUMENT["vectors"]
GOOD = VECTORS[0]


def outcome(text, vkey):
    try:
        notes.verify(notes.parse(text).note, [Verifier.from_vkey(vkey)])
    except NoteError as error:
        return error.reason
    return "ok"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vectors(vector):
    """Each vector has one fault and is refused for it; read as text or as bytes."""
    assert outcome(vector["text"], vector["vkey"]) == vector["class"]
    assert outcome(vector["text"].encode(), vector["vkey"]) == vector["class"]


def test_what_others_signed():
    """Keys and notes of the Go implementation verify here, and a note signed here is theirs to the byte."""
    go = DOCUMENT["interoperability"]
    verifier = Verifier.from_vkey(go["vkey"])
    note = notes.parse_note(go["note"])
    assert notes.verify(note, [verifier]) == {"PeterNeumann"}
    signer = Signer.from_skey(go["skey"])
    assert (signer.verifier.vkey, signer.skey) == (go["vkey"], go["skey"])
    assert str(notes.sign(note.text, [signer])) == go["note"]


def test_the_example_of_the_specification_parses():
    """The checkpoint printed in C2SP tlog-checkpoint is read as what it says."""
    text = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "\N{EM DASH} example.com/behind-the-sofa "
        "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    )
    head = notes.parse(text)
    assert (head.origin, head.size, head.root.hex()[:8], head.extensions) == (
        "example.com/behind-the-sofa",
        20852163,
        "0ac5186a",
        (),
    )
    assert str(head) == text


def test_a_signed_checkpoint_reads_as_it_was_signed(signer):
    """Parsing gives the values that were signed."""
    head = notes.sign_checkpoint(signer, 42, b"r" * 32)
    assert notes.parse(str(head)) == head
    assert (head.origin, head.size, head.root) == (signer.verifier.name, 42, b"r" * 32)
    assert notes.verify(head.note, [signer.verifier]) == {signer.verifier.name}


def test_every_flipped_bit_is_refused():
    """No bit of a checkpoint can be changed and still verify."""
    data = GOOD["text"].encode()
    for at in range(len(data)):
        for bit in range(8):
            edited = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            assert outcome(edited, GOOD["vkey"]) != "ok"


def test_every_truncation_is_refused():
    """No part of a checkpoint is one."""
    for size in range(len(GOOD["text"])):
        assert outcome(GOOD["text"][:size], GOOD["vkey"]) == "note_invalid"


@given(st.one_of(st.text(), st.binary(), st.text("\n\N{EM DASH} A=+01", max_size=60)))
def test_parsing_is_total(text):
    """Any text or bytes at all are a checkpoint, or a clean refusal."""
    try:
        assert isinstance(notes.parse(text), Checkpoint)
    except NoteError:
        return


@pytest.mark.parametrize("text", ["\ud800\n1\n", "a\x00b", "x" * 1_000_001, b"\xff"])
def test_texts_that_are_none(text):
    """Lone surrogates, control characters, endless and undecodable texts are refused."""
    with pytest.raises(NoteError):
        notes.parse(text)


def test_too_many_signatures():
    """A note with a flood of signatures is refused before any is verified."""
    line = GOOD["text"].rpartition("\n\n")[2]
    assert outcome(GOOD["text"] + line * 99, GOOD["vkey"]) == "ok"
    assert outcome(GOOD["text"] + line * 100, GOOD["vkey"]) == "note_invalid"


@pytest.mark.parametrize(
    "edit",
    [
        lambda vkey: "",
        lambda vkey: vkey[:-1],
        lambda vkey: vkey.replace("+", "-", 1),
        lambda vkey: "other" + vkey,
        lambda vkey: "\ud800" + vkey,
        lambda vkey: " " + vkey,
        lambda vkey: vkey.partition("+")[2],
        lambda vkey: vkey[:-44] + base64.b64encode(b"\x02" + bytes(32)).decode(),
        lambda vkey: vkey[:-44] + base64.b64encode(b"\x01" + bytes(32)).decode(),
        lambda vkey: vkey[:-44] + base64.b64encode(b"\x01" + bytes(31)).decode(),
    ],
)
def test_broken_keys(signer, edit):
    """A key with a wrong name, id, type or length is no key, public or private."""
    with pytest.raises(NoteError):
        Verifier.from_vkey(edit(signer.verifier.vkey))
    with pytest.raises(NoteError):
        Signer.from_skey("PRIVATE+KEY+" + edit(signer.skey.removeprefix("PRIVATE+KEY+")))
    with pytest.raises(NoteError):
        Signer.from_skey(signer.verifier.vkey)


@pytest.mark.parametrize("text", ["", "a", "a\tb\n", "\ud800\n"])
def test_texts_that_cannot_be_signed(signer, text):
    """Nothing is signed that a reader would cut elsewhere, or not read at all."""
    with pytest.raises(NoteError):
        notes.sign(text, [signer])


@pytest.mark.parametrize("text", ["a\n", "a\n\n", "a\n\n\N{EM DASH} b\n"])
def test_texts_with_empty_lines(signer, text):
    """The last empty line ends the text, so a text may hold others, and lines that look like signatures."""
    assert notes.parse_note(str(notes.sign(text, [signer]))).text == text


def test_the_private_key_does_not_show(signer):
    """Printing a signer does not print its secret."""
    assert signer.skey[-20:] not in repr(signer)
    assert SigningKey.from_secret(b"a" * 32).secret.hex() not in repr(signer)
