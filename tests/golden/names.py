"""Names that files, grids, packages of other people and finished runs use: tricks, settings, metrics, words."""

from __future__ import annotations

import ast
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import yaml

from analysis.claims.judge import ClaimWord as TakeawayWord
from analysis.curves.summary import NO_GAIN, OPEN
from analysis.stats.contrasts import Family
from analysis.stats.noise_floor import State as ControlState
from analysis.stats.verdict import Word as VerdictWord
from harness.common.resources import ResourceUse
from harness.common.schema import build_dataclass
from harness.common.seeds import derive_seed
from harness.config.compose import compose_config, compose_fast
from harness.config.engines import BackendConfig
from harness.config.experiment import ExperimentConfig
from harness.config.groups import CONF_FOLDER, list_config_groups
from harness.data.benchmarks import BENCHMARKS
from harness.data.card import Card, Removed
from harness.data.catalog import Problem
from harness.engines.base.divergence import Diverged
from harness.engines.base.remote import EngineError, ParityError
from harness.records.failures import _ARM, _OUTSIDE, _SETTINGS, classify_failure, describe_error
from harness.records.outcomes import TOO_LONG
from harness.records.provenance import collect_provenance
from harness.records.record import (
    CONTROL_AXIS,
    CONTROL_OFF,
    DATA_PREFIX,
    FIRED_PREFIX,
    REPLAY_FOLDER as REPLAYS,
    Replay,
    RunRecord,
    Study,
)
from harness.rewards.contract import ENTRY_POINT_GROUP as REWARDS, SCORED
from harness.rollouts.metrics import METRICS, REWARD_METRICS
from harness.tracking.journal import JournalEnd, JournalStart, JournalStep
from harness.training.scores import predict_score_names
from harness.verify.compare.canonical import compute_canonical_key
from harness.verify.model.verdict import UNDECIDED
from sweeps.driver import ADOPTED
from sweeps.grid.file import Derived, GridFile
from sweeps.grid.tuned import TunedFile
from sweeps.launch.lease import StudyLease
from tests.golden.shapes import declared
from tools.embedded_models.recipe import RECIPES, STAGES, fingerprint
from tricks.api import BATCH_PARTS, ENTRY_POINT_GROUP as TRICKS, HOOKS, list_packages
from tricks.batch import Setup
from tricks.catalog import load_catalog
from tricks.dialects.build import DIALECTS, build_rule
from tricks.io.document import PARTS
from tricks.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
PRODUCT: Final = ("tricks", "harness", "sweeps", "analysis", "liteppo", "tools")
_SETUP: Final = Setup(8, 32, 4, 64)
_CHANGES: Final = ("seed=1", "eval.every=1", "steps=4", "preset=dapo")


def known_names() -> dict[str, Any]:
    """Give all of them, by what they name."""
    return {
        "tricks": _tricks(),
        "hooks": list(HOOKS),
        "needs of tricks": sorted(BATCH_PARTS),
        "rule without tricks": build_rule("vanilla_ppo", {}, "none", _SETUP).settings(),
        "presets": {name: preset.tricks for name, preset in PRESETS.items()},
        "dialects": sorted(DIALECTS),
        "entry points": {"tricks": TRICKS, "rewards": REWARDS},
        "settings": {"defaults": compose_config(()), "options": dict(_options()), "fields": declared(ExperimentConfig)},
        "metrics": sorted({**METRICS, **REWARD_METRICS}),
        "scores": _scores(),
        "provenance": _provenance(),
        "documents": _documents(),
        "words": _words(),
        "errors": _errors(),
        "environment variables": sorted(set(_environment())),
        "benchmarks": sorted(BENCHMARKS),
        "batch of rollouts": {name: part.required for name, part in PARTS.items()},
        "seeds": {
            "plain": derive_seed(0),
            "by purpose": derive_seed(7, "model"),
            "of a number": derive_seed(7, "step", 3),
        },
        "embedded models": {
            f"{size} {stage}": fingerprint(size, recipe, stage, 0)
            for size, recipe in RECIPES.items()
            for stage in STAGES
        },
        "normal forms of answers": {text: compute_canonical_key(text) for text in ANSWERS},
    }


ANSWERS: Final = (
    "1/2",
    "0.50",
    "50%",
    r"\frac{x^2+1}{2}",
    r"\sqrt{2}",
    "-\\infty",
    r"2\infty",
    r"\infty^2+x",
    "(1,2)",
    r"\{1,2\}",
    "[0,1)",
    "x=3",
    r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
    "A",
    "no number",
)


