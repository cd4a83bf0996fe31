"""Databases: SQLite or PostgreSQL, migrations, leases, and rows that are bound to what they are."""
