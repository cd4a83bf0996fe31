"""The envelope, suite 1: what one authority sends to several others through a hub that cannot read it. Pure."""

from notifier.envelope.format import (
    Act,
    Body,
    Header,
    Slip,
    envelope_id_of,
    inputs_digest,
    notification_digest,
    partition_of,
    raw_digest,
    stream_key,
)
from notifier.envelope.keys import DecryptionKey, SigningKey, key_id
from notifier.envelope.opening import (
    Opened,
    ParsedDelivery,
    VerifiedDelivery,
    open_body,
    parse_delivery,
    parse_feed,
    verify_delivery,
)
from notifier.envelope.sealing import Addressee, Sealed, seal
from notifier.envelope.statements import (
    SignedStatement,
    Statement,
    leaf_of,
    notice,
    sign_statements,
    verify_statement,
)
from notifier.envelope.verifying import VerifiedEnvelope, check_stanzas, delivery, digest_of, open_slip, verify

__all__ = [
    "Act",
    "Addressee",
    "Body",
    "DecryptionKey",
    "Header",
    "Opened",
    "ParsedDelivery",
    "Sealed",
    "SignedStatement",
    "SigningKey",
    "Slip",
    "Statement",
    "VerifiedDelivery",
    "VerifiedEnvelope",
    "check_stanzas",
    "delivery",
    "digest_of",
    "envelope_id_of",
    "inputs_digest",
    "key_id",
    "leaf_of",
    "notice",
    "notification_digest",
    "open_body",
    "open_slip",
    "parse_delivery",
    "parse_feed",
    "partition_of",
    "raw_digest",
    "seal",
    "sign_statements",
    "stream_key",
    "verify",
    "verify_delivery",
    "verify_statement",
]
