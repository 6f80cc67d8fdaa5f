"""One rank of the DeepSpeed learner, and its state on disk.

The module does not import DeepSpeed, so it can be read and tested where DeepSpeed is not installed.
"""

from __future__ import annotations

import gc
import os
import socket
from typing import TYPE_CHECKING, Any

import torch

from harness.common import measure_lifetime_use
from harness.engines.base import bucket_weights, load_tensors, save_tensors
from harness.engines.deepspeed.batch import Updated
from harness.engines.torch import validate_model_support
from harness.models import load_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from harness.common import ResourceUse
    from harness.config import ExperimentConfig
    from harness.engines.base import Sequences
    from harness.engines.deepspeed.batch import Chunks, Floats, Share
    from harness.engines.deepspeed.broadcast import Broadcast
    from harness.engines.deepspeed.policy import DeepspeedPolicy
    from tricks import UpdateRule


def save_rank_state(policy: DeepspeedPolicy, path: Path) -> None:
    """Write what the rank's later updates depend on.

    Half-precision weights are not written, because they follow from the float32 weights.
    """
    save_tensors(_tensors(policy.engine, policy.stage), path)


@torch.no_grad()
def restore_rank_state(policy: DeepspeedPolicy, path: Path) -> None:
    """Restore what ``save_rank_state`` wrote, in place, and distribute the weights to all ranks."""
    engine, tensors = policy.engine, load_tensors(path)
    for index, master in enumerate(_masters(engine, policy.stage)):
        master.copy_(tensors.pop(f"master/{index}"))
        state = {name: tensors.pop(f"{name}/{index}") for name in _moments(tensors, index)}
        if state:
            engine.basic_optimizer.state[master] = {name: part.to(master.device) for name, part in state.items()}
    _hand_over(engine.optimizer, policy.stage)


def _tensors(engine: Any, stage: int) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for index, master in enumerate(_masters(engine, stage)):
        found[f"master/{index}"] = master.detach()
        state = engine.basic_optimizer.state.get(master, {})
        found |= {f"{name}/{index}": part for name, part in state.items()}
    return found


def _masters(engine: Any, stage: int) -> list[Tensor]:
    """Return what this rank's optimizer trains: flat partitions, or the parameters at stage 0."""
    if stage == 3:
        return list(engine.optimizer.fp32_partitioned_groups_flat)
    return [master for group in engine.basic_optimizer.param_groups for master in group["params"]]


def _moments(tensors: dict[str, Tensor], index: int) -> list[str]:
    """Return the names of a master's optimizer states; there are none before the first update."""
    return [name.removesuffix(f"/{index}") for name in tensors if name.endswith(f"/{index}")]


def _hand_over(optimizer: Any, stage: int) -> None:
    """Update the model's weights from the masters.

    The order of the calls is the one in which DeepSpeed 0.19 ends a step.
    """
    if stage in {1, 2}:
        optimizer.update_lp_params()
    if stage == 3:
        optimizer._partition_all_parameters()
        for group in range(len(optimizer.fp16_groups)):
            optimizer._reassign_or_swap_out_partitioned_parameters(group)
        optimizer._post_step(set())


