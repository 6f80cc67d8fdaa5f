from __future__ import annotations

import json

import pytest
import torch

from harness.engines.base.protocols import MAX_LISTED_TOKENS, ClippedTokens
from harness.engines.qwen3.forward import score_samples_compact
from tests.harness.engines.learners import learner, plain_signal, rule, signal_of, stale
from tests.harness.engines.policies import qwen3, random_samples

HIGH, LOW = "clip_fraction_high", "clip_fraction_low"


def bools(*rows: str) -> torch.Tensor:
    return torch.tensor([[mark == "x" for mark in row] for row in rows])


def test_counts_are_by_token_and_add_up() -> None:
    counts = ClippedTokens()
    ids = torch.tensor([[5, 7, 5], [7, 2, 9]])
    counts.add(ids, bools("xxx", "xx."), {HIGH: bools("x.x", "..."), LOW: bools("...", "x..")})
    counts.add(torch.tensor([[12]]), bools("x"), {HIGH: bools("x"), LOW: bools(".")})
    assert counts.document(str) == {
        "occurrences": 6,
        "high": 3,
        "low": 1,
        "tokens": [
            {"token": 5, "text": "5", "occurrences": 2, "high": 2, "low": 0},
            {"token": 7, "text": "7", "occurrences": 2, "high": 0, "low": 1},
            {"token": 12, "text": "12", "occurrences": 1, "high": 1, "low": 0},
        ],
    }


def test_a_rule_without_bounds_leaves_occurrences_alone() -> None:
    counts = ClippedTokens()
    counts.add(torch.tensor([[1, 1]]), bools("xx"), {})
    assert counts.document(str) == {"occurrences": 2, "high": 0, "low": 0, "tokens": []}


def test_a_run_without_an_update_has_an_empty_document() -> None:
    assert ClippedTokens().document(str) == {"occurrences": 0, "high": 0, "low": 0, "tokens": []}
    counts = ClippedTokens()
    counts.add(torch.tensor([[3]]), bools("."), {HIGH: bools("."), LOW: bools(".")})
    assert counts.document(str)["occurrences"] == 0


def test_the_file_lists_the_most_clipped_tokens_of_each_bound() -> None:
    counts = ClippedTokens()
    ids = torch.arange(MAX_LISTED_TOKENS + 10)[None]
    everywhere, nowhere = torch.ones_like(ids, dtype=torch.bool), torch.zeros_like(ids, dtype=torch.bool)
    counts.add(ids, everywhere, {HIGH: everywhere, LOW: nowhere})
    counts.add(ids[:, -3:], everywhere[:, -3:], {HIGH: everywhere[:, -3:], LOW: everywhere[:, -3:]})
    found = counts.document(str)
    assert [row["token"] for row in found["tokens"][:3]] == [
        MAX_LISTED_TOKENS + 7,
        MAX_LISTED_TOKENS + 8,
        MAX_LISTED_TOKENS + 9,
    ]
    assert len(found["tokens"]) == MAX_LISTED_TOKENS
    assert found["high"] == MAX_LISTED_TOKENS + 13


def test_the_file_is_json_with_the_text_as_it_is() -> None:
    counts = ClippedTokens()
    counts.add(torch.tensor([[0]]), bools("x"), {HIGH: bools("x"), LOW: bools(".")})
    text = counts.to_json(lambda _: "é\n")
    assert json.loads(text)["tokens"][0]["text"] == "é\n"
    assert "é" in text


def test_a_learner_counts_the_tokens_behind_its_clip_fractions() -> None:
    samples = random_samples(prompts=2, group_size=2)
    one = learner(qwen3(), lr=0.0)
    old_log_probs = one.log_probs(samples) - 0.5  # every ratio is 1.65
    mask, advantages = samples.response_mask.clone(), torch.tensor([1.0, -1.0, 1.0, -1.0])
    mask[2] = False  # filtered
    metrics = one.update(samples, plain_signal(samples, advantages, old_log_probs, mask), rule())
    found = one.clipped_tokens().document(str)
    first = samples.response_ids[0][samples.response_mask[0]].tolist()  # the one kept response that may not gain more
    kept = samples.response_ids[mask].tolist()
    assert {row["token"]: (row["occurrences"], row["high"], row["low"]) for row in found["tokens"]} == {
        token: (kept.count(token), first.count(token), 0) for token in first
    }
    assert metrics["update/clip_fraction_high"] == pytest.approx(found["high"] / found["occurrences"])


def test_counts_do_not_depend_on_micro_batches() -> None:
    samples, found = random_samples(prompts=6, group_size=4), []
    for tokens in (10_000, 40):
        model = qwen3()
        old_log_probs = stale(score_samples_compact(model, samples, 1.0).log_probs)
        one = learner(model, micro_batch_tokens=tokens, updates_per_rollout=2)
        one.update(samples, signal_of(samples, rule(), old_log_probs), rule())
        found.append(one.clipped_tokens().document(str))
    assert found[0]["high"] > 0
    assert found[0]["low"] > 0
    assert found[0] == found[1]
