"""Configure one run completely. Hydra composes it, the schema checks it, nothing changes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from harness.common.schema import Count, Positive, SchemaError, read
from harness.config.engines import BackendConfig, CheckpointConfig
from harness.config.layout import layout
from harness.config.overlay import overlaid
from harness.config.window import refuse_short_locally
from harness.data.catalog import ALL, Part
from harness.data.files import OwnFile, with_files
from harness.data.synthetic import Difficulty
from harness.models.locate import check_model, local_settings, refuse_encoder
from harness.rewards.function import Function
from harness.rewards.locate import Located, with_reward
from harness.verify.parse.boxes import OpenBox
from tricks.batch import Setup
from tricks.dialects.build import build

if TYPE_CHECKING:
    from tricks.rule import UpdateRule

ARITHMETIC: Final = "arithmetic"
WRONG: Final = "wrong"  # the rule for open boxes in conf/; the fields have it as default too

NonNegative = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Reward = Annotated[float, Field(ge=-3.4e38, le=3.4e38, allow_inf_nan=False)]  # what a float32 holds
Beta = Annotated[float, Field(ge=0, lt=1)]
Probability = Annotated[float, Field(gt=0, le=1)]
Benchmark = str  # one of harness.data.benchmarks.BENCHMARKS, "arithmetic", or a name of EvalConfig.files


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Which policy is trained, and how it is asked."""

    path: str  # "builtin:small_base", "smol", a folder, or a name on the hub
    dtype: Literal["float32", "bfloat16"]
    prompt_form: Literal["base", "chat"]
    thinking: bool | None  # of hybrid models, by their chat template; null leaves it to the template


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Which problems are trained on; no evaluation problem is among them."""

    source: Literal["arithmetic", "paper", "simplerl_zoo", "file"]
    difficulties: tuple[Difficulty, ...]  # drawn evenly; none where a file is named
    path: str | None  # for source "file": of one's own problems, or of a tier that `make difficulty` cut; absolute
    part: Part  # of the problems: all, or what tuning and the ablation that stands on it share out
    sha256: str | None = None  # of the file at ``path``, by which a run knows it; `with_files` finds it, nobody sets it


@dataclass(frozen=True, slots=True)
class RewardConfig:
    """The reward of a correct and of a wrong response, and the judge.

    Verifiers judge unless a function does; only the scale has no default here.
    """

    correct: Reward
    wrong: Reward
    function: str | None = None  # one's own, "package.module:name" or an entry point; None: the verifiers
    right_from: Annotated[float, Field(gt=0, le=1)] = 1.0  # the function's score from which a response is right
    seconds: Positive = 2.0  # of CPU, of one call of the function
    memory_mb: Count = 4096  # of the function's process
    source: Located | None = None  # of the function; `with_reward` finds it, nobody sets it
    open_box: OpenBox = WRONG  # of a response whose last box is left open; a record of before this setting lacks it

    def judge(self) -> Function | None:
        """Return the function that judges responses; None where verifiers do."""
        return None if self.source is None else Function(self.source, self.right_from, self.seconds, self.memory_mb)


@dataclass(frozen=True, slots=True)
class RolloutConfig:
    """What one step samples."""

    prompts_per_batch: Count
    group_size: Count
    max_prompt_length: Count  # tokens; longer prompts are dropped and counted
    max_response_length: Count  # tokens
    temperature: Annotated[float, Field(gt=0)]
    top_p: Probability
    top_k: NonNegative  # 0: no bound
    ahead: Literal[0, 1]  # 1: a batch is sampled while the update before it is under way, by weights one step old


@dataclass(frozen=True, slots=True)
class OptimConfig:
    """AdamW, constant learning rate after a linear warm-up."""

    lr: Rate
    weight_decay: Rate
    betas: tuple[Beta, Beta]
    max_grad_norm: Annotated[float, Field(gt=0)]
    warmup_steps: NonNegative  # updates
    updates_per_rollout: Count  # in all, over the epochs
    epochs: Count  # passes over one rollout batch
    micro_batch_tokens: Count  # bound on the tokens of one forward pass
    gradient_checkpointing: bool  # layers are computed again in the backward pass, for memory


@dataclass(frozen=True, slots=True)
class EvalConfig:
    """The held-out evaluation, the same for all arms and seeds."""

    benchmarks: Annotated[tuple[Benchmark, ...], Field(min_length=1)]
    problems: Count | None  # of each benchmark, and of each difficulty of arithmetic; null: all there are
    samples: Count  # per problem
    samples_of: Mapping[Benchmark, Count]  # of single benchmarks, where they differ
    temperature: Annotated[float, Field(ge=0)]
    top_p: Probability
    top_k: NonNegative  # 0: no bound
    max_response_length: Count | None  # tokens; null: that of the rollouts
    aime25: Literal[15, 30]  # part I, or both
    olympiadbench: Literal[170, 675]  # a fixed draw, or all
    every: NonNegative  # steps; 0 evaluates before the first step and after the last only
    files: Mapping[str, OwnFile] = field(default_factory=dict)  # benchmarks that are files; `with_files` finds them
    open_box: OpenBox = WRONG  # as of the reward, so that arms with other rewards are scored alike

    def samples_for(self, benchmark: str) -> int:
        """Return how many samples each problem of a benchmark has."""
        return self.samples_of.get(benchmark, self.samples)


@dataclass(frozen=True, slots=True)
class ExperimentConfig:
    """Everything that decides what a run does."""

    model: ModelConfig
    data: DataConfig
    reward: RewardConfig
    rollout: RolloutConfig
    optim: OptimConfig
    eval: EvalConfig
    backend: BackendConfig
    checkpoint: CheckpointConfig
    preset: str
    emulate: str  # a framework's dialect, or "none"
    tricks: Mapping[str, Mapping[str, Any] | None]  # over the preset's; null leaves one out
    steps: NonNegative
    seed: NonNegative

    def cell_id(self) -> str:
        """Ten hex digits of the settings in effect; the seed tells the runs of a cell apart.

        Preset, dialect and tricks count as the rule that they make, however it is written.
        """
        settings = asdict(self) | {"tricks": self.update_rule().settings()}
        for name in ("preset", "emulate", "seed", "checkpoint"):
            del settings[name]
        settings["backend"] = _arithmetic_of(self.backend)
        _know_files_by_content(settings)
        _know_function_by_source(settings["reward"])
        if self.data.part == ALL:  # as in the ids of runs of before there were parts
            del settings["data"]["part"]
        if not self.rollout.ahead:  # likewise
            del settings["rollout"]["ahead"]
        for name in ("reward", "eval"):  # likewise, though the default itself is newer than some of those runs
            if settings[name]["open_box"] == WRONG:
                del settings[name]["open_box"]
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:10]

    def run_id(self) -> str:
        """The name of this run: its cell and its seed."""
        return f"{self.cell_id()}-s{self.seed}"

    def update_rule(self) -> UpdateRule:
        """The tricks laid out. Raises TrickError where they cannot be."""
        return build(self.preset, self.tricks, self.emulate, self.setup())

    def setup(self) -> Setup:
        """The facts that tricks may depend on."""
        return Setup(
            self.rollout.group_size,
            self.rollout.prompts_per_batch,
            self.optim.updates_per_rollout,
            self.rollout.max_response_length,
            self.rollout.top_p,
            self.rollout.top_k,
        )


def _know_files_by_content(settings: dict[str, Any]) -> None:
    """Replace paths by contents, so that a moved file is the same run and a changed one is another."""
    data, files = settings["data"], settings["eval"].pop("files")
    if data["sha256"] is None:
        del data["sha256"]
    else:
        del data["path"]
    if files:
        settings["eval"]["files"] = {name: file["sha256"] or file["path"] for name, file in files.items()}


def _know_function_by_source(reward: dict[str, Any]) -> None:
    """Replace the function's path by its source; runs without one keep the ids of before there were any."""
    source = reward.pop("source")
    if source is None:
        for name in ("function", "right_from", "seconds", "memory_mb"):
            del reward[name]
    else:
        reward["function"] = [source["target"].partition(":")[2], source["sha256"]]


