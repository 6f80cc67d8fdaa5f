"""A user's own files of problems: paths, names and contents when the run is described.

A configuration names a file by a path. The path depends on the current folder and says nothing about the content. When
the configuration is checked, `resolve_files` replaces it by the absolute path and the SHA-256 of the content.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from harness.common import SchemaError, suggest
from harness.data.benchmarks import BENCHMARKS

FILE_PREFIX: Final = "file:"  # prefix of the path of a file in eval.benchmarks
FILE_SOURCE: Final = "file"  # the value of data.source

_ARITHMETIC: Final = "arithmetic"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
# Names of scores over all benchmarks (final/accuracy). A benchmark (final/math500/avg@8) may not have such a name.
_TAKEN: Final = frozenset({"accuracy", "pass", "majority", "length", "truncated", "undecided", "too_long", "score"})


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file of problems at the time when the run was described."""

    path: str  # absolute path
    sha256: str | None  # of the content; None where the file could not be read
    rows: int = 0  # lines that are not blank


def resolve_files(composed: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve the files that a composed experiment names.

    ``data.path`` becomes absolute and gets its SHA-256. ``file:heldout.jsonl`` in the benchmarks becomes ``heldout``,
    and ``eval.files`` maps that name to the file.

    Raises SchemaError for a file whose name cannot be a benchmark's, and for an unknown benchmark.
    """
    found = dict(composed)
    data, evaluation = composed.get("data"), composed.get("eval")
    if isinstance(data, dict):
        found["data"] = _data(data)
    if isinstance(evaluation, dict) and isinstance(evaluation.get("benchmarks"), list):
        found["eval"] = _evaluation(evaluation)
    return found


def read_own_file(path: str) -> OwnFile:
    """Return path, checksum and number of rows of the file as it is now."""
    absolute = Path(os.path.abspath(Path(path).expanduser()))  # resolve() would follow links
    return OwnFile(str(absolute), *_content(absolute))


def benchmark_name(path: str) -> str:
    """Return the benchmark name of a file: ``heldout`` for ``data/heldout.jsonl``.

    Raises SchemaError where the name is taken, or cannot be part of the name of a score.
    """
    name = Path(path).name.removesuffix(".jsonl")
    if not _NAME.fullmatch(name):
        raise SchemaError(
            f"eval.benchmarks: {FILE_PREFIX}{path}: scores are named after the file, as final/NAME/avg@8, and "
            f"{name!r} cannot "
            "be such a name; rename the file to letters, digits, _ and -, ending in .jsonl"
        )
    if name.lower() in {*BENCHMARKS, _ARITHMETIC, *_TAKEN, "all"}:
        raise SchemaError(
            f"eval.benchmarks: {FILE_PREFIX}{path}: scores are named after the file, and {name!r} names other "
            "scores already; "
            "rename the file"
        )
    return name


def refuse_unknown(evaluation: Mapping[str, Any]) -> None:
    """Raise SchemaError for a benchmark that is neither built in nor one of ``eval.files``.

    The names in ``eval.samples_of`` are checked too.
    """
    known = (*BENCHMARKS, _ARITHMETIC, *(evaluation.get("files") or {}))
    listed = [(f"eval.benchmarks[{place}]", name) for place, name in enumerate(evaluation["benchmarks"])]
    counted = [(f"eval.samples_of.{name}", name) for name in evaluation.get("samples_of") or {}]
    for place, name in (*listed, *counted):
        if isinstance(name, str) and name not in known:
            raise SchemaError(
                f"{place}: no benchmark {name!r} (a file of your own is {FILE_PREFIX}PATH, and then called NAME); "
                f"{suggest(name, known)}"
            )


def _data(data: Mapping[str, Any]) -> dict[str, Any]:
    if data.get("source") != FILE_SOURCE or not isinstance(data.get("path"), str):
        return {**data, "sha256": None}
    file = read_own_file(data["path"])
    return {**data, "path": file.path, "sha256": file.sha256}


def _evaluation(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(evaluation.get("files") or {})  # present in a resolved configuration, such as a recorded one
    names, files = list[Any](), dict[str, OwnFile]()
    for benchmark in evaluation["benchmarks"]:
        path = _path(benchmark, given)
        name = benchmark if path is None else benchmark_name(path)
        if path is not None:
            file = read_own_file(path)
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
    """Return the path of a benchmark that is a file; None for any other benchmark."""
    if not isinstance(benchmark, str):
        return None
    if benchmark.startswith(FILE_PREFIX):
        path = benchmark.removeprefix(FILE_PREFIX).strip()
        if not path:
            raise SchemaError(
                f"eval.benchmarks: {FILE_PREFIX} needs the path of a file, as in {FILE_PREFIX}heldout.jsonl"
            )
        return path
    if isinstance(known := given.get(benchmark), dict) and isinstance(known.get("path"), str):
        return str(known["path"])
    return None


def _content(path: Path) -> tuple[str | None, int]:
    """Return SHA-256 and number of rows; None and 0 for an unreadable file.

    The error is raised later, when the file is read.
    """
    try:
        stat = path.stat()
        return _read(path, stat.st_size, stat.st_mtime_ns, stat.st_ino) if path.is_file() else (None, 0)
    except (OSError, ValueError):
        return None, 0


@lru_cache(maxsize=64)  # a grid asks once per cell
def _read(path: Path, size: int, changed: int, inode: int) -> tuple[str, int]:
    content = path.read_bytes()
    return hashlib.sha256(content).hexdigest(), sum(1 for line in content.split(b"\n") if line.strip())
