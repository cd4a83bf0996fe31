"""Routing: the rules and the decision (pure), and the router that checks and applies them (a shell)."""

from notifier.routing.decision import decide

__all__ = ["decide"]
