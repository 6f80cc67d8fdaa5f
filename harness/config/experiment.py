"""The complete configuration of one run, checked by a schema, and hints on its settings.

Plan, sweep and single runs print the hints. The ranges and the hints on tricks come from ``tricks.hints``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from harness.common import PositiveFloat, PositiveInt, SchemaError, build_dataclass
from harness.config.compose import compose_fast
from harness.config.engines import BackendConfig, CheckpointConfig, plan_layout
from harness.config.window import TextLimits, refuse_short_local_window
from harness.data import ALL_PARTS, Difficulty, OwnFile, Part, resolve_files
from harness.models import check_model, read_local_settings, refuse_encoder
from harness.rewards import Function, Located, resolve_reward
from harness.verify.model import OpenBox
from tricks import PLAUSIBLE_RANGES, Setup, hint_implausible, list_rule_hints
from tricks.dialects import NO_DIALECT, build_rule, find_dialect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tricks import UpdateRule


ARITHMETIC: Final = "arithmetic"
WRONG: Final = "wrong"  # the rule for unclosed boxes in conf/, and the default of the fields

NonNegative = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Reward = Annotated[float, Field(ge=-3.4e38, le=3.4e38, allow_inf_nan=False)]  # the range of float32
Beta = Annotated[float, Field(ge=0, lt=1)]
Probability = Annotated[float, Field(gt=0, le=1)]
Benchmark = str  # one of harness.data.benchmarks.BENCHMARKS, "arithmetic", or a name of EvalConfig.files


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The policy that is trained, and the form of its prompts."""

    path: str  # "builtin:small_base", "smol", a folder, or a name on the hub
    dtype: Literal["float32", "bfloat16"]
    prompt_form: Literal["base", "chat"]
    thinking: bool | None  # of hybrid models, passed to their chat template; null: the template's default


@dataclass(frozen=True, slots=True)
class DataConfig:
    """The training problems. No evaluation problem is among them."""

    source: Literal["arithmetic", "paper", "simplerl_zoo", "file"]
    difficulties: tuple[Difficulty, ...]  # sampled evenly; empty where a file is given
    path: str | None  # for source "file": absolute path of own problems, or of a tier from `make difficulty`
    part: Part  # all problems, or one of the disjoint parts for tuning and for the ablation that uses it
    sha256: str | None = None  # of the file at ``path``; identifies it in the cell id; set by `resolve_files`


@dataclass(frozen=True, slots=True)
class RewardConfig:
    """The reward of a correct and of an incorrect response, and what judges responses.

    The verifier judges unless a function is given. Only the two rewards have no default here.
    """

    correct: Reward
    wrong: Reward
    function: str | None = None  # a user's "package.module:name" or an entry point; None: the verifier
    right_from: Annotated[float, Field(gt=0, le=1)] = 1.0  # lowest score of the function that counts as correct
    seconds: PositiveFloat = 2.0  # CPU seconds allowed for one call of the function
    memory_mb: PositiveInt = 4096  # memory limit of the function's process
    source: Located | None = None  # source of the function; set by `resolve_reward`
    open_box: OpenBox = WRONG  # for a response whose last box is not closed; older records lack this setting

    def judge(self) -> Function | None:
        """Return the function that judges responses; None where the verifier does."""
        return None if self.source is None else Function(self.source, self.right_from, self.seconds, self.memory_mb)


@dataclass(frozen=True, slots=True)
class RolloutConfig:
    """Settings of the samples of one training step."""

    prompts_per_batch: PositiveInt
    group_size: PositiveInt
    max_prompt_length: PositiveInt  # tokens; longer prompts are dropped and counted
    max_response_length: PositiveInt  # tokens
    temperature: Annotated[float, Field(gt=0)]
    top_p: Probability
    top_k: NonNegative  # 0: no limit
    ahead: Literal[0, 1]  # 1: sample the next batch during the current update, with weights that are one step old


@dataclass(frozen=True, slots=True)
class OptimConfig:
    """Settings of AdamW, with a constant learning rate after a linear warm-up."""

    lr: Rate
    weight_decay: Rate
    betas: tuple[Beta, Beta]
    max_grad_norm: Annotated[float, Field(gt=0)]
    warmup_steps: NonNegative  # updates
    updates_per_rollout: PositiveInt  # total over all epochs
    epochs: PositiveInt  # passes over one rollout batch
    micro_batch_tokens: PositiveInt  # maximum number of tokens of one forward pass
    gradient_checkpointing: bool  # recompute layers in the backward pass to save memory


