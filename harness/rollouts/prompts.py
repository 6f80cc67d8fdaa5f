"""Problems as a model reads them: tasks to train on and exams to sit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from harness.common.schema import SchemaError
from harness.common.seeds import derive
from harness.config.experiment import ARITHMETIC
from harness.config.window import room
from harness.data.catalog import Problem, belongs
from harness.data.synthetic import stream
from harness.engines.base.protocols import Decoding
from harness.models.locate import local_settings
from harness.models.prompting import format_prompt, prompt_notes
from harness.rollouts.generate import Task
from harness.rollouts.problems import epochs
from harness.verify.parse.boxes import OpenBox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from transformers import PreTrainedTokenizerBase

    from harness.config.experiment import ExperimentConfig
    from harness.data.cache import Tier

CHUNK: Final = 32  # problems asked at a time, at most,
RESPONSES: Final = 256  # and their responses, unless it is one problem: this bounds what is held of them
_PATIENCE: Final = 1_000  # arithmetic prompts in a row that are too long


class Prompts:
    """Tokenises problems for one model; counts the training prompts that it drops.

    ``notes`` say what is odd about how the tokenizer begins and ends them.
    """

    def __init__(self, config: ExperimentConfig, tokenizer: PreTrainedTokenizerBase) -> None:
        self._config, self._tokenizer = config, tokenizer
        self._refuse_form()
        self.notes = notes(config, tokenizer)
        self.too_long = 0  # training prompts longer than rollout.max_prompt_length, found so far
        self._longest = room(config, config.rollout.max_response_length)

    def training(self, tiers: Mapping[str, Tier]) -> tuple[Iterator[Task], Iterator[Task]]:
        """Tasks without end, and apart from them the spare ones: arms of one seed begin each step with the same tasks.

        Spare problems of a tier come from the other end of each epoch. All are of ``data.part``.
        """
        data, seed = self._config.data, self._config.seed
        if data.source == ARITHMETIC:
            streams = (stream(data.difficulties, derive(seed, name)) for name in ("problems", "spare problems"))
            first, second = (self._short(map(self._task, filter(self._belongs, problems))) for problems in streams)
            return first, second
        pools, order = [self._pool(name, tier.problems) for name, tier in tiers.items()], derive(seed, "problems")
        return epochs(pools, order), epochs(pools, order, backwards=True)

    def exams(self, held_out: Mapping[str, Sequence[Problem]]) -> list[EvalSet]:
        """One exam a benchmark, each asked as ``eval`` says."""
        return [self._exam(name, problems) for name, problems in held_out.items()]

    def _exam(self, name: str, problems: Sequence[Problem]) -> EvalSet:
        decoding = evaluation_decoding(self._config, name)
        longest = room(self._config, decoding.max_response_length)
        return EvalSet(name, self.tasks(problems), decoding, longest, self._config.eval.open_box)

    def tasks(self, problems: Iterable[Problem]) -> tuple[Task, ...]:
        """The problems with their prompts in tokens, long ones too."""
        return tuple(map(self._task, problems))

    def unknown(self, exams: Iterable[EvalSet]) -> float:
        """Share of the tokens of all prompts that stand for what the tokenizer cannot spell."""
        token, ids = (
            self._tokenizer.unk_token_id,
            [one for exam in exams for task in exam.tasks for one in task.prompt_ids],
        )
        return ids.count(token) / len(ids) if token is not None else 0.0

    def provenance(self) -> dict[str, str]:
        """Return the notes for a record; nothing where there are none."""
        return {"prompts": "; ".join(self.notes)} if self.notes else {}

    def _refuse_form(self) -> None:
        """Ask once: a template that is missing, or that knows no thinking, shows before anything starts."""
        try:
            task(Problem("", "1", "1"), self._config, self._tokenizer)
        except ValueError as error:
            raise SchemaError(str(error)) from None

    def _task(self, problem: Problem) -> Task:
        return task(problem, self._config, self._tokenizer)

    def _belongs(self, problem: Problem) -> bool:
        return belongs(problem, self._config.data.part)

    def _pool(self, name: str, problems: Sequence[Problem]) -> list[Task]:
        part = list(filter(self._belongs, problems))
        if not part:
            raise SchemaError(
                f"data.part: none of the {len(problems)} problems of {name} is for {self._config.data.part}"
            )
        pool = [task for task in map(self._task, part) if self._fits(task)]
        if not pool:
            raise SchemaError(f"rollout.max_prompt_length: every prompt of {name} is longer; allow more tokens")
        return pool

    def _short(self, tasks: Iterator[Task]) -> Iterator[Task]:
        vain = 0
        for task in tasks:
            if self._fits(task):
                vain = 0
                yield task
            elif (vain := vain + 1) == _PATIENCE:
                raise SchemaError(f"rollout.max_prompt_length: {vain} prompts in a row are longer; allow more tokens")

    def _fits(self, task: Task) -> bool:
        fits = len(task.prompt_ids) <= self._longest
        self.too_long += not fits
        return fits


def notes(config: ExperimentConfig, tokenizer: PreTrainedTokenizerBase) -> tuple[str, ...]:
    """Say what is odd about the prompts of a run, one line each. Raises ValueError as ``format_prompt`` does."""
    end = local_settings(config.model.path).get("eos_token_id")
    ends = end if isinstance(end, list) else [] if end is None else [end]
    return prompt_notes(tokenizer, config.model.prompt_form, config.model.thinking, ends)


def task(problem: Problem, config: ExperimentConfig, tokenizer: PreTrainedTokenizerBase) -> Task:
    """The problem with its prompt in tokens."""
    prompt = format_prompt(tokenizer, problem.prompt, config.model.prompt_form, config.model.thinking)
    return Task(problem, tuple(prompt), config.reward.judge())


def training_decoding(config: ExperimentConfig) -> Decoding:
    """How the responses that are trained on are drawn."""
    rollout = config.rollout
    return Decoding(rollout.group_size, rollout.max_response_length, rollout.temperature, rollout.top_p, rollout.top_k)


def evaluation_decoding(config: ExperimentConfig, benchmark: str) -> Decoding:
    """How the responses to a benchmark are drawn."""
    held_out = config.eval
    limit = held_out.max_response_length or config.rollout.max_response_length
    return Decoding(held_out.samples_for(benchmark), limit, held_out.temperature, held_out.top_p, held_out.top_k)


@dataclass(frozen=True, slots=True)
class EvalSet:
    """The tasks of one benchmark and how they are asked."""

    benchmark: str
    tasks: tuple[Task, ...]
    decoding: Decoding
    longest: int  # tokens of a prompt that is asked; a longer one counts as wrong
    open_box: OpenBox = "wrong"  # what a response counts as whose last box is left open

    def parts(self) -> Iterator[EvalSet]:
        """The exam in chunks; arithmetic, whose samples share one seed, in one."""
        size = max(1, min(CHUNK, RESPONSES // self.decoding.group_size))
        size = len(self.tasks) if self.benchmark == ARITHMETIC else size
        for start in range(0, len(self.tasks), size):
            yield replace(self, tasks=self.tasks[start : start + size])
