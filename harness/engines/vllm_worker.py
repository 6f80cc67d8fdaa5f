"""The part of an engine that vLLM mixes into its workers, one for each device: it takes new weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from harness.engines.parcels import unpack

if TYPE_CHECKING:
    from harness.engines.parcels import Parcel


class ParcelReceiver:
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
    def take_parcel(self, parcel: Parcel) -> None:
        """Fill the layers whose tensors are in the parcel. A layer may come in several."""
        with self._configured():
            self.model_runner.get_model().load_weights(unpack([parcel]))

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
