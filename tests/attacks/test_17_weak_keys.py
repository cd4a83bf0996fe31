"""17 Malformed or low-order keys: a key that is no key makes what is sealed to it, or signed by it, everybody's.

The attacker has a key of its making enrolled, or seals with one. Control: points are checked on enrolment, when a
directory is read, and on use. The points: all of low order of Curve25519, also in their unreduced forms and with
the bit set that X25519 ignores (the lists of Wycheproof and libsodium); small, mixed, unreduced and impossible ones
of Ed25519 (among them those of ed25519-speccheck).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.crypto.keys import DecryptionKey, KeyUse, SigningKey, signature_holds
from notifier.crypto.points import check_encryption_key, check_signing_key
from notifier.crypto.primitives import blake, decrypt, encrypt, exchange, u64
from notifier.directory.document import to_document
from notifier.directory.enrolment import request
from notifier.envelope.format import Prefix
from notifier.errors import DirectoryError, KeyRejectedError
from support.published import put_by_force

REDUCED = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)
X25519 = [bytes.fromhex(one) for one in REDUCED]
X25519 += [one[:31] + bytes([one[31] | 0x80]) for one in X25519]
ED25519 = [
    bytes.fromhex(one)
    for one in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "0200000000000000000000000000000000000000000000000000000000000000",
    )
]


@pytest.mark.parametrize("key", X25519, ids=bytes.hex)
def test_an_encryption_key_of_low_order_is_refused(key):
    """Everybody could open an envelope sealed to it."""
    with pytest.raises(KeyRejectedError):
        check_encryption_key(key)


@pytest.mark.parametrize("key", ED25519, ids=bytes.hex)
def test_a_signing_key_outside_the_main_subgroup_is_refused(key):
    """One signature may hold for many messages, or for some readers only."""
    with pytest.raises(KeyRejectedError):
        check_signing_key(key)


def test_a_signature_that_holds_for_every_message_holds_for_none():
    """ed25519-speccheck, 0: R and A of small order and S = 0, which a lax verifier takes."""
    public = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa")
    signature = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a") + bytes(32)
    message = bytes.fromhex("8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6")
    assert not signature_holds(public, message, signature)


@pytest.mark.parametrize("key", X25519[:4], ids=bytes.hex)
def test_no_such_key_is_enrolled(published, key):
    """Refused before a challenge is posed; nothing is in the directory afterwards."""
    registry = published.registry()
    honest = DecryptionKey.from_secret(b"d" * 32)
    asked = request("NLD/spoc", registry.hub_id, SigningKey.from_secret(b"s" * 32), replace(honest, public=key))
    with pytest.raises(KeyRejectedError):
        registry.issue_challenge(asked)
    assert published.client().load().directory.authorities == {}


@pytest.mark.parametrize(("use", "key"), [(KeyUse.ENCRYPT, X25519[2]), (KeyUse.SIGN, ED25519[4])])
def test_a_directory_that_lists_one_is_refused(published, use, key):
    """All holders of the directory have signed it: no client takes it all the same."""
    published.enrol("NLD/spoc")
    client = published.client()
    document = to_document(client.load().directory)
    listed = next(one for one in document["authorities"][0]["keys"] if one["use"] == use)
    listed["public"] = key.hex()
    document["version"] += 1
    put_by_force(published, "directory", document)
    with pytest.raises(DirectoryError):
        client.load()


def opened_to_all(stage, letter, epk):
    """Return the envelope sealed again with a low-order ephemeral key: every shared secret is zero."""
    record, hub, own = letter.record, stage.world.hub.decryption, stage.decryption("DEU/spoc")
    hh, commit = Prefix.parse(record["prefix"]).hh, record["commit"]

    def kek(person, epk, public, secret):
        return blake(person, hh + epk + public, key=secret)

    true = kek(b"ntf1/slip", record["epk"], hub.public, exchange(letter.esk, hub.public))
    slip = decrypt(true, hh + hub.key_id + commit, record["slip"])
    body_key = blake(b"ntf1/body", hh, key=letter.cek)
    body = decrypt(body_key, hh + record["epk"] + commit, record["body"])
    wrapped = kek(b"ntf1/wrap", epk, own.public, bytes(32))
    wrap = encrypt(wrapped, hh + own.key_id + commit, letter.cek + u64(1))
    stanzas = [one | {"wrap": wrap} if one["rid"] == own.key_id else one for one in record["stanzas"]]
    return letter.forged(
        stage.signing("TUR/spoc"),
        epk=epk,
        slip=encrypt(kek(b"ntf1/slip", epk, hub.public, bytes(32)), hh + hub.key_id + commit, slip),
        body=encrypt(body_key, hh + epk + commit, body),
        stanzas=stanzas,
    )


async def test_what_everybody_could_open_nobody_opens(stage):
    """An originator would show its message to the broker: hub and recipient refuse it, and do not fall over it."""
    shown_to_all = [opened_to_all(stage, stage.forge(), epk) for epk in X25519]
    await stage.inject("DEU/spoc", *(stage.delivery(one, "DEU/spoc") for one in shown_to_all))
    true = stage.letter()
    assert await stage.route(*shown_to_all, true) == ["unreadable_slip"] * len(X25519) + [None]
    shown = await stage.read("DEU/spoc")
    assert (shown.texts, shown.refused) == ([true.text], ["cannot_open"] * len(X25519))
