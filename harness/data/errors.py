"""The only error of the data: what is wrong, where, and the way out."""

from __future__ import annotations


class DataError(ValueError):
    """Data that cannot be used; the message names the file, the line, the field and the way out."""
