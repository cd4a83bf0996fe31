"""8 Two texts under one envelope: DEU and AUT believe to have read the same, and have not.

The attacker is the originator itself: it knows every key of its envelope and signs whatever it likes. Control: one
signed commitment to one content key, compared before the body is read.
"""

from __future__ import annotations

from dataclasses import replace

from notifier.crypto.primitives import blake, decrypt, encrypt, pad, unpad
from notifier.envelope import Body
from notifier.envelope.format import Prefix
from notifier.notification import decode, encode

OTHER = bytes(range(32))


async def test_a_second_content_key_opens_for_nobody(stage):
    """DEU's stanza carries another key, to which another text is sealed: nobody shows a text that others have not."""
    letter = stage.forge(text="what AUT reads")
    record = letter.record
    hh = Prefix.parse(record["prefix"]).hh
    aad = hh + record["epk"] + record["commit"]
    padded = decrypt(blake(b"ntf1/body", hh, key=letter.cek), aad, record["body"])
    body = Body.decode(unpad(padded, 1024))
    other = replace(decode(body.notification), narrative="what DEU reads")
    text = pad(replace(body, notification=encode(other)).encode(), 1024)
    swapped = letter.stanza(stage.decryption("DEU/spoc"), 1, cek=OTHER)
    stanzas = [swapped if one["rid"] == swapped["rid"] else one for one in record["stanzas"]]
    sealed = encrypt(blake(b"ntf1/body", hh, key=OTHER), aad, text)
    two = letter.forged(stage.signing("TUR/spoc"), stanzas=stanzas, body=sealed)
    assert await stage.route(two) == [None], "the hub cannot see into it"
    for name in ("DEU/spoc", "AUT/spoc", "UTO/spoc"):
        shown = await stage.read(name)
        assert (shown.texts, shown.refused) == ([], ["cannot_open"]), name
        assert shown.receipts == [("refused", "cannot_open")], name
