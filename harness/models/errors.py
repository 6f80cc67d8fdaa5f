"""The error of a model that cannot be used."""

from __future__ import annotations


class ModelError(ValueError):
    """A model that cannot be used: which, why, and the way out, in one line."""
