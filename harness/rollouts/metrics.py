"""Metrics of a step: descriptions, and the computation from rollouts and sampled text."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from harness.engines.base import Samples
    from tricks import Rollouts, Signal


# Every metric that a run logs, with its unit. A test checks that runs log no other.
METRICS: Final = {
    "rollout/accuracy": "share of correct responses before any resampling: on-policy accuracy",
    "rollout/staleness": "age in steps of the weights that sampled the batch: 0, or 1 from the second step on with "
    "rollout.ahead=1",
    "rollout/prompts": "prompts sampled, including resampled ones",
    "rollout/tokens": "response tokens sampled in the step, including those of resampled groups",
    "reward/mean": "mean reward of the batch",
    "reward/std": "standard deviation (n - 1) of the rewards of the batch",
    "groups/all_right": "share of groups with only correct responses: no signal under a group mean",
    "groups/all_wrong": "share of groups with only wrong responses",
    "advantage/max": "largest absolute advantage among the tokens that the update uses; 0 if it uses none",
    "response/length": "mean tokens per response, EOS included",
    "response/truncated": "share of responses stopped by the length limit",
    "response/length_right": "mean tokens per correct response",
    "response/length_wrong": "mean tokens per wrong response",
    "response/truncated_right": "share of correct responses stopped by the length limit",
    "response/truncated_wrong": "share of wrong responses stopped by the length limit",
    "response/repeated_right": "repeat ratio: share of truncated correct responses that repeat themselves at the end",
    "response/repeated_wrong": "repeat ratio of wrong responses",
    "probability/0-0.3": "share of response tokens with probability in [0, 0.3) before the first update",
    "probability/0.3-0.6": "share of response tokens with probability in [0.3, 0.6) before the first update",
    "probability/0.6-0.85": "share of response tokens with probability in [0.6, 0.85) before the first update",
    "probability/0.85-0.95": "share of response tokens with probability in [0.85, 0.95) before the first update",
    "probability/0.95-0.99": "share of response tokens with probability in [0.95, 0.99) before the first update",
    "probability/0.99-1": "share of response tokens with probability in [0.99, 1] before the first update",
    "update/kept": "share of responses that the update uses (not filtered)",
    "update/loss": "loss, mean over the updates of the step",
    "update/grad_norm": "gradient norm before clipping, mean over the updates",
    "update/clip_fraction_high": "share of kept tokens with positive advantage above the upper end of the clip range",
    "update/clip_fraction_low": "share of kept tokens with negative advantage below the lower end of the clip range",
    "update/ratio_max": "largest importance ratio of a kept token",
    "update/skipped": "updates of the step without a kept token; they change nothing",
    "update/lr": "learning rate of the last update",
    "policy/entropy": "entropy of the policy, nats per response token, mean over the updates",
    "mismatch/mean": "mean absolute difference of the sampler's and the learner's log-probs, nats; the sampler's refer "
    "to the distribution after top-p and top-k, so the difference includes their cut",
    "mismatch/max": "largest absolute difference of these log-probs, nats",
    "mismatch/beyond": "share of response tokens whose ratio learner/sampler is outside the rule's clip range, or "
    "outside 0.8 to 1.2 if the rule has none",
    "mismatch/effective": "effective sample size of the response tokens under these ratios, as a share of their "
    "number: 1 if sampler and learner agree",
    "mismatch/cut": "part of mismatch/mean due to top-p and top-k: mean over response tokens of -log(share of the "
    "sampler's softmax that they keep), nats; 0 if nothing is cut",
    "mismatch/cut_max": "largest value of this part for one token",
    "mismatch/engines": "part of mismatch/mean due to the engines and stale weights: mean absolute difference of both "
    "log-probs under the full softmax, nats",
    "mismatch/engines_max": "largest absolute difference of this part",
    "mismatch/engines_beyond": "mismatch/beyond of this part",
    "mismatch/engines_effective": "mismatch/effective of this part",
    "parity/gap_max": "largest absolute difference of vLLM's and the learner's log-probs on a few sequences after a "
    "sync, nats; the run ends above vllm.parity_gap",
    "parity/gap_mean": "mean absolute difference on these sequences",
    "verifier/undecided": "share of sampled responses on which the verifier hit a limit; rewarded as wrong",
    "data/too_long": "training prompts found too long so far (rollout.max_prompt_length, or the window of an embedded "
    "model) and dropped; prompts of a tier are all checked before the first step",
    "data/unknown": "share of held-out prompt tokens that the tokenizer encodes as unknown; at step 0",
    "eval/accuracy": "avg@k on the held-out problems, mean over benchmarks",
    "eval/pass": "share of held-out problems solved by at least one of k samples (pass@k)",
    "eval/majority": "probability that the most frequent answer of k samples is correct (maj@k)",
    "eval/length": "mean tokens per held-out response",
    "eval/truncated": "share of held-out responses stopped by the length limit",
    "eval/undecided": "share of held-out responses on which the verifier hit a limit; counted as wrong",
    "eval/too_long": "held-out problems whose prompt is too long in the same sense; not sampled, counted as wrong",
    "eval/<benchmark>/accuracy": "avg@k on one benchmark",
    "eval/<benchmark>/pass": "pass@k on one benchmark",
    "eval/<benchmark>/majority": "maj@k on one benchmark",
    "eval/<benchmark>/length": "mean tokens per response on one benchmark",
    "eval/<benchmark>/truncated": "share of responses stopped by the length limit on one benchmark",
    "eval/<benchmark>/undecided": "share of responses on which the verifier hit a limit on one benchmark",
    "seconds/rollout": "wall seconds of sampling",
    "seconds/reward": "wall seconds of verification",
    "seconds/old_log_probs": "wall seconds of scoring the samples before the first update",
    "seconds/update": "wall seconds of the updates",
    "seconds/sync": "wall seconds of syncing the weights to the sampler",
    "seconds/parity": "wall seconds of comparing vLLM with the learner after the sync",
    "seconds/step": "wall seconds of the whole step",
    "seconds/cpu": "CPU seconds of this process in the whole step; independent of other load on the machine",
    "tokens_per_second": "response tokens sampled and trained on per wall second of the step",
    "fired/<trick>": "share of response tokens whose gradient the trick changes, mean over the updates; for a trick "
    "that resamples groups: share of the batch's prompts that it replaces or drops",
}

# Additional metrics of runs with a user's reward function.
REWARD_METRICS: Final = {
    "eval/score": "mean score of the user's reward function on the held-out problems, mean over benchmarks",
    "eval/<benchmark>/score": "mean score of the user's reward function on one benchmark",
}


def find_metric_family(name: str) -> str:
    """Return the name under which a metric is described: "fired/gspo" is a "fired/<trick>"."""
    if name.startswith("fired/"):
        return "fired/<trick>"
    return re.sub(r"^eval/[^/]+/", "eval/<benchmark>/", name)


def is_timing(name: str) -> bool:
    """Return whether a metric depends on the machine's load."""
    return name.startswith("seconds/") or name == "tokens_per_second"


