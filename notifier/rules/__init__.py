"""The signed routing rules as data."""
