"""Hints on a run, for plan, sweep and single run: settings that are probably not meant, and what its tricks say.

The ranges and the hints on tricks are those of ``tricks.hints``.
"""

from __future__ import annotations

import sys
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from tricks.hints import PLAUSIBLE, implausible, positive_log_probs, rule_hints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.config import ExperimentConfig
    from harness.engines.protocols import Samples

_TOLD: Final = set[str]()  # hints on numbers that this process has given


def hints(config: ExperimentConfig) -> tuple[str, ...]:
    """Return the hints on the settings of a run and on its tricks, each in one sentence."""
    return tuple(_hints(config))


def tell_positive(samples: Samples) -> None:
    """Say once in a process that a sampler reports probabilities above 1."""
    if "positive" in _TOLD:
        return
    for hint in positive_log_probs("the sampler's log_probs", samples.log_probs, samples.response_mask):
        _TOLD.add("positive")
        print(f"hint: {hint}", file=sys.stderr)


def _hints(config: ExperimentConfig) -> Iterator[str]:
    for name in PLAUSIBLE:
        group, _, setting = name.partition(".")
        if group in type(config).__dataclass_fields__:
            yield from implausible(name, attrgetter(f"{group}.{setting}")(config))
    if config.reward.correct <= config.reward.wrong:
        yield (
            f"reward.correct={config.reward.correct:g} is not above reward.wrong={config.reward.wrong:g}: "
            "a right answer earns no more than a wrong one"
        )
    yield from rule_hints(config.update_rule())
