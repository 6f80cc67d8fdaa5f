"""Two spellings of one option, and what is refused."""

from __future__ import annotations

import pytest

from liteppo import studies
from liteppo.program import main
from tests.liteppo.calls import params, sweep_options


@pytest.mark.parametrize(
    ("command", "spellings"),
    [
        (
            "sweep",
            [
                ["norm_ablation", "--profile", "gpu", "--seeds", "0-5", "--full", "--twins", "once"],
                ["norm_ablation", "--profile=gpu", "--seeds=0-5", "--full", "--twins=once"],
                ["grid=norm_ablation", "profile=gpu", "seeds=0-5", "full=1", "twins=once"],
                ["--grid", "norm_ablation", "profile=gpu", "--seeds", "0-5", "full=true", "twins=once"],
                ["--grid=norm_ablation", "--full", "profile=gpu", "seeds=0-5", "twins=once"],
            ],
        ),
        (
            "tables",
            [["--grid", "smoke", "--mixed"], ["grid=smoke", "mixed=1"], ["--mixed", "--grid=smoke"]],
        ),
        ("tables", [["grid=smoke"], ["grid=smoke", "mixed=0"]]),
        ("eval", [["--model", "smol", "eval.seed=1"], ["eval.seed=1", "model=smol"]]),
        ("verify", [["x.jsonl", "--open-box", "wrong"], ["file=x.jsonl", "open_box=wrong"]]),
        ("export", [["preset=grpo", "--to", "trl"], ["preset=grpo", "to=trl"]]),
        ("trace", [["--cell", "a.b/c=d,e/f"], ["cell=a.b/c=d,e/f"]]),
    ],
)
def test_all_spellings_ask_for_the_same(command: str, spellings: list[list[str]]) -> None:
    first, *others = (params(command, *words) for words in spellings)
    assert all(other == first for other in others)


def test_defaults_are_those_of_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESULTS_DIR", raising=False)
    asked = sweep_options()
    assert (asked.grid, asked.profile, asked.full, asked.seeds, str(asked.results)) == (
        "smoke",
        "laptop",
        False,
        None,
        "results",
    )


def test_a_plan_takes_a_cluster_and_an_effect() -> None:
    asked = sweep_options("profile=gpu", "cluster=2x8xH100", "effect=0.03")
    assert (str(asked.cluster), asked.effect) == ("2x8xH100", 0.03)


def test_a_grid_may_be_a_file_with_an_equals_sign(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a=b.yaml"
    file.write_text("")
    assert sweep_options(str(file)).grid == str(file)
    assert sweep_options(f"grid={file}").grid == str(file)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sweeep"], "unknown command 'sweeep'; did you mean 'sweep'?"),
        (["--halp"], "--halp: no such option; did you mean '--help'?"),
        (["sweep", "gird=smoke"], "gird: no such argument; did you mean 'grid'?"),
        (["sweep", "smoke", "gird=smoke"], "gird: no such argument; did you mean 'grid'?"),
        (["sweep", "--gird", "smoke"], "--gird: no such option; did you mean '--grid'?"),
        (["sweep", "profile"], "profile: write profile=VALUE"),
        (["sweep", "--profile"], "--profile: write --profile VALUE"),
        (["sweep", "profile="], "profile: write profile=VALUE"),
        (["sweep", "full=maybe"], "full=maybe: write full=1 or full=0"),
        (["sweep", "--seeds", "0,0"], "seeds=0,0: write different whole numbers separated by commas"),
        (["sweep", "seeds=-1"], "seeds=-1: write different whole numbers separated by commas"),
        (["plan", "cluster=8xH10"], "cluster=8xH10: no GPU 'H10'; did you mean 'H100'?"),
        (["plan", "smoke", "plain"], "smoke plain: one grid at a time; leave out plain"),
        (["plan", "smoke", "preset=grpo,liteppo"], "preset=grpo,liteppo: the grid smoke has its own axes"),
        (["tables", "norms"], "norms: no such argument; known: grid, mixed, profile, results"),
        (["tables", "mixed=yes"], "mixed=yes: write mixed=1 or mixed=0"),
        (["export", "a", "b"], "export: name one run, or write --to FRAMEWORK for a recipe"),
        (["tricks", "aply"], "unknown command 'aply'; did you mean 'apply'?"),
        (["guide", "modle=small"], "modle: no such argument; did you mean 'model'?"),
    ],
)
def test_a_wrong_word_is_named_with_the_way_out(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.err.startswith(message)
    assert len(said.err.splitlines()) == 1
    assert said.out == ""


def test_a_command_without_what_it_needs_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["eval"], ["export"]):
        assert main(words) == 2
        assert f"Usage: {' '.join(['liteppo', *words])}" in capsys.readouterr().out


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(studies, "_grid", interrupted)
    assert main(["plan", "smoke"]) == 130
    assert capsys.readouterr().err == "interrupted before any run started\n"
