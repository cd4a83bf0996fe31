"""Subscribing: verified records, the inbox that stores them once, receipts, and sinks."""
