"""The secure message broker for notifications under UN Security Council resolution 2396 (2017)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifier.consumers.subscriber import Subscriber
    from notifier.producers.publisher import Publisher

__version__ = "0.1.0"
__all__ = ["Publisher", "Subscriber"]

_PLACES = {"Publisher": "notifier.producers.publisher", "Subscriber": "notifier.consumers.subscriber"}


def __getattr__(name: str) -> Any:
    """Load a public name at its first use, so that the command line starts without the SDK."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)