def summarize_rollouts(rollouts: Rollouts, right: Tensor, signal: Signal) -> dict[str, float]:
    """Return the metrics of a rollout batch and its signal.

    Args:
        rollouts: B rollouts.
        right: (B,) bool, responses that the verifier judged correct.
        signal: Advantages and masks of the same rollouts.

    Returns:
        Metric name -> value.

    """
    sizes = torch.bincount(rollouts.group)
    rights = torch.bincount(rollouts.group[right], minlength=len(sizes))
    learned = signal.response_mask  # filtered samples have an advantage too, but it is unused
    advantages = signal.advantages.abs().expand(learned.shape)[learned]
    values = {
        "reward/mean": rollouts.rewards.mean(),
        "reward/std": _deviation(rollouts.rewards),
        "groups/all_right": (rights == sizes).float().mean(),
        "groups/all_wrong": (rights == 0).float().mean(),
        "advantage/max": advantages.max() if len(advantages) else torch.zeros(()),
        "response/length": rollouts.response_mask.sum(dim=1).float().mean(),
        "response/truncated": rollouts.truncated.float().mean(),
        "update/kept": signal.response_mask.any(dim=1).float().mean(),
    }
    return {name: value.item() for name, value in values.items()}


def _deviation(rewards: Tensor) -> Tensor:
    """Return the standard deviation (n - 1) of rewards (B,); 0 for one reward.

    Float64 is used where the squares overflow.
    """
    if len(rewards) < 2:
        return torch.zeros(())
    found = rewards.std()
    return found if found.isfinite() else rewards.double().std()


