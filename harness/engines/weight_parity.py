"""Check after a weight sync that sampler and learner are the same policy on a few sequences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from harness.common import derive_seed
from harness.engines.base import Decoding, ParityError, refuse_not_finite
from harness.engines.vllm import VllmSampler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.engines.base import Learner, Sampler, Samples

_PROMPTS: Final = 4
_TOKENS: Final = 16  # of each response


@dataclass(frozen=True, slots=True)
class ParityProbe:
    """A few of the run's prompts on which sampler and learner are compared.

    They are the longest ones: only long prompts share cached blocks with earlier prompts.
    """

    prompts: tuple[tuple[int, ...], ...]
    decoding: Decoding
    seed: int
    budget: float  # nats; the largest gap allowed

    @classmethod
    def of(cls, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int, budget: float) -> ParityProbe:
        """Create a probe that samples at the run's temperature, without top-p and top-k.

        Without a cut, both sides score the whole softmax.

        Args:
            prompts: Token ids of prompts; the longest are kept.
            decoding: The run's decoding.
            seed: The run's seed.
            budget: Largest gap allowed, in nats.

        Returns:
            The probe.

        """
        tokens = min(_TOKENS, decoding.max_response_length)
        whole = replace(decoding, group_size=1, max_response_length=tokens, top_p=1.0, top_k=0)
        return cls((), whole, derive_seed(seed, "parity"), budget).on(prompts)

    def on(self, prompts: Sequence[Sequence[int]]) -> ParityProbe:
        """Return the same probe with other prompts."""
        return replace(self, prompts=tuple(sorted(map(tuple, prompts), key=len, reverse=True)[:_PROMPTS]))

    def draw(self, sampler: VllmSampler) -> Samples:
        """Sample the probe's prompts with every engine."""
        return sampler.on_each(self.prompts, self.decoding, self.seed)

    def compare(self, samples: Samples, learner: Learner) -> dict[str, float]:
        """Return the largest and the mean gap in nats.

        Raises ParityError where the largest gap exceeds the budget, and Diverged where a log-probability of the learner
        is not finite.
        """
        mask = samples.response_mask
        learned = learner.log_probs(samples)
        refuse_not_finite(learned, mask, "the log-probs of the policy")
        gaps = (samples.whole_log_probs - learned)[mask].abs()
        largest = gaps.max().item()
        if not largest <= self.budget:  # refuses NaN too
            raise ParityError(_complaint(largest, self.budget, int((gaps > self.budget).sum()), len(gaps)))
        return {"parity/gap_max": largest, "parity/gap_mean": gaps.mean().item()}

    def __call__(self, sampler: Sampler, learner: Learner) -> dict[str, float]:
        """Sample, put the sampler to sleep, and return the gaps. Raises as ``compare``."""
        assert isinstance(sampler, VllmSampler)  # other samplers share the learner's weights
        drawn = self.draw(sampler)
        sampler.sleep()
        return self.compare(drawn, learner)


def _complaint(largest: float, budget: float, beyond: int, tokens: int) -> str:
    return (
        f"sampler and learner differ by {largest:.3g} nats on the same tokens, {beyond} of {tokens} of them by more "
        f"than vllm.parity_gap={budget:g}; likely causes: weights not synced, or not to a head tied to the "
        "embedding; keys and values of old weights in the prefix cache; different precision, tokenizer or "
        "temperature. Try vllm.prefix_caching=false, equal vllm.dtype and deepspeed.dtype, sync=object_store; "
        "raise the budget only where bfloat16 explains the gap"
    )
