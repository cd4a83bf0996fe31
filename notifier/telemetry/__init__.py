"""Metrics, logs and health of a service."""