def compute_mismatch(
    sampler: Tensor, learner: Tensor, response_mask: Tensor, within: tuple[float, float]
) -> dict[str, float]:
    """Compare the log-probabilities of sampler and learner.

    Where top-p or top-k cut, the sampler's distribution covers only the remaining tokens; ``split_mismatch`` gives this
    part of the gap. The effective sample size of n weights w is (sum of w)^2 / (n times the sum of w^2) (Kong, 1992).

    Args:
        sampler: (B, T), log-probabilities of the sampler.
        learner: (B, T), log-probabilities of the learner.
        response_mask: (B, T) bool, sampled tokens.
        within: Smallest and largest ratio of learner to sampler that counts as close.

    Returns:
        The ``mismatch/...`` metrics, gaps in nats.

    """
    gaps = (learner - sampler)[response_mask].double()
    ratio, sizes = gaps.exp(), gaps.abs()
    return {
        "mismatch/mean": sizes.mean().item(),
        "mismatch/max": sizes.max().item(),
        "mismatch/beyond": ((ratio < within[0]) | (ratio > within[1])).double().mean().item(),
        "mismatch/effective": (ratio.sum() ** 2 / (len(ratio) * (ratio**2).sum())).item(),
    }


def split_mismatch(samples: Samples, learner: Tensor, within: tuple[float, float]) -> dict[str, float]:
    r"""Split the gap of ``compute_mismatch`` into the part of the cut and the part of the engines.

    Let s be the share of the sampler's softmax that top-p and top-k leave. The log-probability of a sampled token is
    then :math:`\log p_{drawn} = \log p_{whole} - \log s`. So the gap learner - drawn is (learner - whole) + log s,
    exactly and token by token.

    Args:
        samples: B samples.
        learner: (B, T), log-probabilities of the learner.
        within: Range of ratios, as for ``compute_mismatch``.

    Returns:
        The ``mismatch/cut...`` and ``mismatch/engines...`` metrics; empty where the sampler cannot tell how much was
            cut.

    """
    mask = samples.response_mask
    lost = torch.zeros(1) if samples.log_kept is None else -samples.log_kept[mask].double()
    if lost.isnan().any():
        return {}
    engines = compute_mismatch(samples.whole_log_probs, learner, mask, within)
    renamed = {name.replace("mismatch/", "mismatch/engines_"): value for name, value in engines.items()}
    return {
        "mismatch/cut": abs(lost.mean().item()),  # no -0.0
        "mismatch/cut_max": abs(lost.max().item()),
        "mismatch/engines": renamed.pop("mismatch/engines_mean"),
        **renamed,
    }


_BROKEN: Final = "\N{REPLACEMENT CHARACTER}"


def decode_token(tokenizer: PreTrainedTokenizerBase, token: int) -> str:
    """Return the text of a token; for a part of a character, its form in the vocabulary."""
    text = str(tokenizer.decode([token], clean_up_tokenization_spaces=False))
    return str(tokenizer.convert_ids_to_tokens(token)) if _BROKEN in text else text


PROBABILITY_EDGES: Final = (
    0.0,
    0.3,
    0.6,
    0.85,
    0.95,
    0.99,
    1.0,
)  # bins of the paper; each contains its lower edge, the last both
PROBABILITY_METRICS: Final = tuple(f"probability/{low:g}-{high:g}" for low, high in pairwise(PROBABILITY_EDGES))


