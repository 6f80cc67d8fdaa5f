r"""Qualifiers behind an answer: ``\text{ for all } x\in\mathbb{R}``, ``, k\in\mathbb{Z}``.

Those that restrict nothing are taken off. One that restricts stays, so that the answer is no answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS: Final = re.compile(r"\\text\s*\{([^{}]*)\}")
_MOST: Final = 600  # characters of an answer that is looked at
_V: Final = r"(?P<{0}>[A-Za-z]|\\[a-z]+)(?:_\{{?\d\}}?)?"
_LIST: Final = r"[A-Za-z](?:_\{?\d\}?)?(?:\s*(?:,|and)\s*[A-Za-z](?:_\{?\d\}?)?){0,3}"
_DOMAIN: Final = (
    r"(?:(?P<N{0}>(?:positive|non-?negative) (?:integers?|whole numbers?)|natural numbers?|whole numbers?)"
    r"|(?P<Z{0}>integers?)|(?P<R{0}>real(?: (?:numbers?|values?))?|reals)|(?P<C{0}>complex(?: numbers?)?)"
    r"|(?P<constant{0}>(?:real )?(?:constants?|parameters?))|(?P<any{0}>numbers?|values?))"
)
_SET: Final = (
    r"(?:\\in|in)\s*(?:(?:\\mathbb\s*)?\{{?\s*(?P<set{0}>(?-i:[ZNRC]))(?![A-Za-z])\s*\}}?"
    r"(?P<cut{0}>\s*[\^_]\s*(?:\{{[^{{}}]*\}}|\S+))?|\\Reals)"
)
_ALL: Final = r"(?:for )?(?:all|any|every|each)(?: of)?(?: possible)?|\\forall"
_HEAD: Final = r"(?:(?:for|with|where|and|here|over|such that)\s+)?"
_DESCRIBED: Final = r"(?:is|denotes|represents|stands for|being) (?:the|a|an) (?P<described>[a-z ]{3,80})"
_RESTRICTS: Final = re.compile(
    r"\b(?:odd|even|prime|composite|negative|positive|nonzero|non-zero|zero|multiple|divisible|less|greater|fewer|more|most|least"
    r"|except|not|only|fixed|given|one|two|three|four|five|square|perfect|smaller|larger|if|when|unless|rational|irrational"
    r"|integers?|coprime|power|distinct|between|certain|specific)\b"
)
_FORMS: Final = (
    rf"(?:{_ALL})\s*(?:{_DOMAIN.format('a')}\s+)?{_V.format('v')}"
    rf"(?:\s*(?:{_SET.format('b')}|in (?:the )?{_DOMAIN.format('c')}))?",
    rf"(?:{_ALL})\s*(?:{_DOMAIN.format('a')}\s+)?(?P<several>{_LIST})",
    rf"{_HEAD}{_V.format('v')}\s*{_SET.format('b')}",
    rf"{_HEAD}(?P<several>{_LIST})\s*{_SET.format('b')}",
    rf"{_HEAD}{_V.format('v')}\s+(?:(?:is|being|are|can be|may be)\s+)?(?:an?\s+|any\s+|some\s+)?"
    rf"(?:arbitrary\s+)?{_DOMAIN.format('a')}",
    rf"{_HEAD}(?P<several>{_LIST})\s+(?:are\s+)?(?:any\s+)?(?:arbitrary\s+)?{_DOMAIN.format('a')}",
    rf"for some (?P<v>[abckpqCAB](?:_\{{?\d\}}?)?)\s*{_SET.format('b')}",
    rf"for (?:some|an?|any) (?:arbitrary )?{_DOMAIN.format('a')} {_V.format('v')}",
    rf"for (?:some )?(?:arbitrary )?{_DOMAIN.format('a')} (?P<several>{_LIST})",
    rf"(?:where|with|here) {_V.format('v')}(?:\s*\([a-z]\))? {_DESCRIBED}",
    rf"(?:for|with)\s+(?:all\s+)?(?:integers?\s+)?{_V.format('v')}\s*(?P<sign>\\ge|>)\s*(?P<bound>\d)",
    r"(?P<sentence>(?:is|are) the (?:only |unique )?(?:such )?(?:solutions?|functions?|answers?|possibility))",
)
_START: Final = re.compile(
    r",|;|\(|\\forall|\b(?:for|where|with|here|is the|are the|over|such that|all|any|every|each)\b", re.IGNORECASE
)
_WHOLE: Final = frozenset("ijklmnpNMK")  # letters of whole numbers
_PERIODIC: Final = re.compile(r"\\pi|\\sin|\\cos|\\tan|\^\s*\\degree|\\degree")
_POSITIVE: Final = re.compile(r"[\^_]\{?(?:\+|>0|\\ge0|\\ge1|\*|0)\}?|[\^_]\{(?:\\ge|>)\s*[01]\}")
_NAMES: Final = ("N", "Z", "R", "C", "constant", "any")


@dataclass(frozen=True, slots=True)
class Qualified:
    """An answer without its qualifiers, and the sets that these name."""

    value: str
    domains: frozenset[str]


def unqualified(text: str) -> Qualified | None:
    """Return an answer in plain LaTeX without its last qualifiers; None where none may be left out."""
    if len(text) > _MOST:
        return None
    value, domains = _flat(text), frozenset[str]()
    for _ in range(3):
        found = _once(value)
        if found is None:
            break
        value, domains = found.value, domains | found.domains
    else:
        return None
    return Qualified(value, domains) if value != _flat(text) else None


@cache
def _forms() -> tuple[re.Pattern[str], ...]:
    """Compile the forms when an answer first needs them, which keeps modules quick to load."""
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in _FORMS)


def _flat(text: str) -> str:
    return " ".join(_WORDS.sub(r" \1 ", text.replace("\\quad", " ")).split())


def _once(text: str) -> Qualified | None:
    for start in _starts(text):
        value = text[:start].rstrip(" ,;")
        chunk = _stripped(text[start:])
        if not value or not chunk or not _closed(value):
            continue
        for form in _forms():
            found = form.fullmatch(chunk)
            if found is not None and (domains := _domains(found, value)) is not None:
                return Qualified(value, domains)
    return None


def _starts(text: str) -> Iterator[int]:
    return (found.start() for found in _START.finditer(text) if found.start())


def _stripped(chunk: str) -> str:
    chunk = chunk.lstrip(" ,;").rstrip(" .")
    if chunk.startswith("(") and chunk.endswith(")"):
        chunk = chunk[1:-1].strip()
    return chunk


def _closed(value: str) -> bool:
    return (
        all(value.count(one) == value.count(other) for one, other in ("()", "{}")) or "[" in value or "(" not in value
    )


def _domains(found: re.Match[str], value: str) -> frozenset[str] | None:
    """Return the sets that a qualifier names where it restricts nothing; None where it does."""
    groups = found.groupdict()
    if groups.get("sentence"):
        return frozenset()
    if groups.get("described") is not None:
        return None if _RESTRICTS.search(groups["described"].lower()) else frozenset()
    letters = re.findall(r"\\?[A-Za-z]+", groups.get("several") or groups.get("v") or "")
    letters = [letter for letter in letters if letter != "and"]
    if groups.get("bound"):
        least = int(groups["bound"]) + (groups["sign"] == ">")
        return frozenset() if least <= 3 and letters[0] in _WHOLE else None
    cuts = [groups[f"cut{end}"] for end in "abc" if groups.get(f"cut{end}")]
    named = {name for name in _NAMES for end in "abc" if groups.get(name + end)}
    named |= {groups[f"set{end}"].upper() for end in "abc" if groups.get(f"set{end}")}
    if "\\Reals" in found[0]:
        named.add("R")
    if cuts:  # positive whole numbers are those of N
        if not named <= {"Z", "N"} or _POSITIVE.fullmatch(cuts[0].replace(" ", "")) is None:
            return None
        named = {"N"}
    return frozenset(named - {"any"}) if all(_is_free(letter, named, value) for letter in letters) else None


def _is_free(letter: str, domains: set[str], value: str) -> bool:
    r"""Tell whether a domain restricts nothing: whole numbers for n, real ones for x, and all for the k of ``k\pi``."""
    if domains & {"N"} and (letter not in _WHOLE or _PERIODIC.search(value)):
        return False
    if domains & {"Z"} and letter not in _WHOLE | {"r", "s", "t", "c", "C", "a", "b"}:
        return False
    if domains & {"R"} and letter in _WHOLE and _PERIODIC.search(value):
        return False
    return not domains & {"C"} or letter in ("z", "w", "c", "C")
