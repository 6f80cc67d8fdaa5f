"""What commands leave on disk and in MLflow: folders, file names, keys, tags. They are run, small, in this process."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sqlite3
from contextlib import closing, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pandas as pd
import yaml
from safetensors import safe_open

from analysis.__main__ import main as analysis
from harness.config.experiment import load_config
from harness.data.cache import Tier, describe_contents, write_tier
from harness.data.card import Card
from harness.data.catalog import Problem
from harness.evaluation.benchmarks import evaluate_model as evaluate
from harness.records.record import RunRecord, Study
from harness.replay.__main__ import main as replay
from harness.tracking.journal import OUTBOX_FOLDER
from harness.tracking.store import Store
from harness.training.run import FinishedRun, RunSpec, execute_run
from harness.training.scores import predict_score_names
from tests.golden.shapes import observed, without_numbers
from tests.harness.store_samples import saved_journal
from tricks.io.apply import apply_as_json as apply, read_options

# A reference model, a filter that resamples groups, a batch sampled ahead: a checkpoint holds all of its parts.
RUN: Final = (
    *("preset=dapo", "+tricks.kl_loss={}", "rollout.ahead=1", "steps=2", "eval.every=1", "checkpoint.every=1"),
    *(
        "checkpoint.export=true",
        "rollout.prompts_per_batch=4",
        "rollout.group_size=4",
        "rollout.max_response_length=32",
    ),
    *("optim.updates_per_rollout=1", "eval.problems=4", "eval.samples=2"),
)
# Whether there is a right, a wrong or a truncated response may depend on the last bits of a machine's numbers.
UNSURE: Final = ("response/length_", "response/truncated_", "response/repeated_")
FREE: Final = ("metrics", "scores", "config", "provenance", "labels", "origin", "sha256")
EXAMPLE: Final = Path(__file__).parents[2] / "docs" / "reference" / "rollouts.example.json"


def known_files(folder: Path, database: Path) -> dict[str, Any]:
    """Run what writes files, in an empty folder. ``database`` is an empty one of MLflow."""
    results = folder / "results"
    results.mkdir()
    (results / "mlflow.db").write_bytes(database.read_bytes())
    run = _run(folder / "run")
    return {
        "run": run.found,
        "sweep": _sweep(results, run),
        "evaluation": _evaluation(folder / "evaluation"),
        "replay": _replay(folder / "replay"),
        "tier": _tier(folder / "tier"),
        "apply": _apply(),
    }


def _run(folder: Path) -> _Run:
    """Make a run, and look at its checkpoint while it is there."""
    config = load_config(*RUN)
    spec = RunSpec("single", "laptop", {"preset": "dapo"}, config, {"commit": "0123abc", "dirty": "no"})
    found: dict[str, Any] = {}
    for item in execute_run(spec, folder, ()):
        if isinstance(item, FinishedRun):
            break
        if item.step == 1:
            found["checkpoint after step 1"] = _checkpoint(folder)
    outcomes = pd.read_parquet(folder / "outcomes.parquet")
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    found |= {
        "folder": _paths(folder),
        "documents": _documents(folder, ("clipped_tokens.json", "config.yaml", "metrics.jsonl", "record.json")),
        "outcomes.parquet": {"columns": list(outcomes.columns), "when": sorted(set(outcomes["when"]))},
        "problems held out": sorted(set(outcomes["problem_id"])),
        "run id": record["run_id"],
        "rule": record["rule"],
    }
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    names = sorted({name for line in lines for name in json.loads(line)} - {"step"})
    found["metrics of all steps"] = [name for name in names if not name.startswith(UNSURE)]
    return _Run(item.record, folder, found)


class _Run:
    def __init__(self, record: RunRecord, folder: Path, found: dict[str, Any]) -> None:
        self.record, self.folder, self.found = record, folder, found


def _checkpoint(run: Path) -> dict[str, Any]:
    (folder,) = (run / "checkpoints").glob("[!.]*")
    names = ("batch.json", "evaluations.json", "identity.json", "manifest.json", "metrics.jsonl", "model.json")
    found = _documents(folder, (*names, "position.json", "random.json", "spent.json", "learner/learner.json"))
    tensors = {path.relative_to(folder).as_posix(): _tensors(path) for path in sorted(folder.rglob("*.safetensors"))}
    return {"folder": _paths(run), "documents": found, "tensors": tensors}


def _tensors(path: Path) -> list[str]:
    with safe_open(path, "pt") as file:
        return without_numbers(file.keys())


def _documents(folder: Path, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _document(folder / name) for name in names}


def _document(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        numbers = [json.loads(line) for line in text.splitlines()]
        return {"a line": observed([{"step": line.pop("step"), "metrics": line} for line in numbers], FREE)}
    return observed(yaml.safe_load(text) if path.suffix == ".yaml" else json.loads(text), FREE)


def _sweep(results: Path, run: _Run) -> dict[str, Any]:
    """Record four runs and a failed one of a study, and make its tables, figures and report."""
    store, study = Store.open(results), _study()
    store.save_study(study)
    scores = dict.fromkeys(predict_score_names(load_config(*RUN)).certain, 0.5) | {"fired/soft_overlong": 0.0}
    provenance = {"commit": "0123abc", "dirty": "no", "data paper_easy": "0123"}
    made = replace(run.record, study=study.name, scores=scores, provenance=provenance)
    for labels, cell_id in zip(study.cells, study.cell_ids, strict=True):
        for seed in study.seeds:
            record = replace(made, labels=labels, seed=seed, cell_id=cell_id, run_id=f"{cell_id}-s{seed}")
            _record(store, record, run.folder)
    broken = replace(made, run_id="c9-s0", cell_id="c9", status="failed", scores={}, error="X: y")
    _record(store, broken, run.folder)
    database = _mlflow(results / "mlflow.db", study)
    for command in ("tables", "figures", "report"):
        assert analysis([command, f"results={results}"]) == 0, command
    return {
        "outbox": _outbox(results, replace(run.record, labels=study.cells[0], study=study.name)),
        "mlflow": database,
        "results": [path for path in _paths(results) if not path.startswith("mlflow.db")],
        "tables": {
            path.name: next(csv.reader(path.read_text(encoding="utf-8").splitlines()))
            for path in sorted(results.glob("tables/*.csv"))
        },
    }


def _study() -> Study:
    return Study(
        name="golden",
        profile="laptop",
        question="Which?",
        metric="final/accuracy",
        axes={"model": ("small",), "norm": ("none", "group")},
        baseline={"norm": "none"},
        seeds=(0, 1),
        cells=({"model": "small", "norm": "none"}, {"model": "small", "norm": "group"}),
        cell_ids=("c0", "c1"),
    )


def _record(store: Store, record: RunRecord, folder: Path) -> None:
    handle = store.begin(record.head, started=1.0, token="t")
    store.log(handle, 1, {"reward/mean": 0.5, "fired/clip_higher": 0.5}, at=2.0)
    store.finish(handle, record, {name: folder / name for name in ("outcomes.parquet",)}, ended=3.0)


def _outbox(results: Path, record: RunRecord) -> dict[str, Any]:
    sheet = saved_journal(results / OUTBOX_FOLDER, record)
    sheet.add(1, {"reward/mean": 0.5})
    sheet.end(record)
    lines = [json.loads(line) for line in sheet.file.read_text(encoding="utf-8").splitlines()]
    name = sheet.file.relative_to(results).as_posix()
    sheet.remove()
    return {"file": name, "lines": [observed(line, FREE) for line in lines]}


def _mlflow(file: Path, study: Study) -> dict[str, Any]:
    """Read what MLflow holds: of each kind the names, of what is short and ours the values too."""
    with closing(sqlite3.connect(file)) as database:

        def rows(query: str) -> list[Any]:
            return [row[0] if len(row) == 1 else row for row in database.execute(query).fetchall()]

        tags = dict(rows("SELECT key, value FROM tags JOIN runs USING (run_uuid) WHERE name LIKE 'group % s1'"))
        shown = ("cell_id", "study", "profile", "seed", "mlflow.note.content", "mlflow.runName")
        return {
            "experiments": rows(f"SELECT name FROM experiments WHERE name = '{study.name}'"),
            "experiment tags": sorted({_pattern(key) for key in rows("SELECT key FROM experiment_tags")}),
            "runs": sorted(rows("SELECT name FROM runs")),
            "states": sorted(set(rows("SELECT status FROM runs"))),
            "tags of a run": sorted({_pattern(key) for key in tags}),
            "tags of a failed run": sorted({*map(_pattern, rows(_FAILED_TAGS))} - {*map(_pattern, tags)}),
            "values of tags": {key: tags[key] for key in tags if key in shown or key.startswith("axis.")},
            "params": sorted(set(rows("SELECT key FROM params"))),
            "params of the rule": dict(rows(_RULE)),
            "metrics of steps": sorted(set(rows("SELECT key FROM metrics WHERE step = 1"))),
            "scores begin with": sorted({key.partition("/")[0] for key in rows(_SCORES)}),
        }


_FAILED_TAGS: Final = "SELECT key FROM tags JOIN runs USING (run_uuid) WHERE status = 'FAILED'"
_RULE: Final = "SELECT DISTINCT key, value FROM params WHERE key LIKE 'rule.%'"
_SCORES: Final = "SELECT DISTINCT key FROM metrics WHERE step = 0"


def _pattern(key: str) -> str:
    """Put words for what is counted or hashed in the key of a tag."""
    return re.sub(r"\.\d+$", ".N", re.sub(r"\.[0-9a-f]{16}-\d+$", ".HASH-N", key))


def _evaluation(results: Path) -> dict[str, Any]:
    config = load_config("eval.problems=2", "eval.samples=2", "rollout.max_response_length=16", "data=arithmetic_easy")
    done = evaluate(config, results)
    name = re.sub(r"[0-9a-f]{10}$", "HASH", done.folder.name)
    return {
        "folder": {f"{done.folder.parent.relative_to(results).as_posix()}/{name}": _paths(done.folder)},
        "scores.json": _document(done.folder / "scores.json"),
        "outcomes.parquet": list(pd.read_parquet(done.folder / "outcomes.parquet").columns),
    }


def _replay(results: Path) -> dict[str, Any]:
    with patch.dict(os.environ, RESULTS_DIR=str(results)), redirect_stdout(io.StringIO()):
        assert replay([f"rollouts={EXAMPLE}"]) == 0
    (file,) = results.rglob("*.json")
    found = json.loads(file.read_text(encoding="utf-8"))
    return {
        "folder": _paths(results),
        "document": observed(found, FREE),
        "batch": sorted(found["batch"]),
        "arms": {arm["name"]: arm["kind"] for arm in found["arms"]},
    }


def _apply() -> dict[str, Any]:
    """Apply rules to a batch, as ``python -m tricks apply`` does."""
    batch = EXAMPLE.read_bytes()
    found = [json.loads(apply(read_options(name), batch)) for name in ("dapo_static", "liteppo", "gspo")]
    return {
        "batch": observed(json.loads(batch)),
        "answer": observed([{**each, "rule": {}, "fired": {"*": list(each["fired"].values())}} for each in found]),
        "rules": {each["preset"]: each["rule"] for each in found},
    }


def _tier(folder: Path) -> dict[str, Any]:
    problems = (Problem("one:1", "What is 1 + 1?", "2", "math"), Problem("one:2", "What is 1/2?", "0.5", "math", 0.1))
    card = Card(
        headline="h",
        name="own",
        rule="r",
        sources=(),
        removed={},
        contaminated=(),
        unreadable=(),
        **describe_contents(problems),
    )
    write_tier(folder / "own.jsonl", Tier(problems, card))
    lines = (folder / "own.jsonl").read_text(encoding="utf-8").splitlines()
    return {
        "files": _paths(folder),
        "a row": [observed(json.loads(line)) for line in lines],
        "card": json.loads((folder / "own.card.json").read_text(encoding="utf-8")),
    }


def _paths(folder: Path) -> list[str]:
    """List the files, with words for names that are drawn or hashed."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted({re.sub(r"[0-9a-f]{32}", "UUID", path) for path in found})
