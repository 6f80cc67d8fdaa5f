"""Takeaways 4 to 6: the upper clip bound (arXiv:2508.08221).

They are from section 4.2 and Figs. 7 to 11, 19 and 20.
"""

from itertools import product
from typing import Final

from analysis.claims import (
    Claim,
    ClaimPart,
    Expect,
    Labels,
    Quoted,
    compare_labels,
    format_setting,
    interaction_terms,
    level_terms,
    trend_terms,
)
from analysis.paper.claims.normalization import ALIGNED, BASES

_HIGHER: Final = ("upper_bound", "0.28", "0.20")
_BOUNDS: Final = ("0.20", "0.24", "0.28", "0.32")
_CLIPPED: Final = "train/update/clip_fraction_high"
_ENTROPY: Final = "train/policy/entropy"
_FOUR: Final = "A higher upper clip range helps aligned models, not base models"
_OURS: Final = "hard"  # the embedded aligned models have little to learn on easy problems; the paper has no such runs
_FIVE: Final = "A tight clip range clips words that connect thoughts"
_SIX: Final = "The small aligned model gains with the bound, the large one does not"
_MEDIUM_BASES: Final = tuple({"model": model, "difficulty": "medium"} for model in BASES)
_FIG_8: Final = tuple(
    {"model": model, "difficulty": tier} for model, tier in product(ALIGNED, ("medium", "easy", _OURS))
)
_FIG_10: Final = {"model": "small_aligned", "difficulty": "medium"}
_SMALL, _LARGE = (tuple({"model": model, "difficulty": tier} for tier in ("medium", _OURS)) for model in ALIGNED)


def _beyond(where: Labels) -> bool:
    return where["difficulty"] == _OURS


def _line(where: Labels, expect: Expect) -> ClaimPart:
    says = f"{format_setting(where)}: line from {_BOUNDS[0]} to {_BOUNDS[-1]}"
    return ClaimPart(says, trend_terms("upper_bound", _BOUNDS, where), expect, beyond=_beyond(where))


def _slower_fall(aligned: str, base: str) -> ClaimPart:
    places = {"model": aligned, "difficulty": "medium"}, {"model": base, "difficulty": "medium"}
    return ClaimPart(
        f"{aligned} against {base}, medium: what 0.28 adds to the entropy of 0.20",
        interaction_terms(*_HIGHER, *places),
        "more",
        metric=_ENTROPY,
    )


CLAIMS: Final = (
    Claim(
        id="T4.aligned",
        title=_FOUR,
        sentence="Aligned models end higher with an upper bound of 0.28 than of 0.20.",
        source="paper",
        stands="Takeaway 4; v3 Fig. 8",
        studies=("p4_clip_higher",),
        parts=tuple(compare_labels(*_HIGHER, where, beyond=_beyond(where)) for where in _FIG_8),
    ),
    Claim(
        id="T4.base",
        title=_FOUR,
        sentence="Base models gain nothing from it.",
        source="paper",
        stands="Takeaway 4; v3 Fig. 8",
        studies=("p4_clip_higher",),
        parts=tuple(compare_labels(*_HIGHER, where, "no more") for where in _MEDIUM_BASES),
    ),
    Claim(
        id="T4.why",
        title=_FOUR,
        sentence="It keeps up the entropy of aligned models more than that of base models.",
        source="paper",
        stands="v3 Fig. 7",
        studies=("p4_clip_higher",),
        parts=tuple(_slower_fall(aligned, base) for aligned, base in zip(ALIGNED, BASES, strict=True)),
    ),
    Claim(
        id="T4.rate",
        title=_FOUR,
        sentence="In base models the bound acts on about 0.003 of the tokens.",
        source="paper",
        stands="v3 section 4.2, printed",
        studies=("p4_clip_higher",),
        parts=tuple(
            ClaimPart(
                f"{format_setting(where)}: tokens above the bound",
                level_terms({**where, "upper_bound": "0.20"}),
                Quoted(0.003, 0.003, 0.001),
                metric=_CLIPPED,
            )
            for where in _MEDIUM_BASES
        ),
        profiles=("gpu",),
        why_not="a number about two models of Qwen3; only their runs can tell",
    ),
    Claim(
        id="T5.words",
        title=_FIVE,
        sentence="Of the tokens that the upper bound holds back, fewer are connectives under 0.28 than under 0.20.",
        source="paper",
        stands="Takeaway 5; v3 Figs. 10 and 19, one prompt",
        studies=("p5_clip_tokens", "p4_clip_higher"),
        parts=(compare_labels(*_HIGHER, _FIG_10, "less", metric="clipped(connectives)"),),
    ),
    Claim(
        id="T5.fewer",
        title=_FIVE,
        sentence="The higher bound holds back fewer tokens.",
        source="paper",
        stands="v3 Fig. 10",
        studies=("p5_clip_tokens", "p4_clip_higher"),
        parts=(compare_labels(*_HIGHER, _FIG_10, "less", metric=_CLIPPED),),
    ),
    Claim(
        id="T6.small",
        title=_SIX,
        sentence="The small aligned model ends higher the higher the bound, up to 0.32.",
        source="paper",
        stands="Takeaway 6; v3 Fig. 11",
        studies=("p6_clip_sweep",),
        parts=(
            *(_line(where, "more") for where in _SMALL),
            *(compare_labels("upper_bound", "0.32", "0.20", where, beyond=_beyond(where)) for where in _SMALL),
        ),
    ),
    Claim(
        id="T6.large",
        title=_SIX,
        sentence="The large aligned model does not gain with the bound as a whole.",
        source="paper",
        stands="Takeaway 6; v3 Fig. 11",
        studies=("p6_clip_sweep",),
        parts=tuple(_line(where, "no more") for where in _LARGE),
    ),
    Claim(
        id="T6.best",
        title=_SIX,
        sentence="The large aligned model is best at 0.28.",
        source="paper",
        stands="v3 Fig. 11",
        studies=("p6_clip_sweep",),
        parts=tuple(
            compare_labels("upper_bound", "0.28", other, where, beyond=_beyond(where))
            for where in _LARGE
            for other in ("0.20", "0.24", "0.32")
        ),
    ),
)
