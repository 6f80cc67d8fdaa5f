"""Claims on recipes (arXiv:2508.08221, sec. 5 and Fig. 15) and on plain training (Fig. 3)."""

from itertools import product
from typing import Final

from analysis.claims import Claim, ClaimPart, Quoted, compare_labels, level_terms
from analysis.paper.claims.normalization import ALIGNED, BASES, FALL

_RECIPE: Final = "Two tricks beat recipes with more"
_SCENE: Final = "What training moves, before any trick"
_FIG_15: Final = tuple({"model": model, "difficulty": tier} for model, tier in product(BASES, ("easy", "hard")))
_MAIN: Final = ("p9_liteppo_main",)
_QWEN: Final = "a number about models of Qwen3; only their runs can tell"
# Differences of mean final accuracy read off Fig. 15: liteppo minus grpo, liteppo minus dapo.
_LEADS: Final = (
    ("small_base", "easy", 0.18, 0.16),
    ("small_base", "hard", 0.17, 0.15),
    ("large_base", "easy", 0.015, 0.02),
    ("large_base", "hard", 0.08, 0.10),
)
_READING: Final = 0.02  # curves end on a single noisy point, and reading them adds half a point


def _where(model: str, tier: str) -> dict[str, str]:
    return {"model": model, "difficulty": tier}


CLAIMS: Final = (
    Claim(
        id="R.grpo",
        title=_RECIPE,
        sentence="Lite PPO ends above GRPO on base models.",
        source="paper",
        stands="section 5; v3 Fig. 15",
        studies=_MAIN,
        parts=tuple(compare_labels("recipe", "liteppo", "grpo", where) for where in _FIG_15),
    ),
    Claim(
        id="R.dapo",
        title=_RECIPE,
        sentence="Lite PPO ends above DAPO on base models.",
        source="paper",
        stands="section 5; v3 Fig. 15",
        studies=_MAIN,
        parts=tuple(compare_labels("recipe", "liteppo", "dapo", where) for where in _FIG_15),
    ),
    Claim(
        id="R.collapse",
        title=_RECIPE,
        sentence="On the small base model GRPO and DAPO lose much of what they had reached, Lite PPO does not.",
        source="paper",
        stands="section 5; v3 Fig. 15, read off the curves",
        studies=_MAIN,
        parts=tuple(
            compare_labels("recipe", other, "liteppo", _where("small_base", tier), metric=FALL)
            for other, tier in product(("grpo", "dapo"), ("easy", "hard"))
        ),
    ),
    Claim(
        id="R.leads",
        title=_RECIPE,
        sentence="Its leads over GRPO and DAPO are those of the figure: 18 and 16 points on the small base model and "
        "easy data, 17 and 15 on hard; 1.5 and 2 on the large base model and easy data, 8 and 10 on hard.",
        source="paper",
        stands="v3 Fig. 15, means of six accuracies read off the figure to half a point",
        studies=_MAIN,
        parts=tuple(
            compare_labels("recipe", "liteppo", other, _where(model, tier), Quoted(lead, lead, _READING))
            for model, tier, grpo, dapo in _LEADS
            for other, lead in (("grpo", grpo), ("dapo", dapo))
        ),
        profiles=("gpu",),
        why_not=_QWEN,
    ),
    Claim(
        id="R.aligned",
        title=_RECIPE,
        sentence="Lite PPO ends above DAPO on aligned models too.",
        source="notes",
        stands="ICLR 2026, Tables 1 and 2",
        studies=("p11_iclr_ext",),
        parts=tuple(
            compare_labels("recipe", "liteppo", "dapo", _where(model, tier), beyond=model == "small_aligned")
            for model, tier in product(ALIGNED, ("easy", "hard"))
        ),
    ),
    Claim(
        id="R.family",
        title=_RECIPE,
        sentence="Lite PPO ends above GRPO and DAPO on a model of another family.",
        source="notes",
        stands="ICLR 2026, Table 3; checkpoint and data not found",
        studies=("p11_iclr_ext",),
        parts=tuple(
            compare_labels("recipe", "liteppo", other, _where("llama3_8b", "easy"), beyond=True)
            for other in ("grpo", "dapo")
        ),
    ),
    Claim(
        id="C.base",
        title=_SCENE,
        sentence="Training adds more to base models than to aligned ones.",
        source="paper",
        stands="v3 section 3 and Fig. 3",
        studies=("p0_difficulty",),
        parts=tuple(
            compare_labels("model", base, aligned, {"difficulty": tier}, less="start/accuracy")
            for base, aligned in zip(BASES, ALIGNED, strict=True)
            for tier in ("easy", "medium", "hard")
        ),
    ),
    Claim(
        id="C.aligned",
        title=_SCENE,
        sentence="It adds about two points to aligned models.",
        source="paper",
        stands="v3 section 3, printed",
        studies=("p0_difficulty",),
        parts=tuple(
            ClaimPart(
                f"{model}, {tier}: end against start",
                level_terms(_where(model, tier)),
                Quoted(0.02, 0.02, 0.01),
                less="start/accuracy",
            )
            for model, tier in product(ALIGNED, ("easy", "medium", "hard"))
        ),
        profiles=("gpu",),
        why_not=_QWEN,
    ),
    Claim(
        id="C.length",
        title=_SCENE,
        sentence="Harder data teaches longer responses.",
        source="paper",
        stands="v3 Fig. 3",
        studies=("p0_difficulty",),
        parts=tuple(
            compare_labels("difficulty", "hard", "easy", {"model": model}, metric="final/length")
            for model in (*BASES, *ALIGNED)
        ),
    ),
)
