"""Two ranks of DeepSpeed hold what the memory model of the plan says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import ray

from harness.config.engines import DeepspeedConfig
from harness.engines.deepspeed.learner import DeepspeedLearner
from sweeps.cost.setup import count_rank_bytes
from tests.parity.ranks import COUNT, STAGES, config, follow, samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.parity.ranks import Pairs

    Held = Callable[..., tuple[int, dict[str, float]]]

pytestmark = [pytest.mark.slow, pytest.mark.engines]

USED = [("float32", 0), *((dtype, stage) for dtype in ("float32", "bfloat16") for stage in STAGES[1:])]


@pytest.fixture(scope="module")
def held(pairs: Pairs) -> Held:
    """Parameters, and the most bytes of the first rank by moment, over two steps of several passes."""
    known: dict[tuple[Any, ...], tuple[int, dict[str, float]]] = {}

    def ask(dtype: str, stage: int, *more: str) -> tuple[int, dict[str, float]]:
        if (dtype, stage, *more) not in known:
            passes = ("optim.micro_batch_tokens=400", "optim.updates_per_rollout=1", f"backend.deepspeed.dtype={dtype}")
            chosen, ranks = config(*passes, *more, stage=stage), pairs.whole()
            ray.get([rank.count.remote() for rank in ranks])
            follow(DeepspeedLearner(ranks, chosen), chosen, samples(), steps=2)
            known[dtype, stage, *more] = ray.get(ranks[0].seen.remote())
        return known[dtype, stage, *more]

    return ask


@pytest.mark.parametrize(("dtype", "stage"), USED)
def test_two_ranks_hold_what_the_model_says(held: Held, dtype: str, stage: int) -> None:
    parameters, seen = held(dtype, stage)
    expected = count_rank_bytes(DeepspeedConfig(ranks=COUNT, zero_stage=stage, dtype=dtype, offload=False), parameters)
    bucket = {"float32": 4, "bfloat16": 2}[dtype] * parameters  # gone before it could be counted, but for stage 3
    most = max(seen["in a pass"], seen["step"] - expected.stepping)
    assert expected.updating - bucket <= 1.01 * most
    assert most <= 1.01 * expected.updating
    assert seen["between"] == pytest.approx(expected.resting, rel=0.01)
    if stage == 3:
        assert seen["in a pass"] == pytest.approx(expected.updating, rel=0.01)
        assert seen["step"] == pytest.approx(expected.updating + expected.stepping, rel=0.01)


@pytest.mark.parametrize(("stage", "bytes_each"), [(2, 2.0), (3, 1.0)])
def test_a_reference_is_a_copy_spread_only_at_the_third_stage(held: Held, stage: int, bytes_each: float) -> None:
    parameters, plain = held("bfloat16", stage)
    _, compared = held("bfloat16", stage, "+tricks.kl_loss={}")
    more = compared["between"] - plain["between"]
    assert more / parameters == pytest.approx(bytes_each, rel=0.05)
