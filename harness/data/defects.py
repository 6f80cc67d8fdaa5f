"""Find rows that cannot be used for training: defects, and repeated benchmark problems.

Removed: rows whose gold answer is no answer ("Proof", "see solution"), and rows with the same statement but different
gold answers. Mentioned: gold answers that appear in the statement, wrongly decoded text, HTML in the text, missing
pictures.

A training problem repeats a benchmark problem by wording or by n-grams:

similarity(a, b) = shared n-grams / n-grams of the problem with more
coverage(a, b)   = shared n-grams / n-grams of the problem with fewer

Coverage finds a problem inside a longer text.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from harness.data.answers import is_guessable
from harness.data.wording import drawings, join_tokens, ngrams, tokenize_statement
from harness.verify import get_shared_verifier
from harness.verify.model import Gold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from harness.data.catalog import Problem
    from harness.data.rows import DataRow


Statement = tuple[str, str]  # wording and drawings

_WRAPPER: Final = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_REFERENCE: Final = "above|below|solution|proof|answer|explanation|figure|text|attached"
_NO_ANSWER: Final = re.compile(
    r"proofs?(?: omitted| below| by \w+)?|(?:a |the )?proof is (?:given|omitted|below|left).*|proved|proven|q\.?e\.?d"
    rf"|(?:please )?(?:see|refer to|as in|cf)\.? (?:the )?(?:{_REFERENCE})s?.*"
    r"|(?:the )?(?:solution|answer|proof)s?(?: (?:is|are))? "
    r"(?:omitted|missing|unknown|above|below|not (?:given|provided|available)|may vary|vary|varies)"
    r"|solution|answer|explanation|omitted|tbd|todo|to do|unknown|unsolved|missing"
    r"|no (?:answer|solution) (?:given|provided|available)|not (?:available|provided|given|applicable)",
    re.IGNORECASE,
)
_EXPORTED: Final = re.compile(r"None|NONE|[Nn]ull|NULL|nan|NaN|NAN|N/A|n/a|NA|N\.A\.?")
_OPTIONS: Final = re.compile(r"\(\s*[A-E]\s*\)|\\(?:text|textbf|mathrm|mathbf)\s*\{\s*\(?[A-E]\s*[).]")
_MISREAD: Final = re.compile("[\u00c2-\u00f4][\u0080-\u00bf\u0152-\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]{1,3}")
_HTML: Final = re.compile(
    r"&(?:lt|gt|amp|nbsp|quot|apos|times|minus|le|ge|ne|deg|#\d{1,5}|#x[0-9a-fA-F]{1,5});"
    r"|</?(?:p|br|b|i|div|span|sup|sub|em)\s*/?>"
)
_PICTURE: Final = re.compile(
    r"!\[[^\]]*\]\([^)]*\)|<img\b|\\includegraphics\b|https?://\S+\.(?:png|jpe?g|gif|svg|webp)\b"
    r"|\[(?:img|image|figure|diagram)\]"
    r"|\b(?:in|from|see) the (?:\w+ )?(?:figure|diagram|picture|drawing|sketch)\b(?! of)"
    r"|\b(?:figure|diagram|picture|image|graph) (?:\w+ )?(?:below|above|shown|at (?:the )?(?:right|left))\b"
    r"|\b(?:shown|pictured|drawn|illustrated|depicted) (?:below|above|here|in (?:the )?fig)"
    r"|\b(?:below|above) (?:figure|diagram|picture|image)\b",
    re.IGNORECASE,
)
_DRAWN: Final = re.compile(r"\[asy\]|\\begin\s*\{(?:tikzpicture|tabular|array|picture|asy)\}")
_SAID: Final = r"(?:answer|ans|solution|result)\s*(?:is|was|equals|:|=|\))*\s*[:=]?\s*"
_SAYS: Final = re.compile(rf"\b{_SAID}", re.IGNORECASE)
_MARKS: Final = str.maketrans("", "", "${}*")
_DISTINCT: Final = 12  # minimum length of a gold answer whose occurrence in a statement is no accident


def explain_no_answer(gold: str) -> str | None:
    r"""Return why a gold answer is no answer, such as "Proof"; None where it may be one.

    ``\text{None}`` and "no solution" are answers. A bare ``None`` is what a program writes for a missing value.
    """
    bare = gold.strip().strip("$").strip()
    if bare and _EXPORTED.fullmatch(bare):
        return f"{bare[:40]!r} stands for no value"
    text = _WRAPPER.sub(r"\1", bare).strip().strip(".!()[]*").strip()
    return f"{text[:40]!r} refers to text that is not there" if text and _NO_ANSWER.fullmatch(text) else None


def normalize_statement(row: DataRow) -> Statement:
    """Return wording and drawings of a row; rows with equal results ask the same."""
    return join_tokens(tokenize_statement(row.problem)), drawings(row.problem)


def find_contradictions(
    rows: Iterable[DataRow], said: Callable[[DataRow], Statement] = normalize_statement
) -> dict[str, str]:
    """Find rows that ask the same but have gold answers of different values.

    Args:
        rows: Rows with gold answers, of one source or several; their ids are unique.
        said: Returns the statement of a row; a caller that has it already can pass it.

    Returns:
        Id of each such row -> id of the first row with the same statement and another gold answer. All rows of the
        statement are included, also those that agree, because it is unknown which gold answer is correct.

    """
    groups: defaultdict[Statement, list[DataRow]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.row_id):
        groups[said(row)].append(row)
    found: dict[str, str] = {}
    for group in groups.values():
        first, *others = group
        differing = [row for row in others if not is_same_gold(first.answer, row.answer)]
        if differing:
            found[first.row_id] = differing[0].row_id
            differing_ids = {row.row_id for row in differing}
            found |= {
                row.row_id: first.row_id if row.row_id in differing_ids else differing[0].row_id for row in others
            }
    return found


def is_same_gold(one: str, other: str) -> bool:
    """Return whether two gold answers have the same value.

    They do if the verifier accepts one for the other, or if they are one candidate of a majority vote.
    """
    if one.strip() == other.strip():
        return True
    keys = get_shared_verifier().votes([one, other])
    if None not in keys and keys[0] == keys[1]:
        return True
    verdicts = get_shared_verifier().verify([(Gold(one), rf"\boxed{{{other}}}"), (Gold(other), rf"\boxed{{{one}}}")])
    return any(verdict.right for verdict in verdicts)


def find_doubtful(problems: Sequence[Problem]) -> dict[str, tuple[str, ...]]:
    """Return the ids of doubtful problems, which are kept, by the kind of doubt."""
    found = {
        kind: tuple(problem.problem_id for problem in problems if holds(problem.prompt, problem.answer))
        for kind, holds in _KINDS.items()
    }
    return {kind: ids for kind, ids in found.items() if ids}


def is_answer_stated(asked: str, gold: str) -> bool:
    """Return whether a statement gives its gold answer away.

    It does if "the answer is" precedes the gold answer, if it equals the gold answer, or if it contains a long one.
    Short gold answers, numbers and options appear in statements by accident and do not count.
    """
    bare = _bare(gold)
    if not bare or is_guessable(gold) or len(_OPTIONS.findall(asked)) > 1:
        return False
    if _bare(asked) == bare:
        return True
    plain = _plain(asked)
    if _SAYS.search(plain):  # a pattern for each gold answer takes long to compile
        stated = re.search(rf"\b{_SAID}{re.escape(_plain(gold))}(?![\w^]|\.\d)", plain, re.IGNORECASE)
        if stated:
            return True
    return len(bare) >= _DISTINCT and not bare.isdecimal() and bare in _bare(asked)


def is_misread(text: str) -> bool:
    """Return whether UTF-8 text was decoded as Latin-1 or Windows-1252.

    A replacement character also counts.
    """
    return "\ufffd" in text or any(_was_utf8(run[0]) for run in _MISREAD.finditer(text))


def is_picture_missing(asked: str) -> bool:
    """Return whether a statement mentions a picture but has no drawing in its text."""
    return _PICTURE.search(asked) is not None and _DRAWN.search(asked) is None


_KINDS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "answer in the statement": is_answer_stated,
    "text in a wrong encoding": lambda asked, gold: is_misread(asked) or is_misread(gold),
    "HTML in the text": lambda asked, gold: _HTML.search(f"{asked} {gold}") is not None,
    "picture that is not there": lambda asked, _: is_picture_missing(asked),
}


def _was_utf8(run: str) -> bool:
    for size in range(2, len(run) + 1):
        for encoding in ("cp1252", "latin-1"):
            try:
                run[:size].encode(encoding).decode("utf-8")
            except UnicodeError:
                continue
            return True
    return False


def _plain(text: str) -> str:
    """Return a text in lower case without dollar signs, fonts and repeated spaces."""
    return " ".join(_WRAPPER.sub(r"\1", text).replace("\\boxed", "").translate(_MARKS).lower().split())


def _bare(text: str) -> str:
    return "".join(_plain(text).split()).rstrip(".")


COVERING: Final = 5  # minimum n-grams of a problem for coverage to count, because a few words are covered by accident


@dataclass(frozen=True, slots=True)
class Overlap:
    """A benchmark problem, and how a training problem repeats it."""

    benchmark_id: str
    how: Literal["same as", "near", "covers"]
    similarity: float  # 1.0 for the same wording; the coverage for "covers"


class BenchmarkIndex:
    """An index of the statements of all benchmarks, by wording and by n-gram."""

    def __init__(self, rows: Iterable[DataRow]) -> None:
        self._ids: list[str] = []
        self._sizes: list[int] = []
        self._by_wording: dict[str, str] = {}
        self._by_ngram: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for row in rows:
            self._add(row)

    def overlap(self, words: tuple[str, ...], near: float, covered: float) -> Overlap | None:
        """Return the closest benchmark problem that a statement repeats; None if there is none.

        Args:
            words: Tokens of the statement.
            near: Lowest similarity that counts, from 0 to 1.
            covered: Lowest coverage that counts, from 0 to 1.

        Returns:
            The benchmark problem, and how the statement repeats it.

        """
        same = self._by_wording.get(join_tokens(words))
        if same is not None:
            return Overlap(same, "same as", 1.0)
        grams = ngrams(words)
        shared: Counter[int] = Counter()
        for gram in grams & self._by_ngram.keys():
            shared.update(self._by_ngram[gram])
        found = (self._judge(index, count, len(grams), near, covered) for index, count in shared.items())
        return max(filter(None, found), key=_closeness, default=None)

    def _add(self, row: DataRow) -> None:
        words = tokenize_statement(row.problem)
        grams = ngrams(words)
        for gram in grams:
            self._by_ngram[gram].append(len(self._ids))
        self._by_wording.setdefault(join_tokens(words), row.row_id)
        self._ids.append(row.row_id)
        self._sizes.append(len(grams))

    def _judge(self, index: int, shared: int, size: int, near: float, covered: float) -> Overlap | None:
        longer, shorter = max(size, self._sizes[index]), min(size, self._sizes[index])
        if shared >= near * longer:
            return Overlap(self._ids[index], "near", round(shared / longer, 3))
        if shorter >= COVERING and shared >= covered * shorter:
            return Overlap(self._ids[index], "covers", round(shared / shorter, 3))
        return None


def _closeness(overlap: Overlap) -> tuple[bool, float, str]:
    return overlap.how == "near", overlap.similarity, overlap.benchmark_id
