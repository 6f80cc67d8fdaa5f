"""Whole runs on vLLM and DeepSpeed (two ranks, ZeRO-3), through Ray, against PyTorch's engines."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from shutil import copyfile
from typing import TYPE_CHECKING, Any

import pytest
import ray
import torch

from harness.__main__ import main
from harness.config.experiment import ExperimentConfig, load_config
from harness.engines import actor_pool
from harness.engines.base.remote import EngineError, ParityError
from harness.engines.build import build_engines, build_learner
from harness.models.load import load_model, load_tokenizer
from harness.records.provenance import ENGINE_KEYS, find_engine_versions
from harness.records.record import RunRecord
from harness.rollouts.metrics import METRICS, find_metric_family, is_timing
from harness.rollouts.prompts import Prompts, build_training_decoding
from harness.training.loop import StepReport, train
from harness.training.run import execute_run
from tests.harness.checkpoint.runs import advance, finish, result, spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.engines.base.protocols import Decoding, Learner, Sampler, Samples

pytestmark = [pytest.mark.slow, pytest.mark.engines]

STEPS = 4
ON_ENGINES = ("backend=cpu_engines", "model=large_base", "rollout.max_prompt_length=128")
STRICT = spec(*ON_ENGINES, "backend.deepspeed=null", "backend.vllm.parity_gap=1e-12")  # an engine alone
SMALL = ("steps=4", "rollout.prompts_per_batch=8", "rollout.max_response_length=24", "optim.lr=1e-3")


@pytest.fixture(scope="module", autouse=True)
def processes() -> Iterator[None]:
    """Ray, which the first run starts if no other test has, and the actors live as long as these tests."""
    begun = ray.is_initialized()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        yield
        actor_pool.shutdown_actors()
        if not begun:
            ray.shutdown()


def test_a_single_run_starts_its_engines_and_its_record_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blank_database: Path
) -> None:
    copyfile(blank_database, tmp_path / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    assert main([*ON_ENGINES, *SMALL, "steps=1", "eval.problems=2", "eval.samples=2"]) == 0
    (record,) = (RunRecord.from_json(path.read_text()) for path in tmp_path.glob("runs/*/record.json"))
    versions = find_engine_versions(load_config(*ON_ENGINES).backend)
    assert versions.keys() == ENGINE_KEYS
    assert versions.items() <= record.provenance.items()


class Recorded:
    """Remembers what a sampler draws."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler, self.drawn = sampler, list[Any]()

    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int) -> Samples:
        self.drawn.append(self._sampler.sample(prompts, decoding, seed))
        return self.drawn[-1]

    def update_weights(self, weights: Any) -> None:
        self._sampler.update_weights(weights)

    def sleep(self) -> None:
        self._sampler.sleep()


class Replayed:
    """Gives what another sampler drew, in its order."""

    def __init__(self, drawn: list[Samples]) -> None:
        self._drawn = iter(drawn)

    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int) -> Samples:
        return next(self._drawn)

    def update_weights(self, weights: Any) -> None:
        pass

    def sleep(self) -> None:
        pass


def trained(sampler: Any, learner: Learner, config: ExperimentConfig) -> list[StepReport]:
    tasks, _ = Prompts(config, load_tokenizer(config.model.path)).training({})
    batches = (list(islice(tasks, config.rollout.prompts_per_batch)) for _ in range(config.steps))
    decoding, rule = build_training_decoding(config), config.update_rule()
    return list(train(sampler, learner, rule, config.reward, batches, decoding, config.seed))


@pytest.mark.parametrize("preset", ["dapo_static", "liteppo"])
def test_a_run_learns_what_pytorch_learns_from_the_same_samples(preset: str) -> None:
    config = load_config(*ON_ENGINES, *SMALL, f"preset={preset}")
    sampler, learner, _ = build_engines(config)
    recorded = Recorded(sampler)
    spread = trained(recorded, learner, config)
    model, _ = load_model(config.model.path, torch.float32)
    alone = build_learner(model, replace(config, backend=load_config("backend=hf").backend))
    single = trained(Replayed(recorded.drawn), alone, config)
    for ours, theirs in zip(spread, single, strict=True):
        numbers = {name: value for name, value in theirs.metrics.items() if not is_timing(name)}
        assert {name: ours.metrics[name] for name in numbers} == pytest.approx(numbers, rel=1e-3, abs=1e-4)
    assert {find_metric_family(name) for name in spread[-1].metrics} <= set(METRICS)
    learned = dict(alone.weights())
    for name, weight in learner.weights():
        assert (weight - learned[name]).abs().max() < 1e-4, name
    begun = dict(load_model(config.model.path, torch.float32)[0].named_parameters())
    assert max((learned[name] - begun[name]).abs().max() for name in learned) > 1e-3  # there was something to learn


def test_a_run_on_engines_that_was_cut_goes_on_with_the_same_prompts_seeds_and_steps(tmp_path: Path) -> None:
    chosen = spec(*ON_ENGINES, "preset=liteppo")
    finish(chosen, tmp_path / "whole")
    advance(chosen, tmp_path / "cut", 2)
    assert finish(chosen, tmp_path / "cut") == [0, 1, 2, 3]
    cut, whole = result(tmp_path / "cut"), result(tmp_path / "whole")
    for ours, theirs in zip(cut["metrics"], whole["metrics"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-3)
    learned, resumed = (load_model(str(tmp_path / name / "model"), torch.float32)[0] for name in ("whole", "cut"))
    for one, other in zip(learned.parameters(), resumed.parameters(), strict=True):
        assert (one - other).abs().max() < 1e-4


def test_the_next_run_takes_the_engines_over() -> None:
    first = actor_pool.acquire_actors(load_config(*ON_ENGINES, *SMALL))
    assert actor_pool.acquire_actors(load_config(*ON_ENGINES, *SMALL, "preset=grpo", "seed=7", "steps=9")) is first


def test_a_run_after_one_whose_rank_died_gets_new_engines_and_ranks(tmp_path: Path) -> None:
    chosen = spec(*ON_ENGINES, "preset=liteppo")
    steps = execute_run(chosen, tmp_path / "dead")
    next(steps)
    hired = actor_pool.acquire_actors(chosen.config)
    ray.kill(hired.ranks[1])
    with pytest.raises(EngineError, match="rank 1 of 2 of the DeepSpeed learner died"):
        list(steps)
    assert finish(chosen, tmp_path / "next") == [0, 1, 2, 3]
    assert actor_pool.acquire_actors(chosen.config) is not hired


def test_an_engine_that_died_while_nobody_used_it_is_no_fault_of_the_next_run() -> None:
    first = actor_pool.acquire_actors(STRICT.config)
    ray.kill(first.engines[0], no_restart=True)
    assert actor_pool.acquire_actors(STRICT.config) is not first


def test_sampler_and_learner_are_compared_before_anything_is_sampled_for_a_result(tmp_path: Path) -> None:
    with pytest.raises(ParityError, match="sampler and learner differ by"):
        next(execute_run(STRICT, tmp_path))
