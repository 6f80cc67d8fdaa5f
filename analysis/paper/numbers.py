"""The paper's numbers, and its names for models and arms."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from harness.tracking import StoreError

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
MEAN_OF_SIX: Final = "mean of six"  # the paper's mean over six benchmarks
BENCHMARKS: Final = {
    "math500": "MATH-500",
    "olympiadbench": "OlympiadBench",
    "amc23": "AMC23",
    "minerva": "MinervaMath",
    "aime24": "AIME24",
    "aime25": "AIME25",
}


def note_stand_ins(labels: tuple[str, ...]) -> str:
    """Return a note that names the paper's model for each tiny model; empty without any."""
    tiny = [f"{label} for {MODELS[label]}" for label in labels if label in MODELS and not label.startswith("qwen")]
    return f"Tiny models stand where the paper has large ones: {', '.join(tiny)}." if tiny else ""


FOLDER: Final = Path(__file__).resolve().parent / "readings"
CLAIMS: Final = "summary_claims.csv"  # numbers of the popular summary, which are not in the paper


@dataclass(frozen=True, slots=True)
class Reading:
    """A number of the paper, printed or read off a figure. An empty field matches everything."""

    figure: str  # "fig15"; "iclr1" is a table of the conference version
    model: str  # the paper's name of the model
    data: str
    arm: str
    benchmark: str
    quantity: str
    value: str  # empty if only a range is known: ``low`` to ``high``
    low: str
    high: str
    step: str
    unit: str
    precision: str  # precision, with the reason
    source: str  # version of the paper and place in it
    note: str

    @property
    def text(self) -> str:
        """The number as text: ``54 %``, ``4 to 6 %``, ``75 % at step 480``."""
        number = self.value or f"{self.low} to {self.high}"
        at = f" at step {self.step}" if self.step and self.quantity in {"peak", "lowest"} else ""
        return f"{'≈ ' if self.precision.startswith('about') else ''}{number} {self.unit}{at}"

    @property
    def subject(self) -> str:
        """The model, data, arm, benchmark and quantity of the number."""
        return ", ".join(part for part in (self.model, self.data, self.arm, self.benchmark, self.quantity) if part)

    def fits(self, wanted: Mapping[str, str]) -> bool:
        """Return True if every field matches; an empty field of the number matches everything."""
        return all(getattr(self, part) in {"", name} for part, name in wanted.items())


def read_readings(folder: Path = FOLDER) -> tuple[Reading, ...]:
    """Return all numbers of the paper, in order of the files.

    Raises StoreError if there are no files or a file has other columns.
    """
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
