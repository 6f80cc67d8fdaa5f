"""From a number in a table back to its runs."""

from dataclasses import replace

import pytest

from analysis.__main__ import main
from analysis.trace.command import trace_number, trace_settings
from analysis.trace.number import TraceError
from harness.common.repository import REFERENCE_RESULTS
from tests.analysis.samples import STUDY, failed, run
from tests.analysis.takeaways.samples import around, records, study

# none on easy: 0.4, 0.5, 0.6; group 0.5, 0.7, 0.9: gains 0.1, 0.2, 0.3 (mean 0.2, half-width 0.248).
RECORDS = (
    *(run(0, seed, value, config={"steps": 30, "lr": 1.0}) for seed, value in enumerate((0.4, 0.5, 0.6))),
    *(run(1, seed, value, config={"steps": 30, "lr": 2.0}) for seed, value in enumerate((0.5, 0.7, 0.9))),
    run(2, 0, 0.25),
    failed(3, 0),
)


def fill(store, study, runs):
    store.save_study(study)
    for record in runs:
        store.finish(store.begin(record.head), record)


@pytest.fixture(scope="module")
def norms(tmp_path_factory, blank_database):
    """A store with the runs above, and its folder."""
    from shutil import copyfile

    from harness.tracking.store import Store

    results = tmp_path_factory.mktemp("results")
    copyfile(blank_database, results / "mlflow.db")
    store = Store.open(results)
    fill(store, STUDY, RECORDS)
    p3 = study("p3_std_scope")
    for name, scores in (("group", [0.5] * 6), ("batch", around(0.6))):
        where = {"model": "small_base", "difficulty": "easy", "std": name, "control": "off"}
        fill(store, p3, records(p3, where, scores))
    return store, results


def traced(norms, cell):
    store, results = norms
    return trace_number(store, results, cell)


def refused(norms, cell):
    with pytest.raises(TraceError) as caught:
        traced(norms, cell)
    return str(caught.value)


def test_a_score_leads_to_its_seeds_runs_settings_and_commit(norms):
    text = traced(norms, "norms.laptop/easy,group/final/accuracy")
    assert text.startswith("norms.laptop/easy,group/final/accuracy\n\nvalue        0.700 ± 0.497 (3)\n")
    assert "mean of final/accuracy over training seeds, ± half its 95 % Student t interval" in text
    assert "cell         model = small, level = easy, norm = group" in text
    assert "rule         advantages: Normalize(mean='group', std='group')" in text
    assert "settings     lr=2.0\n" in text
    assert "steps=30" not in text  # all cells share it
    assert "     1  0.7  c1-s1  commit 0123456789\n" in text
    assert f"{norms[1]}/runs/norms.c1-s1" in text
    assert "http://127.0.0.1:5000/#/experiments/" in text
    assert "environment  torch 2.13.0" in text


def test_a_difference_leads_to_both_sides_seed_by_seed(norms):
    text = traced(norms, "norms.laptop/easy,group/difference to baseline")
    assert "value        +0.200 [-0.048, +0.448] (3)" in text
    assert "seed by seed\n     0  0.1\n     1  0.2\n     2  0.3\n" in text
    assert "arm          model = small, level = easy, norm = group" in text
    assert "baseline     model = small, level = easy, norm = none" in text


def test_a_difference_is_of_the_seeds_that_both_sides_have(store, results):
    fill(store, STUDY, [record for record in RECORDS if record.run_id != "c0-s2"])
    text = trace_number(store, results, "norms.laptop/easy,group/difference to baseline")
    assert "seed by seed\n     0  0.1\n     1  0.2\n" in text
    assert "     2  finished, not counted  c1-s2\n" in text


def test_a_number_of_a_verdict_says_which_test_it_is_of(norms):
    text = traced(norms, "norms.laptop.verdicts/easy,group/p adjusted")
    assert "p adjusted within its family" in text
    assert "seed by seed" in text


def test_a_part_of_an_address_is_enough_where_it_tells(norms):
    for cell in ("norms.laptop/eas,grou/cpu", "norms.laptop/norm=group,level=easy/cpu"):
        assert traced(norms, cell).startswith("norms.laptop/easy,group/cpu_seconds\n")


