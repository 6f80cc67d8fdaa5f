"""The part of an engine that vLLM mixes into its workers, one for each device.

It takes new weights, and makes the sampler tell what top-p and top-k cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from harness.engines.transfer.buckets import unpack_bucket

if TYPE_CHECKING:
    from torch import Tensor

    from harness.engines.transfer.buckets import WeightBucket


class WeightReceiver:
    """Takes over weights, layer by layer, into the memory that kernels and graphs already point to."""

    vllm_config: Any
    model_config: Any
    model_runner: Any

    def begin_parcels(self) -> None:
        """Open all layers for new weights."""
        from vllm.model_executor.model_loader.reload import (  # noqa: PLC0415 - in vLLM's process
            initialize_layerwise_reload,
        )

        with self._configured():
            initialize_layerwise_reload(self.model_runner.get_model())

    @torch.no_grad()
    def take_parcel(self, parcel: WeightBucket) -> None:
        """Fill the layers whose tensors are in the parcel. A layer may come in several."""
        with self._configured():
            self.model_runner.get_model().load_weights(unpack_bucket([parcel]))

    @torch.no_grad()
    def end_parcels(self) -> None:
        """Close the layers and make what is computed from weights anew."""
        from vllm.model_executor.model_loader.reload import (  # noqa: PLC0415 - in vLLM's process
            finalize_layerwise_reload,
        )

        model = self.model_runner.get_model()
        with self._configured():
            finalize_layerwise_reload(model, self.model_config)
        renew_tied_head(model)

    def tell_kept(self) -> bool:
        """Return the log of the mass that a cut leaves in place of the second log-probability of a token, from now on.

        False where this worker's sampler is not of the kind that is known here; nothing is changed then.
        """
        return tell_kept(getattr(self.model_runner, "sampler", None))

    def _configured(self) -> Any:
        from vllm.config import set_current_vllm_config  # noqa: PLC0415 - in vLLM's process

        return set_current_vllm_config(self.vllm_config)


def renew_tied_head(model: Any) -> None:
    """Pack the output head of a model with tied embeddings anew, on a CPU.

    There vLLM 0.32 multiplies by a packed copy of the head's weights. A reload writes those of the embedding, whose
    memory the head shares, and leaves the copy as it was: the log-probs are then off by nats, without an error.
    """
    from vllm.model_executor.layers.utils import dispatch_cpu_unquantized_gemm  # noqa: PLC0415 - in vLLM's process
    from vllm.platforms import current_platform  # noqa: PLC0415 - in vLLM's process

    head, embedding = getattr(model, "lm_head", None), getattr(getattr(model, "model", None), "embed_tokens", None)
    if not current_platform.is_cpu() or head is None or embedding is None or head is embedding:
        return
    if hasattr(head, "cpu_linear") and head.weight.data_ptr() == embedding.weight.data_ptr():
        dispatch_cpu_unquantized_gemm(head, remove_weight=False)


def tell_kept(sampler: Any) -> bool:
    """Make a sampler of vLLM 0.32's first model runner tell the log of the mass that top-p and top-k leave.

    vLLM returns log-probabilities of one distribution: of the whole softmax or of what is drawn from. The ratio of the
    two, which is the mass, takes the place of the likeliest token's log-probability where a request asks for that one
    (``logprobs=1``). Other requests are answered as before.
    """
    inner = getattr(sampler, "topk_topp_sampler", None)
    if inner is None or not hasattr(sampler, "gather_logprobs"):
        return False
    if hasattr(sampler, "kept_of_step"):
        return True
    cut, gather = inner.forward, sampler.gather_logprobs
    sampler.kept_of_step = None  # (B,) of the step under way

    def cut_and_remember(logits: Tensor, generators: Any, k: Tensor | None, p: Tensor | None) -> Any:
        if k is None and p is None:
            return cut(logits, generators, k, p)
        best, places = logits.float().max(dim=-1, keepdim=True)  # the likeliest token is never cut
        whole = (best - logits.float().logsumexp(dim=-1, keepdim=True)).clone()
        drawn, processed = cut(logits, generators, k, p)
        sampler.kept_of_step = None if processed is None else (whole - processed.gather(-1, places)).clamp(max=0)
        return drawn, processed

    def gather_and_tell(logprobs: Tensor, num_logprobs: int, token_ids: Tensor) -> Any:
        found = gather(logprobs, num_logprobs, token_ids)
        kept, sampler.kept_of_step = sampler.kept_of_step, None
        if num_logprobs == 1:
            told = torch.zeros_like(found.logprobs[:, 1:]) if kept is None else kept
            found = found._replace(logprobs=torch.cat((found.logprobs[:, :1], told), dim=1))
        return found

    inner.forward, sampler.gather_logprobs = cut_and_remember, gather_and_tell
    return True
