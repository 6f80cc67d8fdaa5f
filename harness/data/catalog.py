"""Problems, the parts of a training set, and the tables that hold problems."""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from harness.data.wording import join_tokens, tokenize_statement


class DataError(ValueError):
    """Data cannot be used; the message names the file, the line, the field and the way out."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A question and its gold answer."""

    problem_id: str
    prompt: str  # the question alone; `harness.models.prompting` adds what a model needs
    answer: str
    verifier: Literal["integer", "math"] = (
        "integer"  # harness.rewards.judges compares integers, harness.verify mathematics
    )
    tolerance: float | None = None  # largest absolute difference that the benchmark allows; None: exact


Part = Literal["all", "ablation", "tuning"]

ALL_PARTS: Final = "all"
TUNING_SHARE: Final = 8  # one problem in eight is for tuning


def is_in_part(problem: Problem, part: Part) -> bool:
    """Return whether a run that trains on this part may use the problem."""
    return part == ALL_PARTS or (part == "tuning") == is_for_tuning(problem)


def is_for_tuning(problem: Problem) -> bool:
    """Return whether the problem is reserved for tuning; this depends only on its question."""
    digest = hashlib.blake2b(f"tuning {_asked(problem)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % TUNING_SHARE == 0


def _asked(problem: Problem) -> str:
    """Return the question in a canonical form: a story and its expression are the same."""
    if problem.verifier == "integer":  # "easy:8*9-12:words"
        return problem.problem_id.partition(":")[2].removesuffix(":words") or problem.prompt
    return join_tokens(tokenize_statement(problem.prompt))


@dataclass(frozen=True, slots=True)
class ProblemTable:
    """A table of problems: its files and their known contents."""

    title: str
    file: str  # path below DATA_DIR
    rows: int  # official number of rows
    sha256: str  # checksum of the known file
    whole: str | None = None  # file with all rows, preferred to ``file`` where it exists
    difficulty: bool = False  # True: every row has a difficulty


BENCHMARK_TABLES: Final[dict[str, ProblemTable]] = {
    "math500": ProblemTable(
        "MATH-500",
        "eval/math500.jsonl",
        500,
        "fb8ec3523af8ad2cdfa49fe5265af25426ee547ec1bf09faed49667cb2d2da2d",
    ),
    "olympiadbench": ProblemTable(
        "OlympiadBench",
        "eval/olympiadbench.jsonl",
        675,
        "e2f0e98c4ce2427061cbf9b3397ce49934ceb38c925ba61d495b06936ea2232a",
    ),
    "minerva": ProblemTable(
        "Minerva",
        "eval/minerva_math.jsonl",
        272,
        "2a30d0e2247c16a4ec6c3934a607409efe5a57cccfbdeb9e466d922229933aa7",
    ),
    "aime24": ProblemTable(
        "AIME 2024",
        "eval/aime24.jsonl",
        30,
        "36f82dc371f13b3cba4af90bf50736eccd8fd7cf68dab3d2b4c343a746a2c0f3",
    ),
    "aime25": ProblemTable(
        "AIME 2025",
        "eval/aime25.jsonl",
        30,
        "f666a088fc4cabd864c11408b92a09d87ab122ae649ad403540fe8b22a6ee505",
    ),
    "amc23": ProblemTable(
        "AMC 2023",
        "eval/amc23.jsonl",
        40,
        "6deccda3373f3d8de95e85599aaf28bf503f9fb4ca94fb77e7ab478c4b44c7a2",
    ),
    "gsm8k": ProblemTable(
        "GSM8K test",
        "eval/gsm8k.jsonl",
        1319,
        "0d8e78516942f3cdb67ae0a7474bd102217686eb7621aac21f9389db908b7afe",
    ),
}

TRAINING_TABLES: Final[dict[str, ProblemTable]] = {
    "simplerl_zoo_easy": ProblemTable(
        "SimpleRL-Zoo Easy (GSM8K and MATH level 1)",
        "train/simplerl_zoo_easy.jsonl",
        8388,
        "f60e289670c2c8a803d90e646a4da59d29b4298120653906d5aa54825ccfd4b8",
    ),
    "simplerl_zoo_medium": ProblemTable(
        "SimpleRL-Zoo Medium (MATH levels 1 to 4)",
        "train/simplerl_zoo_medium.jsonl",
        8139,
        "103a3aff2dc232a140884413dcaaede3ee3f1fcd3aa62c1c43534b0352247827",
    ),
    "simplerl_zoo_hard": ProblemTable(
        "SimpleRL-Zoo Hard (MATH levels 3 to 5)",
        "train/simplerl_zoo_hard.jsonl",
        8523,
        "dd4d33de174adc53630ee9c87823b26311665573fb4456b0f20828cf03101901",
    ),
    "deepmath": ProblemTable(
        "DeepMath-103K",
        "train/deepmath_5k.jsonl",
        103_022,
        "633681c1863bf21c506ca52f367387ab7ba0c1204af3b49131af9eb882f89b98",
        whole="train/deepmath_103k.jsonl",
        difficulty=True,
    ),
}

TABLES: Final = BENCHMARK_TABLES | TRAINING_TABLES
