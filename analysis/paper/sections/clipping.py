"""Section 4.3 of the paper: the upper bound of the ratio (Figs. 7 to 11, 19 and 20)."""

from typing import Final

from analysis.paper.figure import NO_NUMBER, FigurePart, PaperFigure, Quantity
from analysis.paper.measures import Difference, Early, Score, VerdictWord
from analysis.paper.numbers import ALIGNED, LARGE, SMALL
from analysis.paper.panels import Accuracy, Bins, Curves, Ends
from analysis.paper.rows import BinRows, Cells
from analysis.paper.tokens import TokenClasses, TokenClassRows as ClassRows, Tokens, TopTokens

_GRID: Final = "p4_clip_higher"
_ACCURACY: Final = (
    Score("start/accuracy", "accuracy, start"),
    Score("final/accuracy", "accuracy, end", kind="score"),
    Difference(),
    VerdictWord(),
    Score("train/update/clip_fraction_high", "clipped high", 4),
    Score("train/update/clip_fraction_low", "clipped low", 4),
)
_CLIPS: Final = (
    "Our clip fraction counts a token only where the bound removes its gradient. "
    "Which one the paper counts is not said."
)
_TOKENS: Final = (
    "Runs count clipped tokens and do not keep where they stood, so that the paper's prompt with its clipped words "
    "cannot be drawn; both figures show counts."
)

FIGURES: Final = (
    PaperFigure(
        id="fig07",
        number="Fig. 7",
        title="Entropy under an upper bound of 0.20 and 0.28",
        states="on base models the bound changes little; on aligned ones a higher bound slows the fall of entropy.",
        silent="the data of these runs (medium, by its Fig. 8), the normaliser, the aggregation, the lower bound, and "
        "the updates a rollout batch.",
        grids=(_GRID,),
        parts=(
            FigurePart(
                rows=("model", "difficulty"),
                arms=("upper_bound",),
                panels=(
                    Curves("policy/entropy", "entropy, nats a token"),
                    Ends("train/policy/entropy", "last five steps"),
                ),
            ),
        ),
        rows=Cells(
            (
                Early("policy/entropy", "entropy, first five steps"),
                Score("train/policy/entropy", "entropy, last five steps", kind="score"),
                Difference("train/policy/entropy", "difference to baseline, last five steps"),
            ),
            (NO_NUMBER,),
        ),
    ),
    PaperFigure(
        id="fig08",
        number="Fig. 8",
        title="Accuracy under an upper bound of 0.20 and 0.28",
        states="a higher bound brings base models nothing or harm, and aligned ones a steady gain; base models clip "
        "about 0.003 of their tokens.",
        silent="the normaliser, the aggregation, the lower bound, and the updates a rollout batch, without which no "
        "bound can bind.",
        grids=(_GRID,),
        parts=(
            FigurePart(
                rows=("model", "difficulty"),
                arms=("upper_bound",),
                panels=(
                    Accuracy(),
                    Ends("final/accuracy", "final accuracy"),
                    Ends("train/update/clip_fraction_high", "clipped high"),
                ),
            ),
        ),
        rows=Cells(_ACCURACY, (Quantity("clip fraction", "the paper: clip fraction"),)),
        notes=(_CLIPS,),
    ),
    PaperFigure(
        id="fig09",
        number="Fig. 9",
        title="How probable the sampled tokens are, smaller models",
        states="a base model is almost sure of nine tokens in ten, an aligned one of half; a higher bound makes both "
        "less sure.",
        silent="at which step; which panel and bound the two bars of the aligned model belong to is inferred.",
        grids=(_GRID,),
        parts=(
            FigurePart(rows=("model", "difficulty"), arms=("upper_bound",), panels=(Bins(),), only={"model": SMALL}),
        ),
        rows=BinRows(),
    ),
    PaperFigure(
        id="fig10",
        number="Fig. 10",
        title="The twenty tokens that the upper bound holds back most",
        states="at 0.20 they are connectives (therefore, if, but), mostly at the start of a sentence; at 0.28 there "
        "are fewer clips, mostly of function words and punctuation (is, the, comma).",
        silent="the model beyond being aligned, over which steps it counts, and any share in numbers.",
        grids=("p5_clip_tokens",),
        parts=(FigurePart(rows=("model", "difficulty"), arms=("upper_bound",), panels=(Tokens(),), height=4.4),),
        rows=TopTokens(),
        notes=(_TOKENS,),
    ),
    PaperFigure(
        id="fig19",
        number="Fig. 19",
        title="Clipped tokens by class",
        states="as in Fig. 10: the higher bound moves the clips from connectives to function words and punctuation.",
        silent="which words it counts as which, and any share in numbers.",
        grids=("p5_clip_tokens",),
        parts=(FigurePart(rows=("model", "difficulty"), arms=("upper_bound",), panels=(TokenClasses(),), height=2.6),),
        rows=ClassRows(),
        notes=(_TOKENS,),
    ),
    PaperFigure(
        id="fig11",
        number="Fig. 11",
        title="Accuracy over four upper bounds",
        states="the smaller aligned model gets better with the bound and is best at 0.32; the larger one shows no "
        "trend and is best at 0.28.",
        silent="any accuracy in numbers, and how much of it is chance: four points, two sizes, one seed.",
        grids=("p6_clip_sweep",),
        parts=(
            FigurePart(
                rows=("model", "difficulty"),
                arms=("upper_bound",),
                panels=(Accuracy(), Ends("final/accuracy", "final accuracy")),
                only={"model": ALIGNED},
            ),
        ),
        rows=Cells(_ACCURACY, (Quantity("best upper bound", "the paper: best bound"),)),
        notes=(_CLIPS,),
    ),
    PaperFigure(
        id="fig20",
        number="Fig. 20",
        title="How probable the sampled tokens are, larger models",
        states="the larger base model is almost sure of three tokens in four, the aligned one of fewer than half; the "
        "bound changes little.",
        silent="at which step; most bars of the aligned model were not recovered.",
        grids=(_GRID,),
        parts=(
            FigurePart(rows=("model", "difficulty"), arms=("upper_bound",), panels=(Bins(),), only={"model": LARGE}),
        ),
        rows=BinRows(),
    ),
)
