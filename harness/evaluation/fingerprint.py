"""Digest of everything that the outcomes of an evaluation depend on.

The digest is part of the folder's name, so that only an equal evaluation finds the folder again.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.models.locate import locate_model
from harness.records.provenance import collect_provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.config.experiment import ExperimentConfig
    from harness.rollouts.prompts import EvalSet

_CODE: Final = Path(__file__).resolve().parent.parent
_NOT_CODE: Final = ("commit", "dirty", "cores")


def name_evaluation(config: ExperimentConfig, eval_sets: Iterable[EvalSet]) -> str:
    """Return the name of an evaluation's folder: the model's name and a digest.

    The digest covers model, settings, problems, code and packages.
    """
    settings = {
        "model": asdict(config.model),
        "files": _files(config.model.path),
        "engine": asdict(config.backend.vllm) if config.backend.vllm else config.backend.engine,
        "exams": [_eval_set(eval_set) for eval_set in eval_sets],
        "code": _code(),
        "packages": {name: value for name, value in describe_origin(config).items() if name not in _NOT_CODE},
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:10]
    return f"{shorten_model_name(config.model.path)}.{digest}"


def shorten_model_name(model: str) -> str:
    """Return the last part of a model's path, in a form that file names allow."""
    return re.sub(r"[^\w.-]+", "_", model.rstrip("/").rpartition("/")[2].rpartition(":")[2])


def describe_origin(config: ExperimentConfig) -> Mapping[str, str]:
    """Return commit, packages and machine, including the versions of verifier and engines."""
    return {**collect_provenance(config.backend), "math-verify": version("math-verify")}


def _files(model: str) -> list[tuple[str, int, int]]:
    """Return name, size and time of a local model's files; empty for a name on the hub."""
    source = locate_model(model)
    if not isinstance(source, Path):
        return []
    stats = [(path.name, path.stat()) for path in sorted(source.iterdir()) if path.is_file()]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _eval_set(eval_set: EvalSet) -> dict[str, Any]:
    problems = json.dumps([asdict(task.problem) for task in eval_set.tasks]).encode()
    known: dict[str, Any] = {
        "benchmark": eval_set.benchmark,
        "longest": eval_set.longest,
        "decoding": asdict(eval_set.decoding),
    }
    functions = {task.function.key for task in eval_set.tasks if task.function}
    if functions:
        known["reward"] = sorted(functions)
    if eval_set.open_box != "wrong":
        known["open_box"] = eval_set.open_box
    return {**known, "problems": hashlib.sha256(problems).hexdigest()}


@cache  # the code of a running process does not change
def _code() -> str:
    found = hashlib.sha256()
    for path in sorted(_CODE.rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()
