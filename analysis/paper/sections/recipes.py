"""Sections 3 and 5 of the paper: plain training, and Lite PPO against GRPO and DAPO."""

from typing import Final

from analysis.paper.figure import FigurePart, PaperFigure, Quantity
from analysis.paper.measures import Difference, Gain, Score, VerdictWord
from analysis.paper.numbers import MEAN_OF_SIX
from analysis.paper.panels import Accuracy, Curves, Ends, PaperEnds, PaperPoints, Solved
from analysis.paper.rows import BenchmarkRows, Cells, SolvedCounts

TRAINING_FIGURES: Final = (
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


_RECIPES: Final = {"recipe": ("grpo", "dapo", "liteppo")}
_ICLR: Final = ("iclr1", "iclr2", "iclr3", "iclr4")

FIGURES: Final = (
    *TRAINING_FIGURES,
    PaperFigure(
        id="fig15",
        number="Fig. 15",
        title="GRPO, DAPO and Lite PPO by benchmark",
        states="on the smaller base model the others collapse, after about step 200 (hard) or 500 to 760 (easy), and "
        "Lite PPO does not; until then the three overlap. On the larger one it leads by about 2 points (easy) and 8 "
        "to 10 (hard).",
        silent="seeds (one, as far as stated), k and temperature of the evaluation, a KL term of GRPO, the settings "
        "of DAPO.",
        grids=("p9_liteppo_main",),
        parts=(
            FigurePart(
                rows=("model", "difficulty"),
                arms=("recipe",),
                panels=(Accuracy(), Ends("final/accuracy", "final accuracy"), PaperPoints()),
                only=_RECIPES,
                height=2.5,
            ),
        ),
        rows=BenchmarkRows(),
    ),
    PaperFigure(
        id="main",
        number="Fig. 1 (right) and the result of section 5",
        title="The main result: GRPO, DAPO and Lite PPO",
        states="Lite PPO has the highest mean accuracy in all four settings of base models; the version of the "
        "conference adds aligned models and another family.",
        silent="any table of results: the numbers are those of Fig. 15, read off, and of tables that were seen second "
        "hand.",
        grids=("p9_liteppo_main", "p11_iclr_ext"),
        parts=(
            FigurePart(
                rows=("model", "difficulty"),
                arms=("recipe",),
                panels=(Ends("final/accuracy", "final accuracy"), PaperEnds()),
                only=_RECIPES,
                height=1.5,
            ),
        ),
        rows=Cells(
            (
                Score("final/accuracy", "accuracy, end", kind="score"),
                Difference(),
                VerdictWord(),
                Score("final/length", "length, tokens", 1),
                Score("cost/tokens", "tokens sampled in training", 0),
            ),
            (Quantity("final", "the paper: final, mean of six benchmarks", MEAN_OF_SIX),),
        ),
        readings=("fig15", *_ICLR),
        benchmark=MEAN_OF_SIX,
    ),
    PaperFigure(
        id="iclr",
        number="Tables 1 to 3 of the ICLR version",
        title="The recipes on aligned models and on another family",
        states="Lite PPO is ahead of DAPO on the aligned model, by 1.5 points (easy) and 2.8 (hard), and of "
        "both others on Llama.",
        silent="here the notes do: the tables were seen second hand, and not all of their rows were recovered.",
        grids=("p11_iclr_ext",),
        parts=(
            FigurePart(
                rows=("model", "difficulty"),
                arms=("recipe",),
                panels=(Accuracy(), Ends("final/accuracy", "final accuracy"), PaperPoints()),
                only=_RECIPES,
                height=2.5,
            ),
        ),
        rows=BenchmarkRows((Quantity("final", "the paper: final"),)),
        readings=_ICLR,
    ),
)