@dataclass(frozen=True, slots=True)
class EvalConfig:
    """The held-out evaluation. It is the same for all arms and seeds."""

    benchmarks: Annotated[tuple[Benchmark, ...], Field(min_length=1)]
    problems: PositiveInt | None  # per benchmark, and per difficulty of arithmetic; null: all
    samples: PositiveInt  # per problem
    samples_of: Mapping[Benchmark, PositiveInt]  # benchmark -> samples per problem, where it differs from ``samples``
    temperature: Annotated[float, Field(ge=0)]
    top_p: Probability
    top_k: NonNegative  # 0: no limit
    max_response_length: PositiveInt | None  # tokens; null: the limit of the rollouts
    aime25: Literal[15, 30]  # number of problems: part I, or both parts
    olympiadbench: Literal[170, 675]  # number of problems: a fixed sample, or all
    every: NonNegative  # steps; 0: evaluate only before the first and after the last step
    files: Mapping[str, OwnFile] = field(default_factory=dict)  # benchmarks that are files; set by `resolve_files`
    open_box: OpenBox = WRONG  # separate from the reward's, so that arms with other rewards are scored alike

    def samples_for(self, benchmark: str) -> int:
        """Return the number of samples per problem of a benchmark."""
        return self.samples_of.get(benchmark, self.samples)


@dataclass(frozen=True, slots=True)
class ExperimentConfig:
    """All settings that decide what a run does."""

    model: ModelConfig
    data: DataConfig
    reward: RewardConfig
    rollout: RolloutConfig
    optim: OptimConfig
    eval: EvalConfig
    backend: BackendConfig
    checkpoint: CheckpointConfig
    preset: str
    emulate: str  # a framework's dialect with its release, such as trl@0.22.1, or "none"
    tricks: Mapping[str, Mapping[str, Any] | None]  # changes to the preset's tricks; null removes one
    steps: NonNegative
    seed: NonNegative

    def cell_id(self) -> str:
        """Return ten hex digits that identify the settings in effect, without the seed.

        Preset, dialect and tricks count as the update rule that they build. Two ways to write the same rule have the
        same id.
        """
        settings = asdict(self) | {"tricks": self.update_rule().settings()}
        for name in ("preset", "emulate", "seed", "checkpoint"):
            del settings[name]
        settings["backend"] = _arithmetic_of(self.backend)
        _know_files_by_content(settings)
        _know_function_by_source(settings["reward"])
        if self.data.part == ALL_PARTS:  # so that ids of runs made before this setting existed stay the same
            del settings["data"]["part"]
        if not self.rollout.ahead:  # likewise
            del settings["rollout"]["ahead"]
        for name in ("reward", "eval"):  # likewise, although this default is newer than some of those runs
            if settings[name]["open_box"] == WRONG:
                del settings[name]["open_box"]
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:10]

    def run_id(self) -> str:
        """Return the name of this run: its cell and its seed."""
        return f"{self.cell_id()}-s{self.seed}"

    def update_rule(self) -> UpdateRule:
        """Return the update rule of the tricks. Raises TrickError where they do not combine."""
        return build_rule(self.preset, self.tricks, self.emulate, self.setup())

    @property
    def limits(self) -> TextLimits:
        """The lengths of texts that must fit the model's window."""
        rollout, evaluated = self.rollout, self.eval.max_response_length
        return TextLimits(self.model.path, rollout.max_prompt_length, rollout.max_response_length, evaluated or 0)

    def setup(self) -> Setup:
        """Return the facts about the run that tricks may depend on."""
        return Setup(
            self.rollout.group_size,
            self.rollout.prompts_per_batch,
            self.optim.updates_per_rollout,
            self.rollout.max_response_length,
            self.rollout.top_p,
            self.rollout.top_k,
        )


def _know_files_by_content(settings: dict[str, Any]) -> None:
    """Replace paths by checksums: a moved file gives the same id, a changed file another."""
    data, files = settings["data"], settings["eval"].pop("files")
    if data["sha256"] is None:
        del data["sha256"]
    else:
        del data["path"]
    if files:
        settings["eval"]["files"] = {name: file["sha256"] or file["path"] for name, file in files.items()}


def _know_function_by_source(reward: dict[str, Any]) -> None:
    """Replace the function's path by the checksum of its source.

    Without a function, remove the settings of functions, so that older ids stay the same.
    """
    source = reward.pop("source")
    if source is None:
        for name in ("function", "right_from", "seconds", "memory_mb"):
            del reward[name]
    else:
        reward["function"] = [source["target"].partition(":")[2], source["sha256"]]


def _arithmetic_of(backend: BackendConfig) -> dict[str, Any]:
    """Return the backend settings that decide the numbers: the engines and their precision.

    The number of engines and their placement do not change results.
    """
    engines = {"vllm": backend.vllm, "deepspeed": backend.deepspeed}
    return {"engine": backend.engine} | {name: {"dtype": used.dtype} for name, used in engines.items() if used}


