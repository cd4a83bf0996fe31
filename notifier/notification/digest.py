"""The digest by which one notification names another. Pure.

It is over the canonical JSON and not over Avro, so it stays the same whichever schema carries the notification.
It is over no more than the profile of whoever is given it shows (`digests_of`): a digest of more would answer every
guess about what they are not told.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from notifier.notification.forms import to_json
from notifier.notification.model import About, Notification, for_sealing
from notifier.notification.profiles import ROLES, cut, profile_of

FULL: Final = "full"


def digest_of(notification: Notification) -> str:
    """32 bytes of BLAKE2b in hex, over the notification as it leaves: no `local`, nothing that shows a refugee."""
    document = to_json(for_sealing(notification), local=False)
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=32, person=b"ntf1/text").hexdigest()


def digests_of(notification: Notification) -> dict[str, str]:
    """The digest of the notification as each profile shows it, by the profile's name."""
    profiles = (profile_of(role, child=child) for role in (FULL, *ROLES) for child in (False, True))
    return {name: digest_of(cut(notification, profile)) for name, profile in profiles}


def naming(notification: Notification, digests: Mapping[str, str], profile: str) -> Notification:
    """`notification`, naming the one that it is made from or is about by the digest of what `profile` shows of that.

    `digests` are the other's (`digests_of`); empty where it names none of which they are known. A forwarded update
    that is cut names no longer what it is about: its forwarder knows no digest of that for this reader.
    """
    digest = digests.get(profile)
    if digest is None:
        return notification
    if notification.parent is not None:
        about = notification.about if profile == FULL else None
        return replace(notification, parent=replace(notification.parent, digest=digest), about=about)
    if notification.about is not None:
        return replace(notification, about=replace(notification.about, digest=digest))
    return notification


def named_by(notification: Notification) -> tuple[str, About] | None:
    """What another notification this one names, and whose: what it was made from, or what it is about.

    None where it names none; a response names one of whoever reads it.
    """
    if notification.parent is not None:
        parent = notification.parent
        return parent.originator, About(parent.id, parent.digest)
    if notification.about is None or notification.type == "response":
        return None
    return notification.originator, notification.about


def is_named_by(notification: Notification, other: Notification) -> bool:
    """Whether `notification` names `other`, text and all, in whichever profile the reader has it."""
    found = named_by(notification)
    if found is None or other.id is None:
        return False
    originator, named = found
    if (originator, named.id) != (other.originator, str(uuid.UUID(bytes=other.id))):
        return False
    return named.digest in digests_of(other).values()
