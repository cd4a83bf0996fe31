"""The router: it checks envelopes, decides them in order, and writes all outputs in one transaction."""
