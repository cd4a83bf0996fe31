"""Seals one entry for its place in the stream. Pure but for the randomness it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from notifier.crypto.keys import SigningKey
from notifier.directory.model import DAY_MS, Directory, KeyState
from notifier.directory.snapshot import Snapshot
from notifier.envelope import Act, Addressee, Body, Header, Slip, envelope_id_of, seal, signer_of
from notifier.errors import DirectoryError
from notifier.outbox.payloads import AuditEvent, Payload
from notifier.outbox.stream import InFlightEnvelope, StreamWindow
from notifier.policy.plan import Plan
from notifier.runtime import Runtime

EXPIRY_MS: Final = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class SealRequest:
    """One entry to seal: its row id, its contents, the id that its envelope names, and the plan.

    `message` is the row id of the message that a payload is of; the plan of an audit event names nobody. `reason` is
    the last reason against it.
    """

    row: int
    contents: Payload | AuditEvent
    message: int | None
    notification_id: bytes
    plan: Plan
    reason: str | None = None

    @property
    def act(self) -> Act | None:
        """Return the digest that the log is told, where this is an audit event."""
        return self.contents.act() if isinstance(self.contents, AuditEvent) else None

    @property
    def recipients(self) -> tuple[str, ...]:
        """Return those of the payload's authorities that the plan, as it stands now, sends to."""
        names = () if isinstance(self.contents, AuditEvent) else self.contents.names
        return tuple(name for name in names if name in self.plan.recipients)

    def body(self, envelope_id: bytes, stream: bytes, originator: str) -> Body | None:
        """Return the body that the recipients read; None where there are none."""
        if isinstance(self.contents, AuditEvent) or not self.recipients:
            return None
        payload = self.contents
        return Body(envelope_id, stream, originator, self.notification_id, payload.profile, payload.wire)

    @property
    def withheld(self) -> tuple[str, ...]:
        """Return everybody else that the rules expect: held, suppressed, or told by another entry."""
        return tuple(sorted({*self.plan.recipients, *self.plan.withheld} - set(self.recipients)))


@dataclass(frozen=True, slots=True)
class SealedEnvelope:
    """An envelope with its place; of an audit event its slip, too, which proves what the log has."""

    placed: InFlightEnvelope
    envelope: bytes
    slip: bytes | None


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals in the name of one authority, with its signing key."""

    name: str
    key: SigningKey
    runtime: Runtime

    def check(self, directory: Directory) -> None:
        """Raise `DirectoryError` where the hub would take nothing that is made now.

        Its reason is `unknown_authority` or `signer_suspended` of the authority, `unknown_signer`, `signer_revoked`
        or `signer_retired` of the key.
        """
        self.check_standing(directory)
        found = directory.signer(self.key.key_id)
        if found is None or found[0].name != self.name:
            raise DirectoryError(
                "unknown_signer",
                f"the directory lists this signing key not as one of {self.name}",
                hint="use the enrolled key, or have this one enrolled",
            )
        key, now = found[1], self.runtime.clock()
        if key.state is KeyState.REVOKED:
            raise DirectoryError(
                "signer_revoked", f"this signing key of {self.name} is revoked", hint="have a new one enrolled"
            )
        if not key.makes(now):
            early = now < key.not_before
            raise DirectoryError(
                "unknown_signer" if early else "signer_retired",
                f"this signing key of {self.name} " + ("is not valid yet" if early else "makes nothing new any more"),
                hint="use the key that was enrolled in its place, or have one enrolled",
            )

    def check_standing(self, directory: Directory) -> None:
        """Raise `DirectoryError` (`unknown_authority`, `signer_suspended`) where the hub takes nothing of us."""
        authority = directory.authority(self.name)
        if authority is None:
            raise DirectoryError(
                "unknown_authority", f"the directory has no authority {self.name}", hint="have it enrolled"
            )
        if not authority.active:
            raise DirectoryError(
                "signer_suspended",
                f"{self.name} is {authority.state.value} in the directory",
                hint="what is in the outbox goes out by itself once it is active again",
            )

    def takes(self, envelope: bytes, directory: Directory) -> bool:
        """Tell whether the key that signed `envelope` is still one of ours that is not revoked."""
        found = directory.signer(signer_of(envelope))
        return found is not None and found[0].name == self.name and found[1].state is not KeyState.REVOKED

    def owns(self, key_id: bytes | None, directory: Directory) -> bool:
        """Tell whether a signing key is this authority's own: the one at hand, or one that the directory lists."""
        found = None if key_id is None else directory.signer(key_id)
        return key_id == self.key.key_id or (found is not None and found[0].name == self.name)

    def seal(self, request: SealRequest, window: StreamWindow, snapshot: Snapshot, secret: bytes) -> SealedEnvelope:
        """Return the next envelope of the stream.

        Nobody to send to gives an envelope without a body: the withholding is recorded, never silent. Raises
        `DirectoryError` where the hub or a recipient has no valid encryption key.
        """
        now = self.runtime.clock()
        plan, directory = request.plan, snapshot.directory
        number, previous, sequences = window.place(request.recipients)
        envelope_id = envelope_id_of(secret, request.notification_id, previous)
        slip = Slip(
            envelope_id=envelope_id,
            notification_id=request.notification_id,
            originator=self.name,
            stream=window.stream,
            number=number,
            previous=previous,
            digest_key=self.runtime.entropy(16),
            rules_version=plan.rules_version,
            directory_version=plan.directory_version,
            facts=plan.facts,
            recipients=request.recipients,
            withheld=request.withheld,
            act=request.act,
        )
        sealed = seal(
            Header(directory.hub.hub_id, envelope_id, self.name, window.stream, now, now + EXPIRY_MS),
            slip,
            request.body(envelope_id, window.stream, self.name),
            signer=self.key,
            hub_key=_hub_key(directory, now),
            addressees=[Addressee(_key_of(directory, name, now), sequences[name]) for name in request.recipients],
            entropy=self.runtime.entropy,
        )
        placed = InFlightEnvelope(sealed.digest, request.row, window.stream, number, previous, sequences)
        return SealedEnvelope(placed, sealed.envelope, None if request.act is None else slip.encode())


def without_key(request: SealRequest, directory: Directory, now: int) -> list[str]:
    """Return the recipients of `request` without a valid encryption key at time `now`."""
    found = ((name, directory.authority(name)) for name in request.recipients)
    return [name for name, authority in found if authority is None or authority.encryption_key(now) is None]


def _hub_key(directory: Directory, now: int) -> bytes:
    key = directory.hub.encryption_key(now)
    if key is None:
        raise DirectoryError(detail="the hub has no valid encryption key in the directory")
    return key.public


def _key_of(directory: Directory, name: str, now: int) -> bytes:
    authority = directory.authority(name)
    key = authority.encryption_key(now) if authority is not None else None
    if key is None:
        raise DirectoryError(detail="a recipient has no valid encryption key in the directory")
    return key.public
