"""The card of a tier: its settings, statistics of its content, and what was removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
from pydantic import Field

from harness.data.answers import classify_answer
from harness.data.sources import ProblemSource
from harness.verify import read_gold

if TYPE_CHECKING:
    from harness.data.catalog import Problem


CARD_VERSION: Final = 2  # version of the rules; a tier from another version is rebuilt

Share = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True, slots=True)
class TierSettings:
    """Settings of the tiers: their sampling and the problems that they exclude."""

    size: Annotated[int, Field(ge=1)] = 5000  # rows of a paper tier; the paper's value
    seed: Annotated[int, Field(ge=0)] = 42  # the paper's value, although its sample is not known
    part: PositiveShare = 0.2  # minimum share taken from an incomplete source; our choice
    guessable: Share = 0.05  # maximum share of guessable answers; our choice, the paper gives none
    near: PositiveShare = 0.7  # lowest similarity to a benchmark problem that removes a problem; our choice
    covered: PositiveShare = 0.85  # lowest coverage that removes a problem; our choice


DEFAULT_SETTINGS: Final = TierSettings()


PERCENTILES = (5, 25, 50, 75, 95, 100)

UNREADABLE: Final = "unreadable answer"
CONTRADICTED: Final = "other gold than"
NO_ANSWER: Final = "gold is no answer"
_LISTS: Final = {"unreadable": UNREADABLE, "contradicted": CONTRADICTED, "no_answers": NO_ANSWER}  # field -> reason


@dataclass(frozen=True, slots=True)
class Removed:
    """A problem of the source that the tier does not contain, and the reason."""

    problem_id: str
    reason: str
    other: str | None = None  # the benchmark problem that it repeats, the problem that it duplicates, or a detail
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """The description of a tier. ``sha256`` is the checksum of its file of rows."""

    headline: str
    name: str
    rule: str
    rows: int
    sha256: str
    sources: tuple[ProblemSource, ...]  # the source of the problems, then the benchmarks that they were compared with
    removed: Mapping[str, int]  # reason -> problems
    contaminated: tuple[Removed, ...]
    unreadable: tuple[Removed, ...]
    unknown: tuple[str, ...]  # problems kept although the verifier's own parser does not know the notation
    answers: Mapping[str, int]  # kind -> problems
    characters: Mapping[str, int]  # percentile -> length of a problem
    words: Mapping[str, int]
    version: int = 0  # version of the rules; 0: not built by these rules
    settings: TierSettings | None = None
    notes: tuple[str, ...] = ()  # further notes on a user's own file
    # Cards of rules before version 2 have none of these fields.
    contradicted: tuple[Removed, ...] = ()  # same wording as another problem but another gold answer; both removed
    no_answers: tuple[Removed, ...] = ()  # problems with a gold answer such as "Proof"
    doubtful: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # kind of doubt -> problems, which were kept

    def to_json(self) -> dict[str, Any]:
        """Return the card as plain data."""
        return asdict(self)

    def text(self) -> str:
        """Return the card in Markdown, headline first."""
        return "\n".join([self.headline, "", *self._facts(), *self._sources(), *self._listed()]) + "\n"

    def _facts(self) -> list[str]:
        facts = {
            "tier": self.name,
            "rule": self.rule,
            "rows": f"{self.rows:,}",
            "removed": _counts(self.removed) or "nothing",
            "answers": _counts(self.answers),
            **({"doubtful": _counts({what: len(ids) for what, ids in self.doubtful.items()})} if self.doubtful else {}),
            "characters": _percentiles(self.characters),
            "words": _percentiles(self.words),
            "SHA-256": self.sha256,
        }
        if self.settings is not None:
            chosen = ", ".join(f"{name} {value}" for name, value in asdict(self.settings).items())
            facts["settings"] = f"{chosen}; rules {self.version}"
        return [*(f"- {name}: {value}" for name, value in facts.items()), *(f"- {note}" for note in self.notes)]

    def _sources(self) -> list[str]:
        return ["", "Made from, and compared with:", *(f"- {_described(source)}" for source in self.sources)]

    def _listed(self) -> list[str]:
        lists = {
            "Repeat a benchmark problem (similarity, or coverage) and were removed:": self.contaminated,
            "Removed, because the answer cannot be read:": self.unreadable,
            "Removed, because two problems share their wording and differ in their gold:": self.contradicted,
            "Removed, because the gold is not an answer:": self.no_answers,
        }
        lines = [
            line for title, removed in lists.items() if removed for line in ("", title, *map(_removed_line, removed))
        ]
        if self.unknown:
            lines += [
                "",
                (
                    "Kept, with a gold that our reader does not know (math-verify or text comparison): "
                    f"{len(self.unknown)}"
                ),
            ]
            lines += [f"- {problem_id}" for problem_id in self.unknown]
        for what, ids in self.doubtful.items():
            lines += ["", f"Kept, to be reviewed ({what}): {len(ids)}"]
            lines += [f"- {problem_id}" for problem_id in ids]
        return lines


def count_answer_kinds(problems: Sequence[Problem]) -> dict[str, int]:
    """Return the number of problems by kind of answer, the most frequent kind first."""
    kinds = [classify_answer(problem.answer) for problem in problems]
    return dict(sorted(((name, kinds.count(name)) for name in set(kinds)), key=lambda item: (-item[1], item[0])))


def unknown_answers(problems: Sequence[Problem]) -> tuple[str, ...]:
    """Return the ids of problems whose answer the verifier's own parser cannot read."""
    return tuple(problem.problem_id for problem in problems if read_gold(problem.answer).shape is None)


def removals(removed: Sequence[Removed]) -> dict[str, Any]:
    """Return the fields of a card about removed problems: counts by reason, and lists."""
    lists = {name: tuple(item for item in removed if item.reason == reason) for name, reason in _LISTS.items()}
    counts = Counter(item.reason for item in removed)
    return {
        "removed": dict(sorted(counts.items())),
        "contaminated": tuple(item for item in removed if item.similarity is not None),
        **lists,
    }


def is_listed(item: Removed) -> bool:
    """Return whether a card lists the removed problem by its id."""
    return item.similarity is not None or item.reason in _LISTS.values()


def compute_length_percentiles(lengths: Sequence[int]) -> dict[str, int]:
    """Return percentiles of lengths; each percentile is one of the lengths."""
    if not lengths:
        return {}
    found = np.percentile(lengths, PERCENTILES, method="inverted_cdf")
    return {str(percentile): int(length) for percentile, length in zip(PERCENTILES, found, strict=True)}


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _percentiles(lengths: Mapping[str, int]) -> str:
    return ", ".join(f"{percentile} % ≤ {length:,}" for percentile, length in lengths.items())


def _described(source: ProblemSource) -> str:
    of = "" if source.rows == source.official else f" of {source.official:,}"
    known = "" if source.known or source.name.startswith("hub:") else ", not the known file"
    return f"{source.name}: {source.rows:,}{of} rows, SHA-256 {source.sha256[:12]}{known}"


def _removed_line(removed: Removed) -> str:
    similarity = "" if removed.similarity is None else f" ({removed.similarity:.2f})"
    return f"- {removed.problem_id}: {removed.reason} {removed.other or ''}{similarity}".rstrip()
