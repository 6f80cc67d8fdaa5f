from __future__ import annotations

import math

import torch

from harness.data.catalog import Problem
from harness.models.prompting import format_prompt
from tools.embedded_models.card import CardEntry, render
from tools.embedded_models.measure import Measurement, Sampling, grade, respond
from tools.embedded_models.pretrain import new_model
from tools.embedded_models.tokenizer import build_tokenizer


def test_responses_are_graded_under_their_own_problem() -> None:
    problems = [Problem("a", "2+3=?", "5"), Problem("b", "2+4=?", "6")]
    texts = [r"\boxed{5}", r"2+3=5;", r"\boxed{5}", r"\boxed{5};wait;\boxed{6}"]
    assert grade(texts, problems, samples=2) == [[True, False], [False, True]]


def test_an_untrained_model_answers_at_nearly_the_greatest_entropy() -> None:
    tokenizer = build_tokenizer()
    model = new_model("small", tokenizer, seed=0).eval()
    torch.manual_seed(0)
    prompts = [format_prompt(tokenizer, text, "base") for text in ("2+3=?", "12+30-4=?")]
    got = respond(model, tokenizer, prompts, Sampling(samples=4, max_tokens=12))
    assert len(got.texts) == len(got.lengths) == 8
    per_token = got.entropy_sums.sum().item() / got.lengths.sum().item()
    assert 0.9 * math.log(len(tokenizer)) < per_token < math.log(len(tokenizer))
    assert all(length == 12 for length, cut in zip(got.lengths, got.truncated, strict=True) if cut)


def test_the_card_shows_what_was_measured() -> None:
    measured = Measurement(4096, 0.25, 0.02, 0.3, 0.125, 0.9, 30.5, 12.0)
    training = {"seed": 0, "cpu_seconds": 140.2}
    card = render([CardEntry("small_base", 311088, "hard", "base", measured, Sampling(), training)], problems=512)
    assert "| small_base | 311,088 | hard | 0.250 ± 0.020 | 0.300 | 12.5% | 0.900 | 30.5 | 4096 | 12 s |" in card
    assert "| small_base | 0 | 140 |" in card