def _arithmetic_of(backend: BackendConfig) -> dict[str, Any]:
    """What decides the numbers: which engines, in which precision. How many there are and where does not."""
    engines = {"vllm": backend.vllm, "deepspeed": backend.deepspeed}
    return {"engine": backend.engine} | {name: {"dtype": used.dtype} for name, used in engines.items() if used}


def load(*overrides: str) -> ExperimentConfig:
    """Compose ``harness/conf`` with Hydra overrides and check all of it: settings, tricks, the model's files.

    Raises SchemaError, TrickError or ModelError; nothing has started by then.
    """
    return check(overlaid(overrides))


def check(composed: Mapping[str, Any]) -> ExperimentConfig:
    """Check a composed experiment: settings, tricks, files, the model's files and its window."""
    config = read(ExperimentConfig, with_reward(with_files(composed)), "")
    layout(config.backend)
    _refuse_crowded(config)
    _refuse_uneven(config)
    _refuse_pathless(config.data)
    _refuse_foreign_arithmetic(config)
    config.update_rule()
    check_model(config.model.path)
    refuse_encoder(config.model.path, local_settings(config.model.path))
    refuse_short_locally(config)
    return config


def _refuse_crowded(config: ExperimentConfig) -> None:
    backend = config.backend
    if config.rollout.ahead and backend.vllm and backend.colocated and backend.num_gpus:
        raise SchemaError(
            "rollout.ahead: engines and ranks that take turns on the same GPUs cannot work at once; set "
            "backend.colocated=false, with GPUs for both, or rollout.ahead=0"
        )


def _refuse_pathless(data: DataConfig) -> None:
    if data.source == "file" and (data.path is None or data.difficulties):
        raise SchemaError(
            "data.path: source=file needs the path of a tier, and data.difficulties=[], or that of a JSON Lines file "
            "with problem and answer in every row (docs/guides/own_tasks.md)"
        )
    if data.source != "file" and data.path is not None:
        raise SchemaError(
            f"data.path: goes with data.source=file, and this is {data.source}; set data.source=file or data.path=null"
        )
    if data.source != "file" and not data.difficulties:
        raise SchemaError(f"data.difficulties: source={data.source} needs at least one, and data.path=null")


def _refuse_foreign_arithmetic(config: ExperimentConfig) -> None:
    if ARITHMETIC not in config.eval.benchmarks:
        return
    if config.data.source not in {ARITHMETIC, "file"}:  # a file may hold arithmetic
        raise SchemaError(
            f"eval.benchmarks: arithmetic is held out of data.source=arithmetic, and this is {config.data.source}; "
            "name other benchmarks, as eval=rigorous does"
        )
    if config.eval.problems is None:
        raise SchemaError("eval.problems: arithmetic has no end; give a number")


def _refuse_uneven(config: ExperimentConfig) -> None:
    updates, epochs, prompts = config.optim.updates_per_rollout, config.optim.epochs, config.rollout.prompts_per_batch
    if updates % epochs:
        raise SchemaError(f"optim.updates_per_rollout: {updates} updates do not split over optim.epochs={epochs}")
    if prompts % (updates // epochs):
        minibatches = f"{updates // epochs} minibatches of whole groups"
        raise SchemaError(f"rollout.prompts_per_batch: {prompts} prompts do not split into {minibatches}")
