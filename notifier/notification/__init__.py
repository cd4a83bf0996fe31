"""Notifications: their facts, their checks, and their forms in JSON and Avro."""

from notifier.notification.forms import decode, encode, to_json
from notifier.notification.model import TYPES, Notification, for_sealing
from notifier.notification.parsing import parse, restore

__all__ = ["TYPES", "Notification", "decode", "encode", "for_sealing", "parse", "restore", "to_json"]
