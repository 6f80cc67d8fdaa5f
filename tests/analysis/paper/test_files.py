from dataclasses import replace

import pytest

from analysis.__main__ import main
from analysis.paper.sections.registry import write_figures, write_tables
from tests.analysis.samples import STUDY
from tests.analysis.takeaways.samples import records, study

P3 = study("p3_std_scope")
AT = {"model": "small_base", "difficulty": "easy", "control": "off"}


@pytest.fixture
def filled(store, results):
    """A store with two arms of a grid of the paper, planned under two profiles and run under one."""
    store.save_study(P3)
    store.save_study(study("p3_std_scope", "gpu"))
    store.save_study(study("p1_norm_level"))
    store.save_study(STUDY)
    for std in ("group", "batch"):
        for run in records(P3, {**AT, "std": std}, (0.4, 0.5)):
            handle = store.begin(run.head)
            for step in (1, 2, 3):
                store.log(handle, step, {"rollout/accuracy": 0.1 * step})
            store.finish(handle, run)
    return store


def test_only_figures_whose_studies_have_runs_are_written(filled, results):
    tables = [path.name for path in write_tables(filled, filled.studies(), results)]
    assert tables == ["fig06.laptop.md", "fig06.laptop.csv", "fig06.laptop.tex"]
    figures = [path.name for path in write_figures(filled, filled.studies(), results)]
    assert figures == ["fig06.laptop.svg", "fig06.laptop.png"]


def test_twice_gives_the_same_bytes(filled, results):
    first = [path.read_bytes() for path in write_tables(filled, filled.studies(), results)]
    assert [path.read_bytes() for path in write_tables(filled, filled.studies(), results)] == first


def test_studies_that_were_not_chosen_are_left_out(filled, results):
    assert list(write_tables(filled, [STUDY], results)) == []


def test_the_commands_write_them_too(filled, results, capsys):
    assert main(["tables", f"results={results}", "grid=p3_std_scope", "profile=laptop"]) == 0
    assert f"{results}/tables/fig06.laptop.md" in capsys.readouterr().out
    assert main(["figures", f"results={results}", "grid=p3_std_scope", "profile=laptop"]) == 0
    assert f"{results}/figures/fig06.laptop.svg" in capsys.readouterr().out


def test_runs_that_do_not_belong_together_make_no_table_of_the_paper(filled, results, capsys):
    (other,) = records(P3, {**AT, "std": "batch_centred"}, (0.4,))
    other = replace(other, provenance={"commit": "ffff", "dirty": "no"})
    filled.finish(filled.begin(other.head), other)
    assert main(["tables", f"results={results}", "grid=p3_std_scope", "profile=laptop"]) == 1
    assert "p3_std_scope (laptop profile): its runs are of 2 commits" in capsys.readouterr().err
    assert not (results / "tables" / "fig06.laptop.md").exists()
