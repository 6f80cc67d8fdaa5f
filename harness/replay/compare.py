"""Comparison of every trick's gradient with the baseline's, on one frozen batch of rollouts.

By default a real model is trained for some steps, and its next batch is frozen. The policy then takes the updates of
one more step, and gradients are those of the model's parameters. With ``rollouts=FILE`` the batch comes from another
framework, in the JSON of docs/reference/rollouts.md, and gradients are those of its log-probabilities.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import torch

from harness.common import SchemaError, atomic_write
from harness.config import ARITHMETIC, load_config
from harness.data import DataError
from harness.models import BUILTIN_PREFIX, ModelError
from harness.records import REPLAY_FOLDER, Replay, collect_provenance
from harness.replay.frozen import BASELINE, compare_gradients, compute_gradients, cosine, freeze_batch
from tricks import TrickError
from tricks.io import infer_setup, read_document, write_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from harness.config import DataConfig
    from harness.replay.frozen import ArmGradients
    from tricks.io import Document

STEPS: Final = "steps=4"  # by then the policy has changed, and some responses are still truncated
UPDATES: Final = 4  # updates per step for a batch that does not give them


def run_replay(overrides: Sequence[str], rollouts: str | None, results: Path) -> int:
    """Compare the gradients of every trick on one batch, and write the comparison.

    Args:
        overrides: Hydra overrides of the run whose batch is frozen.
        rollouts: File of a batch that replaces a run's batch; None freezes one.
        results: Folder of results.

    Returns:
        The exit code: 2 for a wrong setting or batch, 1 where nothing can be written.

    """
    torch.set_num_threads(1)  # equal results on any number of cores
    try:
        if rollouts is not None and overrides:
            raise SchemaError(f"rollouts={rollouts}: the batch is already frozen; leave out all other arguments")
        report = replay_model(overrides, results) if rollouts is None else replay_file(Path(rollouts))
        path = atomic_write(results / REPLAY_FOLDER / f"replay.{report.name}.json", report.to_json().encode())
    except (SchemaError, TrickError, ModelError, DataError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    print(path)
    return 0


def replay_model(overrides: Sequence[str], results: Path) -> Replay:
    """Freeze a batch of the configured model, write it as JSON, and compare all gradients.

    The gradients are those of the model's parameters.
    """
    config = load_config(f"preset={BASELINE}", STEPS, *overrides)
    frozen = freeze_batch(config)
    atomic_write(results / REPLAY_FOLDER / "rollouts.json", write_document(frozen.batch).encode())
    made = compute_gradients(frozen.batch, config.setup())
    gradients = frozen.policy.gradients(frozen.samples, list(made.by_arm.values()))
    origin = {
        "model": config.model.path,
        "data": _data(config.data),
        "seed": str(config.seed),
        "steps before": str(config.steps),
        "updates since sampling": str(config.optim.updates_per_rollout),
    }
    name = "laptop" if config.model.path.startswith(BUILTIN_PREFIX) else Path(config.model.path).name
    return _report(name, "parameters", frozen.batch, made, list(gradients), origin)


def _data(data: DataConfig) -> str:
    source = "" if data.source == ARITHMETIC else f"{data.source} "
    return source + (data.path or ", ".join(data.difficulties))


def replay_file(path: Path) -> Replay:
    """Compare the gradients of the log-probabilities of a batch in a file."""
    batch = read_document(path.read_bytes(), torch.float64)
    made, mask = compute_gradients(batch, infer_setup(batch.rollouts, UPDATES)), batch.rollouts.response_mask
    gradients = [torch.cat((pull.log_probs[mask], pull.entropies[mask])) for pull in made.by_arm.values()]
    return _report(path.name.removesuffix(".json"), "log-probs", batch, made, gradients, {"file": path.name})


def _report(
    name: str,
    gradient_of: Literal["parameters", "log-probs"],
    batch: Document,
    made: ArmGradients,
    gradients: Sequence[Tensor],
    origin: Mapping[str, str],
) -> Replay:
    by_arm = dict(zip(made.by_arm, gradients, strict=True))
    baseline = next((found for arm, found in by_arm.items() if arm.name == BASELINE), None)
    if baseline is None:
        raise TrickError(made.refused[f"preset {BASELINE}"])
    return Replay(
        name=name,
        gradient_of=gradient_of,
        coordinates=len(baseline),
        baseline=BASELINE,
        batch=_facts(batch),
        arms=tuple(compare_gradients(by_arm, baseline, made)),
        cosines=tuple(tuple(cosine(one, other) for other in gradients) for one in gradients),
        refused=made.refused,
        origin=origin,
        provenance=collect_provenance(),
    )


def _facts(batch: Document) -> dict[str, float]:
    """Return facts on the batch: its size, its rewards, and how far the policy has moved."""
    rollouts, mask = batch.rollouts, batch.rollouts.response_mask
    ratios = (batch.log_probs - rollouts.old_log_probs)[mask].exp()
    rewards = rollouts.rewards
    return {
        "samples": len(rewards),
        "prompts": len(set(rollouts.group.tolist())),
        "tokens": int(mask.sum()),
        "mean reward": rewards.mean().item(),
        "truncated": rollouts.truncated.float().mean().item(),
        "ratios outside 0.8 to 1.2": ((ratios < 0.8) | (ratios > 1.2)).float().mean().item() if len(ratios) else 0.0,
    }
