"""The commands for other frameworks: explain, diff, frameworks, export --to, and a run from a configuration."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from harness.common.schema import SchemaError
from harness.config.experiment import load_config
from liteppo.program import main
from tests.analysis.samples import STUDY, run
from tricks.dialects.build import build_rule, find_dialect

YAML = """\
loss_type: dapo
beta: 0.04
epsilon_high: 0.28
bf16: true
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "grpo.yaml"
    path.write_text(YAML)
    return path


def explained(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = main(["explain", "--framework", "trl", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_explain_places_every_option_of_a_file(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = explained(capsys, str(config))
    assert code == 0
    assert found["tricks"]["clip"]["clip_ratio_high"] == 0.28
    assert found["tricks"]["kl_loss"]["coef"] == 0.04
    places = {each["option"]: each["place"] for row in found["settings"] for each in row["options"]}
    assert (places["beta"], places["epsilon_high"]) == ("line 2", "line 3")
    assert places["epsilon"].startswith("default of ")
    assert [each["option"] for each in found["no_effect"]] == ["bf16"]
    assert found["nearest"]["preset"] == "dapo_static"


def test_options_after_a_file_replace_its_own(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, found = explained(capsys, str(config), "--beta", "0.0", "--loss_type=grpo")
    assert "kl_loss" not in found["tricks"]
    assert "sequence_mean" in found["tricks"]


def test_an_option_that_the_release_lacks_is_named_and_the_rest_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = explained(capsys, "--epsilonn", "0.1", "--beta", "0.1")
    assert code == 2
    assert [each["option"] for each in found["unknown"]] == ["epsilonn"]
    assert "did you mean 'epsilon'" in found["unknown"][0]["because"]
    assert found["tricks"]["kl_loss"]["coef"] == 0.1


def test_a_release_that_is_not_known_is_said_and_the_newest_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = explained(capsys, "--version", "99.0")
    assert code == 2
    assert found["emulate"] == find_dialect("trl").spelled
    assert any("TRL 99.0 is not known here" in note for note in found["notes"])


def test_the_text_names_option_place_and_value(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "framework=trl", str(config)]) == 0
    said = capsys.readouterr().out
    assert "epsilon_high=0.28 (line 3)" in said
    assert "no effect on the update:\n  bf16=True" in said
    assert "liteppo run preset=vanilla_ppo emulate=trl@" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["explain", "--framework", "tlr"], "unknown framework 'tlr'; did you mean 'trl'?"),
        (["explain", "--framework", "trl", "no/such/file.yaml"], "no such file"),
        (["diff", "trl@0.0.0", "grpo"], "trl@0.0.0: "),
        (["diff", "nothing", "grpo"], "nothing: no framework or preset"),
        (["frameworks", "trl", "0.0.0"], "trl@0.0.0: "),
        (["export", "preset=grpo", "--to", "tlr"], "unknown framework 'tlr'"),
        (["export", "preset=rloo", "--to", "trl"], "rloo: trl"),
        (["export", "a", "b"], "write --to FRAMEWORK for a recipe"),
    ],
)
def test_a_wrong_call_ends_in_one_message(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_diff_says_whether_the_algorithm_is_the_same(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", f"trl:{config}", f"trl:{config}"]) == 0
    assert "the same rule and the same loop" in capsys.readouterr().out
    assert main(["diff", f"trl:{config}", "dapo_static@trl"]) == 0
    said = capsys.readouterr().out
    assert "another rule, which differs in token_losses, keep_samples" in said
    assert "cosine" in said


def test_an_export_is_explained_as_the_preset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "preset=liteppo", "rollout.group_size=16", "--to", "trl", "--form", "yaml"]) == 0
    written = tmp_path / "liteppo.yaml"
    written.write_text(capsys.readouterr().out)
    code, found = explained(capsys, str(written))
    assert code == 0
    rule = build_rule("vanilla_ppo", found["tricks"], "trl", load_config().setup())
    assert rule.settings() == build_rule("liteppo", {}, "trl", load_config().setup()).settings()
    assert (found["loop"]["group_size"], found["loop"]["prompts_per_batch"]) == (16, 128)
    assert (found["loop"]["temperature"], found["loop"]["top_k"]) == (0.99, 100)


def test_a_run_starts_from_a_configuration(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = load_config(f"+from=trl:{config}")
    assert named.emulate == find_dialect("trl").spelled
    assert named.update_rule().tricks["clip"].clip_ratio_high == 0.28
    assert main(["explain", "--framework", "trl", str(config), "--json"]) == 0
    recipe = tmp_path / "recipe.json"
    recipe.write_text(capsys.readouterr().out)
    assert load_config(f"+from={recipe}").cell_id() == named.cell_id()
    changed = load_config(f"+from={recipe}", "tricks.kl_loss.coef=0.1")
    assert changed.update_rule().tricks["kl_loss"].coef == 0.1


def test_a_run_refuses_a_configuration_that_is_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "entropy.yaml"
    path.write_text("top_entropy_quantile: 0.2\n")
    with pytest.raises(SchemaError, match="no trick computes top_entropy_quantile=0.2"):
        load_config(f"+from=trl:{path}")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(SchemaError, match="no explained configuration"):
        load_config(f"+from={tmp_path / 'other.json'}")
    with pytest.raises(SchemaError, match="no such file"):
        load_config(f"+from={tmp_path / 'none.json'}")


def test_the_recipe_behind_a_number_is_exported_with_its_loop(
    store: Any, results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RESULTS_DIR", str(results))
    settings = asdict(load_config("preset=dapo_static", "rollout.group_size=4"))
    store.save_study(STUDY)
    for seed, score in enumerate((0.4, 0.5)):
        record = run(0, seed, score, config=settings)
        store.finish(store.begin(record.head), record)
    cell = "cell=norms.laptop/easy,none/final/accuracy"
    assert main(["export", cell, "to=trl", "form=yaml"]) == 0
    said = capsys.readouterr().out
    assert "num_generations: 4 " in said
    assert "epsilon_high: 0.28 " in said
    assert main(["export", "cell=norms.laptop/none such", "to=trl"]) == 2
