"""Primitives, keys and sealed rows: the only folder that imports a cryptographic library."""
