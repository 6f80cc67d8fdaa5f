"""What one step asks of the engines, whatever they run on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from harness.config import ARITHMETIC
from sweeps.cost.lengths import Lengths

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_SIZES: Final = {"math500": 500, "minerva": 272, "aime24": 30, "amc23": 40, "gsm8k": 1319}  # problems


@dataclass(frozen=True, slots=True)
class Work:
    """Sampling and training of one step."""

    responses: int
    group: int  # responses to one prompt, which share its cache
    prompt: float  # mean length in tokens
    lengths: Lengths
    updates: int = 1  # in all, over the epochs
    epochs: int = 1
    recompute: bool = True  # gradient checkpointing: a second forward pass
    reference: bool = False  # log-probabilities of a frozen model beside the old ones
    drawn: float = 1.0  # batches sampled, one of which is trained on

    @property
    def sampled(self) -> Work:
        """The same with the responses that are sampled; dynamic sampling draws more than it trains on."""
        return replace(self, responses=round(self.responses * self.drawn), drawn=1.0)

    @property
    def tokens(self) -> float:
        """Of prompts and responses, trained on in one epoch."""
        return self.responses * (self.prompt + self.lengths.mean)


def answers(config: Mapping[str, Any]) -> int:
    """Responses of one evaluation. Runs of before there were benchmarks are of arithmetic."""
    held_out, total = config["eval"], 0
    sizes = {**_SIZES, "aime25": held_out.get("aime25", 0), "olympiadbench": held_out.get("olympiadbench", 0)}
    sizes |= {name: file["rows"] for name, file in held_out.get("files", {}).items()}
    for name in held_out.get("benchmarks", [ARITHMETIC]):
        samples = held_out.get("samples_of", {}).get(name, held_out["samples"])
        if name == ARITHMETIC:
            total += samples * held_out["problems"] * (len(config["data"]["difficulties"]) or 3)
        else:
            total += samples * min(sizes[name], held_out["problems"] or sizes[name])
    return total


def evaluations(config: Mapping[str, Any]) -> int:
    """How often a run evaluates: at the start, now and then, and after the last step."""
    steps, every = int(config["steps"]), int(config["eval"]["every"])
    within = (steps - 1) // every if every and steps else 0
    return 1 + within + (steps > 0)
