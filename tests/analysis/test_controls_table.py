from dataclasses import replace

from analysis.study.runs import build_runs_frame
from analysis.tables.controls import build_controls_table
from harness.records.record import CONTROL_AXIS, Control
from tests.analysis.samples import STUDY, run

SEEDS = range(6)
CONTROLLED = replace(
    STUDY,
    axes={**STUDY.axes, CONTROL_AXIS: ("off", "broken")},
    cells=(*({**labels, CONTROL_AXIS: "off"} for labels in STUDY.cells), {**STUDY.cells[0], CONTROL_AXIS: "broken"}),
    cell_ids=(*STUDY.cell_ids, "c4"),
    controls=(
        Control("broken", {**STUDY.cells[0], CONTROL_AXIS: "broken"}, "worse", "final/accuracy", "it is broken"),
    ),
)
NONE = [run(0, seed, 0.50 + seed / 100) for seed in SEEDS]
BROKEN = [replace(run(0, seed, 0.1 + seed / 200), run_id=f"c4-s{seed}", cell_id="c4") for seed in SEEDS]


def rows(*studies):
    table = build_controls_table([(study, build_runs_frame(records)) for study, records in studies])
    return [dict(zip([column.key for column in table.columns], row, strict=True)) for row in table.rows]


def test_a_known_effect_is_called_or_missed_or_not_run():
    assert rows((CONTROLLED, NONE + BROKEN))[0]["found"] == "called"
    unbroken = [replace(record, scores={"final/accuracy": 0.505 + record.seed / 100}) for record in BROKEN]
    assert rows((CONTROLLED, NONE + unbroken))[0]["found"] == "missed"
    assert rows((CONTROLLED, NONE))[0]["found"] == "no runs"


def test_seeds_of_a_cell_are_held_against_each_other_and_over_all_grids():
    # Six seeds make 10 splits into two halves; none of so even a cell is called at 5 %.
    found = rows((STUDY, NONE), (replace(STUDY, name="others"), NONE))
    assert [(row["grid"], row["what"]) for row in found] == [
        ("norms", "1 split cells"),
        ("others", "1 split cells"),
        ("all of them", "2 split cells"),
    ]
    assert found[2]["found"].endswith("of 20 called")


def test_there_is_no_table_of_grids_without_controls_and_seeds():
    assert build_controls_table([(STUDY, build_runs_frame([NONE[0]]))]) is None
