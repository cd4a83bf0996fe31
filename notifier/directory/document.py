"""The directory as the JSON document that its role signs, strict in both directions."""

from __future__ import annotations

import json
from typing import Any

from notifier.crypto.keys import KeyUse, key_id
from notifier.crypto.points import check_encryption_key, check_signing_key
from notifier.directory.model import ROLES, Authority, AuthorityState, Directory, Hub, Key, KeyState, LogKey, Standing
from notifier.errors import DirectoryError, KeyRejectedError
from notifier.names import AuthorityName


def to_document(directory: Directory) -> dict[str, Any]:
    """Return the document of `directory`; keys and ids in hex, authorities sorted by name."""
    hub = directory.hub
    return {
        "version": directory.version,
        "issued_at": directory.issued_at,
        "hub": {
            "keys": [_key_out(key) for key in hub.keys],
            "partitions": hub.partitions,
            "log_origin": hub.log_origin,
            "log_key": hub.log_key,
            "log_keys_before": [
                {"vkey": one.vkey, "state": one.state.value, "changed_at": one.changed_at}
                for one in hub.log_keys_before
            ],
        },
        "authorities": [
            {
                "name": one.name,
                "principal": one.principal,
                "feed": one.feed,
                "state": one.state.value,
                "publishes": sorted(one.publishes),
                "history": [_standing_out(standing) for standing in one.history],
                "keys": [_key_out(key) for key in one.keys],
            }
            for _, one in sorted(directory.authorities.items())
        ],
    }


