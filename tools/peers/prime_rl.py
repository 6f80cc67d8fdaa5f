"""Run prime-rl's own functions, from rewards to the loss of its trainer, and record the numbers.

    python -m tools.peers prime_rl [PATH OR ADDRESS OF THE REPOSITORY]

The advantages of its ``grpo`` algorithm, the pruning of tokens without advantage, the admission gate and
``compute_loss``. The log-probs of the inference engine are those of the sampler. No model, engine or environment runs;
the division by the number of trained tokens of all ranks is that of one rank.
"""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import torch

from tools.peers.small_batches import WIDTH, make_batches
from tools.peers.snapshots import Snapshot, answer, padded, trimmed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ABSENT: Final = ("verifiers", "pydantic_config", "prime_rl.orchestrator.envs", "prime_rl.orchestrator.metrics")
NOTE: Final = "grpo advantages, pruning, gate and compute_loss; one rank, no model; engine log-probs are the sampler's"
DEFAULTS: Final = {"dppo_mask_low": 0.2, "dppo_mask_high": 0.2, "adv_tau": 1.0, "kl_tau": 1e-3}

_PRUNED: Final = "orchestrator.train.filter_zero_advantages"
_GATE: Final = "orchestrator.curriculum.gates"
_PLAIN: Final = {"group_mean": {}, "token_mean": {}}


def cases() -> list[dict[str, Any]]:
    """Return every case: options of prime-rl, the same in our words, and the batch."""
    kept, pruned = {_PRUNED: False}, {_PRUNED: True}
    filtered = {**_PLAIN, "zero_variance_filter": {}}
    batches = ("near", "far", "truncated", "unequal", "pairs")
    found = [_case(f"all tokens on {batch}", kept, _PLAIN, batch) for batch in batches]
    found += [_case(f"pruned on {batch}", pruned, filtered, batch) for batch in (*batches, "thirds")]
    found += [
        _case(f"{name} on constant", options, tricks, "constant", dtype="float32")
        for name, options, tricks in (("all tokens", kept, _PLAIN), ("pruned", pruned, filtered))
    ]
    return found


def _case(name: str, options: Mapping[str, Any], tricks: Mapping[str, Any], batch: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "options": dict(options), "tricks": dict(tricks), "batch": batch, **more}


def more_batches() -> dict[str, Any]:
    """Return a batch in which responses of mixed groups have no advantage, and one whose engine is far off."""
    near = make_batches()["near"]
    return {"thirds": {**near, "rewards": [0.0, 0.5, 0.5, 1.0, 0.0, 0.25, 0.5, 0.25, 1.0, 1.0, 1.0, 1.0]}}


def run(options: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return advantages, mask, loss and gradient of one update."""
    _reach_packages()
    lengths = document["lengths"]
    advantages = _advantages(document)
    weights = _weights(advantages, lengths) if options[_PRUNED] else [None] * len(lengths)
    leaf = padded(document["log_probs"], WIDTH).requires_grad_()
    loss = import_module("prime_rl.trainer.rl.loss")
    masks = [torch.ones(length, dtype=torch.bool) for length in lengths]
    counted = sum(
        length if row is None else int((row != 0).sum()) for length, row in zip(lengths, weights, strict=True)
    )
    value, _ = loss.compute_loss(
        trainer_logprobs=[row[:length] for row, length in zip(leaf, lengths, strict=True)],
        inference_logprobs=[torch.tensor(row, dtype=torch.float64) for row in document["sampler_log_probs"]],
        ref_logprobs=None,
        advantages=[torch.full((length,), value) for value, length in zip(advantages, lengths, strict=True)],
        loss_mask=masks,
        rl_weights=weights,
        ce_weights=None,
        ref_kl_weights=None,
        rl_loss_fn=loss.setup_rl_loss_fn(SimpleNamespace(**DEFAULTS)),
        rl_scale=max(counted, 1),
        ce_scale=1,
        ref_kl_scale=1,
    )
    (gradient,) = torch.autograd.grad(value, leaf)
    width = max(lengths)
    found = {"loss": value.item(), "gradient": trimmed(gradient[:, :width], lengths), "advantages": advantages}
    kept = [[int(row is None or bool(row[0] != 0))] * length for row, length in zip(weights, lengths, strict=True)]
    return found | {"mask": [row + [0] * (width - len(row)) for row in kept]} if options[_PRUNED] else found


def _reach_packages() -> None:
    """Add the two folders of the checkout that hold parts of the package."""
    for folder in ("src", "packages/prime-rl-configs/src"):
        if (place := str(Path(sys.path[0]) / folder)) not in sys.path:
            sys.path.append(place)


def _advantages(document: Mapping[str, Any]) -> list[float]:
    """Return what the algorithm assigns to the traces of each group."""
    algorithm = import_module("prime_rl.orchestrator.algo.grpo").GRPOAlgorithm
    traces = [_trace(reward, length) for reward, length in zip(document["rewards"], document["lengths"], strict=True)]
    for group in dict.fromkeys(document["group"]):
        members = [trace for trace, own in zip(traces, document["group"], strict=True) if own == group]
        asyncio.run(algorithm.score_group(SimpleNamespace(length_penalty=None), [SimpleNamespace(traces=members)]))
    return [trace.nodes[0].advantages[0] for trace in traces]


def _trace(reward: float, length: int) -> SimpleNamespace:
    node = SimpleNamespace(mask=[True] * length, token_ids=list(range(length)), advantages=None)
    agent = SimpleNamespace(trainable=True)
    return SimpleNamespace(reward=reward, nodes=[node], has_error=False, agent=agent, id="trace")


def _weights(advantages: Sequence[float], lengths: Sequence[int]) -> list[torch.Tensor | None]:
    """Return the weights of tokens as they are shipped; a pruned response has weights of 0."""
    prune = import_module("prime_rl.orchestrator.train_sink")._prune_zero_advantages
    found: list[torch.Tensor | None] = []
    for advantage, length in zip(advantages, lengths, strict=True):
        sample = SimpleNamespace(
            advantages=[advantage] * length, rl_weights=None, ce_weights=None, ref_kl_weights=None, mask=[True] * length
        )
        shipped = prune(sample)
        weights = None if sample.rl_weights is None else torch.tensor(sample.rl_weights, dtype=torch.float64)
        found.append(torch.zeros(length, dtype=torch.float64) if not shipped else weights)
    return found


def record(words: Sequence[str]) -> Path:
    """Record the numbers of every case and return the file."""
    snapshot = Snapshot("prime_rl", "PrimeIntellect-ai/prime-rl", "559b447", Path(__file__), NOTE)
    return snapshot.record(words, cases(), {**make_batches(), **more_batches()})


if __name__ == "__main__":
    answer(run, "prime_rl", ABSENT)
