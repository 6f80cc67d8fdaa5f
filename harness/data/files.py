"""One's own files of problems: where they are, what they are called, and which content a run was described with.

A config names a file by a path, which depends on the folder of the command, and says nothing of what the file holds.
`with_files` replaces it, when the config is checked, by the absolute path and the SHA-256 of the content.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.common.schema import SchemaError, suggest
from harness.data.benchmarks import BENCHMARKS

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE: Final = "file:"  # before the path of a file among eval.benchmarks
SOURCE: Final = "file"  # the value of data.source

_ARITHMETIC: Final = "arithmetic"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
# Scores of all benchmarks together, beside which the scores of one stand: final/accuracy, final/math500/avg@8.
_TAKEN: Final = frozenset({"accuracy", "pass", "majority", "length", "truncated", "undecided", "too_long", "score"})


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file of problems as it was when the run was described."""

    path: str  # absolute
    sha256: str | None  # of the content; None where the file could not be read
    rows: int = 0  # lines that are not blank


def with_files(composed: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve the files that a composed experiment names.

    ``data.path`` becomes absolute and gets its SHA-256. ``file:heldout.jsonl`` among the benchmarks becomes
    ``heldout``, and ``eval.files`` says which file that is.

    Raises SchemaError for a file that cannot name a benchmark, and for a benchmark that does not exist.
    """
    found = dict(composed)
    data, evaluation = composed.get("data"), composed.get("eval")
    if isinstance(data, dict):
        found["data"] = _data(data)
    if isinstance(evaluation, dict) and isinstance(evaluation.get("benchmarks"), list):
        found["eval"] = _evaluation(evaluation)
    return found


def own_file(path: str) -> OwnFile:
    """Describe the file as it is now."""
    absolute = Path(os.path.abspath(Path(path).expanduser()))  # resolve() would follow links
    return OwnFile(str(absolute), *_content(absolute))


def benchmark_name(path: str) -> str:
    """The name under which the scores of a file stand: ``heldout`` for ``data/heldout.jsonl``.

    Raises SchemaError where that is the name of something else, or cannot stand in the name of a score.
    """
    name = Path(path).name.removesuffix(".jsonl")
    if not _NAME.fullmatch(name):
        raise SchemaError(
            f"eval.benchmarks: {FILE}{path}: scores are named after the file, as final/NAME/avg@8, and {name!r} cannot "
            "be such a name; rename the file to letters, digits, _ and -, ending in .jsonl"
        )
    if name.lower() in {*BENCHMARKS, _ARITHMETIC, *_TAKEN, "all"}:
        raise SchemaError(
            f"eval.benchmarks: {FILE}{path}: scores are named after the file, and {name!r} names other scores already; "
            "rename the file"
        )
    return name


def refuse_unknown(evaluation: Mapping[str, Any]) -> None:
    """Raise SchemaError for a benchmark, or samples of one, that is neither ours nor one of ``eval.files``."""
    known = (*BENCHMARKS, _ARITHMETIC, *(evaluation.get("files") or {}))
    listed = [(f"eval.benchmarks[{place}]", name) for place, name in enumerate(evaluation["benchmarks"])]
    counted = [(f"eval.samples_of.{name}", name) for name in evaluation.get("samples_of") or {}]
    for place, name in (*listed, *counted):
        if isinstance(name, str) and name not in known:
            raise SchemaError(
                f"{place}: no benchmark {name!r} (a file of your own is {FILE}PATH, and then called NAME); "
                f"{suggest(name, known)}"
            )


def _data(data: Mapping[str, Any]) -> dict[str, Any]:
    if data.get("source") != SOURCE or not isinstance(data.get("path"), str):
        return {**data, "sha256": None}
    file = own_file(data["path"])
    return {**data, "path": file.path, "sha256": file.sha256}


def _evaluation(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(evaluation.get("files") or {})  # of a config that was resolved before, such as a recorded one
    names, files = list[Any](), dict[str, OwnFile]()
    for benchmark in evaluation["benchmarks"]:
        path = _path(benchmark, given)
        name = benchmark if path is None else benchmark_name(path)
        if path is not None:
            file = own_file(path)
            if files.setdefault(name, file).path != file.path:
                raise SchemaError(
                    f"eval.benchmarks: {files[name].path} and {file.path} would both be scored as {name!r}; rename one"
                )
        if name not in names:
            names.append(name)
    samples = evaluation.get("samples_of")
    plain = {name: asdict(file) for name, file in files.items()}
    found = {**evaluation, "benchmarks": names, "samples_of": {} if samples is None else samples, "files": plain}
    refuse_unknown(found)
    return found


def _path(benchmark: Any, given: Mapping[str, Any]) -> str | None:
    """The path of a benchmark that is a file; None for another."""
    if not isinstance(benchmark, str):
        return None
    if benchmark.startswith(FILE):
        path = benchmark.removeprefix(FILE).strip()
        if not path:
            raise SchemaError(f"eval.benchmarks: {FILE} needs the path of a file, as in {FILE}heldout.jsonl")
        return path
    if isinstance(known := given.get(benchmark), dict) and isinstance(known.get("path"), str):
        return str(known["path"])
    return None


def _content(path: Path) -> tuple[str | None, int]:
    """Return SHA-256 and number of rows; None and 0 for a file that cannot be read, which its reader reports."""
    try:
        stat = path.stat()
        return _read(path, stat.st_size, stat.st_mtime_ns, stat.st_ino) if path.is_file() else (None, 0)
    except (OSError, ValueError):
        return None, 0


@lru_cache(maxsize=64)  # a grid asks once a cell
def _read(path: Path, size: int, changed: int, inode: int) -> tuple[str, int]:
    content = path.read_bytes()
    return hashlib.sha256(content).hexdigest(), sum(1 for line in content.split(b"\n") if line.strip())
