"""Single options in the tables of prime-rl, open-instruct and oat."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.tricks.frameworks.tables import LOOP, Option
from tricks.api import TrickError
from tricks.dialects.build import build_rule
from tricks.frameworks.explanation import explain_options, setup_of
from tricks.frameworks.registry import find_framework
from tricks.frameworks.sources import read_configuration
from tricks.frameworks.writing import export_rule

if TYPE_CHECKING:
    from tricks.frameworks.explanation import Explanation

SOURCE: Final = {"name": "words", "env": {"taskset": {"id": "words"}}}
GATE: Final = {"curriculum": {"gates": {"zero": {"type": "advantage_range"}}}}


def explained(name: str, **options: Any) -> Explanation:
    return explain_options(
        find_framework(name), "", [Option(key.replace("__", "."), value) for key, value in options.items()]
    )


def from_text(name: str, text: str, file: str) -> Explanation:
    framework = find_framework(name)
    return explain_options(framework, "", read_configuration(framework, text, file).given)


def test_one_toml_and_the_files_of_the_processes_say_the_same() -> None:
    trainer, orchestrator = (
        "[optim]\nlr = 3e-6\n",
        "batch_size = 64\ngroup_size = 8\n[train.sampling]\ntemperature = 0.7\n",
    )
    whole = "[trainer.optim]\nlr = 3e-6\n[orchestrator]\nbatch_size = 64\ngroup_size = 8\n"
    whole += "[orchestrator.train.sampling]\ntemperature = 0.7\n"
    parts = from_text("prime_rl", trainer, "train.toml"), from_text("prime_rl", orchestrator, "orch.toml")
    loop = from_text("prime_rl", whole, "rl.toml").loop
    assert (loop["lr"], loop["temperature"], loop["prompts_per_batch"], loop["group_size"]) == (3e-6, 0.7, 8, 8)
    assert parts[0].loop["lr"] == loop["lr"]
    assert {key: parts[1].loop[key] for key in ("temperature", "prompts_per_batch", "group_size")} == {
        key: loop[key] for key in ("temperature", "prompts_per_batch", "group_size")
    }
    assert not any(found.unknown or found.unplaced for found in parts)


def test_prime_rl_without_options_filters_by_the_advantage_and_masks_by_probabilities() -> None:
    found = explained("prime_rl", orchestrator__group_size=8)
    assert found.tricks == {"group_mean": {}, "token_mean": {}, "zero_variance_filter": {}}
    assert found.rule is not None
    assert [type(part).__name__ for part in (*found.rule.tricks.values(), *found.rule.fillers.values())][-1]
    assert any("ProbabilityMask" in part for parts in found.rule.settings().values() for part in parts)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("trainer.loss.dppo-mask-high", 0.3, "takes other bounds"),
        ("trainer.loss.type", "ipo", "IPO"),
        ("orchestrator.algo.type", "max_rl", "MaxRL"),
        ("orchestrator.train.source", [{**SOURCE, "algo": {"type": "opd"}}], "of its own"),
    ],
)
def test_what_prime_rl_has_beside_the_catalog_is_named(option: str, value: Any, words: str) -> None:
    found = explain_options(
        find_framework("prime_rl"), "", [Option("orchestrator.group_size", 8), Option(option, value)]
    )
    assert any(words in problem for problem in found.problems)
    assert not found.unknown


def test_a_gate_in_every_source_is_dynamic_sampling_and_in_one_of_two_it_is_not() -> None:
    gated = explained("prime_rl", orchestrator__group_size=8, orchestrator__train__source=[{**SOURCE, **GATE}])
    assert "dynamic_sampling" in gated.tricks
    assert not gated.problems
    some = explained("prime_rl", orchestrator__group_size=8, orchestrator__train__source=[{**SOURCE, **GATE}, SOURCE])
    assert any("range of advantages" in problem for problem in some.problems)


def test_a_group_of_one_is_a_fault_of_a_configuration_with_sources() -> None:
    alone = explained("prime_rl", orchestrator__train__source=[SOURCE])
    assert [fault.name for fault in alone.faults] == ["group_of_one"]
    assert not explained("prime_rl", orchestrator__train__source=[{**SOURCE, "group_size": 16}]).faults


def test_the_rule_that_prime_rl_can_express_is_written_and_read_back() -> None:
    framework = find_framework("prime_rl")
    tricks: dict[str, dict[str, Any]] = {"group_mean": {}, "token_mean": {}, "zero_variance_filter": {}}
    rule = build_rule("vanilla_ppo", tricks, "prime_rl", setup_of(LOOP))
    export = export_rule(framework, rule, LOOP)
    read = explain_options(framework, "", [Option(line.name, line.value) for line in export.lines])
    assert read.rule is not None
    assert read.rule.settings() == rule.settings()
    assert {note.split(" ")[0] for note in export.notes} == {"updates_per_rollout", "top_p", "max_prompt_length"}


@pytest.mark.parametrize(
    ("number", "settings"),
    [
        (0, {"estimator": "k1"}),
        (1, {"estimator": "k2"}),
        (2, {"estimator": "k3"}),
        (3, {"estimator": "k1", "gradient": "ratio"}),
    ],
)
def test_kl_estimators_of_open_instruct_are_numbers(number: int, settings: dict[str, str]) -> None:
    found = explained("open_instruct", kl_estimator=number)
    assert found.tricks["kl_loss"] == {"coef": 0.05, **settings}
    assert found.rule is not None


def test_open_instruct_bounds_of_zero_are_none() -> None:
    dropped = explained("open_instruct", rho_clamp_upper_bound=0, rho_mask_upper_bound=3.0)
    assert dropped.tricks["truncated_is"] == {"cap": 3.0, "floor": 0.0, "level": "token", "outside": "drop"}
    free = explained("open_instruct", rho_clamp_upper_bound=0)
    assert free.tricks["truncated_is"]["cap"] == math.inf
    both = explained("open_instruct", rho_mask_upper_bound=3.0)
    assert any("others" in problem for problem in both.problems)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("rho_mask_sequence_level", "geometric"),
        ("rho_mask_tv_divergence", "VACO"),
        ("mask_truncated_completions", "mixes"),
    ],
)
def test_what_open_instruct_has_beside_the_catalog_is_named(option: str, words: str) -> None:
    assert any(words in problem for problem in explained("open_instruct", **{option: True}).problems)


def test_a_flag_turned_off_by_its_negation_is_off() -> None:
    found = explained("open_instruct", no_filter_zero_std_samples=True, no_use_rho_correction=True)
    assert not found.tricks.keys() & {"zero_variance_filter", "truncated_is"}
    assert "zero_variance_filter" in explained("open_instruct").tricks


def test_a_script_for_a_cluster_is_read_to_the_options_of_the_trainer() -> None:
    text = """beta=0.01
