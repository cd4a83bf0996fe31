"""Digests by which one notification names another.

A digest covers the canonical JSON, not Avro, so it does not depend on the schema version. It covers only the reader's
profile (`digests_of`): a digest of more would confirm guesses about hidden fields.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from notifier.names import NotificationId
from notifier.notification.forms import to_json
from notifier.notification.model import About, Notification, for_sealing
from notifier.notification.profiles import ROLES, cut, profile_of

FULL: Final = "full"


def digest_of(notification: Notification) -> str:
    """Return 32 bytes of BLAKE2b in hex over the notification as it leaves: no `local`, no sign of a refugee."""
    document = to_json(for_sealing(notification), local=False)
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=32, person=b"ntf1/text").hexdigest()


def digests_of(notification: Notification) -> dict[str, str]:
    """Return the digest of the notification as each profile shows it, by the profile's name."""
    profiles = (profile_of(role, child=child) for role in (FULL, *ROLES) for child in (False, True))
    return {name: digest_of(cut(notification, profile)) for name, profile in profiles}


def naming(notification: Notification, digests: Mapping[str, str], profile: str) -> Notification:
    """Return `notification` naming its parent, or the one it is about, by the digest that `profile` has of that.

    `digests` are those of the other (`digests_of`); the notification is unchanged where they lack the profile. A
    forwarded update in a cut profile loses `about`, because its forwarder knows no digest for this reader.
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
    """Return the originator and the reference of the notification that this one names: its parent, or its `about`.

    None where it names none. A response counts as none: it names one of its recipient's.
    """
    if notification.parent is not None:
        parent = notification.parent
        return parent.originator, About(parent.id, parent.digest)
    if notification.about is None or notification.type == "response":
        return None
    return notification.originator, notification.about


def is_named_by(notification: Notification, other: Notification) -> bool:
    """Return whether `notification` names `other` with a right digest, in any profile."""
    found = named_by(notification)
    if found is None or other.id is None:
        return False
    originator, named = found
    if (originator, named.id) != (other.originator, NotificationId(other.id).text):
        return False
    return named.digest in digests_of(other).values()
