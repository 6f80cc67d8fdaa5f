"""What ranks keep and forget: from run to run, on the way to a checkpoint and back, and when one of them fails."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import ray
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from harness.common.schema import SchemaError
from harness.engines.base.buckets import unpack_bucket
from harness.engines.base.divergence import Diverged
from harness.engines.base.remote import EngineError
from harness.engines.deepspeed import learner as rank_calls
from harness.engines.deepspeed.learner import DeepspeedLearner
from harness.models.load import load_model
from tests.harness.engines.learners import plain_signal, rollouts_of, rule, signal_of
from tests.parity.ranks import GRPO, RULES, STAGES, config, follow, gap, of_one_process, samples
from tools.embedded_models.tokenizer import VOCABULARY_SIZE, build_tokenizer

if TYPE_CHECKING:
    from tests.parity.ranks import Pairs

pytestmark = pytest.mark.engines

KINDS = [(stage, "float32") for stage in STAGES] + [(stage, "bfloat16") for stage in (1, 2, 3)]


def ended(rank: Any) -> bool:
    """Return True if a rank is gone within a minute; Ray kills it some time after it is asked."""
    for _ in range(600):
        try:
            ray.get(rank.process_number.remote())
        except ray.exceptions.RayActorError:
            return True
        time.sleep(0.1)
    return False


def test_ranks_leave_nothing_in_shared_memory(ranks: list[Any]) -> None:
    assert not list(Path("/dev/shm").glob("deepspeed*"))


@pytest.mark.parametrize("stage", STAGES)
def test_weights_have_the_names_of_the_model_and_come_in_parcels(ranks: list[Any], stage: int) -> None:
    chosen = config(*GRPO, stage=stage)
    learner = DeepspeedLearner(ranks, chosen)
    follow(learner, chosen, samples())
    model, _ = load_model(chosen.model.path, torch.float32)
    named, parcelled = dict(learner.weights()), dict(unpack_bucket(ray.get(learner.weights().buckets())))
    assert {name: weight.shape for name, weight in named.items()} == {
        name: weight.shape for name, weight in model.named_parameters()
    }
    assert "lm_head.weight" not in named
    assert gap(named, parcelled) == 0


def test_at_stage_3_a_rank_holds_its_share_of_the_weights_whatever_has_happened(ranks: list[Any]) -> None:
    chosen = config(*RULES["kl"], "optim.micro_batch_tokens=300", "optim.gradient_checkpointing=true", stage=3)
    learner = DeepspeedLearner(ranks, chosen)
    whole = sum(weight.numel() for _, weight in learner.weights())
    for _ in range(2):
        assert all(share < 0.01 * whole for share in ray.get([rank.share.remote() for rank in ranks]))
        follow(learner, chosen, samples())


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_leaves_nothing_to_the_next(ranks: list[Any], stage: int) -> None:
    held, weights = [], []
    for _ in range(3):
        chosen = config(*RULES["kl"], stage=stage)
        weights.append(follow(DeepspeedLearner(ranks, chosen), chosen, samples()).weights)
        ray.get([rank.end_run.remote() for rank in ranks])
        held.append(ray.get([rank.numbers_held.remote() for rank in ranks]))
    assert held[0] == held[1] == held[2]
    assert gap(weights[0], weights[1]) == gap(weights[0], weights[2]) == 0


@pytest.mark.parametrize(("stage", "dtype"), KINDS)
def test_a_learner_that_was_saved_goes_on_as_if_it_had_not_been(
    ranks: list[Any], tmp_path: Path, stage: int, dtype: str
) -> None:
    chosen = config(*GRPO, f"backend.deepspeed.dtype={dtype}", "optim.warmup_steps=5", stage=stage)
    first = DeepspeedLearner(ranks, chosen)
    follow(first, chosen, samples())
    first.save(tmp_path)
    counted = first.clipped_tokens().document(str)
    unbroken = follow(first, chosen, samples())
    second = DeepspeedLearner(ranks, chosen)
    second.restore(tmp_path)
    assert second.clipped_tokens().document(str) == counted
    resumed = follow(second, chosen, samples())
    assert dict(resumed.metrics[0]) == dict(unbroken.metrics[0])
    assert gap(resumed.weights, unbroken.weights) == 0


@pytest.mark.parametrize("stage", STAGES)
def test_a_learner_can_be_saved_before_its_first_update(ranks: list[Any], tmp_path: Path, stage: int) -> None:
    chosen = config(*GRPO, stage=stage)
    first = DeepspeedLearner(ranks, chosen)
    first.save(tmp_path)
    second = DeepspeedLearner(ranks, chosen)
    second.restore(tmp_path)
    assert gap(dict(second.weights()), dict(of_one_process(chosen).weights())) == 0


def test_what_other_ranks_saved_is_refused(ranks: list[Any], tmp_path: Path) -> None:
    chosen = config(*GRPO, stage=1)
    learner = DeepspeedLearner(ranks, chosen)
    learner.save(tmp_path)
    counters = json.loads((tmp_path / "learner.json").read_text())
    (tmp_path / "learner.json").write_text(json.dumps(counters | {"ranks": 8}))
    with pytest.raises(SchemaError, match=r"the checkpoint has ranks=8, zero_stage=1.* this run has ranks=2"):
        learner.restore(tmp_path)


@pytest.mark.parametrize("stage", STAGES)
def test_an_update_in_which_no_token_is_kept_changes_nothing_and_is_counted(ranks: list[Any], stage: int) -> None:
    chosen, drawn = config(*GRPO, "optim.weight_decay=0.1", stage=stage), samples()
    learner = DeepspeedLearner(ranks, chosen)
    before, old_log_probs = dict(learner.weights()), learner.log_probs(drawn)
    nothing = torch.zeros_like(drawn.response_mask)
    signal = plain_signal(drawn, torch.ones(len(drawn.group)), old_log_probs, nothing)
    metrics = learner.update(drawn, signal, rule("grpo"))
    assert metrics["update/skipped"] == 2
    assert metrics["update/loss"] == metrics["update/grad_norm"] == 0
    assert gap(before, dict(learner.weights())) == 0
    half = replace(drawn, truncated=torch.arange(len(drawn.group)) < len(drawn.group) // 2)
    metrics = learner.update(half, signal_of(half, rule("dapo_static"), old_log_probs), rule("dapo_static"))
    assert metrics["update/skipped"] == 1
    assert metrics["update/grad_norm"] > 0


@pytest.mark.parametrize(("stage", "dtype"), KINDS)
def test_a_gradient_that_is_no_number_ends_the_run_and_not_the_next(ranks: list[Any], stage: int, dtype: str) -> None:
    chosen, drawn = config(*GRPO, f"backend.deepspeed.dtype={dtype}", stage=stage), samples()
    learner = DeepspeedLearner(ranks, chosen)
    endless = plain_signal(drawn, torch.full((len(drawn.group),), torch.inf), learner.log_probs(drawn))
    with pytest.raises(Diverged, match="the gradient is not finite: its norm is"):
        learner.update(drawn, endless, chosen.update_rule())
    fresh = follow(DeepspeedLearner(ranks, chosen), chosen, drawn)
    assert all(weight.isfinite().all() for weight in fresh.weights.values())
    assert fresh.metrics[0]["update/grad_norm"] > 0


def test_the_learning_rate_warms_up_by_update_and_then_stays(ranks: list[Any]) -> None:
    chosen = config(*GRPO, "optim.lr=1e-3", "optim.warmup_steps=3", "optim.updates_per_rollout=1", stage=2)
    found = follow(DeepspeedLearner(ranks, chosen), chosen, samples(), 5)
    assert [step["update/lr"] for step in found.metrics] == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3])


def test_epochs_repeat_the_minibatches(ranks: list[Any]) -> None:
    chosen = config(*GRPO, "optim.updates_per_rollout=4", "optim.epochs=2", stage=2)
    one, two = of_one_process(chosen), DeepspeedLearner(ranks, chosen)
    ours, theirs = (follow(learner, chosen, samples()) for learner in (one, two))
    assert gap(ours.weights, theirs.weights) < 1e-5
    assert dict(theirs.metrics[0]) == pytest.approx(dict(ours.metrics[0]), abs=1e-5, rel=1e-4)


def test_a_rule_that_asks_for_more_than_the_learner_was_born_with_is_refused(ranks: list[Any]) -> None:
    chosen, drawn = config(*GRPO, stage=2), samples()
    learner = DeepspeedLearner(ranks, chosen)
    with pytest.raises(ValueError, match="has no reference model"):
        learner.reference_log_probs(drawn)
    greedy = config(*RULES["entropy"]).update_rule()
    signal = greedy.signal(rollouts_of(drawn, learner.log_probs(drawn)))
    with pytest.raises(ValueError, match="construct the learner with needs="):
        learner.update(drawn, signal, greedy)


def test_what_a_model_cannot_do_is_said_by_its_ranks(ranks: list[Any], tmp_path: Path) -> None:
    tokenizer = build_tokenizer()
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
    shape = {"vocab_size": VOCABULARY_SIZE, "n_embd": 8, "n_layer": 1, "n_head": 1, "n_positions": 16}
    GPT2LMHeadModel(GPT2Config(**shape, **ends)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(SchemaError, match=r"rollout.max_response_length allow .* has 16 positions; set one lower"):
        DeepspeedLearner(ranks, config(*GRPO, f"model.path={tmp_path}"))


def test_a_rank_that_dies_is_named(pairs: Pairs) -> None:
    pair, chosen = pairs.take(), config(*GRPO, stage=2)
    learner = DeepspeedLearner(pair, chosen)
    learner.log_probs(samples())
    ray.kill(pair[1])
    with pytest.raises(EngineError, match=r"^rank 1 of 2 of the DeepSpeed learner died: .* newest checkpoint$"):
        follow(learner, chosen, samples())
    assert ended(pair[0])  # no use without the other


def test_a_rank_that_fails_alone_keeps_nobody_waiting(pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_calls, "PATIENCE", 3.0)
    pair, chosen = pairs.take(), config(*GRPO, stage=3)
    learner = DeepspeedLearner(pair, chosen)
    ray.get(pair[1].break_down.remote())
    with pytest.raises(MemoryError, match="on this rank alone"):
        learner.log_probs(samples())
    assert ended(pair[0])
