"""What the outcomes of an evaluation depend on, in ten hex digits: its folder is found again only by the same."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.models.locate import model_source
from harness.records.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.config.experiment import ExperimentConfig
    from harness.rollouts.prompts import EvalSet

_CODE: Final = Path(__file__).resolve().parent.parent
_NOT_CODE: Final = ("commit", "dirty", "cores")


def label(config: ExperimentConfig, exams: Iterable[EvalSet]) -> str:
    """The name of the folder: the model, and a digest of model, settings, problems, code and packages."""
    settings = {
        "model": asdict(config.model),
        "files": _files(config.model.path),
        "engine": asdict(config.backend.vllm) if config.backend.vllm else config.backend.engine,
        "exams": [_exam(exam) for exam in exams],
        "code": _code(),
        "packages": {name: value for name, value in origin(config).items() if name not in _NOT_CODE},
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:10]
    return f"{short(config.model.path)}.{digest}"


def short(model: str) -> str:
    """A model's name as a part of a file's: the last part of its path."""
    return re.sub(r"[^\w.-]+", "_", model.rstrip("/").rpartition("/")[2].rpartition(":")[2])


def origin(config: ExperimentConfig) -> Mapping[str, str]:
    """Commit, packages and machine, those of verifier and engines among them."""
    return {**provenance(config.backend), "math-verify": version("math-verify")}


def _files(model: str) -> list[tuple[str, int, int]]:
    """Name, size and time of a local model's files; a name on the hub says nothing of its weights."""
    source = model_source(model)
    if not isinstance(source, Path):
        return []
    stats = [(path.name, path.stat()) for path in sorted(source.iterdir()) if path.is_file()]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _exam(exam: EvalSet) -> dict[str, Any]:
    problems = json.dumps([asdict(task.problem) for task in exam.tasks]).encode()
    known: dict[str, Any] = {"benchmark": exam.benchmark, "longest": exam.longest, "decoding": asdict(exam.decoding)}
    functions = {task.function.key for task in exam.tasks if task.function}
    if functions:
        known["reward"] = sorted(functions)
    if exam.open_box != "wrong":
        known["open_box"] = exam.open_box
    return {**known, "problems": hashlib.sha256(problems).hexdigest()}


@cache  # a process runs the code that it has read
def _code() -> str:
    found = hashlib.sha256()
    for path in sorted(_CODE.rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()
