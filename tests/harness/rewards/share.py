"""A reward function that is neither all nor nothing, for tests that need one to import."""

from __future__ import annotations


def digits(*, problem: str, answer: str, response: str) -> float:
    """Score the share of a response's characters that are digits."""
    del problem, answer
    return sum(character.isdecimal() for character in response) / max(len(response), 1)
