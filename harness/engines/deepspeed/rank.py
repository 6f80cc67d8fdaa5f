"""One rank of a learner that is spread over processes: a plain class that becomes a Ray actor elsewhere."""

from __future__ import annotations

import gc
import os
import socket
from typing import TYPE_CHECKING, Any

import torch

from harness.common.resources import lifetime
from harness.engines.deepspeed.batch import Updated
from harness.engines.deepspeed.state import restore, save
from harness.engines.torch.validate import validate_model_support
from harness.engines.transfer.buckets import bucket_weights
from harness.models.load import load_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from harness.common.resources import Spent
    from harness.config.experiment import ExperimentConfig
    from harness.engines.base.samples import Sequences
    from harness.engines.deepspeed.batch import Chunks, Floats, Share
    from harness.engines.deepspeed.broadcast import Broadcast
    from harness.engines.deepspeed.policy import DeepspeedPolicy
    from tricks.rule import UpdateRule


class DeepspeedRank:
    """Nothing is imported or read before ``start``, so that errors can be told.

    A process can begin one run after the other; what is called in one rank is called in all, in the same order.
    """

    def __init__(self, rank: int, ranks: int, threads: int = 1, *, on_gpu: bool = False) -> None:
        self._rank, self._ranks, self._threads, self._on_gpu = rank, ranks, threads, on_gpu
        self._policy: DeepspeedPolicy | None = None
        self._batches: list[list[list[Sequences]]] = []  # by minibatch and pass
        self._ahead: tuple[Tensor, Tensor] | None = None
        self._broadcast: Broadcast | None = None

    def address(self) -> tuple[str, int]:
        """Where the ranks can meet on this one's node, and a port that was free just now."""
        with socket.socket() as probe:
            probe.bind((_here(), 0))
            return _here(), int(probe.getsockname()[1])

    def start(self, host: str, port: int) -> int:
        """Meet the other ranks, once in the life of a process, and give its number."""
        # A process of Ray sees no other GPU than its own.
        local = {"LOCAL_RANK": "0", "LOCAL_SIZE": "1"}
        place = {"RANK": str(self._rank), "WORLD_SIZE": str(self._ranks), "MASTER_ADDR": host, "MASTER_PORT": str(port)}
        os.environ.update(local | place | ({} if self._on_gpu else {"DS_ACCELERATOR": "cpu"}))
        torch.set_num_threads(self._threads)
        from harness.engines.deepspeed.process_group import join_process_group  # noqa: PLC0415 - reads the environment

        join_process_group(self._rank, self._ranks, host, port, here=_here(), on_gpu=self._on_gpu)
        gc.freeze()  # no search for a run's leftovers goes through all imported modules again
        return os.getpid()

    def spent(self) -> Spent:
        """What this process has used up in its life."""
        return lifetime()

    def begin(self, config: ExperimentConfig) -> None:
        """Take up a run: read its model, forget the last one. Raises ModelError or SchemaError as ``build`` does."""
        from harness.engines.deepspeed.policy import DeepspeedPolicy  # noqa: PLC0415 - DeepSpeed takes seconds

        self.end()
        assert config.backend.deepspeed is not None
        dtype = getattr(torch, config.backend.deepspeed.dtype)
        model, _ = load_model(config.model.path, dtype)
        validate_model_support(model, config)
        self._policy = DeepspeedPolicy(model, config, self._ranks)
        if "ref_log_probs" in config.update_rule().needs:
            self._policy.keep(load_model(config.model.path, dtype)[0])
        self._make_room()

    def end(self) -> None:
        """Forget the run, if there is one."""
        if self._policy is not None:
            self._policy.close()
        self._policy, self._batches, self._ahead = None, [], None

    def hold(self, batches: Sequence[Sequence[Chunks]]) -> None:
        """Keep the tokens of a step, by minibatch and pass."""
        self._ahead = None
        self._batches = [[[part.open() for part in chunks] for chunks in passes] for passes in batches]

    def log_probs(self) -> list[Floats]:
        """Of the tokens of all samples (M,), by minibatch.

        Where the first minibatch takes one pass, its graph stays for the first update, which starts from the very
        weights that score it here. It comes last, so that its backward pass can follow at once.
        """
        found = [self._scored(passes) for passes in reversed(self._batches[1:])]
        if len(self._batches[0]) > 1:
            return [*found, self._scored(self._batches[0])][::-1]
        self._ahead = self._running().score(self._batches[0][0])
        return [*found, self._ahead[0].detach().numpy()][::-1]

    def reference_log_probs(self) -> list[Floats]:
        """The same under the weights that the run began with."""
        score = self._running().reference_score
        return [torch.cat([score(chunks) for chunks in passes]).numpy() for passes in self._batches]

    def update(self, minibatch: int, shares: Sequence[Share | None], rule: UpdateRule, lr: float | None) -> Updated:
        """Take one update, or without a learning rate only score the samples. None: a pass without any of its own."""
        ahead, self._ahead = self._ahead if minibatch == 0 else None, None
        policy, losses, scores = self._running(), [], []
        with torch.set_grad_enabled(lr is not None):
            for place, (chunks, share) in enumerate(zip(self._batches[minibatch], shares, strict=True), start=1):
                log_probs, entropy = policy.score(chunks) if ahead is None else ahead
                loss = log_probs.sum() if share is None else share.loss(rule, log_probs, entropy)
                if lr is not None:
                    policy.backward(loss, last=place == len(shares))
                losses.append(loss.item())
                scores.append((log_probs.detach(), entropy.detach()))
        norm = 0.0 if lr is None else policy.descend(lr)
        self._make_room()
        log_probs, entropy = (torch.cat(parts) for parts in zip(*scores, strict=True))
        return Updated(sum(losses), norm, log_probs.numpy(), entropy.numpy())

    def parcels(self) -> list[Any]:
        """The weights, as references of Ray to parcels; from ranks but the first, which only take part, none."""
        import ray  # noqa: PLC0415 - a rank outside of Ray has no store to put them into

        weights, found = self._running().weights(), list[Any]()
        if self._rank == 0:
            found = [ray.put(parcel) for parcel in bucket_weights(weights)]
        for _ in weights:
            pass
        self._make_room()
        return found

    def broadcast(self, engines: Sequence[Any], tensor_parallel: int, host: str, port: int) -> None:
        """Hand the weights to engines of vLLM by NCCL, which meet the first rank at ``host``. All ranks take part."""
        from harness.engines.deepspeed.broadcast import Broadcast  # noqa: PLC0415 - only where there are GPUs

        if self._broadcast is None or self._broadcast.engines != tuple(engines):
            self._broadcast = Broadcast(self._rank, (host, port), engines, tensor_parallel, self._running)
        self._broadcast.send()

    def save(self, folder: Path) -> None:
        """Write this rank's share of weights and optimizer states."""
        save(self._running(), folder / self.file())

    def restore(self, folder: Path) -> None:
        """Take over what the same rank of an equal learner saved."""
        self._ahead = None
        restore(self._running(), folder / self.file())

    def file(self) -> str:
        """The name of this rank's file in a checkpoint."""
        return f"rank-{self._rank}-of-{self._ranks}.safetensors"

    def _make_room(self) -> None:
        """Give freed memory back to the GPU: an engine may be about to take its turn on it."""
        if self._on_gpu:
            torch.cuda.empty_cache()

    def _running(self) -> DeepspeedPolicy:
        if self._policy is None:
            raise RuntimeError(f"rank {self._rank} has no run; call begin first")
        return self._policy

    @torch.no_grad()
    def _scored(self, passes: Sequence[Sequence[Sequences]]) -> Floats:
        return torch.cat([self._running().score(chunks)[0] for chunks in passes]).numpy()


def _here() -> str:
    """The address of this node, by which the others know it."""
    import ray  # noqa: PLC0415 - of no use to a controller that only names the class

    return str(ray.util.get_node_ip_address())