def read_document(data: bytes, name: str) -> Any:
    """Return the JSON value in `data`; raises `DirectoryError` with the document's `name`."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DirectoryError(detail=f"{name} is not JSON") from error


def from_document(document: object, hub_id: bytes) -> Directory:
    """Return the directory of a signed document; `hub_id` comes from the trusted root, never from the document.

    Raises `DirectoryError` with the place of the first fault: a missing, unknown or mistyped field, or a key that is
    malformed, of low order or listed twice.
    """
    top = _fields(document, "directory", "version issued_at hub authorities")
    hub = _fields(_whole_hub(top["hub"]), "hub", "keys partitions log_origin log_key log_keys_before")
    authorities = {}
    for number, item in enumerate(_kind(top["authorities"], list, "authorities")):
        one = _authority(item, f"authorities/{number}")
        if one.name in authorities:
            raise DirectoryError(detail=f"authorities/{number}: is listed twice")
        authorities[one.name] = one
    keys = [key.key_id for one in authorities.values() for key in one.keys]
    if len(set(keys)) != len(keys):
        raise DirectoryError(detail="a key must belong to one authority, and be listed once")
    partitions = _kind(hub["partitions"], int, "hub/partitions")
    if partitions < 1:
        raise DirectoryError(detail="hub/partitions: must be at least 1")
    return Directory(
        version=_kind(top["version"], int, "version"),
        issued_at=_kind(top["issued_at"], int, "issued_at"),
        hub=Hub(
            hub_id,
            _keys(hub["keys"], "hub/keys"),
            partitions,
            _kind(hub["log_origin"], str, "hub/log_origin"),
            _kind(hub["log_key"], str, "hub/log_key"),
            _log_keys(hub["log_keys_before"]),
        ),
        authorities=authorities,
    )


def _whole_hub(item: object) -> object:
    """Return the hub, with an empty list of earlier log keys where it was signed before that field existed."""
    if isinstance(item, dict) and "log_keys_before" not in item:
        return item | {"log_keys_before": []}
    return item


def _log_keys(items: object) -> tuple[LogKey, ...]:
    found = []
    for number, item in enumerate(_kind(items, list, "hub/log_keys_before")):
        where = f"hub/log_keys_before/{number}"
        one = _fields(item, where, "vkey state changed_at")
        if one["state"] not in (KeyState.RETIRING, KeyState.REVOKED):
            raise DirectoryError(detail=f"{where}/state: must be retiring or revoked")
        changed_at = _kind(one["changed_at"], int, f"{where}/changed_at")
        found.append(LogKey(_kind(one["vkey"], str, f"{where}/vkey"), KeyState(one["state"]), changed_at))
    return tuple(found)


def _authority(item: object, where: str) -> Authority:
    one = _fields(_dated(item), where, "name principal feed state publishes history keys")
    name = _kind(one["name"], str, f"{where}/name")
    if not AuthorityName(name).is_well_formed(ROLES):
        raise DirectoryError(detail=f"{where}/name: must be PARTICIPANT/role, with one of {', '.join(ROLES)}")
    return Authority(
        name=name,
        principal=_kind(one["principal"], str, f"{where}/principal"),
        feed=_kind(one["feed"], str, f"{where}/feed"),
        keys=_keys(one["keys"], f"{where}/keys"),
        publishes=_types(one["publishes"], f"{where}/publishes"),
        state=_state(one["state"], f"{where}/state"),
        history=_history(one["history"], f"{where}/history"),
    )


def _dated(item: object) -> object:
    """Return `item` with state and history, where it was signed before authorities had them."""
    if isinstance(item, dict) and isinstance(item.get("active"), bool) and not item.keys() & {"state", "history"}:
        state = AuthorityState.ACTIVE if item["active"] else AuthorityState.SUSPENDED
        kept = {name: value for name, value in item.items() if name != "active"}
        return kept | {"state": state.value, "history": []}
    return item


def _history(items: object, where: str) -> tuple[Standing, ...]:
    found: list[Standing] = []
    for number, item in enumerate(_kind(items, list, where)):
        place = f"{where}/{number}"
        one = _fields(item, place, "until state publishes")
        until = _kind(one["until"], int, f"{place}/until")
        if found and until < found[-1].until:
            raise DirectoryError(detail=f"{place}/until: must not be before the one that it follows")
        found.append(
            Standing(until, _state(one["state"], f"{place}/state"), _types(one["publishes"], f"{place}/publishes"))
        )
    return tuple(found)


def _standing_out(standing: Standing) -> dict[str, Any]:
    return {"until": standing.until, "state": standing.state.value, "publishes": sorted(standing.publishes)}


def _state(value: object, where: str) -> AuthorityState:
    try:
        return AuthorityState(_kind(value, str, where))
    except ValueError as error:
        raise DirectoryError(detail=f"{where}: must be one of {', '.join(AuthorityState)}") from error


def _types(items: object, where: str) -> frozenset[str]:
    return frozenset(_kind(type_, str, where) for type_ in _kind(items, list, where))


def _keys(items: object, where: str) -> tuple[Key, ...]:
    return tuple(_key(item, f"{where}/{number}") for number, item in enumerate(_kind(items, list, where)))


def _key(item: object, where: str) -> Key:
    one = _fields(item, where, "use public suite state not_before not_after changed_at")
    try:
        use, state = KeyUse(one["use"]), KeyState(one["state"])
        public = bytes.fromhex(_kind(one["public"], str, f"{where}/public"))
        (check_signing_key if use is KeyUse.SIGN else check_encryption_key)(public)
    except (ValueError, KeyRejectedError) as error:
        raise DirectoryError(detail=f"{where}: must be a usable key") from error
    changed = one["changed_at"]
    return Key(
        key_id=key_id(use, public),
        use=use,
        public=public,
        not_before=_kind(one["not_before"], int, f"{where}/not_before"),
        not_after=_kind(one["not_after"], int, f"{where}/not_after"),
        suite=_kind(one["suite"], int, f"{where}/suite"),
        state=state,
        changed_at=None if changed is None else _kind(changed, int, f"{where}/changed_at"),
    )


def _key_out(key: Key) -> dict[str, Any]:
    return {
        "use": key.use.value,
        "public": key.public.hex(),
        "suite": key.suite,
        "state": key.state.value,
        "not_before": key.not_before,
        "not_after": key.not_after,
        "changed_at": key.changed_at,
    }


def _fields(value: object, where: str, names: str) -> dict[str, Any]:
    if not isinstance(value, dict) or sorted(value) != sorted(names.split()):
        raise DirectoryError(detail=f"{where}: must have exactly the fields {names}")
    return value


def _kind(value: Any, kind: type, where: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise DirectoryError(detail=f"{where}: must be of type {kind.__name__}")
    return value
