r"""The tables from the Hugging Face hub, row by row in this project's schema.

Ids are the folder's where the hub's rows carry them; elsewhere they end in the row's number there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from harness.data.catalog import TABLES
from harness.data.errors import DataError
from harness.data.rows import Row, refuse_repeated
from harness.data.sources import Loaded, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HubTable:
    """A data set of the hub and how its rows are read: (fields, number in the split) -> row."""

    name: str
    split: str
    read: Callable[[Fields, int], Row]
    config: str | None = None
    file: str | None = None  # one file of the repository, where the configurations are files


def load_hub(name: str) -> Loaded:
    """A table of the catalogue from the hub. Raises DataError where it cannot be had or a column is missing."""
    return _loaded(name)


def read_table(name: str, repository: str | None = None) -> Loaded:
    """As `load_hub`, from a repository of the hub's layout by another name, such as a local folder."""
    hub = HUB[name]
    rows = tuple(_rows(hub, _download(hub, repository or hub.name)))
    refuse_repeated(rows)
    if not rows:
        raise DataError(f"{hub.name} on the hub holds no rows; set DATA_DIR to a folder with the data (docs/data.md)")
    table = TABLES[name]
    source = Source(f"hub:{hub.name}", table.title, len(rows), table.rows, _rows_digest(rows), known=False)
    return Loaded(source, rows)


_loaded = lru_cache(maxsize=16)(read_table)


def _download(hub: HubTable, repository: str) -> Iterable[Fields]:
    try:
        from datasets import load_dataset  # noqa: PLC0415 - takes seconds
        from huggingface_hub.utils import logging  # noqa: PLC0415

        logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # of its retries one message is enough
        # A file of a repository becomes the split "train", whatever it holds.
        files = {"data_files": hub.file, "split": "train"} if hub.file else {"name": hub.config, "split": hub.split}
        found: Iterable[Fields] = load_dataset(repository, **files)
    except Exception as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{hub.name}: cannot be loaded from the Hugging Face hub ({why}); "
            "set DATA_DIR to a folder with the data (docs/data.md), or connect to the internet"
        ) from None
    return found


def _rows(hub: HubTable, found: Iterable[Fields]) -> Iterable[Row]:
    for number, fields in enumerate(found):
        try:
            yield hub.read(fields, number)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DataError(
                f"{hub.name} on the hub, row {number}: {type(error).__name__} {error}; its columns are not those this "
                "project reads; set DATA_DIR to a folder with the data (docs/data.md)"
            ) from None


def _rows_digest(rows: Iterable[Row]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps([row.row_id, row.problem, row.answer, row.difficulty, row.tolerance]).encode())
    return digest.hexdigest()


def _row(row_id: str, problem: Any, answer: Any, **numbers: float | None) -> Row:
    if not isinstance(problem, str) or not problem.strip():
        raise ValueError("the problem is empty or no text")
    return Row(row_id, problem, "" if answer is None else str(answer).strip(), place=row_id, **numbers)


def _gsm8k(fields: Fields, number: int) -> Row:
    return _row(f"gsm8k/test/{number}", fields["question"], fields["answer"].split("####")[1])


def _math500(fields: Fields, number: int) -> Row:
    return _row(f"math500/{fields['unique_id'].removesuffix('.json')}", fields["problem"], fields["answer"])


def _olympiadbench(fields: Fields, number: int) -> Row:
    tolerance = fields["error"]
    context = f"{fields['context']}\n\n" if fields.get("context") else ""
    return _row(
        f"olympiadbench/{fields['id']}",
        context + fields["question"],
        ", ".join(fields["final_answer"]),
        tolerance=float(tolerance) if tolerance else None,
    )


def _minerva(fields: Fields, number: int) -> Row:
    # 4.5e33 is read as 4.5·e·33 by math-verify; the folder's answer_norm has the same rewriting.
    answer = re.sub(r"(?<=\d)[eE]([-+]?\d+)", r" \\times 10^{\1}", fields["answer"])
    return _row(f"minerva_math/{number:03}", fields["question"], answer)


def _aime24(fields: Fields, number: int) -> Row:
    answer: str = fields["solution"].rsplit("\\boxed{", 1)[-1]
    return _row(f"aime24/{number}", fields["problem"], answer.strip().removesuffix("}"))


def _aime25(fields: Fields, number: int) -> Row:
    return _row(f"aime25/{number}", fields["problem"], fields["answer"])


def _amc23(fields: Fields, number: int) -> Row:
    return _row(f"amc23/{number}", fields["question"], str(fields["answer"]).removesuffix(".0"))


def _deepmath(fields: Fields, number: int) -> Row:
    difficulty = float(fields["difficulty"])
    return _row(f"deepmath/{number}", fields["question"], fields["final_answer"], difficulty=difficulty)


def _simplerl_zoo(difficulty: str) -> Callable[[Fields, int], Row]:
    def read(fields: Fields, number: int) -> Row:
        asked = fields["extra_info"]
        return _row(f"simplerl_zoo/{difficulty}/{number}", asked["question"], asked["answer"])

    return read


def _zoo(difficulty: str, folder: str) -> HubTable:
    return HubTable("hkust-nlp/SimpleRL-Zoo-Data", "train", _simplerl_zoo(difficulty), file=f"{folder}/train.parquet")


HUB: Final[dict[str, HubTable]] = {
    "math500": HubTable("HuggingFaceH4/MATH-500", "test", _math500),
    "olympiadbench": HubTable("Hothan/OlympiadBench", "train", _olympiadbench, config="OE_TO_maths_en_COMP"),
    "minerva": HubTable("math-ai/minervamath", "test", _minerva),
    "aime24": HubTable("math-ai/aime24", "test", _aime24),
    "aime25": HubTable("math-ai/aime25", "test", _aime25),
    "amc23": HubTable("math-ai/amc23", "test", _amc23),
    "gsm8k": HubTable("openai/gsm8k", "test", _gsm8k, config="main"),
    "simplerl_zoo_easy": _zoo("easy", "simplelr_qwen_gsm8k_level1"),
    "simplerl_zoo_medium": _zoo("medium", "simplelr_qwen_level1to4"),
    "simplerl_zoo_hard": _zoo("hard", "simplelr_qwen_level3to5"),
    "deepmath": HubTable("zwhe99/DeepMath-103K", "train", _deepmath),
}
