"""``python -m harness.replay``: a batch frozen from a real model, or read from a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from harness.config.experiment import load_config
from harness.records.record import Replay
from harness.replay.__main__ import main
from harness.replay.frozen import ARMS, BASELINE, ArmGradient, FrozenPolicy, freeze_batch
from tests.harness.engines.policies import llama, qwen3, random_samples
from tricks.io.document import Document, read_document, write_document

ROOT = Path(__file__).parents[2]
SMALL = ("steps=1", "rollout.prompts_per_batch=4", "rollout.group_size=4", "rollout.max_response_length=24")


@pytest.mark.parametrize("model", [qwen3, llama], ids=["compact", "hugging face"])
def test_gradients_are_those_of_backpropagation_whatever_the_micro_batches(model) -> None:
    policy, samples = model(), random_samples()
    generator = torch.Generator().manual_seed(3)
    pulls = [ArmGradient(*torch.randn(2, *samples.response_ids.shape, generator=generator), None) for _ in range(2)]
    found = FrozenPolicy(policy, 0.9, 30).gradients(samples, pulls)
    for row, pull in zip(found, pulls, strict=True):
        policy.zero_grad()
        ((_, scores),) = FrozenPolicy(policy, 0.9, 10_000).parts(samples, entropy_grad=True)
        (scores.log_probs * pull.log_probs + scores.entropy * pull.entropies).sum().backward()
        torch.testing.assert_close(row, torch.cat([weight.grad.flatten() for weight in policy.parameters()]))


@pytest.fixture(scope="module")
def batch() -> Document:
    """A batch of a real model, frozen once."""
    return freeze_batch(load_config(f"preset={BASELINE}", *SMALL)).batch


def test_a_frozen_batch_has_all_parts_and_ratios_that_are_not_one(batch: Document) -> None:
    rollouts = batch.rollouts
    assert not torch.equal(batch.log_probs, rollouts.old_log_probs)
    assert not torch.equal(rollouts.ref_log_probs, rollouts.old_log_probs)  # a step lies between them
    assert batch.entropies is not None


def test_a_batch_that_is_written_comes_back_bit_by_bit(batch: Document) -> None:
    again = read_document(write_document(batch).encode(), torch.float32)
    for name in ("old_log_probs", "response_mask", "rewards", "group", "truncated", "ref_log_probs", "formatted"):
        width = again.log_probs.shape[1]  # the widest response, not the limit
        was, now = getattr(batch.rollouts, name), getattr(again.rollouts, name)
        assert torch.equal(was[:, :width] if was.dim() == 2 else was, now), name
    assert torch.equal(batch.entropies[:, :width], again.entropies)
    assert torch.equal(batch.micro_batch, again.micro_batch)


def test_holes_of_a_mask_are_written() -> None:
    text = json.dumps({"rewards": [1], "group": [0], "response_mask": [[1, 0, 1, 0]], "log_probs": [[-1, -2, -3, 0]]})
    again = read_document(write_document(read_document(text.encode(), torch.float32)).encode(), torch.float32)
    assert again.rollouts.response_mask.tolist() == [[True, False, True]]


def test_a_replay_of_a_model_leaves_its_report_and_its_batch(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    assert main(SMALL) == 0
    report = Replay.from_json(Path(capsys.readouterr().out.strip()).read_text())
    assert (report.gradient_of, report.refused, len(report.arms)) == ("parameters", {}, len(ARMS))
    assert report.origin["steps before"] == "1"
    assert main([f"rollouts={tmp_path / 'runs' / 'replay' / 'rollouts.json'}"]) == 0  # what it left can be replayed


def test_a_batch_of_another_framework_is_replayed_by_its_log_probs(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    assert main([f"rollouts={ROOT / 'docs' / 'reference' / 'rollouts.example.json'}"]) == 0
    report = Replay.from_json((tmp_path / "runs" / "replay" / "replay.rollouts.example.json").read_text())
    assert (report.gradient_of, report.refused) == ("log-probs", {})
    assert report.batch["tokens"] == 33


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["rollouts=/nowhere/x.json"], 1, "/nowhere/x.json: No such file or directory"),
        (
            ["rollouts=x.json", "seed=1"],
            2,
            "rollouts=x.json: the batch is already frozen; leave out all other arguments",
        ),
        (["stesp=1"], 2, "stesp: no such setting; did you mean 'steps'?"),
        ([f"rollouts={ROOT / 'README.md'}"], 2, "the batch is not JSON at line 1, column 1"),
    ],
)
def test_a_wrong_call_is_one_message(words, code, message, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    assert main(words) == code
    assert capsys.readouterr().err.startswith(message)
