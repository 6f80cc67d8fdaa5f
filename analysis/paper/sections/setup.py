"""Section 3 of the paper: the difficulty of its tiers and plain training (Figs. 2 and 3)."""

from __future__ import annotations

from typing import Final

from analysis.paper.bars import Solved
from analysis.paper.content import Quantity
from analysis.paper.figure import PaperFigure
from analysis.paper.layout import FigurePart
from analysis.paper.measures import Gain, Score
from analysis.paper.panels import Accuracy, Curves, Ends
from analysis.paper.rows import Cells, SolvedCounts

FIGURES: Final = (
    PaperFigure(
        id="fig02",
        number="Fig. 2",
        title="Prompts by number of right samples, for each tier",
        states="easy prompts are solved more often than medium ones, medium ones more often than hard ones.",
        silent="which policy answered the prompts, and whether GPT-4o (text) or eight rollouts (caption) tell how "
        "hard one is. The shares cannot be recovered from its bars.",
        grids=("p0_difficulty",),
        parts=(FigurePart(rows=("model",), arms=("difficulty",), panels=(Solved(),), height=1.7),),
        rows=SolvedCounts(),
    ),
    PaperFigure(
        id="fig03",
        number="Fig. 3",
        title="Accuracy and response length on three tiers",
        states="tiers give different courses; harder data make longer responses; aligned models start higher and "
        "longer, and gain only about two points.",
        silent='which normaliser and aggregation its "baseline" has, and how it evaluates (k, temperature, length).',
        grids=("p0_difficulty",),
        parts=(
            FigurePart(
                rows=("model",),
                arms=("difficulty",),
                panels=(
                    Accuracy(),
                    Curves("response/length", "response length, tokens"),
                    Ends("final/accuracy", "final accuracy"),
                ),
            ),
        ),
        rows=Cells(
            (
                Score("start/accuracy", "accuracy, start"),
                Score("final/accuracy", "accuracy, end", kind="score"),
                Gain(),
                Score("start/length", "length, start, tokens", 1),
                Score("final/length", "length, end, tokens", 1),
            ),
            (Quantity("gain", "the paper: gain"),),
        ),
    ),
)
