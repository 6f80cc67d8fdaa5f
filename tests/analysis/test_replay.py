"""Table and figure of a replay."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO

import pytest

from analysis.__main__ import main
from analysis.figures.replay import render_pairwise_csv, render_replay_csv, render_replay_markdown
from harness.records.record import REPLAY_FOLDER, ArmResult, Replay

REPLAY = Replay(
    name="laptop",
    gradient_of="parameters",
    coordinates=1234,
    baseline="vanilla_ppo",
    batch={"samples": 4096, "mean reward": 0.7512345},
    arms=(
        ArmResult("group_norm", "paper", 0.5, 2.0, 0.25, 0.875),
        ArmResult("clip_higher", "paper", 0.99, 1.01, 0.0, 0.0002),
        ArmResult("gspo", "peer", None, 0.0, None, 0.0),
        ArmResult("vanilla_ppo", "preset", 1.0, 1.0, 0.0, None),
    ),
    cosines=((1.0, 0.5, None, 0.5), (0.5, 1.0, None, 0.99), (None, None, None, None), (0.5, 0.99, None, 1.0)),
    refused={"kl_loss": "kl_loss needs ref_log_probs"},
    origin={"model": "builtin:small_base", "seed": "0"},
    provenance={"commit": "0123456789abcdef", "dirty": "no", "torch": "2.13.0"},
)


def test_every_rule_has_a_row_with_its_numbers() -> None:
    text = render_replay_markdown(REPLAY)
    assert "| `group_norm` | trick of the paper | 0.500 | 2.000 | 0.250 | 0.875 |" in text
    assert "| `vanilla_ppo` (baseline) | preset | 1.000 | 1.000 | 0 | — |" in text


def test_a_share_that_is_small_is_not_a_trick_that_never_fired() -> None:
    text = render_replay_markdown(REPLAY)
    assert "| `clip_higher` | trick of the paper | 0.990 | 1.010 | 0 | 2e-04 |" in text
    assert "| `gspo` | other trick | — | 0 | — | 0 |" in text


def test_a_rule_without_a_gradient_says_why() -> None:
    assert "| kl_loss |  | — kl_loss needs ref_log_probs |" in render_replay_markdown(REPLAY)


def test_the_table_says_where_it_comes_from_and_that_it_is_a_laptop() -> None:
    text = render_replay_markdown(REPLAY)
    assert "never to be read as the paper's numbers" in text
    assert "The batch: samples 4,096; mean reward 0.751." in text
    assert "From: model builtin:small_base, seed 0." in text
    assert "Commit 0123456789, torch 2.13.0." in text


def test_a_foreign_batch_is_no_laptop() -> None:
    assert "laptop" not in render_replay_markdown(replace(REPLAY, name="dump"))


def test_the_csv_has_six_digits_and_gaps() -> None:
    rows = list(csv.reader(StringIO(render_replay_csv(REPLAY))))
    assert rows[1] == ["group_norm", "paper", "0.5", "2", "0.25", "0.875"]
    assert rows[3] == ["gspo", "peer", "", "0", "", "0"]


def test_pairwise_cosines_are_a_square() -> None:
    rows = list(csv.reader(StringIO(render_pairwise_csv(REPLAY))))
    assert rows[0] == ["rule", "group_norm", "clip_higher", "gspo", "preset vanilla_ppo"]
    assert rows[2] == ["clip_higher", "0.5", "1", "", "0.99"]


def test_replay_writes_tables_and_figures_and_twice_the_same(tmp_path, capsys) -> None:
    (tmp_path / REPLAY_FOLDER).mkdir(parents=True)
    (tmp_path / REPLAY_FOLDER / "replay.laptop.json").write_text(REPLAY.to_json())
    assert main(["replay", f"results={tmp_path}"]) == 0
    files = [*(tmp_path / "tables").iterdir(), *(tmp_path / "figures").iterdir()]
    assert {str(file) for file in files} == set(capsys.readouterr().out.split())
    assert {file.name.removeprefix("replay.laptop.") for file in files} == {"md", "csv", "cosines.csv", "svg", "png"}
    first = [file.read_bytes() for file in files]
    assert main(["replay", f"results={tmp_path}"]) == 0
    assert [file.read_bytes() for file in files] == first


def test_without_a_replay_the_command_that_makes_one_is_named(tmp_path, capsys) -> None:
    assert main(["replay", f"results={tmp_path}"]) == 1
    assert "has no replay yet; make one with `make replay`" in capsys.readouterr().err


def test_a_report_reads_back_as_it_was() -> None:
    assert Replay.from_json(REPLAY.to_json()) == REPLAY


def test_the_report_of_an_older_version_is_refused_with_its_file(tmp_path, capsys) -> None:
    (tmp_path / REPLAY_FOLDER).mkdir(parents=True)
    (tmp_path / REPLAY_FOLDER / "replay.old.json").write_text("{}")
    assert main(["replay", f"results={tmp_path}"]) == 1
    assert "replay.old.json" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_heat_map_marks_pairs_without_a_cosine(kind) -> None:
    from analysis.figures.replay import draw_replay

    assert len(draw_replay(REPLAY)[kind]) > 1000
