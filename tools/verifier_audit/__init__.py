"""Errors of the verifier on labeled pairs."""
