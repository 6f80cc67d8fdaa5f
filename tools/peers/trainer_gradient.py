"""Compare the first update's gradient of TRL's real trainer with ours, from exported configurations.

    python -m tools.peers.trainer_gradient [--python .venv-bench/bin/python]

Both sides get the same weights, prompts, completions and rewards. TRL's side is its released trainer in its own
environment (requirements/bench.lock), with the options that ``export`` writes; ours is the rule with ``emulate=trl``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from harness.data import stream_problems
from harness.models import format_prompt, load_tokenizer, locate_model
from tricks import Rollouts, TrickError, UpdateRule
from tricks.dialects import build_rule
from tricks.frameworks import export_rule, find_framework, setup_of

ROOT: Final = Path(__file__).parents[2]
MODEL: Final = "builtin:small_base"
PROMPTS, GROUP, LIMIT = 4, 8, 24
LOOP: Final = {
    "prompts_per_batch": PROMPTS,
    "group_size": GROUP,
    "updates_per_rollout": 1,
    "epochs": 1,
    "temperature": 0.9,
    "top_p": 1.0,
    "top_k": 0,
    "max_response_length": LIMIT,
    "lr": 1e-6,
    "max_grad_norm": 1e9,
}
BAR: Final = 1e-5  # relative difference of the gradients

_NORMS: Final = {"group": "group_norm", "batch": "group_mean_batch_std", "none": "group_mean"}
_LOSSES: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "grpo": {"sequence_mean": {}},
    "bnpo": {"token_mean": {"scope": "micro_batch"}},
    "dr_grpo": {"constant_length": {}},
    "dapo": {"token_mean": {}},
    "dapo_masked": {"token_mean": {}, "overlong_filter": {}},
    "dapo_higher": {"token_mean": {}, "clip_higher": {}},
    "cispo": {"cispo": {"low": 0.0, "high": 5.0}, "token_mean": {}},
    "gspo": {"gspo": {}, "sequence_mean": {}},
    "gspo_tokens": {"gspo": {}, "token_mean": {}},
    "luspo": {"gspo": {}, "sequence_sum": {}},
}


@dataclass(frozen=True, slots=True)
class GradientCase:
    """A rule and the options that export writes for it."""

    name: str
    rule: UpdateRule
    options: Mapping[str, Any]


def main() -> int:
    """Print the relative difference of each case. Exit code 1 where one is above the bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, default=ROOT / ".venv-bench" / "bin" / "python")
    options = parser.parse_args()
    cases = list(build_cases())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workload = make_workload(cases)
        (folder / "workload.json").write_text(json.dumps(workload))
        run_trl(options.python, folder / "workload.json")
        worst = 0.0
        for case in cases:
            difference = compare(case, workload, folder)
            worst = max(worst, difference)
            print(f"{case.name:24} relative difference {difference:.2e}")
    print(f"worst of {len(cases)}: {worst:.2e}; bar {BAR:.0e}")
    return int(worst > BAR)


def build_cases() -> Iterator[GradientCase]:
    """Yield every loss type with every scaling of rewards that TRL's newest known release can be given."""
    framework = find_framework("trl")
    for loss, tricks in _LOSSES.items():
        for scale, norm in _NORMS.items():
            rule = build_rule("vanilla_ppo", {norm: {}, **tricks}, "trl", setup_of(LOOP))
            try:
                lines = export_rule(framework, rule, LOOP).lines
            except TrickError as error:
                print(f"{loss}.{scale}: not written: {error}")
                continue
            options = {line.name: line.value for line in lines} | {"max_grad_norm": LOOP["max_grad_norm"]}
            yield GradientCase(f"{loss}.{scale}", rule, options)


def make_workload(cases: Sequence[GradientCase]) -> dict[str, Any]:
    """Return prompts, completions of unequal lengths, rewards and options. Some completions are cut at the limit."""
    tokenizer = load_tokenizer(MODEL)
    problems = [problem for problem, _ in zip(stream_problems(["medium"], 0), range(PROMPTS), strict=False)]
    prompts = [f"{problem.prompt}\n" for problem in problems]
    for problem, prompt in zip(problems, prompts, strict=True):
        assert format_prompt(tokenizer, problem.prompt, "base") == tokenizer(prompt)["input_ids"], "prompts differ"
    draw = torch.Generator().manual_seed(0)
    completions = [[_completion(tokenizer, draw, place) for place in range(GROUP)] for _ in prompts]
    flat = [ids for group in completions for ids in group]
    assert len({tuple(ids) for ids in flat}) == len(flat), "two completions are equal"
    rewards = (torch.rand(len(flat), generator=draw) < 0.4).float().tolist()
    return {
        "task": "gradients",
        "model": str(locate_model(MODEL)),
        "prompts": prompts,
        "completions": completions,
        "completion_ids": flat,
        "rewards": rewards,
        "cases": [{"name": case.name, "options": dict(case.options)} for case in cases],
    }


