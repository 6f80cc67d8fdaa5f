"""The table of a study's secondary effects: one row per contrast, one column per score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.stats.bootstrap import estimate_difference
from analysis.stats.effects import list_effect_sides, measure_all_effects
from analysis.study.frame import Scores, read_scores
from analysis.study.layout import find_varied_axes, find_warning
from analysis.tables.notes import lead, list_origin_notes
from analysis.tables.scores import Column, MissingScore, ResultTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from analysis.stats.contrasts import Contrast
    from analysis.stats.effects import Effect
    from analysis.tables.scores import Entry
    from harness.records.record import Study

_NOTES: Final = (
    "Every number is arm minus baseline: the mean over paired seeds, its 95 % Student t interval [low, high], and the "
    "number of pairs. Only finished runs count. Intervals are not corrected for their number: side effects are read "
    "beside a verdict, and are none themselves.",
    "Length, truncation and pass@k: of the final held-out responses. Entropy and clipping: means of the last five "
    "steps. Training tokens: response tokens sampled in all. Seconds: of the whole run, evaluations included.",
)


def build_effects_table(study: Study, taken: pd.DataFrame) -> ResultTable | None:
    """Return the secondary effects of all contrasts of ``taken`` (``frame.select_planned``).

    Returns None if nothing is compared.
    """
    found = {contrast: effects for contrast, effects in measure_all_effects(study, taken).items() if effects}
    if not found:
        return None
    known = list_effect_sides(study, taken)
    axes = find_varied_axes(study, study.cells)
    decisive = read_scores(taken, study.metric)
    return ResultTable(
        name=f"{study.name}.{study.profile}.effects",
        title=f"{study.name} ({study.profile} profile): side effects",
        warning=find_warning(study),
        lead=tuple(lead(study)),
        columns=(
            *(Column(axis, axis, "label") for axis in axes),
            Column("difference", study.metric, "gap"),
            *(Column(side.score, side.title, "gap", side.digits) for side in known),
        ),
        rows=tuple(
            (
                *(study.cells[contrast.arm][axis] for axis in axes),
                _decided(decisive, contrast),
                *_entries(effects, [side.score for side in known]),
            )
            for contrast, effects in found.items()
        ),
        notes=(*_NOTES, *list_origin_notes(study, taken)),
    )


def _decided(by_cell: Scores, contrast: Contrast) -> Entry:
    return estimate_difference(by_cell.get(contrast.arm, {}), by_cell.get(contrast.baseline, {})) or MissingScore(
        "no seed in common"
    )


def _entries(effects: tuple[Effect, ...], names: list[str]) -> Iterator[Entry]:
    by_score = {effect.side.score: effect.difference for effect in effects}
    for name in names:
        yield by_score.get(name) or MissingScore()
