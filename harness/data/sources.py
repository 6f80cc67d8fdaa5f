"""Load tables of problems from DATA_DIR or the Hugging Face hub."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.data.catalog import TABLES, DataError, ProblemTable
from harness.data.rows import DataRow, parse_rows, refuse_repeated

if TYPE_CHECKING:
    from collections.abc import Iterable


Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HubTable:
    """A data set on the hub, and a function that reads its rows.

    The function takes the fields of a row and the row's number in the split.
    """

    name: str
    split: str
    read: Callable[[Fields, int], DataRow]
    config: str | None = None
    file: str | None = None  # one file of the repository, if its configurations are files


def load_hub(name: str) -> LoadedTable:
    """Load a table from the hub. Raises DataError where that fails or a column is missing."""
    return _loaded(name)


def read_table(name: str, repository: str | None = None) -> LoadedTable:
    """Load a table from the hub, or from another repository of the same layout.

    The repository may be a local folder. Raises DataError like ``load_hub``.
    """
    hub = HUB[name]
    rows = tuple(_rows(hub, _download(hub, repository or hub.name)))
    refuse_repeated(rows)
    if not rows:
        raise DataError(
            f"{hub.name} on the hub has no rows; set DATA_DIR to a folder with the data (docs/guides/data.md)"
        )
    table = TABLES[name]
    source = ProblemSource(f"hub:{hub.name}", table.title, len(rows), table.rows, _rows_digest(rows), known=False)
    return LoadedTable(source, rows)


_loaded = lru_cache(maxsize=16)(read_table)


def _download(hub: HubTable, repository: str) -> Iterable[Fields]:
    try:
        from datasets import load_dataset  # noqa: PLC0415 - takes seconds
        from huggingface_hub.utils import logging  # noqa: PLC0415

        logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # hides a message for each retry
        # A single file of a repository always becomes the split "train".
        files = {"data_files": hub.file, "split": "train"} if hub.file else {"name": hub.config, "split": hub.split}
        found: Iterable[Fields] = load_dataset(repository, **files)
    except Exception as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{hub.name}: cannot be loaded from the Hugging Face hub ({why}); "
            "set DATA_DIR to a folder with the data (docs/guides/data.md), or connect to the internet"
        ) from None
    return found


def _rows(hub: HubTable, found: Iterable[Fields]) -> Iterable[DataRow]:
    for number, fields in enumerate(found):
        try:
            yield hub.read(fields, number)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DataError(
                f"{hub.name} on the hub, row {number}: {type(error).__name__} {error}; this project reads other "
                "columns; set DATA_DIR to a folder with the data (docs/guides/data.md)"
            ) from None


def _rows_digest(rows: Iterable[DataRow]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps([row.row_id, row.problem, row.answer, row.difficulty, row.tolerance]).encode())
    return digest.hexdigest()


def _row(row_id: str, problem: Any, answer: Any, **numbers: float | None) -> DataRow:
    if not isinstance(problem, str) or not problem.strip():
        raise ValueError("the problem is empty or not text")
    return DataRow(row_id, problem, "" if answer is None else str(answer).strip(), place=row_id, **numbers)


def _gsm8k(fields: Fields, number: int) -> DataRow:
    return _row(f"gsm8k/test/{number}", fields["question"], fields["answer"].split("####")[1])


def _math500(fields: Fields, number: int) -> DataRow:
    return _row(f"math500/{fields['unique_id'].removesuffix('.json')}", fields["problem"], fields["answer"])


def _olympiadbench(fields: Fields, number: int) -> DataRow:
    tolerance = fields["error"]
    context = f"{fields['context']}\n\n" if fields.get("context") else ""
    return _row(
        f"olympiadbench/{fields['id']}",
        context + fields["question"],
        ", ".join(fields["final_answer"]),
        tolerance=float(tolerance) if tolerance else None,
    )


def _minerva(fields: Fields, number: int) -> DataRow:
    # math-verify reads 4.5e33 as 4.5·e·33; answer_norm in DATA_DIR is rewritten in the same way.
    answer = re.sub(r"(?<=\d)[eE]([-+]?\d+)", r" \\times 10^{\1}", fields["answer"])
    return _row(f"minerva_math/{number:03}", fields["question"], answer)


def _aime24(fields: Fields, number: int) -> DataRow:
    answer: str = fields["solution"].rsplit("\\boxed{", 1)[-1]
    return _row(f"aime24/{number}", fields["problem"], answer.strip().removesuffix("}"))


def _aime25(fields: Fields, number: int) -> DataRow:
    return _row(f"aime25/{number}", fields["problem"], fields["answer"])


def _amc23(fields: Fields, number: int) -> DataRow:
    return _row(f"amc23/{number}", fields["question"], str(fields["answer"]).removesuffix(".0"))


def _deepmath(fields: Fields, number: int) -> DataRow:
    difficulty = float(fields["difficulty"])
    return _row(f"deepmath/{number}", fields["question"], fields["final_answer"], difficulty=difficulty)


def _simplerl_zoo(difficulty: str) -> Callable[[Fields, int], DataRow]:
    def read(fields: Fields, number: int) -> DataRow:
        info = fields["extra_info"]
        return _row(f"simplerl_zoo/{difficulty}/{number}", info["question"], info["answer"])

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


_MANIFESTS: Final = (
    ("SHA256SUMS", re.compile(r"^([0-9a-fA-F]{64}) [ *](\S+)$", re.MULTILINE), (2, 1)),
    ("README.md", re.compile(r"^\|\s*(\S+\.jsonl)\s*\|.*`([0-9a-fA-F]{64})`\s*\|\s*$", re.MULTILINE), (1, 2)),
)


@dataclass(frozen=True, slots=True)
class ProblemSource:
    """The origin of a table: its name, size and checksum."""

    name: str  # the file below DATA_DIR, or the name on the hub
    title: str
    rows: int  # number of rows found
    official: int  # number of rows of the complete source
    sha256: str  # checksum of the file, or of the rows as JSON if they come from the hub
    known: bool  # True: the same file as in this project's results


@dataclass(frozen=True, slots=True)
class LoadedTable:
    """A table with its rows."""

    source: ProblemSource
    rows: tuple[DataRow, ...]


def data_folder() -> Path | None:
    """Return the folder named by DATA_DIR; None where it is not set.

    Raises DataError where there is no such folder.
    """
    named = os.environ.get("DATA_DIR", "").strip()
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise DataError(f"DATA_DIR={named}: no such folder; name one with eval/ and train/ (docs/guides/data.md)")
    return folder


def load_table(name: str) -> LoadedTable:
    """Load a table by name, from DATA_DIR or from the hub.

    Raises DataError where that fails.
    """
    folder = data_folder()
    if folder is None:
        return load_hub(name)
    file = table_file(folder, TABLES[name])
    return _load_file(folder, name, file, compute_sha256(folder, file))


def compute_sha256(folder: Path, file: str) -> str:
    """Return the SHA-256 of a file.

    Raises DataError where the file is missing, or differs from the checksum in the folder.
    """
    found = hashlib.sha256(_content(folder / file)).hexdigest()
    for manifest, promised in _promises(folder, file):
        if promised != found:
            raise DataError(
                f"{folder / file}: SHA-256 {found[:12]}…, but {folder / manifest} lists {promised[:12]}…; copy the "
                "file again, or correct the list if the change is intended"
            )
    return found


def table_file(folder: Path, table: ProblemTable) -> str:
    """Return the file of a table: the complete one where it exists."""
    return table.whole if table.whole and (folder / table.whole).is_file() else table.file


@lru_cache(maxsize=16)
def _load_file(folder: Path, name: str, file: str, sha256: str) -> LoadedTable:
    table = TABLES[name]
    rows = parse_rows(_content(folder / file), folder / file, difficulty=table.difficulty)
    return LoadedTable(
        ProblemSource(file, table.title, len(rows), table.rows, sha256, known=sha256 == table.sha256), rows
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(
            f"{path}: no such file; DATA_DIR names a folder with eval/ and train/ (docs/guides/data.md)"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def _promises(folder: Path, file: str) -> list[tuple[str, str]]:
    """Return the checksums of a file in the folder's lists, with the names of the lists."""
    found = []
    for manifest, pattern, (path, sha256) in _MANIFESTS:
        if (folder / manifest).is_file():
            lines = pattern.finditer((folder / manifest).read_text(encoding="utf-8", errors="replace"))
            found += [(manifest, line[sha256].lower()) for line in lines if line[path].removeprefix("./") == file]
    return found