def _tricks() -> dict[str, Any]:
    own = {name: spec for name, spec in load_catalog().items() if name not in list_packages()}
    return {
        name: {
            "settings": spec.settings,
            "hooks": list(spec.hooks),
            "fields": {each.name: _default(each) for each in fields(spec.cls)},
            "in ids": build_rule("vanilla_ppo", {name: {}}, "none", _SETUP).settings()[spec.hooks[0]],
            "in records": build_rule("vanilla_ppo", {name: {}}, "none", _SETUP).describe()[spec.hooks[0]],
            "in dialects": dict(_spoken(name, spec.hooks[0])),
        }
        for name, spec in own.items()
    }


def _default(field: Any) -> Any:
    return "none" if field.default is MISSING else repr(field.default)


def _spoken(name: str, hook: str) -> Iterator[tuple[str, Any]]:
    """Yield what a trick is in each dialect that can express it."""
    for dialect in DIALECTS:
        try:
            yield dialect, build_rule("vanilla_ppo", {name: {}}, dialect, _SETUP).settings()[hook]
        except ValueError:
            continue


def _options() -> Iterator[tuple[str, Any]]:
    for group, options in list_config_groups().items():
        files = {option: CONF_FOLDER / group / f"{option}.yaml" for option in options}
        yield group, {option: yaml.safe_load(path.read_text(encoding="utf-8")) for option, path in files.items()}


def _scores() -> dict[str, Any]:
    found = predict_score_names(build_dataclass(ExperimentConfig, compose_fast(_CHANGES)))
    return {"certain": sorted(found.certain), "possible": sorted(found.possible)}


def _provenance() -> dict[str, Any]:
    backend = build_dataclass(BackendConfig, compose_fast(("backend=laptop",))["backend"])
    foreign = {f"trick {name}" for name in list_packages()}
    return {"names": sorted(set(collect_provenance(backend)) - foreign), "data": DATA_PREFIX, "adopted": ADOPTED}


def _documents() -> dict[str, Any]:
    return {
        "record of a run": declared(RunRecord),
        "study": declared(Study),
        "outbox": {
            "first line": declared(JournalStart),
            "a step": declared(JournalStep),
            "last line": declared(JournalEnd),
        },
        "what a run took": declared(ResourceUse),
        "grid file": declared(GridFile),
        "profiles.yaml": declared(Derived),
        "tuned settings": declared(TunedFile),
        "claim on a study": declared(StudyLease),
        "replay": declared(Replay),
        "data card": declared(Card),
        "removed problem": declared(Removed),
        "problem": declared(Problem),
    }


def _words() -> dict[str, Any]:
    return {
        "verdicts": list(get_args(VerdictWord)),
        "takeaways": list(get_args(TakeawayWord)),
        "families": list(get_args(Family)),
        "states of controls": list(get_args(ControlState)),
        "curves": [NO_GAIN, OPEN],
        "axis of controls": CONTROL_AXIS,
        "label of all other cells": CONTROL_OFF,
        "score of what fired": FIRED_PREFIX,
        "reason of an unasked problem": TOO_LONG,
        "reason of a scored response": SCORED,
        "reasons of the undecided": sorted(UNDECIDED),
        "folder of replays": REPLAYS,
    }


def _errors() -> dict[str, Any]:
    """Give how errors are recorded, and what recorded errors are read as."""
    ours = (Diverged("x"), EngineError("x"), ParityError("x"))
    return {
        "recorded": [describe_error(error) for error in ours],
        "read": {name: classify_failure(f"{name}: x") for name in sorted(_ARM | _OUTSIDE | _SETTINGS)},
    }


def _environment() -> Iterator[str]:
    """Yield the variables that the product asks ``os.environ`` for by name."""
    for package in PRODUCT:
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if "environ" in text:
                yield from _asked(ast.parse(text))


def _asked(tree: ast.Module) -> Iterator[str]:
    constants = {
        target.id: _texts(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in ([node.target] if isinstance(node, ast.AnnAssign) else node.targets)
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.comprehension | ast.For) and isinstance(node.iter, ast.Name):
            yield from (name for name in constants.get(node.iter.id, ()) if name.isupper() and "_" in name)
        elif isinstance(node, ast.Call) and "environ" in ast.unparse(node.func) and node.args:
            yield from _names(node.args[0], constants)
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            yield from _names(node.slice, constants)


def _names(node: ast.expr, constants: dict[str, list[str]]) -> Iterator[str]:
    found = constants.get(node.id, []) if isinstance(node, ast.Name) else _texts(node)
    yield from (name for name in found if name.isupper())


def _texts(node: ast.AST) -> list[str]:
    return [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
