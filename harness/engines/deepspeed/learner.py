"""Learner over several processes, with DeepSpeed: its updates, and calls to all ranks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ray
import torch

from harness.common import SchemaError
from harness.engines.base import (
    ClippedTokens,
    EngineError,
    EngineLost,
    Scores,
    UpdateMetrics,
    average_updates,
    check_rule_inputs,
    compute_learning_rate,
    is_node_lost,
    load_tensors,
    plan_minibatches,
    refuse_loss,
    refuse_not_finite,
    save_tensors,
    summarize_error,
    unpack_bucket,
)
from harness.engines.deepspeed.batch import Minibatch
from tricks import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from harness.config import ExperimentConfig
    from harness.engines.base import Samples
    from tricks import AblatedRule, UpdateRule


PATIENCE: Final = 60.0  # seconds to wait for errors of the other ranks


class RankGroup:
    """The ranks of a learner, by number.

    Where one rank fails, the others would wait for it forever, so all are killed. After an error that not every rank
    raised, new ranks must be started.
    """

    def __init__(self, ranks: Sequence[Any]) -> None:
        self._ranks = tuple(ranks)

    def __len__(self) -> int:
        return len(self._ranks)

    def start(self, method: str, *same: Any, each: Sequence[tuple[Any, ...]] | None = None) -> list[Any]:
        """Call a method of all ranks without waiting.

        Args:
            method: Name of the method.
            same: Arguments that are the same for all ranks; they follow those of ``each``.
            each: Arguments of each rank, by number.

        Returns:
            Ray references to the results, by rank.

        """
        own = each or [()] * len(self._ranks)
        return [getattr(rank, method).remote(*mine, *same) for rank, mine in zip(self._ranks, own, strict=True)]

    def call(self, method: str, *same: Any, each: Sequence[tuple[Any, ...]] | None = None) -> list[Any]:
        """Call a method of all ranks and wait for the results.

        Args:
            method: Name of the method.
            same: Arguments that are the same for all ranks; they follow those of ``each``.
            each: Arguments of each rank, by number.

        Returns:
            The results, by rank.

        Raises:
            EngineError: A rank has died.
            EngineLost: A rank's node has died.

        """
        return self.wait(self.start(method, *same, each=each))

    def wait(self, calls: Sequence[Any]) -> list[Any]:
        """Return the results of the calls, by rank. Raises the same errors as ``call``."""
        try:
            return list(ray.get(list(calls)))
        except ray.exceptions.RayError as error:
            raise self._explained(calls, error) from error

    def _explained(self, calls: Sequence[Any], first: Exception) -> Exception:
        """Return the error of the rank that died, if any: the others fail because of it."""
        _, waiting = ray.wait(list(calls), num_returns=len(calls), timeout=PATIENCE)
        failures = {rank: error for rank, call in enumerate(calls) if (error := _failure(call))}
        dead = {rank: error for rank, error in failures.items() if not isinstance(error, ray.exceptions.RayTaskError)}
        if waiting or dead:
            self._end()
        if dead:
            return _death(dead, len(calls))
        found = next(iter(failures.values()), first)
        return found.cause if isinstance(found, ray.exceptions.RayTaskError) else found

    def _end(self) -> None:
        for rank in self._ranks:
            ray.kill(rank)


def _death(dead: Mapping[int, Exception], count: int) -> EngineError:
    """Return the error of a dead rank.

    A rank whose node is gone comes first, because other ranks may have died of that.
    """
    rank = next((rank for rank, error in dead.items() if is_node_lost(error)), next(iter(dead)))
    kind = EngineLost if is_node_lost(dead[rank]) else EngineError
    name = f"rank {rank} of {count} of the DeepSpeed learner"
    return kind(f"{name} died: {summarize_error(dead[rank])}; the run resumes from its newest checkpoint")


def _failure(call: Any) -> Exception | None:
    try:
        ray.get(call, timeout=0)
    except ray.exceptions.GetTimeoutError:
        return None
    except ray.exceptions.RayError as error:
        return error  # type: ignore[no-any-return]
    return None


class SpreadWeights:
    """Weights that are read from the ranks when they are asked for."""

    def __init__(self, ranks: RankGroup, tensor_parallel: int) -> None:
        self._ranks, self._tensor_parallel = ranks, tensor_parallel

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """Yield all parameters in this process, bucket by bucket."""
        return unpack_bucket(ray.get(bucket) for bucket in self.buckets())

    def buckets(self) -> list[Any]:
        """Return Ray references to buckets, which stay on the first rank's node."""
        found: list[Any] = self._ranks.call("weight_buckets")[0]
        return found

    def broadcast(self, engines: Sequence[Any]) -> None:
        """Send the weights to vLLM engines by NCCL, directly from the ranks' GPUs.

        It has not been run, for lack of GPUs.
        """
        host, port = self._ranks.call("address")[0]
        self._ranks.call("broadcast", engines, self._tensor_parallel, host, port)


