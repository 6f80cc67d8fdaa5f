"""One measurement of difficulty, start to end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.tiers import save_custom_tier
from harness.difficulty.counts import Counts, count, within
from harness.difficulty.pools import pool
from harness.difficulty.report import comma_separated, figure, markdown
from harness.evaluate import Exam
from harness.evaluation.fingerprint import label, origin, short
from harness.evaluation.work import outcomes
from harness.models.load import load_tokenizer
from harness.models.window import room
from harness.prompts import Prompts, training_decoding
from harness.results import results_folder
from harness.schema import SchemaError
from harness.writing import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.config import ExperimentConfig
    from harness.data.stored import Tier
    from harness.difficulty.request import Request
    from harness.outcomes import Evaluation


def run(request: Request) -> Iterator[str]:
    """Measure, and say line by line what came of it."""
    config, results = request.config, results_folder()
    graded = config.reward.function is None
    pools = {_name(tier): pool(tier, request.problems, graded=graded) for tier in request.tiers}
    prompts = Prompts(config, load_tokenizer(config.model.path))
    longest = room(config, config.rollout.max_response_length)
    exams = [
        Exam(name, prompts.tasks(tier.problems), training_decoding(config), longest, config.reward.open_box)
        for name, tier in pools.items()
    ]
    found = outcomes(config, exams, results / "difficulty" / label(config, exams))
    counts = [_counted(name, tier, found[name]) for name, tier in pools.items()]
    told = [*_told(config, prompts.unknown(exams)), *(f"prompts: {note}" for note in prompts.notes)]
    yield markdown(config.model.path, counts, told)
    yield from map(str, _written(config.model.path, counts, told, results))
    if request.cut is not None:
        for name, tier in pools.items():
            yield _cut(request, name, tier, found[name], results)


def _name(tier: str) -> str:
    return Path(tier).name.removesuffix(".jsonl")


def _counted(name: str, tier: Tier, evaluation: Evaluation) -> Counts:
    if not evaluation.asked.any():
        raise SchemaError(f"rollout.max_prompt_length: every prompt of {name} is longer; allow more tokens")
    return count(name, tier.card.headline, evaluation)


def _told(config: ExperimentConfig, unknown: float) -> list[str]:
    rollout, made = config.rollout, origin(config)
    told = [
        f"temperature {rollout.temperature:g}, top_p {rollout.top_p:g}, top_k {rollout.top_k or 'none'}, at most "
        f"{rollout.max_response_length:,} tokens, prompt form {config.model.prompt_form}; ± is the standard error",
        f"commit {made['commit'][:10]}{' with changes' if made['dirty'] != 'no' else ''}",
    ]
    return [*told, *([f"the tokenizer cannot spell {unknown:.1%} of the prompts' tokens"] if unknown else [])]


def _written(model: str, counts: Sequence[Counts], told: Sequence[str], results: Path) -> Iterator[Path]:
    name = f"difficulty.{short(model)}"
    yield write(results / "tables" / f"{name}.md", markdown(model, counts, told).encode())
    yield write(results / "tables" / f"{name}.csv", comma_separated(counts).encode())
    for ending, content in figure(model, counts).items():
        yield write(results / "figures" / f"{name}.{ending}", content)


def _cut(request: Request, name: str, tier: Tier, evaluation: Evaluation, results: Path) -> str:
    assert request.cut is not None
    (low, high), model = request.cut, request.config.model.path
    kept, samples = within(tier, evaluation, low, high), evaluation.right.shape[1]
    if not kept:
        raise SchemaError(f"cut={low:g},{high:g}: no problem of {name} lies there; the table shows where they lie")
    path = results / "tiers" / f"{name}.{short(model)}.{low:g}-{high:g}.jsonl"
    rule = f"right in {low:g} to {high:g} of {samples} samples of {model}, of {len(tier.problems):,} that were asked"
    save_custom_tier(path, kept, rule, tier.card)
    return f"{len(kept)} problems of {name}; train on them: data.source=file data.difficulties=[] data.path={path}"
