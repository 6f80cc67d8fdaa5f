"""What vLLM's engines draw: the same wherever a prompt lands, and again where an engine dies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import ray
import torch

from harness.common.schema import SchemaError
from harness.engines.base.protocols import Decoding
from harness.engines.base.remote import EngineError
from harness.engines.vllm.pool import await_call
from harness.models.errors import ModelError
from harness.models.locate import WEIGHTS_FOLDER
from tests.harness.engines.policies import reference
from tests.parity.engines import LONG, MAX_LENGTH, MODEL, SETTINGS, SHORT, policy, sampler, started, vocabulary

if TYPE_CHECKING:
    from harness.engines.base.protocols import Samples
    from tests.parity.engines import Spares

pytestmark = pytest.mark.engines

PROMPTS = SHORT + LONG[:2]
DECODING = Decoding(4, 24)


def same(one: Samples, other: Samples) -> bool:
    """Equal tokens, and log-probs but for rounding: a batch of another size adds up in another order."""
    close = one.log_probs.shape == other.log_probs.shape and (one.log_probs - other.log_probs).abs().max() < 1e-4
    return bool(close) and torch.equal(one.response_ids, other.response_ids) and one.texts == other.texts


@pytest.fixture
def draws(engines: list[Any]) -> Any:
    """A sampler over both engines, with the weights of the model's folder."""
    both = sampler(engines)
    both.update_weights(policy().named_parameters())
    return both


@pytest.mark.parametrize("seed", [3, list(range(8))], ids=["one seed", "a seed for each prompt"])
def test_samples_do_not_depend_on_how_prompts_are_spread(draws: Any, engines: list[Any], seed: Any) -> None:
    together = draws.sample(PROMPTS, DECODING, seed)
    assert same(together, sampler(engines[:1]).sample(PROMPTS, DECODING, seed))
    assert same(together, sampler(engines[::-1]).sample(PROMPTS, DECODING, seed))
    assert not same(together, draws.sample(PROMPTS, DECODING, seed=4))


def test_with_a_seed_for_each_prompt_its_samples_depend_on_nothing_beside_it(draws: Any) -> None:
    together = draws.sample(PROMPTS, DECODING, list(range(8)))
    alone = draws.sample(PROMPTS[2:3], replace(DECODING, group_size=6), [2])
    width = alone.response_ids.shape[1]
    assert torch.equal(alone.response_ids[:4], together.response_ids[8:12, :width])


def test_the_samples_of_a_group_differ(draws: Any) -> None:
    samples = draws.sample(SHORT[:1], Decoding(16, 12), seed=0)
    assert len(set(samples.texts)) > 8


def test_a_response_ends_with_its_end_token_or_at_the_limit_exactly(draws: Any, engines: list[Any]) -> None:
    samples = draws.sample(PROMPTS, replace(DECODING, max_response_length=9), seed=0)
    lengths, (end,) = samples.response_mask.sum(dim=1), vocabulary().eos_ids
    last = samples.response_ids.gather(1, lengths[:, None] - 1)[:, 0]
    assert samples.truncated.any()
    assert not samples.truncated.all()
    assert torch.equal(last == end, ~samples.truncated)
    assert (lengths[samples.truncated] == 9).all()
    answers = await_call(
        engines[0].sample.remote(PROMPTS, replace(DECODING, max_response_length=9), list(range(8)), [end])
    )
    firsts = answers.lengths.cumsum() - 1
    assert (answers.stopped == (answers.ids[firsts] == end)).all()
    assert (answers.lengths[~answers.stopped] == 9).all()


def test_any_of_several_end_tokens_ends_a_response(draws: Any, engines: list[Any]) -> None:
    common = int(draws.sample(PROMPTS, DECODING, seed=0).response_ids.flatten().bincount()[3:].argmax()) + 3
    answers = await_call(engines[0].sample.remote(PROMPTS, DECODING, list(range(8)), [2, common]))
    assert {int(answers.ids[place]) for place in answers.lengths.cumsum() - 1} >= {2, common}
    assert (answers.ids == common).sum() == (answers.ids[answers.lengths.cumsum() - 1] == common).sum()


def test_fewer_prompts_than_engines_are_no_trouble(draws: Any) -> None:
    assert draws.sample(SHORT[:1], DECODING, seed=0).prompt_ids.shape == (1, len(SHORT[0]))


def test_what_is_longer_than_the_engine_allows_is_refused_and_nothing_dies(draws: Any) -> None:
    with pytest.raises(ValueError, match=f"of {MAX_LENGTH + 1} tokens for an engine of {MAX_LENGTH}"):
        draws.sample(SHORT[:1], Decoding(1, MAX_LENGTH + 1 - len(SHORT[0])), seed=0)
    assert draws.sample(SHORT[:1], DECODING, seed=0).texts


