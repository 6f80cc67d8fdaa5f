"""Takeaways 7 and 8: loss aggregation and overlong filtering (arXiv:2508.08221).

They are from sections 4.3 and 4.4 and Figs. 12, 13, 14 and 17.
"""

from itertools import product
from typing import Final

from analysis.claims import Claim, ClaimPart, Expect, Labels, compare_labels, interaction_terms
from analysis.paper.claims.normalization import ALIGNED, BASES

_TOKEN: Final = ("loss", "token", "sequence")
_FILTER: Final = ("filter", "on", "off")
_TIERS: Final = ("easy", "medium", "hard")
_SEVEN: Final = "The token mean suits base models, not aligned ones"
_EIGHT: Final = "Filtering truncated responses helps short and medium reasoning, little where it is long"
_SHORT: Final = {"max_length": "shortest"}
_LONG: Final = {"max_length": "longest"}
_LENGTHS: Final[tuple[tuple[Labels, Expect], ...]] = ((_SHORT, "less"), (_LONG, "more"))
_RAN: Final = ("large_base", "large_aligned")  # the models of Figs. 12, 13 and 17


def _beyond(model: str) -> bool:
    return model not in _RAN


CLAIMS: Final = (
    Claim(
        id="T7.base",
        title=_SEVEN,
        sentence="Base models end higher when every token counts the same.",
        source="paper",
        stands="Takeaway 7; v3 Figs. 12 top and 17",
        studies=("p7_loss_agg",),
        parts=tuple(
            compare_labels(*_TOKEN, {"model": model, "difficulty": tier}, beyond=_beyond(model))
            for model, tier in product(BASES, _TIERS)
        ),
    ),
    Claim(
        id="T7.aligned",
        title=_SEVEN,
        sentence="Aligned models gain nothing from it.",
        source="paper",
        stands="Takeaway 7; v3 Fig. 12 bottom",
        studies=("p7_loss_agg",),
        parts=tuple(
            compare_labels(*_TOKEN, {"model": model, "difficulty": tier}, "no more", beyond=_beyond(model))
            for model, tier in product(ALIGNED, _TIERS)
        ),
    ),
    Claim(
        id="T7.hard",
        title=_SEVEN,
        sentence="What base models gain from it is more on hard data than on easier data.",
        source="paper",
        stands="v3 section 4.3",
        studies=("p7_loss_agg",),
        parts=tuple(
            ClaimPart(
                f"{model}: what token adds to sequence, hard against {easier}",
                interaction_terms(
                    *_TOKEN, {"model": model, "difficulty": "hard"}, {"model": model, "difficulty": easier}
                ),
                "more",
                beyond=_beyond(model),
            )
            for model, easier in product(BASES, ("easy", "medium"))
        ),
    ),
    Claim(
        id="T8.short",
        title=_EIGHT,
        sentence="At the shortest limit, a model that is not taught truncated responses ends higher.",
        source="paper",
        stands="Takeaway 8; v3 Fig. 13",
        studies=("p8_overlong",),
        parts=tuple(
            compare_labels(*_FILTER, {"model": model, **_SHORT}, beyond=_beyond(model)) for model in (*BASES, *ALIGNED)
        ),
    ),
    Claim(
        id="T8.middle",
        title=_EIGHT,
        sentence="At the limit in the middle it still gains.",
        source="paper",
        stands="Takeaway 8; v3 Fig. 13",
        studies=("p8_overlong",),
        parts=tuple(
            compare_labels(*_FILTER, {"model": model, "max_length": "middle"}, beyond=_beyond(model)) for model in BASES
        ),
    ),
    Claim(
        id="T8.long",
        title=_EIGHT,
        sentence="At the longest limit it gains nothing.",
        source="paper",
        stands="Takeaway 8; v3 Fig. 13",
        studies=("p8_overlong",),
        parts=tuple(
            compare_labels(*_FILTER, {"model": model, **_LONG}, "no more", beyond=_beyond(model)) for model in BASES
        ),
    ),
    Claim(
        id="T8.shrinks",
        title=_EIGHT,
        sentence="What the filter gains is more at the shortest limit than at the longest.",
        source="paper",
        stands="v3 Fig. 13",
        studies=("p8_overlong",),
        parts=tuple(
            ClaimPart(
                f"{model}: what the filter adds, shortest against longest",
                interaction_terms(*_FILTER, {"model": model, **_SHORT}, {"model": model, **_LONG}),
                "more",
                beyond=_beyond(model),
            )
            for model in BASES
        ),
    ),
    Claim(
        id="T8.length",
        title=_EIGHT,
        sentence="With the filter, responses get shorter at the shortest limit and longer at the longest.",
        source="paper",
        stands="v3 section 4.4 and Fig. 13",
        studies=("p8_overlong",),
        parts=tuple(
            compare_labels(*_FILTER, {"model": model, **where}, expect, metric="final/length", beyond=_beyond(model))
            for model in BASES
            for where, expect in _LENGTHS
        ),
    ),
    Claim(
        id="T8.repeats",
        title=_EIGHT,
        sentence="With the filter, fewer of the wrong responses that the limit stops repeat themselves.",
        source="paper",
        stands="v3 Fig. 14 right",
        studies=("p8_overlong",),
        parts=tuple(
            compare_labels(
                *_FILTER,
                {"model": model, **_SHORT},
                "less",
                metric="train/response/repeated_wrong",
                beyond=_beyond(model),
            )
            for model in ALIGNED
        ),
    ),
)