_CLIPPED_TOKENS, _COUNTERS = "clipped_tokens.safetensors", "learner.json"


class DeepspeedLearner:
    """Learner that trains on started ranks: Ray handles of ``DeepspeedRank``, by number.

    Constructing it starts the run on the ranks, and raises ModelError or SchemaError where a rank does. The gradient of
    an update is the same for any number of ranks: loss weights are computed over the whole update, and one rank reads
    each sample once.
    """

    def __init__(self, ranks: Sequence[Any], config: ExperimentConfig) -> None:
        assert config.backend.deepspeed is not None
        self._ranks, self._optim, self._settings = RankGroup(ranks), config.optim, config.backend.deepspeed
        self._needs = config.update_rule().needs
        self._tensor_parallel = config.backend.vllm.tensor_parallel if config.backend.vllm else 1
        self._updates = 0
        self._clipped_tokens = ClippedTokens()
        self._held: tuple[Samples, list[Minibatch]] | None = None
        self._ranks.call("start_run", config)

    def log_probs(self, samples: Samples) -> Tensor:
        """Return log-probabilities (B, T) of the sampled tokens: float32, no gradient, 0 on padding."""
        return self._scored(samples, "log_probs")

    def reference_log_probs(self, samples: Samples) -> Tensor:
        """Return log-probabilities (B, T) under the weights at the start of the run."""
        if "ref_log_probs" not in self._needs:
            raise ValueError("this learner has no reference model; its rule does not need ref_log_probs")
        return self._scored(samples, "reference_log_probs")

    def update(
        self, samples: Samples, signal: Signal, rule: UpdateRule, ablated: Sequence[AblatedRule] = ()
    ) -> Mapping[str, float]:
        """Take the updates of one step and return their metrics, as ``Learner.update`` describes.

        The ranks receive all updates together. They compute the next update while the metrics of the last one are
        computed here.
        """
        check_rule_inputs(rule, self._needs)
        begun = [
            self._begin(number, minibatch, signal[minibatch.rows], rule)
            for _ in range(self._optim.epochs)
            for number, minibatch in enumerate(self._hold(samples))
        ]
        return average_updates([self._finish(update, rule, ablated) for update in begun])

    def weights(self) -> SpreadWeights:
        """Return the named parameters for the weight sync, as tensors or as buckets in Ray's store."""
        return SpreadWeights(self._ranks, self._tensor_parallel)

    def clipped_tokens(self) -> ClippedTokens:
        """Return the counts of clipped tokens over all updates so far."""
        return self._clipped_tokens

    def save(self, folder: Path) -> None:
        """Write all that later updates depend on into a folder that every rank can reach.

        Each rank writes its own part.
        """
        self._ranks.call("save", folder)
        save_tensors({"counts": self._clipped_tokens.counts}, folder / _CLIPPED_TOKENS)
        (folder / _COUNTERS).write_text(json.dumps({"updates": self._updates, **self._shape()}), encoding="utf-8")

    def restore(self, folder: Path) -> None:
        """Restore what ``save`` wrote.

        Raises SchemaError where the weights were partitioned in another way.
        """
        counters = json.loads((folder / _COUNTERS).read_text(encoding="utf-8"))
        self._updates, theirs = counters.pop("updates"), counters
        if theirs != self._shape():
            raise SchemaError(
                f"backend.deepspeed: the checkpoint has {_words(theirs)}, this run has {_words(self._shape())}; "
                "restore these settings, or delete the checkpoint to start again"
            )
        self._ranks.call("restore", folder)
        self._clipped_tokens = ClippedTokens(load_tensors(folder / _CLIPPED_TOKENS)["counts"])

    def _shape(self) -> dict[str, Any]:
        """Return the settings that decide which rank holds which part of the weights."""
        chosen = self._settings
        return {"ranks": len(self._ranks), "zero_stage": chosen.zero_stage, "dtype": chosen.dtype}

    def _hold(self, samples: Samples) -> list[Minibatch]:
        """Return the step's minibatches after sending their tokens to the ranks."""
        if self._held is None or self._held[0] is not samples:
            count, tokens = len(self._ranks), self._optim.micro_batch_tokens
            found = [Minibatch.of(samples, rows, count, tokens) for rows in plan_minibatches(samples, self._optim)]
            self._ranks.call("load_batches", each=[([part.tokens(rank) for part in found],) for rank in range(count)])
            self._held = samples, found
        return self._held[1]

    def _scored(self, samples: Samples, method: str) -> Tensor:
        held = self._hold(samples)
        by_rank = self._ranks.call(method)
        return torch.cat([part.gathered(values) for part, values in zip(held, zip(*by_rank, strict=True), strict=True)])

    def _begin(self, number: int, minibatch: Minibatch, signal: Signal, rule: UpdateRule) -> _Begun:
        """Start an update on the ranks. An update without a kept token is only scored."""
        kept, lr = int(signal.response_mask.sum()), compute_learning_rate(self._optim, self._updates)
        weights = rule.loss_weights(signal, minibatch.numbers) if kept else torch.zeros(len(signal.group), 1)
        each = [(number, minibatch.shares(signal, weights, rank)) for rank in range(len(self._ranks))]
        self._updates += kept > 0
        return _Begun(minibatch, signal, kept, lr, self._ranks.start("update", rule, lr if kept else None, each=each))

    def _finish(self, begun: _Begun, rule: UpdateRule, ablated: Sequence[AblatedRule]) -> UpdateMetrics:
        """Wait for an update and return its metrics."""
        minibatch, results = begun.minibatch, self._ranks.wait(begun.calls)
        scores = Scores(
            minibatch.gathered([result.log_probs for result in results]),
            minibatch.gathered([result.entropy for result in results]),
        )
        samples = minibatch.samples
        refuse_not_finite(scores.log_probs, samples.response_mask, "the log-probs of the policy")
        refuse_loss(sum(result.loss for result in results))
        metrics = UpdateMetrics(begun.kept, int(samples.response_mask.sum()), self._clipped_tokens)
        metrics.lr, metrics.grad_norm = begun.lr, results[0].grad_norm
        loss = torch.tensor(sum(result.loss for result in results))
        metrics.add(loss, scores, begun.signal, rule, samples.response_ids)
        metrics.compare(scores, begun.signal, minibatch.numbers, rule, [other[minibatch.rows] for other in ablated])
        return metrics


@dataclass(frozen=True, slots=True)
class _Begun:
    """An update in progress on the ranks."""

    minibatch: Minibatch
    signal: Signal  # of its samples
    kept: int  # tokens that it learns from
    lr: float
    calls: list[Any]


def _words(shape: Mapping[str, Any]) -> str:
    return f"ranks={shape['ranks']}, zero_stage={shape['zero_stage']}, dtype={shape['dtype']}"