def test_resting_engines_wake_when_they_are_asked(draws: Any) -> None:
    usual = draws.sample(SHORT, DECODING, seed=0)
    draws.sleep()
    draws.sleep()
    assert same(draws.sample(SHORT, DECODING, seed=0), usual)


@pytest.mark.slow
class TestAnEngineThatDies:
    """In the midst of a batch."""

    @pytest.mark.parametrize("end", ["die_in_step", "fail_in_step"])
    def test_is_started_anew_and_the_samples_are_those_of_an_undisturbed_batch(
        self, engines: list[Any], spares: Spares, end: str
    ) -> None:
        model, restarted, anew = policy(noise=0.1), list[int](), list[Any]()

        def restart(index: int) -> Any:
            restarted.append(index)
            anew.append(spares.take())
            return anew[-1]

        mortal = spares.take()
        both = sampler([engines[0], mortal], restart)
        both.update_weights(model.named_parameters())
        usual = both.sample(PROMPTS, DECODING, seed=0)
        ray.get(getattr(mortal, end).remote(10))
        again = both.sample(PROMPTS, DECODING, seed=0)
        assert restarted == [1]
        assert same(again, usual)
        assert (again.log_probs - reference(model, again)[0]).abs().max() < 1e-4  # by the weights of the last sync
        with pytest.raises(EngineError):
            await_call(mortal.process.remote())
        assert same(both.sample(PROMPTS, DECODING, seed=0), usual)
        assert restarted == [1]
        spares.give_back(*anew)

    def test_twice_in_a_batch_ends_the_run_with_what_it_said(self, engines: list[Any], spares: Spares) -> None:
        def restart(index: int) -> Any:
            another = spares.take()
            ray.get(another.fail_in_step.remote(2))
            return another

        mortal = spares.take()
        ray.get(mortal.die_in_step.remote(2))
        with pytest.raises(EngineError) as caught:
            sampler([mortal], restart).sample(SHORT, DECODING, seed=0)
        message = str(caught.value)
        assert message.startswith("engine 0 of vLLM died, was restarted and died again in the same call: RuntimeError")
        assert "out of memory, said twice and in two lines (at first: its worker process has died" in message
        assert "vllm.gpu_memory" in message
        assert "\n" not in message


@pytest.mark.slow
def test_two_workers_of_one_engine_draw_what_one_draws(draws: Any) -> None:
    usual = draws.sample(PROMPTS, DECODING, seed=0)
    (engine,) = started(1, replace(SETTINGS, tensor_parallel=2))
    parallel = sampler([engine])
    assert same(parallel.sample(PROMPTS, DECODING, seed=0), usual)
    model = policy(noise=0.1)
    parallel.update_weights(model.named_parameters())
    samples = parallel.sample(PROMPTS, DECODING, seed=0)
    assert (samples.log_probs - reference(model, samples)[0]).abs().max() < 1e-4
    ray.get(engine.stop.remote())
    ray.kill(engine)


@pytest.mark.slow
def test_a_cache_too_small_for_the_batch_changes_nothing(draws: Any, engines: list[Any]) -> None:
    """Requests are then put off in mid-response and taken up again: each comes to need a second block of 128 tokens."""
    prompts, decoding = [prompt[:115] for prompt in LONG], Decoding(4, 60)
    usual = draws.sample(prompts, decoding, seed=0)
    ray.get(engines[0].swap.remote(replace(SETTINGS, cache_gb=6 * 2**18 / 2**30)))
    try:
        assert same(sampler(engines[:1]).sample(prompts, decoding, seed=0), usual)
    finally:
        ray.get(engines[0].swap_back.remote())


class TestWhatCannotRun:
    """Is said before the first sample, in one line, with the way out."""

    def test_heads_without_a_kernel(self, engines: list[Any]) -> None:
        with pytest.raises(ModelError, match=r"small_base': its attention heads have size 24, .* 32, 64, .*large_base"):
            await_call(engines[0].start_beside.remote(str(WEIGHTS_FOLDER / "small_base"), MAX_LENGTH))

    def test_more_tokens_than_the_model_has_places(self, engines: list[Any]) -> None:
        with pytest.raises(SchemaError, match="5000 tokens in total, but vLLM has 512 positions"):
            await_call(engines[0].start_beside.remote(str(MODEL), 5000))

    def test_a_cache_too_small_for_one_response(self, engines: list[Any]) -> None:
        small = replace(SETTINGS, cache_gb=1e-6)
        with pytest.raises(EngineError, match=r"vLLM does not start on .*large_base' with backend\.vllm as it is: .*"):
            await_call(engines[0].start_beside.remote(str(MODEL), MAX_LENGTH, small))
        assert sampler(engines[:1]).sample(SHORT, DECODING, seed=0).texts