def load_config(*overrides: str) -> ExperimentConfig:
    """Compose ``harness/conf`` with Hydra overrides and check all settings.

    The check covers settings, tricks and the model's files, and starts nothing. Raises SchemaError, TrickError or
    ModelError.
    """
    return check_config(compose_fast(overrides))


def check_config(composed: Mapping[str, Any]) -> ExperimentConfig:
    """Check a composed experiment: settings, tricks, files, the model and its window.

    Raises SchemaError, TrickError or ModelError.
    """
    config = build_dataclass(ExperimentConfig, resolve_reward(resolve_files(composed)), "")
    if config.emulate != NO_DIALECT:  # so that the record names the release
        config = replace(config, emulate=find_dialect(config.emulate).spelled)
    plan_layout(config.backend)
    _refuse_crowded(config)
    _refuse_uneven(config)
    _refuse_pathless(config.data)
    _refuse_foreign_arithmetic(config)
    config.update_rule()
    check_model(config.model.path)
    refuse_encoder(config.model.path, read_local_settings(config.model.path))
    refuse_short_local_window(config.limits)
    return config


def _refuse_crowded(config: ExperimentConfig) -> None:
    backend = config.backend
    if config.rollout.ahead and backend.vllm and backend.colocated and backend.num_gpus:
        raise SchemaError(
            "rollout.ahead: engines and ranks on the same GPUs cannot work at the same time; set "
            "backend.colocated=false, with GPUs for both, or rollout.ahead=0"
        )


def _refuse_pathless(data: DataConfig) -> None:
    if data.source == "file" and (data.path is None or data.difficulties):
        raise SchemaError(
            "data.path: source=file needs the path of a tier, and data.difficulties=[], or the path of a JSON "
            "Lines file whose rows have problem and answer (docs/guides/own_tasks.md)"
        )
    if data.source != "file" and data.path is not None:
        raise SchemaError(
            f"data.path: needs data.source=file, got {data.source}; set data.source=file or data.path=null"
        )
    if data.source != "file" and not data.difficulties:
        raise SchemaError(f"data.difficulties: source={data.source} needs at least one, and data.path=null")


def _refuse_foreign_arithmetic(config: ExperimentConfig) -> None:
    if ARITHMETIC not in config.eval.benchmarks:
        return
    if config.data.source not in {ARITHMETIC, "file"}:  # a file may hold arithmetic
        raise SchemaError(
            f"eval.benchmarks: arithmetic needs data.source=arithmetic, got {config.data.source}; name other "
            "benchmarks, as eval=rigorous does"
        )
    if config.eval.problems is None:
        raise SchemaError("eval.problems: arithmetic has no fixed size; give a number")


def _refuse_uneven(config: ExperimentConfig) -> None:
    updates, epochs, prompts = config.optim.updates_per_rollout, config.optim.epochs, config.rollout.prompts_per_batch
    if updates % epochs:
        raise SchemaError(f"optim.updates_per_rollout: {updates} updates do not split over optim.epochs={epochs}")
    if prompts % (updates // epochs):
        minibatches = f"{updates // epochs} minibatches of whole groups"
        raise SchemaError(f"rollout.prompts_per_batch: {prompts} prompts do not split into {minibatches}")


_OF_A_FUNCTION: Final = ("right_from", "seconds", "memory_mb")  # settings of the reward that only a function uses
_OUTSIDE: Final = " is outside "


def list_hints(config: ExperimentConfig) -> tuple[str, ...]:
    """Return the hints on the settings and tricks of a run, one sentence each."""
    return tuple(_hints(config))


def find_implausible_settings(config: ExperimentConfig) -> tuple[str, ...]:
    """Return the settings outside their plausible range, such as ``kl_loss.coef=1e+30``."""
    found = (hint.partition(_OUTSIDE) for hint in _hints(config))
    return tuple(setting for setting, outside, _ in found if outside)


def _hints(config: ExperimentConfig) -> Iterator[str]:
    for name in PLAUSIBLE_RANGES:
        group, _, setting = name.partition(".")
        if group in type(config).__dataclass_fields__:
            yield from hint_implausible(name, attrgetter(f"{group}.{setting}")(config))
    if config.reward.correct <= config.reward.wrong:
        yield (
            f"reward.correct={config.reward.correct:g} is not above reward.wrong={config.reward.wrong:g}: a correct "
            "answer earns no more than a wrong one"
        )
    if config.reward.source is None:
        defaults = {field.name: field.default for field in fields(config.reward)}
        for name in _OF_A_FUNCTION:
            if (value := getattr(config.reward, name)) != defaults[name]:
                yield (
                    f"reward.{name}={value:g} does nothing without reward.function: the verifier returns only "
                    "correct or wrong"
                )
    yield from list_rule_hints(config.update_rule())
