from dataclasses import replace

from analysis.study.runs import build_runs_frame
from analysis.tables.scores import build_study_table
from tests.analysis.samples import STUDY, run

SAID = "norms.lr.yaml sha256:ab12: lr small=0.0003; tuned on seeds 1001, 1002"


def test_a_table_names_the_tuning_that_its_settings_stand_on():
    runs = build_runs_frame([run(0, 0), run(1, 0)])
    assert f"Tuned beforehand: {SAID}." in build_study_table(replace(STUDY, tuning=SAID), runs).notes
    assert not any(note.startswith("Tuned") for note in build_study_table(STUDY, runs).notes)
