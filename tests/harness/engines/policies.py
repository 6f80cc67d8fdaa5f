"""Tiny random policies, samples to score, and the plainest possible way to score them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from harness.config.experiment import OptimConfig
from harness.engines.base.protocols import Samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

PAD, EOS, VOCABULARY = 0, 1, 13
_SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": PAD,
    "eos_token_id": EOS,
    "bos_token_id": None,
}


def qwen3(seed: int = 0, **changes: Any) -> Any:
    """A model whose norms differ from 1 and whose predictions are far from uniform."""
    torch.manual_seed(seed)
    model = Qwen3ForCausalLM(Qwen3Config(**_SHAPE | {"initializer_range": 0.2, "tie_word_embeddings": True} | changes))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.mul_(1 + 0.2 * torch.randn_like(weight))
    return model.eval()


def llama(seed: int = 0, **changes: Any) -> Any:
    """A model that the compact engines refuse."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(**_SHAPE | {"initializer_range": 0.2} | changes)).eval()


def optim(**changes: Any) -> OptimConfig:
    """Plain settings of the learner."""
    usual = {
        "lr": 1e-3,
        "weight_decay": 0.0,
        "betas": (0.9, 0.999),
        "max_grad_norm": 1.0,
        "warmup_steps": 0,
        "updates_per_rollout": 1,
        "epochs": 1,
        "micro_batch_tokens": 10_000,
        "gradient_checkpointing": False,
    }
    return OptimConfig(**usual | changes)


def random_samples(prompts: int = 4, group_size: int = 3, tokens: int = 9, seed: int = 0) -> Samples:
    """Ragged prompts and responses; the first response fills the limit, the second is a lone token."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.randint(1, 8, (prompts,), generator=generator)
    prompt_mask = torch.arange(int(sizes.max())) >= sizes.max() - sizes[:, None]
    lengths = torch.randint(1, tokens, (prompts * group_size,), generator=generator)
    lengths[:2] = torch.tensor([tokens, 1])
    mask = torch.arange(tokens) < lengths[:, None]
    return Samples(
        torch.randint(2, VOCABULARY, prompt_mask.shape, generator=generator) * prompt_mask,
        prompt_mask,
        torch.arange(prompts).repeat_interleave(group_size),
        torch.randint(2, VOCABULARY, mask.shape, generator=generator) * mask,
        mask,
        lengths == tokens,
        torch.zeros(mask.shape),
        ("",) * len(mask),
    )


def reference(model: Any, samples: Samples, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """Log-probabilities and entropies (B, T), one sequence at a time, without padding or position ids."""
    rows = [_row(model, samples, row, temperature) for row in range(len(samples.group))]
    log_probs, entropies = (torch.stack(part) for part in zip(*rows, strict=True))
    return log_probs, entropies


def decode(responses: Sequence[Sequence[int]]) -> list[str]:
    """Texts that show the tokens."""
    return [" ".join(map(str, response)) for response in responses]


def gradients(model: Any) -> dict[str, Tensor]:
    """Collects what flows into each parameter, summed over backward passes."""
    found: dict[str, Tensor] = {}

    def listen(name: str, weight: Tensor) -> None:
        found[name] = torch.zeros_like(weight)
        weight.register_hook(found[name].add_)

    for name, weight in model.named_parameters():
        listen(name, weight)
    return found


def _row(model: Any, samples: Samples, row: int, temperature: float) -> tuple[Tensor, Tensor]:
    prompt = samples.prompt_ids[samples.group[row]][samples.prompt_mask[samples.group[row]]]
    response = samples.response_ids[row][samples.response_mask[row]]
    logits = model(torch.cat((prompt, response))[None]).logits[0, len(prompt) - 1 : -1]
    table = (logits / temperature).log_softmax(dim=-1)
    values = table.gather(1, response[:, None])[:, 0], -(table.exp() * table).sum(dim=-1)
    padding = samples.response_mask.shape[1] - len(response)
    log_probs, entropies = (torch.nn.functional.pad(value, (0, padding)) for value in values)
    return log_probs, entropies
