"""Measures the router beside its peers, in one run on one sandbox: `make bench`."""