def _completion(tokenizer: Any, draw: torch.Generator, place: int) -> list[int]:
    """Return token ids: the first of each group is cut at the limit, the others end with EOS."""
    length = LIMIT if place == 0 else int(torch.randint(3, LIMIT, (1,), generator=draw))
    special = set(tokenizer.all_special_ids)
    words = [index for index in range(len(tokenizer)) if index not in special]
    ids = [words[int(torch.randint(len(words), (1,), generator=draw))] for _ in range(length)]
    return ids if place == 0 else [*ids[:-1], tokenizer.eos_token_id]


def run_trl(python: Path, workload: Path) -> None:
    """Run TRL's side in its own environment."""
    alone = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [str(python), "-m", "tools.peers.run_trainer", str(workload)]
    subprocess.run(command, cwd=ROOT, env=os.environ | alone, check=True, stdout=sys.stderr)


def compare(case: GradientCase, workload: Mapping[str, Any], folder: Path) -> float:
    """Return the norm of the difference of the two gradients over the norm of TRL's."""
    theirs = load_file(folder / f"{case.name}.safetensors")
    order = json.loads((folder / f"{case.name}.json").read_text())
    ours = our_gradient(case.rule, workload, order)
    if missing := theirs.keys() ^ ours.keys():
        raise AssertionError(f"{case.name}: only one side has gradients of {sorted(missing)}")
    square = sum(float((ours[name].double() - theirs[name].double()).square().sum()) for name in theirs)
    norm = sum(float(theirs[name].double().square().sum()) for name in theirs)
    return float((square / norm) ** 0.5)


def our_gradient(
    rule: UpdateRule, workload: Mapping[str, Any], micro_batches: Sequence[Sequence[Sequence[int]]]
) -> dict[str, torch.Tensor]:
    """Return the gradient of our rule by the parameters of the model.

    Args:
        rule: The rule.
        workload: What both sides read.
        micro_batches: The padded responses of each of TRL's micro-batches, by their token ids.

    Returns:
        Gradients by the parameters' names.

    """
    model = AutoModelForCausalLM.from_pretrained(workload["model"], dtype=torch.float32)
    tokenizer = load_tokenizer(MODEL)
    flat, mask = workload["completion_ids"], torch.zeros(PROMPTS * GROUP, LIMIT, dtype=torch.bool)
    log_probs = torch.zeros(PROMPTS * GROUP, LIMIT)
    rows = []
    for row, ids in enumerate(flat):
        prompt = tokenizer(workload["prompts"][row // GROUP])["input_ids"]
        logits = model(torch.tensor([[*prompt, *ids]])).logits[0, len(prompt) - 1 : -1] / LOOP["temperature"]
        found = logits.log_softmax(-1)[range(len(ids)), ids]
        rows.append(torch.nn.functional.pad(found, (0, LIMIT - len(ids))))
        mask[row, : len(ids)] = True
    log_probs = torch.stack(rows)
    ended = torch.tensor([ids[-1] == tokenizer.eos_token_id for ids in flat])
    rollouts = Rollouts(
        old_log_probs=log_probs.detach(),
        response_mask=mask,
        rewards=torch.tensor(workload["rewards"]),
        group=torch.arange(PROMPTS * GROUP) // GROUP,
        truncated=~ended,
        ended=ended,
        max_response_length=LIMIT,
    )
    signal = rule.signal(rollouts)
    weights = rule.loss_weights(signal, torch.tensor([_place(ids, micro_batches) for ids in flat]))
    rule.loss(log_probs, signal, weights).backward()  # type: ignore[no-untyped-call]
    return {name: part.grad for name, part in model.named_parameters() if part.grad is not None}


def _place(ids: Sequence[int], micro_batches: Sequence[Sequence[Sequence[int]]]) -> int:
    """Return the micro-batch that has the response; what follows it there is padding."""
    return next(
        number
        for number, rows in enumerate(micro_batches)
        if any(list(row[: len(ids)]) == list(ids) and len(set(row[len(ids) :])) <= 1 for row in rows)
    )


if __name__ == "__main__":
    sys.exit(main())
