"""Fuzzing: what the parsers are fed with, and what counts as a finding."""
