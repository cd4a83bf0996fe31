"""Checks of one installation, each with the problem, its place, and its remedy."""
