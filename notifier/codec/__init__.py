"""Avro in one canonical form, each record with the fingerprint of its schema."""
