"""What the command line of an evaluation asks for, as a config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from harness.config import ARITHMETIC, load
from harness.data.benchmarks import BENCHMARKS
from harness.data.files import FILE
from harness.files import groups
from harness.models.locate import BUILTIN, check_model
from harness.schema import SchemaError, suggest

if TYPE_CHECKING:
    from harness.config import ExperimentConfig

ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Arguments:
    """Our own ``name=value`` arguments, and what is left for Hydra."""

    own: Mapping[str, str]
    overrides: tuple[str, ...]

    @classmethod
    def split(cls, given: Sequence[str], names: Sequence[str]) -> Arguments:
        """Take those of ``names`` out. Raises SchemaError for one without a value."""
        pairs = [argument.partition("=") for argument in given]
        own = {name: value for name, _, value in pairs if name in names}
        empty = next((name for name, value in own.items() if not value), None)
        if empty is not None:
            raise SchemaError(f"{empty}: needs a value, as in {empty}=VALUE")
        return cls(own, tuple("".join(pair) for pair in pairs if pair[0] not in names))


def evaluation_config(given: Sequence[str]) -> ExperimentConfig:
    """The config of an evaluation. Raises SchemaError, ModelError or TrickError."""
    arguments = Arguments.split(given, ("model", "bench", "k", "eval", "problems"))
    own, model = arguments.own, arguments.own.get("model", "")
    preset = own.get("eval") or own_preset("eval", model, "rigorous")
    overrides = [*model_overrides(model, arguments.overrides), f"eval={preset}"]
    if "bench" in own:
        overrides.append(f"eval.benchmarks=[{','.join(map(quoted, _benchmarks(own['bench'])))}]")
    if "k" in own:
        overrides.append(f"eval.samples={own['k']}")
    if "problems" in own:
        overrides.append(f"eval.problems={own['problems'].replace(ALL, 'null')}")
    config = load(*overrides, *arguments.overrides)
    return replace(config, eval=replace(config.eval, samples_of={})) if "k" in own else config


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
