"""Commands that score models: options, exit codes and output."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rich.console import Console

from harness.common import SchemaError, explain_out_of_memory, results_folder, suggest
from harness.config import ARITHMETIC, ExperimentConfig, list_config_groups, load_config
from harness.data import BENCHMARKS, FILE_PREFIX, DataError
from harness.engines.base import Diverged, EngineError, ParityError
from harness.models import BUILTIN_PREFIX, ModelError, check_model
from tricks import TrickError

ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """Options of an evaluation; None keeps the preset's setting."""

    model: str = ""
    bench: str | None = None  # comma-separated names, or all
    k: str | None = None  # samples per problem
    eval: str | None = None  # preset of the evaluation
    problems: str | None = None  # of each benchmark, or all
    overrides: tuple[str, ...] = ()  # of Hydra


def build_evaluation_config(asked: EvaluationOptions) -> ExperimentConfig:
    """Return the config of an evaluation. Raises SchemaError, ModelError or TrickError."""
    preset = asked.eval or choose_model_option("eval", asked.model, "rigorous")
    overrides = [*model_overrides(asked.model, asked.overrides), f"eval={preset}"]
    if asked.bench is not None:
        overrides.append(f"eval.benchmarks=[{','.join(map(quote_value, _benchmarks(asked.bench)))}]")
    if asked.k is not None:
        overrides.append(f"eval.samples={asked.k}")
    if asked.problems is not None:
        overrides.append(f"eval.problems={asked.problems.replace(ALL, 'null')}")
    config = load_config(*overrides, *asked.overrides)
    return config if asked.k is None else replace(config, eval=replace(config.eval, samples_of={}))


def model_overrides(model: str, overrides: Sequence[str]) -> list[str]:
    """Return Hydra overrides for a model: a name in ``harness/conf/model``, or a path.

    A path gets the prompt form that fits its tokenizer. Raises SchemaError without a model, ModelError for an unusable
    one.
    """
    if not model:
        raise SchemaError(
            "model: required; give a folder, a name on the hub, or an embedded model, as in model=builtin:small_base"
        )
    known = model.removeprefix(BUILTIN_PREFIX)
    if known in list_config_groups()["model"]:
        return [f"model={known}"]
    check_model(model)
    path = f"model.path={quote_value(model)}"
    if any(override.lstrip("+").startswith("model.prompt_form=") for override in overrides):
        return [path]
    return [path, f"model.prompt_form={_form(model)}"]


