"""Which tokens the upper bound holds back, over the seeds of a cell (the paper's Figs. 10 and 19)."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from analysis.stats import Estimate, estimate
from analysis.takeaways.measured import CONNECTIVES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Class = Literal["connective", "function word", "punctuation", "number or sign", "other"]

TOP: Final = 20  # tokens, as the paper shows
CLASSES: Final[tuple[Class, ...]] = ("connective", "function word", "punctuation", "number or sign", "other")
# The paper names is, the and the comma; the rest of the list is ours, as that of the connectives is.
FUNCTION_WORDS: Final = frozenset(
    {
        *("is", "the", "a", "an", "and", "or", "of", "to", "in", "on", "for", "with", "by", "at", "from", "as", "it"),
        *("its", "this", "that", "these", "those", "be", "are", "was", "were", "has", "have", "had", "do", "does"),
        *("can", "will", "we", "i", "you", "he", "she", "they", "there", "which", "what", "not", "no", "into", "each"),
    }
)
_VISIBLE: Final = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}


@dataclass(frozen=True, slots=True)
class Clipped:
    """A token, or a class of tokens, over seeds."""

    name: str  # as it is to be read
    kind: Class
    share: Estimate  # of all that the upper bound held back
    rate: Estimate | None  # held back, of the times that an update learnt from it; None where it never did


def clipped_tokens(documents: Mapping[int, Mapping[str, Any]]) -> tuple[Clipped, ...]:
    """Tokens by their mean share over seeds, the largest first. ``documents``: seed -> clipped_tokens.json."""
    found = _grouped(documents, lambda entry: (entry["token"], readable(entry["text"]), token_class(entry["text"])))
    rows = [Clipped(name, kind, share, rate) for (_, name, kind), (share, rate) in found.items()]
    return tuple(sorted((row for row in rows if row.share.mean > 0), key=lambda row: (-row.share.mean, row.name)))


def clipped_classes(documents: Mapping[int, Mapping[str, Any]]) -> tuple[Clipped, ...]:
    """The classes of tokens, in the order of CLASSES; those without a token are left out."""
    found = _grouped(documents, lambda entry: token_class(entry["text"]))
    return tuple(Clipped(kind, kind, *found[kind]) for kind in CLASSES if kind in found)


def clip_rate(documents: Mapping[int, Mapping[str, Any]]) -> Estimate | None:
    """Share of all tokens that the upper bound held back."""
    return estimate(each["high"] / each["occurrences"] for each in documents.values() if each["occurrences"])


def token_class(text: str) -> Class:
    """What kind of token it is, by its text alone."""
    word = text.strip().lower()
    if word in CONNECTIVES:
        return "connective"
    if word in FUNCTION_WORDS:
        return "function word"
    if re.fullmatch(r"[\d+\-*/=<>^%]+", word):
        return "number or sign"
    return "punctuation" if re.fullmatch(r"[^\w\\]*", word) else "other"


def readable(text: str) -> str:
    """The text with its spaces and line ends made visible, and signs that cannot be printed by their number."""
    shown = (_VISIBLE.get(sign, sign if sign.isprintable() else f"\\u{ord(sign):04x}") for sign in text)
    return "".join(shown) or "(empty)"


def _grouped(documents: Mapping[int, Mapping[str, Any]], key: Any) -> dict[Any, tuple[Estimate, Estimate | None]]:
    """Key -> share of the seed's clips and rate, over seeds; a seed without a clip has no shares."""
    counts: dict[Any, dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for seed, document in documents.items():
        for entry in document["tokens"]:
            counted = counts[key(entry)][seed]
            counted[0] += entry["high"]
            counted[1] += entry["occurrences"]
    totals = {seed: document["high"] for seed, document in documents.items() if document["high"]}
    return {
        name: (share, estimate(high / times for high, times in by_seed.values() if times))
        for name, by_seed in counts.items()
        if (share := estimate(_shares(by_seed, totals))) is not None
    }


def _shares(by_seed: Mapping[int, Sequence[int]], totals: Mapping[int, int]) -> list[float]:
    """A token that a seed does not list was not held back there, or less often than those that are listed."""
    return [by_seed.get(seed, (0, 0))[0] / total for seed, total in totals.items()]
