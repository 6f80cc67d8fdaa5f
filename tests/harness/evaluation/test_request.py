from __future__ import annotations

from pathlib import Path

import pytest

from harness.common.schema import SchemaError
from harness.config.experiment import ExperimentConfig
from harness.data.benchmarks import BENCHMARKS
from harness.evaluation.command import EvaluationOptions, build_evaluation_config
from tests.harness.byte_model import save_byte_model


def config_of(words: list[str]) -> ExperimentConfig:
    """The config of the options, written as words, and of the overrides among them."""
    pairs = [word.partition("=") for word in words]
    own = {name: value for name, _, value in pairs if name in ("model", "bench", "k", "eval", "problems")}
    return build_evaluation_config(
        EvaluationOptions(**own, overrides=tuple(word for word in words if "." in word.split("=")[0]))
    )


def test_an_embedded_model_is_asked_as_it_was_taught_and_as_in_its_runs() -> None:
    config = config_of(["model=builtin:small_aligned"])
    assert (config.model.path, config.model.prompt_form) == ("builtin:small_aligned", "chat")
    assert (config.eval.benchmarks, config.eval.samples) == (("arithmetic",), 8)


def test_a_folder_is_asked_in_chat_form_if_it_has_a_template(tmp_path: Path) -> None:
    with_template = save_byte_model(tmp_path / "a model's folder = 1")
    without = save_byte_model(tmp_path / "plain", template=None)
    assert config_of([f"model={with_template}"]).model.prompt_form == "chat"
    assert config_of([f"model={with_template}"]).model.path == str(with_template)
    assert config_of([f"model={without}"]).model.prompt_form == "base"
    assert config_of([f"model={with_template}", "model.prompt_form=base"]).model.prompt_form == "base"


def test_the_rigorous_preset_asks_small_sets_more_often_and_k_overrides_it(tmp_path: Path) -> None:
    folder = save_byte_model(tmp_path)
    plain = config_of([f"model={folder}"])
    assert (plain.eval.benchmarks, plain.eval.samples_of["aime24"]) == (
        ("math500", "olympiadbench", "minerva", "aime24", "aime25", "amc23", "gsm8k"),
        64,
    )
    asked = config_of([f"model={folder}", "k=3", "bench=aime24,amc23,aime24", "problems=5"]).eval
    assert (asked.benchmarks, asked.samples, asked.samples_of, asked.problems) == (("aime24", "amc23"), 3, {}, 5)


def test_all_benchmarks_are_seven() -> None:
    assert config_of(["model=builtin:small_base", "bench=all"]).eval.benchmarks == BENCHMARKS
    more = config_of(["model=builtin:small_base", "bench=arithmetic,all,aime24"]).eval.benchmarks
    assert more == ("arithmetic", *BENCHMARKS)


def test_the_paper_preset_has_its_sizes() -> None:
    found = config_of(["model=builtin:small_base", "eval=paper"]).eval
    assert (found.samples, found.aime25, found.olympiadbench, "gsm8k" in found.benchmarks) == (8, 15, 170, False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "model: required"),
        (["model="], "model: required"),
        (["model=builtin:small_base", "bench=mat500"], "bench=mat500: no benchmark 'mat500'; did you mean 'math500'?"),
        (["model=builtin:small_base", "k=0"], "eval.samples: input should be greater than or equal to 1, got 0"),
        (["model=builtin:small_base", "k=two"], "eval.samples: input should be a valid integer, got 'two'"),
        (["model=builtin:small_base", "eval=rigourous"], "did you mean 'rigorous'?"),
        (["model=builtin:small_base", "problems=all"], "eval.problems: arithmetic has no fixed size"),
        (["model=builtin:small_base", "eval.temprature=1"], "did you mean 'temperature'?"),
        (["model=builtin:small_bse"], "did you mean builtin:small_base?"),
        (["model=/nowhere/at/all"], "no such folder"),
    ],
)
def test_a_wrong_request_is_refused_in_one_line(given: list[str], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - SchemaError, or ModelError for the model
        config_of(given)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_value_may_hold_an_equals_sign() -> None:
    with pytest.raises(SchemaError, match="bench=a=b: no benchmark 'a=b'"):
        config_of(["model=builtin:small_base", "bench=a=b"])