def quote_value(value: str) -> str:
    """Quote a value for Hydra, whatever characters it contains."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def choose_model_option(group: str, model: str, others: str) -> str:
    """Return the option of a config group that fits a model.

    Args:
        group: Name of the config group.
        model: Name or path of the model.
        others: Option for models without one of their own name.

    Returns:
        "laptop" for embedded models, otherwise the model's option or ``others``.

    """
    if model.startswith(BUILTIN_PREFIX):
        return "laptop"
    return model if model in list_config_groups()[group] else others


def _form(model: str) -> str:
    from harness.models import load_tokenizer  # noqa: PLC0415 - transformers takes seconds; refuse before

    return "chat" if load_tokenizer(model).chat_template else "base"


def _benchmarks(asked: str) -> tuple[str, ...]:
    names, known = [name.strip() for name in asked.split(",")], (*BENCHMARKS, ARITHMETIC, ALL)
    for name in names:
        if name not in known and not name.startswith(FILE_PREFIX):
            raise SchemaError(
                f"bench={asked}: no benchmark {name!r}; {suggest(name, known)}; a file of your own is {FILE_PREFIX}PATH"
            )
    return tuple(dict.fromkeys(one for name in names for one in (BENCHMARKS if name == ALL else (name,))))


DEFAULT_TIER: Final = "paper_easy"
DEFAULT_PROBLEMS: Final = 200
# The sampling of the paper's training, for every model.
_SAMPLING: Final = {"temperature": "0.99", "top_p": "0.99", "top_k": "100"}


@dataclass(frozen=True, slots=True)
class DifficultyRequest:
    """A model, tiers, and their use; ``config.rollout`` has the settings of the sampling."""

    config: ExperimentConfig
    tiers: tuple[str, ...]
    problems: int | None  # size of a fixed selection of each tier; None: all
    cut: tuple[float, float] | None  # smallest and largest pass rate of the kept problems


@dataclass(frozen=True, slots=True)
class DifficultyOptions:
    """Options of a difficulty measurement, as text."""

    model: str = ""
    tier: str = DEFAULT_TIER  # comma-separated names
    k: str | None = None  # samples per problem
    problems: str = str(DEFAULT_PROBLEMS)  # of each tier, or all
    cut: str | None = None  # two pass rates, separated by a comma
    overrides: tuple[str, ...] = ()  # of Hydra


def read_difficulty_request(asked: DifficultyOptions) -> DifficultyRequest:
    """Check the options. Raises SchemaError, ModelError or TrickError."""
    overrides = [*model_overrides(asked.model, asked.overrides), *_sampling(asked.model, asked.overrides)]
    if asked.k is not None:
        overrides.append(f"rollout.group_size={asked.k}")
    config = load_config(*overrides, *asked.overrides)
    tiers = tuple(dict.fromkeys(name.strip() for name in asked.tier.split(",")))
    cut = None if asked.cut is None else _cut(asked.cut)
    return DifficultyRequest(config, tiers, _problems(asked.problems), cut)


def _sampling(model: str, overrides: Sequence[str]) -> list[str]:
    """Return overrides: the lengths of the model's preset, and the sampling of the paper.

    Settings that the user gives are left out.
    """
    given = {override.lstrip("+").partition("=")[0] for override in overrides}
    lengths = [f"rollout={choose_model_option('rollout', model, '8k')}"] if "rollout" not in given else []
    settings = {f"rollout.{name}": value for name, value in _SAMPLING.items()}
    return [*lengths, *(f"{name}={value}" for name, value in settings.items() if name not in given)]


def _problems(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise SchemaError(f"problems={text}: give a number of at least 1, or all")
    return int(text)


def _cut(text: str) -> tuple[float, float]:
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise SchemaError(f"cut={text}: give two pass rates, as in cut=0.1,0.9") from None
    if not 0 <= low <= high <= 1:
        raise SchemaError(f"cut={text}: give pass rates from 0 to 1, the smaller one first")
    return low, high


def run_command(command: Callable[[], None]) -> int:
    """Run a command, print its error, and return its exit code.

    The code is 0 for success, 2 for bad input, 1 for a failure such as a full disk, and 130 for Ctrl-C.
    """
    try:
        command()
    except (SchemaError, TrickError, ModelError, DataError) as error:
        print(error, file=sys.stderr)
        return 2
    except (OSError, Diverged, EngineError, ParityError) as error:
        advice = "; check the weights of the model, or set model.dtype=float32" if isinstance(error, Diverged) else ""
        print(f"{error}{advice}", file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError) as error:
        print(explain_out_of_memory(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; run the same command again to resume", file=sys.stderr)
        return 130
    return 0


def print_evaluation(config: ExperimentConfig) -> None:
    """Evaluate a model, keep the outcome of every sample, and print the scores."""
    from harness.evaluation.benchmarks import evaluate_model  # noqa: PLC0415
    from harness.evaluation.report import build_score_table, list_score_notes  # noqa: PLC0415 - torch takes seconds; refuse before

    done = evaluate_model(config, results_folder())
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    console.print(config.model.path, markup=False)
    console.print(build_score_table(done.evaluations))
    notes = (f"prompts: {note}" for note in done.notes)
    for line in (*list_score_notes(config, done.evaluations, done.unknown), *notes, str(done.folder)):
        console.print(line, markup=False, soft_wrap=True)