class DeepspeedRank:
    """One process of the learner.

    Nothing is imported or read before ``start``, so that errors reach the caller. A process can start several runs one
    after the other. Every method must be called on all ranks in the same order.
    """

    def __init__(self, rank: int, ranks: int, threads: int = 1, *, on_gpu: bool = False) -> None:
        self._rank, self._ranks, self._threads, self._on_gpu = rank, ranks, threads, on_gpu
        self._policy: DeepspeedPolicy | None = None
        self._batches: list[list[list[Sequences]]] = []  # by minibatch and pass
        self._ahead: tuple[Tensor, Tensor] | None = None
        self._broadcast: Broadcast | None = None

    def address(self) -> tuple[str, int]:
        """Return the address of this node and a port that is free at present."""
        with socket.socket() as probe:
            probe.bind((_here(), 0))
            return _here(), int(probe.getsockname()[1])

    def start(self, host: str, port: int) -> int:
        """Join the other ranks, once in a process's lifetime, and return the process id."""
        # A Ray actor sees only the GPU that it was given.
        local = {"LOCAL_RANK": "0", "LOCAL_SIZE": "1"}
        place = {"RANK": str(self._rank), "WORLD_SIZE": str(self._ranks), "MASTER_ADDR": host, "MASTER_PORT": str(port)}
        os.environ.update(local | place | ({} if self._on_gpu else {"DS_ACCELERATOR": "cpu"}))
        torch.set_num_threads(self._threads)
        from harness.engines.deepspeed.policy import join_process_group  # noqa: PLC0415 - reads the environment

        join_process_group(self._rank, self._ranks, host, port, here=_here(), on_gpu=self._on_gpu)
        gc.freeze()  # garbage collection between runs then skips all imported modules
        return os.getpid()

    def spent(self) -> ResourceUse:
        """Return the resources that this process has used since it started."""
        return measure_lifetime_use()

    def start_run(self, config: ExperimentConfig) -> None:
        """End the last run, load the model of a new one and prepare its training.

        Raises ModelError or SchemaError for a model that cannot be loaded or does not support the settings.
        """
        from harness.engines.deepspeed.policy import DeepspeedPolicy  # noqa: PLC0415 - DeepSpeed takes seconds

        self.end_run()
        assert config.backend.deepspeed is not None
        dtype = getattr(torch, config.backend.deepspeed.dtype)
        model, _ = load_model(config.model.path, dtype)
        validate_model_support(model, config)
        self._policy = DeepspeedPolicy(model, config, self._ranks)
        if "ref_log_probs" in config.update_rule().needs:
            self._policy.set_reference(load_model(config.model.path, dtype)[0])
        self._make_room()

    def end_run(self) -> None:
        """Release the run, if there is one."""
        if self._policy is not None:
            self._policy.close()
        self._policy, self._batches, self._ahead = None, [], None

    def load_batches(self, batches: Sequence[Sequence[Chunks]]) -> None:
        """Store the tokens of a step, by minibatch and pass."""
        self._ahead = None
        self._batches = [[[part.open() for part in chunks] for chunks in passes] for passes in batches]

    def log_probs(self) -> list[Floats]:
        """Return log-probabilities (M,) of all samples' tokens, by minibatch.

        Where the first minibatch takes one pass, its graph is kept for the first update, which starts from the same
        weights. That minibatch is scored last, so that its backward pass can follow immediately.
        """
        found = [self._scored(passes) for passes in reversed(self._batches[1:])]
        if len(self._batches[0]) > 1:
            return [*found, self._scored(self._batches[0])][::-1]
        self._ahead = self._running().score(self._batches[0][0])
        return [*found, self._ahead[0].detach().numpy()][::-1]

    def reference_log_probs(self) -> list[Floats]:
        """Return log-probabilities (M,) under the reference model, by minibatch."""
        score = self._running().reference_score
        return [torch.cat([score(chunks) for chunks in passes]).numpy() for passes in self._batches]

    def update(self, minibatch: int, shares: Sequence[Share | None], rule: UpdateRule, lr: float | None) -> Updated:
        """Take one update, or only score its samples.

        Args:
            minibatch: Number of the minibatch among those of the step.
            shares: One entry for each pass; None for a pass without a sample of this rank.
            rule: The update rule.
            lr: Learning rate; None scores the samples without an update.

        Returns:
            This rank's loss, the gradient norm, log-probabilities and entropies.

        Raises:
            Diverged: The gradient norm is not finite.

        """
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
        norm = 0.0 if lr is None else policy.optimizer_step(lr)
        self._make_room()
        log_probs, entropy = (torch.cat(parts) for parts in zip(*scores, strict=True))
        return Updated(sum(losses), norm, log_probs.numpy(), entropy.numpy())

    def weight_buckets(self) -> list[Any]:
        """Return Ray references to the weights in buckets.

        The first rank returns them. The other ranks take part in gathering and return an empty list.
        """
        import ray  # noqa: PLC0415 - a rank outside of Ray has no store to put them into

        weights, found = self._running().weights(), list[Any]()
        if self._rank == 0:
            found = [ray.put(bucket) for bucket in bucket_weights(weights)]
        for _ in weights:
            pass
        self._make_room()
        return found

    def broadcast(self, engines: Sequence[Any], tensor_parallel: int, host: str, port: int) -> None:
        """Send the weights to vLLM engines by NCCL. All ranks take part.

        Args:
            engines: Ray handles of ``VllmEngine``.
            tensor_parallel: Workers of each engine.
            host: Address of the first rank, to which the engines connect.
            port: Port of the first rank.

        """
        from harness.engines.deepspeed.broadcast import Broadcast  # noqa: PLC0415 - only where there are GPUs

        if self._broadcast is None or self._broadcast.engines != tuple(engines):
            self._broadcast = Broadcast(self._rank, (host, port), engines, tensor_parallel, self._running)
        self._broadcast.send()

    def save(self, folder: Path) -> None:
        """Write this rank's part of weights and optimizer states."""
        save_rank_state(self._running(), folder / self.file())

    def restore(self, folder: Path) -> None:
        """Restore what the same rank of an equal learner saved."""
        self._ahead = None
        restore_rank_state(self._running(), folder / self.file())

    def file(self) -> str:
        """Return the name of this rank's file in a checkpoint."""
        return f"rank-{self._rank}-of-{self._ranks}.safetensors"

    def _make_room(self) -> None:
        """Return freed memory to the GPU, which an engine may use next."""
        if self._on_gpu:
            torch.cuda.empty_cache()

    def _running(self) -> DeepspeedPolicy:
        if self._policy is None:
            raise RuntimeError(f"rank {self._rank} has no run; call start_run first")
        return self._policy

    @torch.no_grad()
    def _scored(self, passes: Sequence[Sequence[Sequences]]) -> Floats:
        return torch.cat([self._running().score(chunks)[0] for chunks in passes]).numpy()


def _here() -> str:
    """Return the address by which other nodes know this node."""
    import ray  # noqa: PLC0415 - of no use to a controller that only names the class

    return str(ray.util.get_node_ip_address())
