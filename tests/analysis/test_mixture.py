import pytest

from analysis.__main__ import main
from analysis.study.runs import build_runs_frame, explain_mixture
from tests.analysis.samples import STUDY, run

OTHER = {"commit": "fedcba9876543210", "dirty": "no", "torch": "2.13.0"}


def reason(*records):
    return explain_mixture(STUDY, build_runs_frame(records))


def test_runs_of_one_commit_and_machine_belong_together():
    assert reason(run(0, 0), run(1, 0)) is None


def test_runs_of_two_commits_do_not_and_the_message_counts_them():
    assert reason(run(0, 0), run(1, 0), run(1, 1, provenance=OTHER)) == (
        "norms (laptop profile): its runs are of 2 commits (0123456789: 2 runs; fedcba9876: 1 runs); run the "
        "others again, or set MIXED=1 for one table of all, with a note"
    )


def test_nor_do_runs_of_two_environments():
    newer = {"commit": "0123456789abcdef", "dirty": "no", "torch": "2.14.0"}
    assert "2 environments (torch 2.13.0: 1 runs; torch 2.14.0: 1 runs)" in reason(
        run(0, 0), run(1, 0, provenance=newer)
    )


def test_a_failed_run_and_one_of_another_plan_do_not_count():
    failed = run(0, 1, None, status="failed", error="x", provenance=OTHER)
    assert reason(run(0, 0), failed, run(0, 2, cell_id="gone", provenance=OTHER)) is None


@pytest.fixture
def mixed(store, results):
    store.save_study(STUDY)
    for record in (run(0, 0), run(1, 0, provenance=OTHER)):
        store.finish(store.begin(record.head), record)
    return results


def test_a_mixed_table_is_refused_unless_asked_for(mixed, capsys):
    assert main(["tables", f"results={mixed}"]) == 1
    assert "2 commits" in capsys.readouterr().err
    assert not (mixed / "tables" / "norms.laptop.md").exists()
    assert main(["tables", f"results={mixed}", "mixed=1"]) == 0
    assert "Mixed commits" in (mixed / "tables" / "norms.laptop.md").read_text()


def test_mixed_takes_one_or_nothing(mixed, capsys):
    assert main(["tables", f"results={mixed}", "mixed=yes"]) == 2
    assert "mixed=yes: write mixed=1 or mixed=0" in capsys.readouterr().err
