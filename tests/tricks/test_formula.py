"""Each trick has a formula with the numbers in effect, and computing the text gives the loss of the rule."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
import torch

from tests.tricks.batches import SETUP, example, moved
from tests.tricks.formulas import Reader
from tricks.api import TrickError
from tricks.catalog import BUILT_IN_TRICKS, DEFAULT_TRICKS, find_trick
from tricks.dialects import ALL_RELEASES, DIALECTS, build_rule, own_tricks
from tricks.formula import write_formula
from tricks.formula_parts import formula_of
from tricks.presets import PRESETS
from tricks.rule import UpdateRule
from tricks.settings import make_trick

OWN = [cls for _, cls in inspect.getmembers(own_tricks, inspect.isclass) if cls.__module__ == own_tricks.__name__]
FILTERS = {"overlong_filter", "zero_variance_filter", "dynamic_sampling", "soft_overlong"}  # said in words


@pytest.mark.parametrize("cls", sorted({*(spec.cls for spec in BUILT_IN_TRICKS), *OWN}, key=lambda cls: cls.__name__))
def test_every_trick_has_a_formula(cls: Any) -> None:
    assert formula_of(cls(), SETUP)


def test_every_part_of_a_dialect_has_a_formula_or_a_description() -> None:
    parts = [row.becomes for dialect in ALL_RELEASES.values() for row in dialect.variants if row.becomes]
    parts += [type(row.becomes) for dialect in ALL_RELEASES.values() for row in dialect.rewrites]
    assert len(parts) > 5
    for cls in set(parts):
        assert formula_of(cls(), SETUP) or inspect.getdoc(cls)


def test_the_numbers_in_effect_stand_in_the_formula() -> None:
    for spec in BUILT_IN_TRICKS:
        for known in fields(spec.cls):
            if not isinstance(known.default, float):
                continue
            kept = {"low": -7.0, "floor": 0.11, "clip_ratio_low": 0.13, "dual_clip": 9.0}.get(known.name, 0.3125)
            kept = 12.5 if known.name in ("high", "cap", "log_ratio_bound", "value_bound") else kept
            settings = dict(spec.settings) | ({"std": "group"} if known.name == "eps" else {}) | {known.name: kept}
            trick = make_trick(spec.name, spec.cls, settings)
            said = {f"{value:.10g}" for value in (kept, 1 - kept, 1 + kept)}
            text = " ".join(formula_of(trick, SETUP))
            assert said & set(re.findall(r"[\d.]+(?:e-\d+)?", text)) or f"{kept:g}" in text, (
                spec.name,
                known.name,
                text,
            )


def test_a_trick_without_a_formula_is_named_and_described() -> None:
    @dataclass(frozen=True)
    class Louder:
        """Add a number to every reward."""

        by: float = 1.0

        def shape_rewards(self, rollouts: Any) -> Any:
            return rollouts.rewards * 0 + self.by

    lines = write_formula(UpdateRule({"louder": Louder(by=2.0)}, DEFAULT_TRICKS, SETUP))
    assert "by=2.0" in lines[0]
    assert lines[0].endswith(": Add a number to every reward.")


def test_the_issue_s_example_reads_as_a_formula() -> None:
    lines = write_formula(
        build_rule("grpo", {"clip_higher": {}, "token_mean": {}, "sequence_mean": None}, "trl", SETUP)
    )
    assert lines[0].startswith("A_i = (r_i - mean_group(r)) / (std_group(r; n - 1) + 0.0001)")
    assert lines[1:] == [
        "rho_it = pi(o_it) / pi_old(o_it)",
        "l_it = -min(rho_it A_i, clip(rho_it, 0.8, 1.28) A_i)",
        "L = sum_it l_it / (mean kept tokens of an update)",
    ]


@pytest.mark.parametrize(
    ("release", "updates", "tokens"),
    [
        ("1.9.0", 4, "kept tokens of the rollout"),
        ("1.9.0", 1, "kept tokens"),
        ("1.9.1", 4, "mean kept tokens of an update"),
        ("1.9.1", 1, "kept tokens"),
    ],
)
def test_the_token_mean_of_trl_names_the_tokens_that_it_divides_by(release: str, updates: int, tokens: str) -> None:
    given: dict[str, Any] = {"sequence_mean": None, "token_mean": {}}
    built = build_rule("grpo", given, f"trl@{release}", replace(SETUP, updates_per_rollout=updates))
    assert write_formula(built)[-1] == f"L = sum_it l_it / ({tokens})"


def computable(preset: str, dialect: str, tricks: Any) -> bool:
    """Return True if the dialect builds it, and every part has a formula without words on float32 rounding."""
    try:
        lines = write_formula(build_rule(preset, tricks, dialect, SETUP))
    except TrickError:
        return False
    return all(re.match(r"\w+ (=|<-) ", line) and "[float32" not in line for line in lines)


def cases() -> list[tuple[str, str, dict[str, Any]]]:
    """Rules of presets and dialects, and of tricks with unusual settings."""
    plain = [
        (preset, dialect, said)
        for preset in PRESETS
        for dialect in ("none", *DIALECTS)
        for said in [{name: None for name in PRESETS[preset].tricks if name in FILTERS}]
        if computable(preset, dialect, said)
    ]
    tricks: list[dict[str, Any]] = [
        {"group_norm": {"eps_rule": rule, "eps": 0.3, "ddof": ddof, "mean": mean, "std": std, "about": about}}
        for rule in ("added", "floored", "added_to_variance", "floored_variance")
        for mean, std, about, ddof in (
            ("group", "group", "own", 0),
            ("none", "batch", "own", 1),
            ("group", "batch", "group", 1),
            ("leave_one_out", "leave_one_out", "own", 0),
            ("batch", "group", "own", 1),
        )
    ]
    tricks += [{"group_norm": {"weights": "token", "std": std}} for std in ("group", "batch")]
    tricks += [
        {"token_whitening": {"weights": weights, "eps": 0.2, "eps_rule": rule}, "kl_to_go": {"coef": 0.5}}
        for weights in ("token", "sequence")
        for rule in ("added", "floored_variance")
    ]
    tricks += [{"kl_loss": {"estimator": one, "coef": 0.4, "value_bound": 0.1}} for one in ("k1", "k2", "k3")]
    tricks += [{"truncated_is": {"outside": "truncate", "level": one, "floor": 0.9}} for one in ("token", "sequence")]
    tricks += [
        {"dual_clip": {"dual_clip": 1.3}},
        {"cispo": {"high": 1.1, "low": 0.9}},
        {"advantage_clip": {"high": 0.4}},
    ]
    tricks += [{"entropy_bonus": {"coef": 0.3}}, {"reward_clip": {"high": 0.5}}, {"kl_reward": {"coef": 0.7}}]
    tricks += [{"constant_length": {"length": 5, "per_response": False}}, {"token_mean": {"scope": "prompt"}}]
    return plain + [("vanilla_ppo", "none", {"group_norm": {}} | given) for given in tricks]


@pytest.mark.parametrize(("preset", "dialect", "tricks"), cases(), ids=str)
def test_computing_the_text_gives_the_loss_of_the_rule(preset: str, dialect: str, tricks: dict[str, Any]) -> None:
    rule = build_rule(preset, tricks, dialect, SETUP)
    rewards = torch.tensor([0.9, 0.1, 0.3, 0.6, 0.2, 0.8, 0.5, 1.4, 0.7, 0.4, 1.1, 0.3], dtype=torch.float64)
    batch = example(torch.float64, prompts=3, rewards=rewards, max_response_length=SETUP.max_response_length)
    log_probs, entropies = moved(batch), batch.old_log_probs.square()
    signal = rule.signal(batch)
    wanted = rule.loss(log_probs, signal, rule.loss_weights(signal, _groups(batch)), entropies)
    lines = write_formula(rule)
    reader = Reader(batch, log_probs, entropies)
    reader.read(lines)
    assert reader.names["L"].item() == pytest.approx(wanted.item(), rel=1e-7, abs=1e-9), lines
    advantages = torch.where(batch.response_mask, reader.names["A_i"], 0.0)
    assert torch.allclose(advantages, torch.where(batch.response_mask, signal.advantages, 0.0), atol=1e-7)


def test_most_rules_are_computed() -> None:
    assert len(cases()) > 80


def _groups(batch: Any) -> torch.Tensor:
    return torch.unique(batch.group, return_inverse=True)[1]


def test_presets_say_their_clip_range() -> None:
    assert find_trick("clip_higher").settings["clip_ratio_high"] == 0.28
    assert any("1.28" in line for line in write_formula(build_rule("dapo", {}, "none", SETUP)))
