"""Words around an answer: option letters, qualifiers and sentences."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from harness.verify.parse.tokenizer import normalize_latex

_WORDS: Final = re.compile(r"\\text\s*\{([^{}]*)\}")
_BRACED: Final = re.compile(r"^\s*\{\s*(\(?[A-H]\)?)\s*\}")
_OPTION: Final = re.compile(r"\(?\s*([A-H])\s*\)?")
_LEAD: Final = (
    r"(?:the\s+)?(?:(?:correct|right|final|best)\s+)?"
    r"(?:(?:option|choice|statement|answer(?:\s+choice)?|letter|alternative|graph|figure|diagram)(?:\s+is)?\s*:?\s*)?"
)
_CHOSEN: Final = re.compile(
    rf"{_LEAD}(?:\(\s*(?P<round>[A-Ha-h])\s*\)|\[\s*(?P<square>[A-H])\s*\]|(?-i:(?P<bare>[A-H])))(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
# Allowed after a bare letter: nothing, a closing bracket, colon, full stop, reason, or explanation in brackets.
_BEHIND_BARE: Final = re.compile(
    r"\s*$|\s*[):]|\.\s|\s*,\s*(?:because|since|as|which)\b|\s+\([^()]*[a-z]{3,}", re.IGNORECASE
)
_OPERATOR: Final = re.compile(r"\s*(?:[-+*/^_=<>'!|&,;]|(?:or|and)\b|\\(?:lor|land|cup|cap|cdot|times))", re.IGNORECASE)
_OTHER: Final = re.compile(
    r"(?<![A-Za-z\\])(?P<not>not\s+)?(?:(?P<bare>[A-H])|\(\s*(?P<round>[a-hA-H])\s*\))(?![A-Za-z])"
)
_NOT_ANOTHER: Final = re.compile(r"^\s*,\s*(?=not\s)")
_DENIED: Final = re.compile(
    r"^\s*is\s+(?:not|false|untrue)\b|\bis\s+not\b|\bisn't\b|\bnot\s+(?:correct|right|true|it|the|sure)\b|\b(?:wrong|incorrect|eliminated|rejected)\b"
    r"|\b(?:maybe|perhaps|probably|possibly|guess|wait|instead|unless|either)\b|^\W*not\W*$",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(
    r"(?P<text>\\text\s*\{)?\s*(?:(?i:option|choice)\s+)?(?:\((?P<round>[A-H])\)|(?P<half>[A-H])\)|(?P<bare>[A-H])\s*[:.](?!\d))(?P<gap>\s*)"
    r"(?P<end>\})?(?P<after>\s*)(?P<value>\S.*)",
    re.DOTALL,
)


@lru_cache(maxsize=4_096)
def read_option_letter(gold: str) -> str | None:
    r"""Return the letter of a gold answer such as ``\text{(E)}`` or ``E``; otherwise None."""
    found = _OPTION.fullmatch(_WORDS.sub(r" \1 ", normalize_latex(gold)).strip())
    return None if found is None else found[1]


def find_chosen_option(answer: str) -> str | None:
    """Return the one option that an answer chooses; None where that is unclear.

    Further text may follow the option.
    """
    words = _BRACED.sub(r"\1", _WORDS.sub(r" \1 ", normalize_latex(answer)))
    found = _CHOSEN.fullmatch(" ".join(words.split()))
    if found is None:
        return None
    letter = (found["round"] or found["square"] or found["bare"]).upper()
    rest = found["rest"]
    if found["bare"]:
        behind = _BEHIND_BARE.match(rest)
        if behind is None:
            return None
        rest = rest[1:] if rest.lstrip()[:1] in (")", ":") else rest
        rest = "" if rest.lstrip()[:1] == "," and _OTHER.search(rest) is None else rest
    if rest[:1].isalpha():
        return None
    rest = _NOT_ANOTHER.sub("", rest)
    if _OPERATOR.match(rest) or _DENIED.search(rest):
        return None
    others = {(other["bare"] or other["round"]).upper() for other in _OTHER.finditer(rest) if not other["not"]}
    return letter if others <= {letter} else None


def strip_label(answer: str) -> str | None:
    r"""Return the value after an option letter: ``5`` for ``\text{B) } 5``; otherwise None."""
    found = _LABEL.fullmatch(normalize_latex(answer))
    if found is None or (found["end"] and not found["text"]):
        return None
    value = found["value"]
    if value[0] in "+*/^_=<>'!|,;" or (value[0] in "(-" and not found["gap"] + found["after"]) or _LABEL.match(value):
        return None
    return rf"\text{{{value}" if found["text"] and not found["end"] else value


_QUALIFIERS_WORDS: Final = re.compile(r"\\text\s*\{([^{}]*)\}")
_MOST: Final = 600  # maximum length of an answer that is searched for qualifiers
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
_WHOLE: Final = frozenset("ijklmnpNMK")  # letters that usually denote integers
_PERIODIC: Final = re.compile(r"\\pi|\\sin|\\cos|\\tan|\^\s*\\degree|\\degree")
_POSITIVE: Final = re.compile(r"[\^_]\{?(?:\+|>0|\\ge0|\\ge1|\*|0)\}?|[\^_]\{(?:\\ge|>)\s*[01]\}")
_NAMES: Final = ("N", "Z", "R", "C", "constant", "any")


@dataclass(frozen=True, slots=True)
class Qualified:
    """An answer without its qualifiers, and the sets that the qualifiers name."""

    value: str
    domains: frozenset[str]


def strip_qualifiers(text: str) -> Qualified | None:
    """Return an answer without its last qualifiers; None where they must stay.

    The answer is in plain LaTeX.
    """
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
    """Compile the patterns at the first use, so that the module loads quickly."""
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in _FORMS)


def _flat(text: str) -> str:
    return " ".join(_QUALIFIERS_WORDS.sub(r" \1 ", text.replace("\\quad", " ")).split())


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
    """Return the sets that a qualifier names; None if the qualifier restricts the answer."""
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
    if cuts:  # positive integers are N
        if not named <= {"Z", "N"} or _POSITIVE.fullmatch(cuts[0].replace(" ", "")) is None:
            return None
        named = {"N"}
    return frozenset(named - {"any"}) if all(_is_free(letter, named, value) for letter in letters) else None


def _is_free(letter: str, domains: set[str], value: str) -> bool:
    r"""Return whether a domain does not restrict the letter.

    Integers do not restrict n, real numbers do not restrict x, and only all integers do not restrict the k of ``k\pi``.
    """
    if domains & {"N"} and (letter not in _WHOLE or _PERIODIC.search(value)):
        return False
    if domains & {"Z"} and letter not in _WHOLE | {"r", "s", "t", "c", "C", "a", "b"}:
        return False
    if domains & {"R"} and letter in _WHOLE and _PERIODIC.search(value):
        return False
    return not domains & {"C"} or letter in ("z", "w", "c", "C")


_TEXT: Final = re.compile(r"\\(?:text|mbox)(?![A-Za-z])")
_BEFORE: Final = re.compile(
    r"(?:(?:it|this|the (?:answer|graph|curve|figure|shape|conic|result|day|month|person|winner|function|number))"
    r" (?:is|was) )?"
    r"(?:(?:on|in|during) )?(?:(?:an?|the) )?"
)
_SUBJECT: Final = re.compile(
    r"(?:(?:the )?(?:limit|series|integral|derivative|sum|sequence|value|solution)|it) (?=\w+ )"
)
_PREDICATES: Final = frozenset({"does not exist", "doesn't exist", "dne", "diverges", "converges", "is undefined"})
_SAME: Final = {"doesn't exist": "does not exist", "dne": "does not exist", "is undefined": "undefined"}


def keep_letters(text: str) -> str:
    """Return only the letters and digits of an answer, in lower case, with a leading minus."""
    cleaned = normalize_latex(text)
    bare = "".join(character for character in _TEXT.sub("", cleaned) if _is_kept(character))
    return "-" * cleaned.startswith("-") + bare.casefold()


def is_same_wording(gold: str, answer: str) -> bool:
    """Return whether two answers in words are equal.

    An article, a preposition or the subject of a sentence makes no difference.
    """
    if keep_letters(gold) == keep_letters(answer):
        return True
    one, other = _said(gold), _said(answer)
    return len(one) > 2 and one == other


def _said(text: str) -> str:
    words = " ".join(re.sub(r"[{}$.!]", " ", _TEXT.sub(" ", normalize_latex(text))).casefold().split())
    subject = _SUBJECT.match(words)
    if subject is not None and words[subject.end() :] in _PREDICATES:
        words = words[subject.end() :]
    words = _SAME.get(words, words)
    before = _BEFORE.match(words)
    return words[before.end() :] if before is not None else words


def _is_kept(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"
