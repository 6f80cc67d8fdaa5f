"""Fit the constants of the cost model to published step times."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy.optimize import least_squares

from sweeps.cost import (
    BASE_TOKENS,
    FITTED,
    RUNTIME,
    SHAPES,
    Fitted,
    Lengths,
    Work,
    assume_setup,
    estimate_memory,
    estimate_step_time,
    parse_cluster,
    update_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


NEMO: Final = "NeMo-RL, docs/about/performance-summary.md"
VERL: Final = "verl, docs/advance/fully_async.md"
PRIME: Final = "prime-rl, benchmarks/results/BENCHMARKS.md, RL Full"
GIB: Final = 2**30


@dataclass(frozen=True, slots=True)
class Point:
    """A published step time. ``listed`` marks the points that the 25 % error limit applies to.

    Other points are published on the same pages.
    """

    source: str
    model: str
    cluster: str
    work: Work
    seconds: float
    length: Literal["stated", "assumed"] = "stated"  # the mean response length: published, or assumed in the plan
    trainer: bool = False  # the time of the update only
    listed: bool = True

    def predicted(self, fitted: Fitted = FITTED) -> float:
        """Return the step time that the cost model predicts, in seconds."""
        model, cluster = SHAPES[self.model], parse_cluster(self.cluster)
        if self.trainer:
            return update_seconds(model, cluster, self.work, fitted)
        return estimate_step_time(model, cluster, self.work, fitted=fitted).seconds

    def error(self, fitted: Fitted = FITTED) -> float:
        """Return the error of the prediction as a share of the published time."""
        return self.predicted(fitted) / self.seconds - 1


@dataclass(frozen=True, slots=True)
class Peak:
    """A published peak of the memory of one GPU during training.

    The benchmark trains on one sequence at a time and recomputes activations.
    """

    model: str
    cluster: str
    tokens: int
    gib: float

    @property
    def predicted(self) -> float:
        """The predicted peak in GiB, without the runtime's share.

        The publisher's counter does not see the runtime's memory.
        """
        model, cluster = SHAPES[self.model], parse_cluster(self.cluster)
        held = estimate_memory(model, cluster, self.tokens, recompute=True, set_up=assume_setup(model, cluster))
        return (held.training - RUNTIME) / GIB


def _grpo(responses: int, mean: float, sequence: int, prompt: float, updates: int, recompute: bool) -> Work:
    """Return a step of NeMo-RL's recipes: 32 responses per prompt and a reference model.

    Prompt lengths follow from the published tokens per second, which include prompts. ``sequence`` limits prompt and
    response together.
    """
    lengths = Lengths(mean, round(sequence - prompt))
    return Work(responses, 32, prompt, lengths, updates, recompute=recompute, reference=True)


def _dapo(limit: int, updates: int, reference: bool = False) -> Work:
    """Return a step of verl's recipes: 512 prompts with 16 responses.

    Their mean length is not published; the plan's assumption is used.
    """
    return Work(8192, 16, 150.0, Lengths(BASE_TOKENS, limit), updates, reference=reference)


def _sequences(gpus: int, tokens: int) -> Work:
    """Return a step with one sequence per GPU in one update; the prompt is negligible."""
    return Work(gpus, 1, 0.0, Lengths(tokens, tokens))


def _trained(model: str, cluster: str, tokens: int, seconds: float, listed: bool) -> Point:
    work = _sequences(parse_cluster(cluster).gpus, tokens)
    return Point(PRIME, model, cluster, work, seconds, trainer=True, listed=listed)


_8B, _32B, _7B = "meta-llama/Llama-3.1-8B", "Qwen/Qwen3-32B", "Qwen/Qwen2.5-Math-7B"
_30B, _235B, _4B, _06B = "Qwen/Qwen3-30B-A3B", "Qwen/Qwen3-235B-A22B", "Qwen/Qwen3-4B", "Qwen/Qwen3-0.6B"

POINTS: Final[tuple[Point, ...]] = (
    Point(NEMO, _8B, "16xH100", _grpo(2048, 1019, 4096, 127, 4, recompute=True), 92.8),
    Point(NEMO, _30B, "32xH100", _grpo(2048, 3203, 4096, 103, 4, recompute=False), 192.0),
    Point(NEMO, _32B, "32xH100", _grpo(2048, 3251, 4096, 103, 4, recompute=False), 376.0),
    Point(NEMO, _235B, "128xH100", _grpo(512, 5698, 8192, 100, 1, recompute=True), 395.0),
    Point(NEMO, _30B, "16xGB200", _grpo(2048, 3199, 4096, 103, 4, recompute=False), 221.0),
    Point(NEMO, _8B, "8xGB200", _grpo(2048, 1066, 4096, 127, 4, recompute=True), 91.0, listed=False),
    Point(NEMO, _32B, "16xGB200", _grpo(2048, 3253, 4096, 103, 4, recompute=False), 381.0, listed=False),
    Point(NEMO, _235B, "64xGB200", _grpo(512, 5688, 8192, 100, 1, recompute=True), 284.0, listed=False),
    Point(VERL, _7B, "32xH20", _dapo(28672, 16), 790.1, length="assumed"),
    Point(VERL, _7B, "64xH20", _dapo(28672, 16), 365.3, length="assumed"),
    Point(VERL, _7B, "128xH20", _dapo(28672, 16), 356.3, length="assumed"),
    Point(VERL, _30B, "128xH20", _dapo(8192, 4, reference=True), 497.9, length="assumed"),
    _trained(_4B, "8xH100", 16384, 5.04, listed=True),
    _trained(_4B, "8xH200", 16384, 4.78, listed=True),
    _trained(_06B, "1xH100", 16384, 1.38, listed=True),
    _trained(_06B, "1xA6000", 16384, 4.44, listed=True),
    _trained(_4B, "8xH100", 65536, 18.10, listed=False),
    _trained(_4B, "8xH200", 65536, 17.75, listed=False),
    _trained(_06B, "1xH100", 65536, 6.46, listed=False),
    _trained(_06B, "1xA6000", 65536, 32.12, listed=False),
)

PEAKS: Final[tuple[Peak, ...]] = (
    Peak(_4B, "8xH100", 16384, 17.1),
    Peak(_4B, "8xH100", 65536, 36.1),
    Peak(_06B, "1xH100", 16384, 12.5),
    Peak(_06B, "1xH100", 65536, 19.6),
    Peak(_30B, "8xH100", 16384, 74.6),
    Peak(_30B, "8xH200", 65536, 105.4),
)


GROUND: Final = tuple(point for point in POINTS if not point.trainer)

ROUGHLY: Final = 0.15  # larger log-ratios weigh less: one incorrect assumption must not distort the fit


def fit(points: Sequence[Point] = GROUND) -> Fitted:
    """Return the constants with the best fit to the points.

    They minimize the sum of squared log-ratios of predicted to published seconds, with a soft L1 loss.
    """

    def ratios(scaled: np.ndarray) -> list[float]:
        tried = Fitted(*(float(value) for value in scaled * start))
        return [log(point.predicted(tried) / point.seconds) for point in points]

    start = np.array([FITTED.compute_share, FITTED.sequence_seconds])
    found = least_squares(ratios, (1.0, 1.0), bounds=(0.05, 20.0), loss="soft_l1", f_scale=ROUGHLY).x
    return Fitted(*(float(value) for value in found * start))


def left_out(point: Point) -> float:
    """Return the error of a point's prediction by constants that were fitted without it."""
    return point.error(fit([other for other in GROUND if other is not point]))


def main() -> None:
    """Print the constants, and every point with its errors."""
    found = fit()
    print(f"compute_share {found.compute_share:.3f}, sequence_seconds {found.sequence_seconds:.2e}")
    for point in POINTS:
        alone = f"{left_out(point):+5.0%} left out" if point in GROUND else "never fitted"
        times = f"{point.seconds:6.1f} {point.predicted(found):6.1f} {point.error(found):+5.0%}"
        print(f"{point.model:26} {point.cluster:9} {times} {alone}")


if __name__ == "__main__":
    main()
