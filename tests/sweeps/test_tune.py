"""A tuning with real runs, from the command to a grid that stands on it, in this process."""

import sqlite3

import pytest
import yaml

from harness.records.record import RunRecord
from harness.tracking.store import Store
from sweeps.__main__ import main
from sweeps.grid.tuned import read_tuned_file
from tests.sweeps.grids import TINY, write
from tests.sweeps.tuning import MODELS, queue, run, search
from tests.tiers import counts

LEARNING = MODELS.replace(TINY, "overrides: [steps=6, data=arithmetic_easy, rollout.prompts_per_batch=8]\n")


@pytest.fixture
def alone(monkeypatch):
    monkeypatch.setenv("LAUNCH", "inline")
    for name in ("RAY_ADDRESS", "RESULTS_DIR", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


def tune(folder, *words, text=MODELS):
    grid = write(folder, text)
    return main(["tune", f"grid={grid}", "knob=lr", f"results={folder / 'results'}", *words])


def kept(folder):
    """Of every trial that Optuna knows its number, state, and how many steps it reported."""
    connection = sqlite3.connect(folder / "results" / "tuned" / "plain.lr.db")
    rows = connection.execute(
        "select trials.trial_id, state, count(step) from trials left join trial_intermediate_values as steps "
        "on trials.trial_id = steps.trial_id group by trials.trial_id order by trials.trial_id"
    ).fetchall()
    connection.close()
    return rows


@pytest.mark.parametrize("trials", counts(2, 5))
def test_a_tuning_runs_writes_resumes_and_carries_its_grid(tmp_path, alone, store, capsys, trials):
    assert tune(tmp_path, f"trials={trials}") == 0
    path = tmp_path / "results" / "tuned" / "plain.lr.yaml"
    file = read_tuned_file(path)
    assert {label: len(model.trials) for label, model in file.models.items()} == {"base": trials, "aligned": trials}
    assert all(0 <= model.objective <= 1 for model in file.models.values())
    assert not (tmp_path / "results" / "runs").exists()  # nothing that a table could take for a run
    assert f"wrote {path}" in capsys.readouterr().out

    before, text = kept(tmp_path), path.read_text()
    assert tune(tmp_path, f"trials={trials}") == 0
    assert "nothing to run: every trial has ended" in capsys.readouterr().out
    assert (kept(tmp_path), path.read_text()) == (before, text)

    assert tune(tmp_path, f"trials={trials + 1}") == 0
    more = kept(tmp_path)
    assert more[: len(before)] == before
    assert len(more) == len(before) + 2
    assert "[2/2]" in capsys.readouterr().out

    document = yaml.safe_load(path.read_text()) | {"reviewed": "A. Person, 2025-09-01"}
    (tmp_path / "plain.lr.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    grid = write(tmp_path, MODELS + "tuned: plain.lr.yaml\nquick: [{model: base, norm: none}]\n")
    assert main(["run", f"grid={grid}", "seeds=0", f"results={tmp_path / 'results'}"]) == 0
    (record,) = (RunRecord.from_json(path.read_text()) for path in (tmp_path / "results").glob("runs/*/record.json"))
    assert record.provenance["tuning"].startswith("plain.lr.yaml sha256:")
    assert record.config["optim"]["lr"] == document["models"]["base"]["value"]
    assert record.config["data"]["part"] == "ablation"
    assert Store.open(tmp_path / "results").studies()[0].tuning.startswith(record.provenance["tuning"])

    assert tune(tmp_path, text=MODELS + "tuned: plain.lr.yaml\n") == 2
    assert "it already uses plain.lr.yaml" in capsys.readouterr().err


def test_a_reviewed_file_is_not_written_over(tmp_path, alone, capsys):
    assert tune(tmp_path, "at=model=base", "trials=1") == 0
    path = tmp_path / "results" / "tuned" / "plain.lr.yaml"
    path.write_text(path.read_text().replace("reviewed: null", "reviewed: A. Person"))
    assert tune(tmp_path, "at=model=base", "trials=2") == 2
    assert "is reviewed and would be overwritten; move it to sweeps/tuned first" in capsys.readouterr().err


@pytest.mark.parametrize("trained", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["one", "all"])
def test_a_learning_rate_that_destroys_the_policy_is_given_up_early(tmp_path, alone, trained):
    # A learning rate of 1 leaves nothing after one step; with the others a quarter more answers are right by then.
    # In the default tier only that one is trained; the accuracies of the others are made up, above any first step's.
    folder = tmp_path / "results" / "tuned"
    folder.mkdir(parents=True)
    with search(folder, trials=5, name="plain.lr.db", text=LEARNING, low=1e-5, high=10.0) as found:
        queue(found, 2e-4, 5e-4, 1e-3, 1.0)  # after the grid's own value, 0.0003
        for _ in range(0 if trained else 4):
            run(found, found.ask(), lambda value, seed, step: 0.5 + 0.05 * step)
    assert tune(tmp_path, "trials=5", "at=model=base", "low=1e-5", "high=10", text=LEARNING) == 0
    trials = read_tuned_file(folder / "plain.lr.yaml").models["base"].trials
    assert [(trial.value, trial.state) for trial in trials[:4]] == [
        (3e-4, "finished"),
        (2e-4, "finished"),
        (5e-4, "finished"),
        (1e-3, "finished"),
    ]
    assert (trials[4].value, trials[4].state, trials[4].objective) == (1.0, "pruned", None)
    *whole, stopped = (steps for _, _, steps in kept(tmp_path))
    assert whole == [12] * 4
    assert stopped < 6  # within the first seed


def test_a_model_that_cannot_be_trained_fails_twice_and_says_why(tmp_path, alone, capsys):
    impossible = MODELS.replace("steps=2", "steps=2, rollout.max_prompt_length=2")
    assert tune(tmp_path, "at=model=base", "trials=1", text=impossible) == 2
    out, err = capsys.readouterr()
    assert out.count("failed, retried: SchemaError: rollout.max_prompt_length") == 1
    assert out.count("failed: SchemaError: rollout.max_prompt_length") == 1
    assert "base: no trial finished; SchemaError: rollout.max_prompt_length" in err
    assert "Traceback" in (tmp_path / "results" / "tuned" / "plain.lr.traceback.txt").read_text()


def test_a_wrong_word_ends_in_one_line(tmp_path, alone, capsys):
    assert main(["tune", "grid=smoke", "knob=group_norm"]) == 2
    assert capsys.readouterr().err == (
        "knob=group_norm: continuous knobs only, lr or clip_ratio_high; a trick is an axis of a grid\n"
    )


def test_the_usage_of_the_command_is_told(capsys):
    assert main(["tune", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Usage: python -m sweeps tune" in shown
    assert "lr|clip_ratio_high" in shown
