"""The tricks this project studies, each with its source, and those that other packages add."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

from tricks.aggregation import SequenceMean, TokenMean
from tricks.api import TrickError, TrickSpec
from tricks.clipping import Clip
from tricks.filtering import OverlongFilter
from tricks.normalization import Normalize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP: Final = "liteppo.tricks"

BUILT_IN: Final = (
    TrickSpec(
        "group_norm",
        Normalize,
        "arXiv:2402.03300 (GRPO)",
        "group mean, group std",
        {"mean": "group", "std": "group"},
    ),
    TrickSpec(
        "batch_norm",
        Normalize,
        "arXiv:2501.03262 (REINFORCE++)",
        "batch mean, batch std",
        {"mean": "batch", "std": "batch"},
    ),
    TrickSpec(
        "group_mean",
        Normalize,
        "arXiv:2503.20783 (Dr. GRPO)",
        "group mean, no std",
        {"mean": "group"},
    ),
    TrickSpec(
        "group_mean_batch_std",
        Normalize,
        "arXiv:2508.08221 (Lite PPO)",
        "group mean, batch std",
        {"mean": "group", "std": "batch"},
    ),
    TrickSpec("clip_higher", Clip, "arXiv:2503.14476 (DAPO)", "wider upper clip bound", {"clip_ratio_high": 0.28}),
    TrickSpec("token_mean", TokenMean, "arXiv:2503.14476 (DAPO)", "every token counts the same"),
    TrickSpec("sequence_mean", SequenceMean, "arXiv:2402.03300 (GRPO)", "every response counts the same"),
    TrickSpec("overlong_filter", OverlongFilter, "arXiv:2503.14476 (DAPO)", "leave out truncated responses"),
)

# What fills a closed hook when no trick does: PPO's clipped loss on raw rewards (arXiv:2508.08221, eq. 1).
VANILLA: Final = {"advantages": Normalize(), "surrogate": Clip(), "loss_weights": SequenceMean()}


@cache
def catalog() -> Mapping[str, TrickSpec]:
    """Every known trick by name. Tricks of other packages never replace ours."""
    specs = {spec.name: spec for spec in BUILT_IN}
    for point, spec in foreign(tuple(entry_points(group=ENTRY_POINT_GROUP))):
        if spec.name in specs:
            raise TrickError(f"{point.value} offers a trick named {spec.name!r}, which exists already; rename it")
        specs[spec.name] = spec
    return specs


def foreign(points: tuple[EntryPoint, ...]) -> Iterator[tuple[EntryPoint, TrickSpec]]:
    """The tricks that installed packages offer, in order of name."""
    for point in sorted(points, key=lambda point: point.name):
        spec = point.load()
        if not isinstance(spec, TrickSpec):
            raise TrickError(f"{point.value} is not a TrickSpec; point the entry {point.name!r} at one")
        if spec.name != point.name:
            raise TrickError(f"{point.value} is named {spec.name!r}, its entry point {point.name!r}; make them equal")
        yield point, spec


def find(name: str) -> TrickSpec:
    """The trick of that name. Raises TrickError with the nearest known name."""
    try:
        return catalog()[name]
    except KeyError:
        close = get_close_matches(name, catalog(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known tricks: {', '.join(sorted(catalog()))}"
        raise TrickError(f"unknown trick {name!r}; {hint}") from None
