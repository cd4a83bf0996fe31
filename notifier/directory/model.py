"""The facts of the directory: participants, authorities, their keys, and those of the hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from notifier.crypto.keys import KeyUse
from notifier.names import AuthorityName

DAY_MS: Final = 24 * 60 * 60 * 1000
MAX_EXPIRY_MS: Final = 30 * DAY_MS
CLOCK_SKEW_MS: Final = 5 * 60 * 1000
VERSION_GRACE_MS: Final = DAY_MS  # how long the former version is accepted (docs/explanation/design.md)

ROLES: Final = ("spoc", "ncb", "consular", "fiu", "border", "oversight")


class KeyState(StrEnum):
    """The state of a key (docs/reference/envelope.md, "Keys").

    ``active``: in use. ``retiring``: it makes nothing new, and is accepted for a while. ``revoked``: it is refused at
    once.
    """

    ACTIVE = "active"
    RETIRING = "retiring"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Key:
    """A public key: `key_id` has 16 bytes, `public` 32; times are in Unix milliseconds."""

    key_id: bytes
    use: KeyUse
    public: bytes
    not_before: int
    not_after: int
    suite: int = 1
    state: KeyState = KeyState.ACTIVE
    changed_at: int | None = None  # time of its retirement or revocation

    def makes(self, at: int) -> bool:
        """Return whether new signatures, or envelopes sealed to it, may be made at time `at`."""
        return self.state is KeyState.ACTIVE and self.not_before <= at <= self.not_after

    def accepted(self, at: int) -> bool:
        """Return whether the hub accepts its signatures at time `at`.

        A retiring key is accepted until its retirement + the longest expiry + the clock skew. A revoked one is
        refused from its revocation on, and accepted before as it was.
        """
        if not self.not_before <= at:
            return False
        if self.state is KeyState.REVOKED:
            return self.changed_at is not None and at < self.changed_at and at <= self.not_after
        end = self.changed_at if self.state is KeyState.RETIRING and self.changed_at is not None else self.not_after
        return at <= min(end, self.not_after) + MAX_EXPIRY_MS + CLOCK_SKEW_MS

    def made(self, issued_at: int) -> bool:
        """Return whether a message issued at `issued_at` can have been made with it.

        A key makes nothing new after its retirement or end, even while earlier messages are still accepted.
        """
        end = self.not_after if self.changed_at is None else min(self.changed_at, self.not_after)
        return issued_at <= end + CLOCK_SKEW_MS


def newest_to_seal_to(keys: Sequence[Key], at: int) -> Key | None:
    """Return the newest encryption key of `keys` at time `at`, or None."""
    usable = [key for key in keys if key.use is KeyUse.ENCRYPT and key.makes(at)]
    return max(usable, key=lambda key: (key.not_before, key.key_id), default=None)


class AuthorityState(StrEnum):
    """The standing of an authority.

    ``active``: it sends and is told. ``suspended``: neither, until it is active again. ``removed``: neither, for
    good; it stays listed, so that its earlier messages can be read.
    """

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Standing:
    """An earlier standing of an authority, which ended at `until` (Unix milliseconds, exclusive)."""

    until: int
    state: AuthorityState
    publishes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Authority:
    """An office of a participant with one role, written ``TUR/spoc``.

    `principal` is its name at the broker, `feed` its topic. `publishes` are the notification types that it may send,
    and `state` is its standing, both since the last of `history` ended. `history` holds the earlier standings, oldest
    first; the first one reaches back without end.

    A decision now uses `active` and `publishes`. A reader of accepted messages uses `active_at` and `permits` with
    the time of acceptance.
    """

    name: str
    principal: str
    feed: str
    keys: tuple[Key, ...]
    publishes: frozenset[str]
    state: AuthorityState = AuthorityState.ACTIVE
    history: tuple[Standing, ...] = ()

    @property
    def active(self) -> bool:
        """Return whether it takes part now."""
        return self.state is AuthorityState.ACTIVE

    def active_at(self, at: int) -> bool:
        """Return whether its messages that the hub accepted at time `at` count."""
        return any(standing.state is AuthorityState.ACTIVE for standing in self._standings(at))

    def permits(self, type_: str, at: int) -> bool:
        """Return whether it was active and could send `type_` when the hub accepted at time `at`."""
        return any(
            standing.state is AuthorityState.ACTIVE and type_ in standing.publishes
            for standing in self._standings(at)
        )

    def changed(
        self, at: int, *, state: AuthorityState | None = None, publishes: frozenset[str] | None = None
    ) -> Authority:
        """Return this authority with another standing from `at` on (Unix milliseconds).

        The former standing goes to `history`. A clock that went back does not reorder history: the change then counts
        from the last one.
        """
        until = max([at, *(earlier.until for earlier in self.history)])
        return replace(
            self,
            state=self.state if state is None else state,
            publishes=self.publishes if publishes is None else publishes,
            history=(*self.history, Standing(until, self.state, self.publishes)),
        )

    def _standings(self, at: int) -> tuple[Standing, ...]:
        """Return the standing at `at`, and the one a clock skew later.

        A hub whose clock is behind the registrar's uses a new permission before its own clock reaches the date. A
        restriction counts from its date: the later standing adds nothing before it.
        """
        return self._standing(at), self._standing(at + CLOCK_SKEW_MS)

    def _standing(self, at: int) -> Standing:
        for earlier in self.history:
            if at < earlier.until:
                return earlier
        return Standing(at, self.state, self.publishes)

    @property
    def participant(self) -> str:
        """Return the code of the state or organisation."""
        return AuthorityName(self.name).participant

    @property
    def role(self) -> str:
        """Return the role, one of `ROLES`."""
        return AuthorityName(self.name).role

    def encryption_key(self, at: int) -> Key | None:
        """Return the newest key to seal to at time `at`, or None."""
        return newest_to_seal_to(self.keys, at)


@dataclass(frozen=True, slots=True)
class LogKey:
    """An earlier key of the log, as a vkey string: retiring since `changed_at` (Unix milliseconds), or revoked.

    Signatures of a retiring key still verify; those of a revoked one do not.
    """

    vkey: str
    state: KeyState
    changed_at: int


@dataclass(frozen=True, slots=True)
class Hub:
    """The hub: its id (`hub_id_of` the published 1.root.json), keys, intake partitions, and log.

    `keys` holds its signing keys (statements) and encryption keys (slips). `log_key` is the auditor's verifier key as
    a C2SP signed-note vkey string. `log_keys_before` are its predecessors, the latest last. `log_origin` is the
    origin line of its checkpoints.
    """

    hub_id: bytes
    keys: tuple[Key, ...]
    partitions: int
    log_origin: str
    log_key: str
    log_keys_before: tuple[LogKey, ...] = ()

    def log_vkeys(self) -> tuple[str, ...]:
        """Return the keys that verify a checkpoint of the log: the current one, and those that are retiring."""
        return (self.log_key, *(one.vkey for one in self.log_keys_before if one.state is not KeyState.REVOKED))

    def encryption_key(self, at: int) -> Key | None:
        """Return the newest key to seal slips to at time `at`, or None."""
        return newest_to_seal_to(self.keys, at)

    def signing_key(self, key_id: bytes) -> Key | None:
        """Return the hub's statement key of that id, whatever its state, or None."""
        return next((key for key in self.keys if key.use is KeyUse.SIGN and key.key_id == key_id), None)