def probability_shares(log_probs: Tensor) -> dict[str, float]:
    """Return the share of sampled tokens in each bin of the policy's probability.

    ``log_probs`` (n,) are the tokens' log-probabilities, n > 0.
    """
    inner = torch.tensor(PROBABILITY_EDGES[1:-1], dtype=torch.float64, device=log_probs.device)
    bins = torch.bucketize(log_probs.to(torch.float64).exp(), inner, right=True)
    counts = torch.bincount(bins, minlength=len(PROBABILITY_METRICS)).tolist()
    return {name: count / len(log_probs) for name, count in zip(PROBABILITY_METRICS, counts, strict=True)}


LEAST_TOKENS: Final = 64


def mask_repetitive(ids: Tensor, mask: Tensor, truncated: Tensor) -> Tensor:
    """Return a mask (B,) of the truncated responses that repeat at their end.

    Args:
        ids: (B, T) int64, right-padded responses.
        mask: (B, T) bool, response tokens.
        truncated: (B,) bool, responses that the length limit stopped.

    Returns:
        (B,) bool, False where not truncated.

    """
    found, lengths = torch.zeros_like(truncated), mask.sum(dim=1)
    for length in sorted(set(lengths[truncated].tolist())):  # usually one length: the limit
        rows = (truncated & (lengths == length)).nonzero()[:, 0]
        found[rows] = mask_repeating_rows(ids[rows, :length])
    return found


def mask_repeating_rows(ids: Tensor) -> Tensor:
    """Return a mask (R,) of the rows (R, n) of tokens that end in copies of one block.

    Together the copies hold at least ``LEAST_TOKENS`` tokens, or half of the row if that is less.
    """
    back = ids.flip(1)
    least = min(LEAST_TOKENS, -(-ids.shape[1] // 2))
    found: set[int] = set()
    for row, block in _blocks(back, -(-least // 2)):
        if row not in found and _copied(back[row], block, max(2 * block, least)):
            found.add(row)
    return torch.tensor([row in found for row in range(len(ids))], dtype=torch.bool, device=ids.device)


def _blocks(back: Tensor, overlap: int) -> list[tuple[int, int]]:
    """Return rows and lengths of blocks that repeat.

    The last ``overlap`` tokens of the row also occur one block earlier.
    """
    count = back.shape[1] - overlap
    equal = torch.ones_like(back[:, :count], dtype=torch.bool)  # (R, count), of blocks of 1, 2, ... tokens
    for place in range(overlap):
        equal &= back[:, place + 1 : place + 1 + count] == back[:, place : place + 1]
    return [(row, shift + 1) for row, shift in equal.nonzero().tolist()]


def _copied(back: Tensor, block: int, length: int) -> bool:
    """Return whether the last ``length`` tokens (n,) have the period ``block``."""
    return length <= len(back) and torch.equal(back[block:length], back[: length - block])


def describe_text(samples: Samples, right: Tensor, log_probs: Tensor) -> dict[str, float]:
    """Return metrics of B responses. A metric without a response in the batch is left out.

    Args:
        samples: The responses.
        right: (B,) bool, responses that the verifier judged correct.
        log_probs: (B, T), log-probabilities of the policy.

    Returns:
        Metric name -> value.

    """
    right = right.to(samples.truncated.device)
    ran_on = mask_repetitive(samples.response_ids, samples.response_mask, samples.truncated)
    lengths = samples.response_mask.sum(dim=1)
    found: dict[str, float] = {}
    for word, chosen in (("right", right), ("wrong", ~right)):
        found |= _mean(f"response/length_{word}", lengths, chosen)
        found |= _mean(f"response/truncated_{word}", samples.truncated, chosen)
        found |= _mean(f"response/repeated_{word}", ran_on, chosen & samples.truncated)
    return found | probability_shares(log_probs[samples.response_mask])


def _mean(name: str, values: Tensor, chosen: Tensor) -> dict[str, float]:
    picked = values[chosen]
    return {name: picked.to(torch.float64).mean().item()} if len(picked) else {}
