"""What is said where memory is not enough; imports nothing heavy."""

from __future__ import annotations

from typing import Final

# How PyTorch words it: on a CPU, from the C++ library, on a GPU.
_WORDS: Final = ("can't allocate memory", "bad_alloc", "out of memory")


def out_of_memory(error: MemoryError | RuntimeError) -> str:
    """The message for an error of want of memory. Any other one is raised again."""
    if not isinstance(error, MemoryError) and not any(words in str(error) for words in _WORDS):
        raise error
    return (
        "there is not enough memory; lower optim.micro_batch_tokens, rollout.max_response_length, "
        "eval.max_response_length or rollout.prompts_per_batch, or set optim.gradient_checkpointing=true"
    )
