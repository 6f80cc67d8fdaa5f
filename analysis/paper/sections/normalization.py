"""Sections 4.1 and 4.2 of the paper: mean and standard deviation (Figs. 4, 5, 6 and 18)."""

from typing import Final

from analysis.paper.figure import NO_NUMBER, FigurePart, PaperFigure
from analysis.paper.measures import Difference, Early, Score, VerdictWord
from analysis.paper.numbers import BASE
from analysis.paper.panels import Accuracy, Curves, Ends
from analysis.paper.rows import Cells

_ACCURACY: Final = (
    Score("start/accuracy", "accuracy, start"),
    Score("final/accuracy", "accuracy, end", kind="score"),
    Difference(),
    VerdictWord(),
)
_BATCH: Final = ("batch", "batch_mean")

FIGURES: Final = (
    PaperFigure(
        id="fig04",
        number="Fig. 4",
        title="No, batch or group normalisation",
        states="group normalisation is the most stable and ends highest; batch normalisation suffers from skewed "
        "rewards.",
        silent="epsilon, degrees of freedom, what happens at a deviation of 0, and the aggregation of the loss.",
        grids=("p1_norm_level",),
        parts=(
            FigurePart(
                rows=("model", "difficulty"),
                arms=("norm",),
                panels=(Accuracy(), Ends("final/accuracy", "final accuracy")),
                only={"norm": ("none", "batch", "group")},
            ),
        ),
        rows=Cells((*_ACCURACY, Score("train/advantage/max", "largest advantage", 2)), (NO_NUMBER,)),
    ),
    PaperFigure(
        id="fig05",
        number="Fig. 5",
        title="Reward deviation by tier, and normalisation with and without it",
        states="on easy data the deviation of rewards falls early and stays low, on hard data it stays high; without "
        "it training on easy data is more stable and better, on hard data nothing changes.",
        silent='the model; whether "without" subtracts the mean of the group (its equation 7) or of the batch (its '
        "caption).",
        grids=("p2_std_removal",),
        parts=(
            FigurePart(
                rows=("model",),
                arms=("difficulty",),
                panels=(
                    Curves("reward/std", "deviation of the rewards of a batch"),
                    Curves("groups/all_right", "groups all right"),
                ),
                only={"norm": ("batch",), "model": BASE},
                title="Its left panel: reward deviation under batch normalisation",
            ),
            FigurePart(
                rows=("model", "difficulty"),
                arms=("norm",),
                panels=(Accuracy(), Ends("final/accuracy", "final accuracy")),
                only={"norm": (*_BATCH, "group", "group_mean"), "model": BASE},
                title="Its right panel: with the deviation, and without it (batch_mean, group_mean)",
            ),
        ),
        rows=Cells(
            (
                Early("reward/std", "reward deviation, first five steps"),
                Score("train/reward/std", "reward deviation, last five steps"),
                *_ACCURACY,
            ),
            (NO_NUMBER,),
        ),
    ),
    PaperFigure(
        id="fig06",
        number="Fig. 6",
        title="Deviation of the group or of the batch, under the mean of the group",
        states="the deviation of the batch is better, which it credits to smaller gradients.",
        silent="about which mean the deviation of the batch is taken: of raw rewards, or of those centred by group.",
        grids=("p3_std_scope",),
        parts=(
            FigurePart(
                rows=("model", "difficulty"),
                arms=("std",),
                panels=(Accuracy(), Ends("final/accuracy", "final accuracy")),
            ),
        ),
        rows=Cells((*_ACCURACY, Score("train/update/grad_norm", "gradient norm, last five steps", 4)), (NO_NUMBER,)),
    ),
    PaperFigure(
        id="fig18",
        number="Fig. 18",
        title="Batch normalisation under rewards of 0 and 1, and of -1 and 1",
        states="no verdict is printed; in the first version batch normalisation recovers under the larger scale.",
        silent="what could make the scale matter: mean and deviation cancel it, so that the two arms are the same "
        "rule.",
        grids=("p1b_reward_scale",),
        parts=(
            FigurePart(
                rows=("model", "difficulty"),
                arms=("reward_scale",),
                panels=(Accuracy(), Ends("final/accuracy", "final accuracy")),
                only={"norm": ("batch",), "model": BASE},
            ),
        ),
        rows=Cells(_ACCURACY, (NO_NUMBER,)),
    ),
)
