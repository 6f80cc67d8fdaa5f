"""The paper's own numbers and its names for models and arms."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.tracking.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


SMALL_BASE: Final = ("small_base", "qwen3_4b_base")
LARGE_BASE: Final = ("large_base", "qwen3_8b_base")
SMALL_ALIGNED: Final = ("small_aligned", "qwen3_4b")
LARGE_ALIGNED: Final = ("large_aligned", "qwen3_8b")
BASE: Final = (*SMALL_BASE, *LARGE_BASE)
ALIGNED: Final = (*SMALL_ALIGNED, *LARGE_ALIGNED)
SMALL: Final = (*SMALL_BASE, *SMALL_ALIGNED)
LARGE: Final = (*LARGE_BASE, *LARGE_ALIGNED)

MODELS: Final = {
    **dict.fromkeys(SMALL_BASE, "Qwen3-4B-Base"),
    **dict.fromkeys(LARGE_BASE, "Qwen3-8B-Base"),
    **dict.fromkeys(SMALL_ALIGNED, "Qwen3-4B"),
    **dict.fromkeys(LARGE_ALIGNED, "Qwen3-8B"),
    "llama3_8b": "Llama3-8B",
}
ARMS: Final = {"grpo": "GRPO", "dapo": "DAPO", "liteppo": "Lite PPO", "lite_ppo": "Lite PPO"}
MEAN: Final = "mean of six"  # benchmarks, as the paper averages them
BENCHMARKS: Final = {
    "math500": "MATH-500",
    "olympiadbench": "OlympiadBench",
    "amc23": "AMC23",
    "minerva": "MinervaMath",
    "aime24": "AIME24",
    "aime25": "AIME25",
}


def stands_for(labels: tuple[str, ...]) -> str:
    """Which of the paper's models these labels stand for, those of the laptop named."""
    tiny = [f"{label} for {MODELS[label]}" for label in labels if label in MODELS and not label.startswith("qwen")]
    return f"Tiny models stand where the paper has large ones: {', '.join(tiny)}." if tiny else ""


FOLDER: Final = Path(__file__).resolve().parent / "readings"
CLAIMS: Final = "summary_claims.csv"  # numbers of the popular summary, which the paper does not support


@dataclass(frozen=True, slots=True)
class Reading:
    """A number of the paper as it is written or was read. An empty part is not stated, and holds for all."""

    figure: str  # "fig15"; "iclr1" is a table of the conference version
    model: str  # as the paper calls it
    data: str
    arm: str
    benchmark: str
    quantity: str
    value: str  # empty where only a range is known: ``low`` to ``high``
    low: str
    high: str
    step: str
    unit: str
    precision: str  # how exact it is, and why
    source: str  # which version, and what of it
    note: str

    @property
    def text(self) -> str:
        """``54 %``, ``4 to 6 %``, ``75 % at step 480``."""
        number = self.value or f"{self.low} to {self.high}"
        at = f" at step {self.step}" if self.step and self.quantity in {"peak", "lowest"} else ""
        return f"{'≈ ' if self.precision.startswith('about') else ''}{number} {self.unit}{at}"

    @property
    def subject(self) -> str:
        """What the number is of."""
        return ", ".join(part for part in (self.model, self.data, self.arm, self.benchmark, self.quantity) if part)

    def fits(self, wanted: Mapping[str, str]) -> bool:
        """Whether it answers for these parts; those that the paper leaves open fit all."""
        return all(getattr(self, part) in {"", name} for part, name in wanted.items())


def readings(folder: Path = FOLDER) -> tuple[Reading, ...]:
    """All numbers of the paper, file by file. Raises StoreError for a file with other columns, or without files."""
    files = sorted(path for path in folder.glob("*.csv") if path.name != CLAIMS)
    if not files:
        raise StoreError(f"{folder} holds no numbers of the paper; restore it from git, or install the package again")
    return tuple(reading for path in files for reading in _read(path))


def _read(path: Path) -> Iterator[Reading]:
    names = [part.name for part in fields(Reading)]
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != names:
            raise StoreError(f"{path} has other columns than {', '.join(names)}; restore it from git")
        for row in rows:
            if None in row or None in row.values():
                raise StoreError(f"{path}, line {rows.line_num}: give {len(names)} fields")
            yield Reading(**row)
