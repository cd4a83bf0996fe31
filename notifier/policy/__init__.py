"""The routing decision: the authorities that are told of a notification, those that wait, and the reasons."""
