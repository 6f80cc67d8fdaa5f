from dataclasses import replace

from sweeps.grid.grid import read_grid
from sweeps.plan.plan import build_study, make_plan
from sweeps.plan.power import read_prior_studies
from tests.sweeps.grids import PLAIN, write
from tests.sweeps.records import of_plan


def fill(store, folder, name, text=PLAIN, profile="laptop", stale=False):
    """A study with all of its runs finished."""
    made = make_plan(read_grid(write(folder, text, name), profile), False, (), (), {"commit": "abc"})
    store.save_study(build_study(made, []))
    for record in of_plan(made, len(made.runs)):
        old = replace(record, cell_id="0123456789", run_id=f"0123456789-s{record.seed}") if stale else record
        store.finish(store.begin(old.head), replace(old, profile=profile))
    return read_grid(write(folder, text, name), profile)


def test_other_studies_of_the_profile_are_pilots_those_of_the_same_metric_first(tmp_path, store):
    fill(store, tmp_path, "lengths", PLAIN.replace("final/accuracy", "final/length"))
    fill(store, tmp_path, "other")
    own = fill(store, tmp_path, "own")
    found = list(read_prior_studies(store, own))
    assert [(pilot.name, len(pilot.records)) for pilot in found] == [("other", 8), ("lengths", 8)]
    assert found[0].baseline == {"norm": "none"}


def test_runs_of_settings_that_a_study_no_longer_has_are_no_pilots(tmp_path, store):
    fill(store, tmp_path, "other", stale=True)
    assert list(read_prior_studies(store, fill(store, tmp_path, "own"))) == []


def test_runs_under_another_profile_are_no_pilots(tmp_path, store):
    text = PLAIN + "profiles: {gpu: {overrides: [backend=hf]}}\n"
    fill(store, tmp_path, "other", text, "gpu")
    assert list(read_prior_studies(store, fill(store, tmp_path, "own"))) == []


def test_a_store_without_studies_has_none(tmp_path, store):
    assert list(read_prior_studies(store, read_grid(write(tmp_path)))) == []
