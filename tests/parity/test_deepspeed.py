"""Two ranks learn what one process learns: gradients, weights and metrics at every stage of ZeRO."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from harness.engines.deepspeed.learner import DeepspeedLearner
from tests.parity.ranks import (
    GRPO,
    RULES,
    STAGES,
    Followed,
    config,
    expected,
    expected_gradients,
    follow,
    found_gradients,
    gap,
    of_one_process,
    samples,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.parity.ranks import Pairs

pytestmark = pytest.mark.engines

STEPS = 5  # of two updates each
FOLLOWED = [(0, "grpo"), (1, "grpo"), (1, "kl"), (2, "grpo"), (2, "entropy"), *((3, name) for name in RULES)]


@pytest.fixture(scope="module", params=FOLLOWED, ids=str)
def both(request: pytest.FixtureRequest, pairs: Pairs) -> tuple[Followed, Followed]:
    """What one process and two ranks make of ten updates."""
    stage, name = request.param
    chosen = config(*RULES[name], stage=stage)
    learner = DeepspeedLearner(pairs.whole(), chosen)
    return expected(RULES[name], STEPS), follow(learner, chosen, samples(), STEPS)


def test_weights_after_ten_updates_are_those_of_one_process(both: tuple[Followed, Followed]) -> None:
    one, two = both
    assert gap(one.weights, two.weights) < 1e-4


def test_metrics_of_all_steps_are_those_of_one_process(both: tuple[Followed, Followed]) -> None:
    one, two = both
    for ours, theirs in zip(one.metrics, two.metrics, strict=True):
        assert dict(theirs) == pytest.approx(dict(ours), abs=1e-4, rel=1e-4)


def test_log_probs_of_policy_and_reference_are_those_of_one_process(both: tuple[Followed, Followed]) -> None:
    one, two = both
    for ours, theirs in zip(one.log_probs, two.log_probs, strict=True):
        torch.testing.assert_close(theirs, ours, atol=1e-3, rtol=0)
    assert (one.reference is None) == (two.reference is None)
    if one.reference is not None and two.reference is not None:
        torch.testing.assert_close(two.reference, one.reference, atol=1e-5, rtol=0)
        torch.testing.assert_close(two.reference, two.log_probs[0], atol=1e-5, rtol=0)  # it has not moved


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("stage", STAGES)
def test_gradients_of_the_first_update_are_those_of_one_process(ranks: list[Any], stage: int, name: str) -> None:
    found, wanted = found_gradients(ranks, RULES[name], stage), expected_gradients(RULES[name])
    assert max(gradient.abs().max() for gradient in wanted.values()) > 1e-3
    assert gap(found, wanted) < 1e-6


@pytest.mark.parametrize(
    ("prompts", "group_size", "overrides"),
    [
        (5, 3, ("optim.micro_batch_tokens=70",)),  # many passes, the last with one sample for two ranks
        (1, 1, ()),  # one sample in all
        (3, 1, ("optim.micro_batch_tokens=1",)),  # passes of a sample each
        (6, 4, ("optim.gradient_checkpointing=true",)),
        (5, 3, ("optim.gradient_checkpointing=true", "optim.micro_batch_tokens=70")),
    ],
    ids=["many passes", "one sample", "a sample a pass", "recomputed", "recomputed in many passes"],
)
@pytest.mark.parametrize("stage", STAGES)
def test_gradients_do_not_depend_on_who_reads_which_samples(
    ranks: list[Any], stage: int, prompts: int, group_size: int, overrides: Sequence[str]
) -> None:
    reinforce = ("preset=reinforce",)  # learns from groups of one too
    found = found_gradients(ranks, (*reinforce, *overrides), stage, prompts, group_size)
    wanted = expected_gradients(reinforce, prompts, group_size)
    largest = max(gradient.abs().max().item() for gradient in wanted.values())
    assert largest > 1e-3
    assert gap(found, wanted) < 1e-6 * max(1.0, largest)  # losses of tokens are added up here, not averaged


@pytest.mark.parametrize("stage", STAGES)
def test_loss_weights_by_micro_batch_are_those_of_one_process(ranks: list[Any], stage: int) -> None:
    local = ("preset=grpo", "+tricks.sequence_mean=null", "+tricks.token_mean.scope=micro_batch")
    small = ("optim.micro_batch_tokens=120",)
    wanted = expected_gradients((*local, *small))
    assert gap(found_gradients(ranks, (*local, *small), stage), wanted) < 1e-6
    assert gap(expected_gradients(local), wanted) > 1e-4  # the micro-batches do matter to this rule


@pytest.mark.parametrize("stage", STAGES)
def test_the_first_ratio_of_a_step_is_exactly_one(ranks: list[Any], stage: int) -> None:
    for tokens in (10_000, 100):
        chosen = config(*GRPO, "optim.updates_per_rollout=1", f"optim.micro_batch_tokens={tokens}", stage=stage)
        found = follow(DeepspeedLearner(ranks, chosen), chosen, samples(3), 2)
        assert [metrics["update/ratio_max"] for metrics in found.metrics] == [1.0, 1.0]


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_in_bfloat16_gradients_are_as_near_as_bfloat16_goes(ranks: list[Any], stage: int) -> None:
    half = (*GRPO, "backend.deepspeed.dtype=bfloat16")
    found, half_too, exact = found_gradients(ranks, half, stage), expected_gradients(half), expected_gradients(GRPO)
    size = torch.cat([gradient.flatten() for gradient in exact.values()]).norm()

    def distance(gradients: dict[str, torch.Tensor]) -> float:
        apart = [(gradients[name].float() - exact[name]).flatten() for name in exact]
        return (torch.cat(apart).norm() / size).item()

    assert distance(found) < 1.5 * distance(half_too)
    assert distance(half_too) < 0.1


def test_the_learner_of_one_process_is_no_other_run(ranks: list[Any]) -> None:
    """Both sides above start from equal weights and see equal samples."""
    chosen = config(*GRPO)
    ours, theirs = of_one_process(chosen), DeepspeedLearner(ranks, chosen)
    assert gap(dict(ours.weights()), dict(theirs.weights())) == 0
