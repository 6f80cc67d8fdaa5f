"""Tokenized problems for a model: training tasks and evaluation sets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from harness.common import SchemaError, derive_seed
from harness.config import ARITHMETIC, max_prompt_tokens
from harness.data import Problem, is_in_part, stream_problems
from harness.engines.base import Decoding
from harness.models import format_prompt, list_prompt_notes, read_local_settings
from harness.rollouts.generate import Task
from harness.rollouts.problems import epochs
from harness.verify.model import OpenBox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from transformers import PreTrainedTokenizerBase

    from harness.config import ExperimentConfig
    from harness.data import Tier

CHUNK: Final = 32  # largest number of problems in a chunk
RESPONSES: Final = 256  # largest number of responses in a chunk of several problems; it bounds memory
_PATIENCE: Final = 1_000  # too long arithmetic prompts in a row until the run is refused


class Prompts:
    """Tokenizer of problems for one model; it counts the training prompts that it drops.

    ``list_prompt_remarks`` describe what is unusual in how the tokenizer starts and ends prompts.
    """

    def __init__(self, config: ExperimentConfig, tokenizer: PreTrainedTokenizerBase) -> None:
        self._config, self._tokenizer = config, tokenizer
        self._refuse_form()
        self.notes = list_prompt_remarks(config, tokenizer)
        self.too_long = 0  # training prompts longer than rollout.max_prompt_length, found so far
        self._longest = max_prompt_tokens(config.limits, config.rollout.max_response_length)

    def training(self, tiers: Mapping[str, Tier]) -> tuple[Iterator[Task], Iterator[Task]]:
        """Return two endless streams of training tasks: the regular and the spare ones.

        Arms with the same seed start each step with the same tasks. Spare problems of a tier come from the other end of
        each epoch. All problems belong to ``data.part``. Raises SchemaError where no prompt is usable.
        """
        data, seed = self._config.data, self._config.seed
        if data.source == ARITHMETIC:
            streams = (
                stream_problems(data.difficulties, derive_seed(seed, name)) for name in ("problems", "spare problems")
            )
            first, second = (self._short(map(self._task, filter(self._belongs, problems))) for problems in streams)
            return first, second
        pools, order = [self._pool(name, tier.problems) for name, tier in tiers.items()], derive_seed(seed, "problems")
        return epochs(pools, order), epochs(pools, order, backwards=True)

    def eval_sets(self, held_out: Mapping[str, Sequence[Problem]]) -> list[EvalSet]:
        """Return one evaluation set per benchmark, with the decoding of ``eval``."""
        return [self._eval_set(name, problems) for name, problems in held_out.items()]

    def _eval_set(self, name: str, problems: Sequence[Problem]) -> EvalSet:
        decoding = build_evaluation_decoding(self._config, name)
        longest = max_prompt_tokens(self._config.limits, decoding.max_response_length)
        return EvalSet(name, self.tasks(problems), decoding, longest, self._config.eval.open_box)

    def tasks(self, problems: Iterable[Problem]) -> tuple[Task, ...]:
        """Return the problems with their tokenized prompts, including long ones."""
        return tuple(map(self._task, problems))

    def unknown(self, eval_sets: Iterable[EvalSet]) -> float:
        """Return the share of the prompts' tokens that are unknown to the tokenizer."""
        token, ids = (
            self._tokenizer.unk_token_id,
            [one for eval_set in eval_sets for task in eval_set.tasks for one in task.prompt_ids],
        )
        return ids.count(token) / len(ids) if token is not None else 0.0

    def provenance(self) -> dict[str, str]:
        """Return the notes for a record; empty without notes."""
        return {"prompts": "; ".join(self.notes)} if self.notes else {}

    def _refuse_form(self) -> None:
        """Tokenize one problem, so that a missing template is refused before anything starts."""
        try:
            build_task(Problem("", "1", "1"), self._config, self._tokenizer)
        except ValueError as error:
            raise SchemaError(str(error)) from None

    def _task(self, problem: Problem) -> Task:
        return build_task(problem, self._config, self._tokenizer)

    def _belongs(self, problem: Problem) -> bool:
        return is_in_part(problem, self._config.data.part)

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


def list_prompt_remarks(config: ExperimentConfig, tokenizer: PreTrainedTokenizerBase) -> tuple[str, ...]:
    """Return what is unusual in the prompts of a run, one line each.

    Raises ValueError for a prompt form that the tokenizer lacks.
    """
    end = read_local_settings(config.model.path).get("eos_token_id")
    ends = end if isinstance(end, list) else [] if end is None else [end]
    return list_prompt_notes(tokenizer, config.model.prompt_form, config.model.thinking, ends)


def build_task(problem: Problem, config: ExperimentConfig, tokenizer: PreTrainedTokenizerBase) -> Task:
    """Return the problem with its tokenized prompt.

    Args:
        problem: The problem.
        config: The run's configuration, with prompt form and reward.
        tokenizer: The model's tokenizer.

    Returns:
        The task.

    Raises:
        ValueError: The tokenizer lacks the prompt form.

    """
    prompt = format_prompt(tokenizer, problem.prompt, config.model.prompt_form, config.model.thinking)
    return Task(problem, tuple(prompt), config.reward.judge())


def build_training_decoding(config: ExperimentConfig) -> Decoding:
    """Return the decoding of training rollouts."""
    rollout = config.rollout
    return Decoding(rollout.group_size, rollout.max_response_length, rollout.temperature, rollout.top_p, rollout.top_k)


def build_evaluation_decoding(config: ExperimentConfig, benchmark: str) -> Decoding:
    """Return the decoding of a benchmark."""
    held_out = config.eval
    limit = held_out.max_response_length or config.rollout.max_response_length
    return Decoding(held_out.samples_for(benchmark), limit, held_out.temperature, held_out.top_p, held_out.top_k)


@dataclass(frozen=True, slots=True)
class EvalSet:
    """The tasks of one benchmark and their decoding."""

    benchmark: str
    tasks: tuple[Task, ...]
    decoding: Decoding
    longest: int  # largest number of tokens of a prompt; longer ones are not asked and count as wrong
    open_box: OpenBox = "wrong"  # verdict on a response whose last box is left open

    def parts(self) -> Iterator[EvalSet]:
        """Yield the set in chunks; arithmetic, whose samples share one seed, is one chunk."""
        size = max(1, min(CHUNK, RESPONSES // self.decoding.group_size))
        size = len(self.tasks) if self.benchmark == ARITHMETIC else size
        for start in range(0, len(self.tasks), size):
            yield replace(self, tasks=self.tasks[start : start + size])
