"""notifier is a secure message broker for notifications under UN Security Council resolution 2396 (2017).

Most programs need `Publisher` and `Subscriber` alone. Each is an asynchronous context manager, made by
`from_config(path)` or, in a sandbox, by `from_home(home, authority)`. Their results and errors are exported here.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifier.consumers.inbox.records import MessageState, Received
    from notifier.consumers.sinks import Callback, JsonLines, Sink, StandardOutput
    from notifier.consumers.subscriber import Subscriber
    from notifier.errors import (
        NotFoundError,
        NotificationInvalidError,
        NotifierError,
        OwnershipLostError,
        RefusedError,
        TemporaryError,
    )
    from notifier.notification import Notification
    from notifier.outbox.states import RecipientState
    from notifier.outbox.status import Status
    from notifier.persons.submissions import Submitter
    from notifier.producers.publisher import Publisher
    from notifier.producers.results import Submitted

__version__ = "0.1.0"
__all__ = [
    "Callback",
    "JsonLines",
    "MessageState",
    "NotFoundError",
    "Notification",
    "NotificationInvalidError",
    "NotifierError",
    "OwnershipLostError",
    "Publisher",
    "Received",
    "RecipientState",
    "RefusedError",
    "Sink",
    "StandardOutput",
    "Status",
    "Submitted",
    "Submitter",
    "Subscriber",
    "TemporaryError",
]

_MODULES = {
    "notifier.consumers.inbox.records": ("MessageState", "Received"),
    "notifier.consumers.sinks": ("Callback", "JsonLines", "Sink", "StandardOutput"),
    "notifier.consumers.subscriber": ("Subscriber",),
    "notifier.errors": (
        *("NotFoundError", "NotificationInvalidError", "NotifierError"),
        *("OwnershipLostError", "RefusedError", "TemporaryError"),
    ),
    "notifier.notification": ("Notification",),
    "notifier.outbox.status": ("Status",),
    "notifier.outbox.states": ("RecipientState",),
    "notifier.persons.submissions": ("Submitter",),
    "notifier.producers.publisher": ("Publisher",),
    "notifier.producers.results": ("Submitted",),
}


def __getattr__(name: str) -> Any:
    """Import an exported name on first use: the command line starts without the SDK."""
    for module, names in _MODULES.items():
        if name in names:
            from importlib import import_module

            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the exported names as well, which are not imported yet."""
    return sorted({*globals(), *__all__})
