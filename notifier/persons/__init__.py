"""Persons of an authority and what they sign: submissions, approvals, adoptions. Pure."""