@dataclass(frozen=True, slots=True)
class Directory:
    """A signed version of the directory; every lookup takes constant time.

    `issued_at` is the time of its signature (Unix milliseconds). `authorities` is keyed by name.
    """

    version: int
    issued_at: int
    hub: Hub
    authorities: Mapping[str, Authority]
    _by_key: Mapping[bytes, tuple[Authority, Key]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_key = {key.key_id: (authority, key) for authority in self.authorities.values() for key in authority.keys}
        object.__setattr__(self, "_by_key", by_key)

    def authority(self, name: str) -> Authority | None:
        """Return the authority of that name, active or not, or None."""
        return self.authorities.get(name)

    def participates(self, name: str) -> bool:
        """Return whether the directory has an active authority of that name."""
        found = self.authorities.get(name)
        return found is not None and found.active

    def feeds(self) -> frozenset[str]:
        """Return the feeds of all active authorities."""
        return frozenset(one.feed for one in self.authorities.values() if one.active)

    def signer(self, key_id: bytes) -> tuple[Authority, Key] | None:
        """Return the authority and signing key of that key id, whatever their state, or None."""
        found = self._by_key.get(key_id)
        return found if found is not None and found[1].use is KeyUse.SIGN else None

    def recipient(self, rid: bytes) -> tuple[Authority, Key] | None:
        """Return the authority and encryption key of that recipient id, whatever their state, or None."""
        found = self._by_key.get(rid)
        return found if found is not None and found[1].use is KeyUse.ENCRYPT else None

    def revoked_since(self, earlier: Directory) -> bool:
        """Return whether a key or authority that `earlier` accepts is revoked, suspended or missing here."""
        for name, before in earlier.authorities.items():
            now = self.authorities.get(name)
            if before.active and (now is None or not now.active):
                return True
            states = {key.key_id: key.state for key in now.keys} if now is not None else {}
            for key in before.keys:
                if key.state is not KeyState.REVOKED and states.get(key.key_id, KeyState.REVOKED) is KeyState.REVOKED:
                    return True
        return False
