"""Extension that vLLM mixes into its workers, one for each device.

It receives new weights and makes the sampler report what top-p and top-k cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from harness.engines.base import unpack_bucket

if TYPE_CHECKING:
    from torch import Tensor

    from harness.engines.base import WeightBucket


class WeightReceiver:
    """Receiver of weights, layer by layer, in the memory that kernels and graphs refer to."""

    vllm_config: Any
    model_config: Any
    model_runner: Any

    def start_reload(self) -> None:
        """Prepare all layers for new weights."""
        from vllm.model_executor.model_loader.reload import initialize_layerwise_reload  # noqa: PLC0415 - in vLLM's process

        with self._configured():
            initialize_layerwise_reload(self.model_runner.get_model())

    @torch.no_grad()
    def load_bucket(self, bucket: WeightBucket) -> None:
        """Load the tensors of a bucket. The tensors of a layer may come in several buckets."""
        with self._configured():
            self.model_runner.get_model().load_weights(unpack_bucket([bucket]))

    @torch.no_grad()
    def finish_reload(self) -> None:
        """Finish the update of all layers, and recompute what depends on the weights."""
        from vllm.model_executor.model_loader.reload import finalize_layerwise_reload  # noqa: PLC0415 - in vLLM's process

        model = self.model_runner.get_model()
        with self._configured():
            finalize_layerwise_reload(model, self.model_config)
        renew_tied_head(model)

    def report_kept_mass(self) -> bool:
        """Make the worker's sampler report the kept mass; return whether it does.

        False means that the sampler is of a kind unknown here; it is then unchanged.
        """
        return report_kept_mass(getattr(self.model_runner, "sampler", None))

    def _configured(self) -> Any:
        from vllm.config import set_current_vllm_config  # noqa: PLC0415 - in vLLM's process

        return set_current_vllm_config(self.vllm_config)


def renew_tied_head(model: Any) -> None:
    """Repack the output head of a model with tied embeddings, on a CPU.

    On a CPU, vLLM 0.32 multiplies by a packed copy of the head's weights. A reload writes the embedding's weights,
    whose memory the head shares, and does not update the copy. The log-probabilities are then wrong by nats, without an
    error.
    """
    from vllm.model_executor.layers.utils import dispatch_cpu_unquantized_gemm  # noqa: PLC0415 - in vLLM's process
    from vllm.platforms import current_platform  # noqa: PLC0415 - in vLLM's process

    head, embedding = getattr(model, "lm_head", None), getattr(getattr(model, "model", None), "embed_tokens", None)
    if not current_platform.is_cpu() or head is None or embedding is None or head is embedding:
        return
    if hasattr(head, "cpu_linear") and head.weight.data_ptr() == embedding.weight.data_ptr():
        dispatch_cpu_unquantized_gemm(head, remove_weight=False)


def report_kept_mass(sampler: Any) -> bool:
    """Make a sampler of vLLM 0.32's first model runner report the log of the kept mass.

    The kept mass is the probability mass that top-p and top-k leave. vLLM returns log-probabilities of one
    distribution: the whole softmax or the one that is sampled. The ratio of the two is the mass. It replaces the most
    likely token's log-probability in requests for one such token (``logprobs=1``). Other requests are answered
    unchanged.
    """
    inner = getattr(sampler, "topk_topp_sampler", None)
    if inner is None or not hasattr(sampler, "gather_logprobs"):
        return False
    if hasattr(sampler, "kept_of_step"):
        return True
    cut, gather = inner.forward, sampler.gather_logprobs
    sampler.kept_of_step = None  # (B,) log of the kept mass in the present step

    def cut_and_remember(logits: Tensor, generators: Any, k: Tensor | None, p: Tensor | None) -> Any:
        if k is None and p is None:
            return cut(logits, generators, k, p)
        best, places = logits.float().max(dim=-1, keepdim=True)  # the most likely token is never cut
        whole = (best - logits.float().logsumexp(dim=-1, keepdim=True)).clone()
        drawn, processed = cut(logits, generators, k, p)
        sampler.kept_of_step = None if processed is None else (whole - processed.gather(-1, places)).clamp(max=0)
        return drawn, processed

    def gather_with_kept_mass(logprobs: Tensor, num_logprobs: int, token_ids: Tensor) -> Any:
        found = gather(logprobs, num_logprobs, token_ids)
        kept, sampler.kept_of_step = sampler.kept_of_step, None
        if num_logprobs == 1:
            mass = torch.zeros_like(found.logprobs[:, 1:]) if kept is None else kept
            found = found._replace(logprobs=torch.cat((found.logprobs[:, :1], mass), dim=1))
        return found

    inner.forward, sampler.gather_logprobs = cut_and_remember, gather_with_kept_mass
    return True
