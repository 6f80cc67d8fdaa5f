"""Turn the options of an evaluation into a config."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from harness.config import ARITHMETIC, load
from harness.data.benchmarks import BENCHMARKS
from harness.data.files import FILE
from harness.files import groups
from harness.models.locate import BUILTIN, check_model
from harness.schema import SchemaError, suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.config import ExperimentConfig

ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """Which model is scored, on what; None leaves a setting to the preset."""

    model: str = ""
    bench: str | None = None  # names with commas between, or all
    k: str | None = None  # samples of every problem
    eval: str | None = None  # the preset of the evaluation
    problems: str | None = None  # of each benchmark, or all
    overrides: tuple[str, ...] = ()  # Hydra's


def evaluation_config(asked: EvaluationOptions) -> ExperimentConfig:
    """The config of an evaluation. Raises SchemaError, ModelError or TrickError."""
    preset = asked.eval or own_preset("eval", asked.model, "rigorous")
    overrides = [*model_overrides(asked.model, asked.overrides), f"eval={preset}"]
    if asked.bench is not None:
        overrides.append(f"eval.benchmarks=[{','.join(map(quoted, _benchmarks(asked.bench)))}]")
    if asked.k is not None:
        overrides.append(f"eval.samples={asked.k}")
    if asked.problems is not None:
        overrides.append(f"eval.problems={asked.problems.replace(ALL, 'null')}")
    config = load(*overrides, *asked.overrides)
    return config if asked.k is None else replace(config, eval=replace(config.eval, samples_of={}))


def model_overrides(model: str, overrides: Sequence[str]) -> list[str]:
    """The model as overrides: one of ``harness/conf/model`` by its name, or a path asked in the form it knows."""
    if not model:
        raise SchemaError(
            "model: which model? A folder, a name on the hub, or an embedded one, as model=builtin:small_base"
        )
    known = model.removeprefix(BUILTIN)
    if known in groups()["model"]:
        return [f"model={known}"]
    check_model(model)
    path = f"model.path={quoted(model)}"
    if any(override.lstrip("+").startswith("model.prompt_form=") for override in overrides):
        return [path]
    return [path, f"model.prompt_form={_form(model)}"]


def quoted(value: str) -> str:
    """Quote a value for Hydra, whatever it holds."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def own_preset(group: str, model: str, others: str) -> str:
    """The option of a config group for a model: laptop for embedded ones, its own where it has one, else ``others``."""
    if model.startswith(BUILTIN):
        return "laptop"
    return model if model in groups()[group] else others


def _form(model: str) -> str:
    from harness.models.load import load_tokenizer  # noqa: PLC0415 - transformers takes seconds; refuse before

    return "chat" if load_tokenizer(model).chat_template else "base"


def _benchmarks(asked: str) -> tuple[str, ...]:
    names, known = [name.strip() for name in asked.split(",")], (*BENCHMARKS, ARITHMETIC, ALL)
    for name in names:
        if name not in known and not name.startswith(FILE):
            raise SchemaError(
                f"bench={asked}: no benchmark {name!r}; {suggest(name, known)}; a file of your own is {FILE}PATH"
            )
    return tuple(dict.fromkeys(one for name in names for one in (BENCHMARKS if name == ALL else (name,))))