python mason.py --cluster ai2/jupiter --gpus 8 -- python open_instruct/grpo_fast.py \\
    --beta ${beta} --loss_fn cispo --num_mini_batches 2 --num_epochs 3
"""
    found = from_text("open_instruct", text, "run.sh")
    assert found.tricks["cispo"] == {"low": 0.0, "high": 1.272}
    assert found.tricks["kl_loss"]["coef"] == 0.01
    assert found.loop["updates_per_rollout"] == 6
    assert not found.unknown


def test_bounds_at_which_open_instruct_stops_are_refused() -> None:
    with pytest.raises(TrickError, match="upper bound of at most 1, got cap=0.9"):
        build_rule(
            "grpo",
            {"sequence_mean": None, "token_mean": {}, "truncated_is": {"cap": 0.9}},
            "open_instruct",
            setup_of(LOOP),
        )


def test_oat_has_each_correction_of_dr_grpo_alone() -> None:
    kinds = {
        (False, False): {"group_norm", "sequence_mean"},
        (True, False): {"group_mean", "sequence_mean"},
        (False, True): {"group_norm", "constant_length"},
        (True, True): {"group_mean", "constant_length"},
    }
    for (std, length), tricks in kinds.items():
        found = explained("oat", critic_type="grpo", remove_std_bias=std, remove_len_bias=length)
        assert tricks <= set(found.tricks)
        assert found.rule is not None


def test_oat_without_options_has_a_kl_and_truncated_weights() -> None:
    found = explained("oat")
    assert found.tricks["kl_loss"] == {"coef": 0.1}
    assert found.tricks["truncated_is"] == {"cap": 2.0}
    assert (found.loop["updates_per_rollout"], found.loop["prompts_per_batch"]) == (2, 128)


def test_oats_plain_policy_gradient_stops_the_run() -> None:
    found = explained("oat", reinforce_update=True, whiten_adv=True)
    assert "policy_gradient" in found.tricks
    assert [fault.name for fault in found.faults] == ["reinforce_stops"]
    assert any(sentence.startswith("whiten_adv") for sentence in found.idle)
