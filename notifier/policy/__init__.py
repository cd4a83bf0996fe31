"""The routing decision: who is told of a notification, who waits, and why. Pure."""
