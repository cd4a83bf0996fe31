"""Persons of an authority and their signatures: submissions, approvals, adoptions."""
