"""Sections 4.4 and 4.5 of the paper: loss aggregation and truncated responses.

They contain Figs. 12, 13, 14 and 17.
"""

from typing import Final

from analysis.paper.figure import NO_NUMBER, FigurePart, PaperFigure
from analysis.paper.measures import Difference, Score, VerdictWord
from analysis.paper.numbers import ALIGNED, BASE
from analysis.paper.panels import Accuracy, Curves, Ends
from analysis.paper.rows import Cells

_ACCURACY: Final = (
    Score("start/accuracy", "accuracy, start"),
    Score("final/accuracy", "accuracy, end", kind="score"),
    Difference(),
    VerdictWord(),
)
_REPEATS: Final = (
    Curves("response/repeated_right", "repeat ratio, right answers"),
    Curves("response/repeated_wrong", "repeat ratio, wrong answers"),
)
_OFTEN: Final = (
    "The repeat ratio is the share of the responses stopped by the limit that repeat at their end; a step without "
    "such a response has none. What counts as a repetition is ours (docs/metrics.md)."
)
_LENGTH: Final = Score("final/length", "length, tokens", 1)
_CUT: Final = Score("final/truncated", "truncated")

FIGURES: Final = (
    PaperFigure(
        id="fig12",
        number="Fig. 12",
        title="Loss by sequences or by tokens",
        states="base models learn faster, reach more and are more robust by tokens, most on hard data; aligned ones "
        "are better by sequences in most panels.",
        silent="the normaliser, whether tokens are counted over the update or a micro-batch of four, and whether its "
        "tiers are medium and harder (panels) or easy and hard (caption).",
        grids=("p7_loss_agg",),
        parts=(
            FigurePart(
                rows=("model", "difficulty"),
                arms=("loss",),
                panels=(Accuracy(), Ends("final/accuracy", "final accuracy")),
            ),
        ),
        rows=Cells((*_ACCURACY, _LENGTH), (NO_NUMBER,)),
    ),
    PaperFigure(
        id="fig13",
        number="Fig. 13",
        title="Filtering truncated responses under three length limits",
        states="a clear gain at the shortest limit shrinks to little at the longest; the filter makes responses "
        "shorter at 8k and longer at 20k.",
        silent="the data, the normaliser, whether filtered responses count in its statistics and denominators.",
        grids=("p8_overlong",),
        parts=(
            FigurePart(
                rows=("model", "max_length"),
                arms=("filter",),
                panels=(
                    Accuracy(),
                    Curves("response/length", "response length, tokens"),
                    Ends("final/accuracy", "final accuracy"),
                ),
            ),
        ),
        rows=Cells(
            (*_ACCURACY, _LENGTH, Difference("final/length", "length, difference to baseline", 1), _CUT), (NO_NUMBER,)
        ),
    ),
    PaperFigure(
        id="fig14",
        number="Fig. 14",
        title="Truncated responses that only repeat themselves",
        states="under a long limit most truncated responses repeat and do not end, right or wrong; under a short one "
        "many are merely long. Without the filter the share grows in training, with it it stays low.",
        silent="how long a repetition has to be, the model of the left panel, and the data.",
        grids=("p8_overlong",),
        parts=(
            FigurePart(
                rows=("model",),
                arms=("max_length",),
                panels=_REPEATS,
                only={"model": BASE, "filter": ("off",)},
                title="Its left panel: base model, without the filter, by length limit",
            ),
            FigurePart(
                rows=("model", "max_length"),
                arms=("filter",),
                panels=_REPEATS,
                only={"model": ALIGNED},
                title="Its right panel: aligned model, without and with the filter",
            ),
        ),
        rows=Cells(
            (
                Score("train/response/repeated_right", "repeat ratio of right answers, last five steps", kind="score"),
                Score("train/response/repeated_wrong", "repeat ratio of wrong answers, last five steps", kind="score"),
                Score("train/response/truncated", "truncated, last five steps"),
            ),
            (NO_NUMBER,),
        ),
        notes=(_OFTEN,),
    ),
    PaperFigure(
        id="fig17",
        number="Fig. 17",
        title="Loss by sequences or by tokens, base models on medium and hard data",
        states="as in Fig. 12: the loss by tokens is better on a base model.",
        silent="as in Fig. 12.",
        grids=("p7_loss_agg",),
        parts=(
            FigurePart(
                rows=("model", "difficulty"),
                arms=("loss",),
                panels=(Accuracy(), Ends("final/accuracy", "final accuracy")),
                only={"model": BASE, "difficulty": ("medium", "hard")},
            ),
        ),
        rows=Cells((*_ACCURACY, _LENGTH), (NO_NUMBER,)),
    ),
)
