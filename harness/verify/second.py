"""math-verify's opinion, asked only for a gold that our reader does not know."""

from __future__ import annotations

import logging
import re
from typing import Final

from harness.verify.constants import with_bound_names

_INDEX: Final = re.compile(r"_\{[^{}]*\}")  # where a sum says what it runs over
_NAME: Final = re.compile(r"\\?[A-Za-z]+")
_RELATION: Final = re.compile(
    r"[=<>]|\\(?:equiv|cong|sim|in|subseteq|subset|le|ge|leq|geq|ne|neq|mid|to|p?mod)(?![A-Za-z])"
)
_SENTENCE: Final = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{4,}")


def math_verify_agrees(gold: str, answer: str) -> bool:
    """Whether math-verify finds the two equal.

    Never asked for sentences and relations, of which it reads a part, nor for an answer with names that the gold lacks.
    Without its timers, which need the main thread and depend on load: the process has a deadline of its own.
    """
    answer = with_bound_names(gold, answer) or answer
    if any(pattern.search(_INDEX.sub("", text)) for pattern in (_SENTENCE, _RELATION) for text in (gold, answer)):
        return False
    if not set(_NAME.findall(answer)) <= set(_NAME.findall(gold)):
        return False
    from math_verify import parse, verify  # noqa: PLC0415  # slow to load, seldom needed

    logging.disable(logging.CRITICAL)
    wanted, given = (parse(rf"\boxed{{{text.replace('$', '')}}}", parsing_timeout=None) for text in (gold, answer))
    return bool(wanted and given and verify(wanted, given, timeout_seconds=None))
