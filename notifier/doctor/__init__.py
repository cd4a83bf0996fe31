"""Checks of one installation: what is wrong, where, and how to mend it."""