def test_several_numbers_are_listed(norms):
    text = refused(norms, "norms.laptop/group/final/accuracy")
    assert text.splitlines()[0] == "2 numbers match; give more of the address:"
    assert "  norms.laptop/easy,group/final/accuracy" in text
    assert "  norms.laptop/hard,group/final/accuracy" in text


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", "address: required; give that of a number: CELL=TABLE/LABEL,LABEL/COLUMN"),
        ("norm.laptop/easy/p", "no table 'norm.laptop'; did you mean 'norms.laptop'?"),
        ("norms.laptop.curves/easy/area", "norms.laptop.curves: these runs do not give such a table"),
        ("norms.laptop/esay,group/final/accuracy", "norms.laptop has no row with 'esay'; did you mean 'easy'?"),
        ("norms.laptop/easy,hard/final/accuracy", "no row with all of easy, hard; nearest: easy,none, easy,group"),
        ("norms.laptop/easy,group/final/acuracy", "no column 'final/acuracy'; did you mean 'final/accuracy'?"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_with_the_nearest(norms, cell, message):
    assert message in refused(norms, cell)


def test_a_failed_run_is_shown_and_not_counted(norms):
    text = traced(norms, "norms.laptop/hard,group/final/accuracy")
    assert "value        — failed" in text
    assert "     0  failed, not counted  c3-s0" in text


def test_changes_that_are_in_no_commit_are_said(store, results):
    changed = {"commit": "0123456789abcdef", "dirty": "yes"}
    fill(store, STUDY, [run(0, 0, 0.5, provenance=changed)])
    text = trace_number(store, results, "norms.laptop/easy,none/final/accuracy")
    assert "c0-s0  commit 0123456789, with uncommitted changes" in text


def test_a_takeaway_leads_to_the_cells_that_its_claim_compares(norms):
    text = traced(norms, "takeaways.laptop/T3.std,1/number")
    assert "value        +0.1000 [+0.0970, +0.1030] (6)" in text
    assert "T3.std: After the group mean, the deviation of the batch ends higher than that of the group." in text
    assert "seed by seed\n     0  0.096\n" in text
    assert text.count("  commit 0123456789") == 12


def test_a_table_of_the_paper_leads_to_our_runs(norms):
    text = traced(norms, "fig06.laptop/small_base,easy,batch/final/accuracy")
    assert "p3_std_scope (laptop profile)" in text
    assert text.count("  commit 0123456789") == 6


def test_the_paper_s_own_numbers_have_no_runs_of_ours(norms):
    text = traced(norms, "fig06.laptop/small_base,easy,batch/paper precision")
    assert "it comes from no run of ours" in text
    assert "commit" not in text


def test_a_committed_table_without_its_runs_says_what_stands_under_it(store, results):
    tables = results / "tables"
    tables.mkdir()
    (tables / "old.laptop.csv").write_text("model,norm,score,score n,note\nsmall,none,0.5,3,\nsmall,group,,,failed\n")
    (tables / "old.laptop.md").write_text("# old\n\n- Seeds planned: 0, 1, 2.\n- Commit: 0123456789.\n")
    text = trace_number(store, results, "old.laptop/none/score")
    assert "value        0.5" in text
    assert "the runs of this table are not in this store" in text
    assert "Commit: 0123456789." in text


def test_a_table_of_the_reference_is_found_where_the_store_has_no_runs_of_it(store, results):
    text = trace_number(store, results, "norm_ablation.laptop/small_base,easy,zero_one,group/cpu_seconds n")
    assert "results/reference/tables/norm_ablation.laptop.md states:" in text


def test_a_table_of_ones_own_goes_before_the_reference(store, results):
    tables = results / "tables"
    tables.mkdir()
    (tables / "norm_ablation.laptop.csv").write_text("norm,score\nbatch,0.25\n")
    text = trace_number(store, results, "norm_ablation.laptop/batch/score")
    assert "value        0.25" in text
    assert f"{tables / 'norm_ablation.laptop.md'} states" in text


def test_the_reference_says_nothing_of_a_study_that_has_runs_here(norms):
    assert (REFERENCE_RESULTS / "tables" / "p3_std_scope.laptop.curves.csv").exists()
    with pytest.raises(TraceError, match="these runs do not give such a table"):
        traced(norms, "p3_std_scope.laptop.curves/easy/area")


def test_the_command_prints_or_says_what_is_wrong(norms, capsys):
    results = norms[1]
    assert main(["trace", f"results={results}", "cell=norms.laptop/easy,none/final/accuracy"]) == 0
    assert "0.500 ± 0.248 (3)" in capsys.readouterr().out
    assert main(["trace", f"results={results}", "cell=norms.laptop"]) == 2
    assert "numbers match; give more of the address" in capsys.readouterr().err
    assert main(["trace", f"results={results}"]) == 2
    assert "address: required; give that of a number" in capsys.readouterr().err


def test_the_settings_behind_a_number_are_those_of_the_arm(norms):
    store, results = norms
    assert trace_settings(store, results, "norms.laptop/easy,group/difference to baseline")["lr"] == 2.0
    assert trace_settings(store, results, "norms.laptop/easy,none/final/accuracy")["lr"] == 1.0


def test_a_number_without_runs_has_no_settings(store, results):
    store.save_study(replace(STUDY, name="empty"))
    with pytest.raises(TraceError, match="no run of this number is in the store"):
        trace_settings(store, results, "empty.laptop/easy,none/final/accuracy")


def test_a_study_without_a_run_has_a_table_of_dashes_to_trace(store, results):
    store.save_study(replace(STUDY, name="empty"))
    text = trace_number(store, results, "empty.laptop/easy,none/final/accuracy")
    assert "value        — not run yet" in text
    assert "runs         none with final/accuracy" in text
