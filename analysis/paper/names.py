"""What the paper calls our models and arms. A tiny model stands where the paper has a large one, and is not it."""

from __future__ import annotations

from typing import Final

SMALL_BASE: Final = ("small_base", "qwen3_4b_base")
LARGE_BASE: Final = ("large_base", "qwen3_8b_base")
SMALL_ALIGNED: Final = ("small_aligned", "qwen3_4b")
LARGE_ALIGNED: Final = ("large_aligned", "qwen3_8b")
BASE: Final = (*SMALL_BASE, *LARGE_BASE)
ALIGNED: Final = (*SMALL_ALIGNED, *LARGE_ALIGNED)
SMALL: Final = (*SMALL_BASE, *SMALL_ALIGNED)
LARGE: Final = (*LARGE_BASE, *LARGE_ALIGNED)

MODELS: Final = {
    **dict.fromkeys(SMALL_BASE, "Qwen3-4B-Base"),
    **dict.fromkeys(LARGE_BASE, "Qwen3-8B-Base"),
    **dict.fromkeys(SMALL_ALIGNED, "Qwen3-4B"),
    **dict.fromkeys(LARGE_ALIGNED, "Qwen3-8B"),
    "llama3_8b": "Llama3-8B",
}
ARMS: Final = {"grpo": "GRPO", "dapo": "DAPO", "liteppo": "Lite PPO", "lite_ppo": "Lite PPO"}
MEAN: Final = "mean of six"  # benchmarks, as the paper averages them
BENCHMARKS: Final = {
    "math500": "MATH-500",
    "olympiadbench": "OlympiadBench",
    "amc23": "AMC23",
    "minerva": "MinervaMath",
    "aime24": "AIME24",
    "aime25": "AIME25",
}


def stands_for(labels: tuple[str, ...]) -> str:
    """Which of the paper's models these labels stand for, those of the laptop named."""
    tiny = [f"{label} for {MODELS[label]}" for label in labels if label in MODELS and not label.startswith("qwen")]
    return f"Tiny models stand where the paper has large ones: {', '.join(tiny)}." if tiny else ""
