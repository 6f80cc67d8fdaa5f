"""What a framework cannot express: some of each dialect's refusals, of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.tricks.batches import rule as rule_of
from tests.tricks.refused import Refusal, rule
from tricks.dialects.own_tricks import ProbabilityMask
from tricks.dialects.way_out import parse_advice


def _spoken(
    emulate: str, trick: str, name: str, way_out: str, *, preset: str = "grpo", **tricks: Mapping[str, Any] | None
) -> Refusal:
    """GRPO, unless a preset is named, with these tricks over it."""
    return rule(tricks, trick, name, f"{way_out}, or leave emulate out", preset=preset, emulate=emulate)


_TOKENS: Final[Mapping[str, Mapping[str, Any] | None]] = {"sequence_mean": None, "token_mean": {}}
_INSTEAD: Final[Mapping[str, None]] = {"group_norm": None}

DIALECTS: Final[tuple[Refusal, ...]] = (
    rule({}, "nemo_rl@0.1", "-", "write emulate=nemo_rl", preset="grpo", emulate="nemo_rl@0.1"),
    _spoken("verl", "group_norm", "eps", "leave eps out", group_norm={"eps": 0.1}),
    _spoken("verl", "group_norm", "ddof", "leave ddof out", group_norm={"ddof": 0}),
    _spoken("verl", "overlong_filter", "-", "choose soft_overlong", overlong_filter={}),
    _spoken("verl", "batch_mean", "mean=batch", "choose one of these", batch_mean={}, **_INSTEAD),
    _spoken("trl", "advantages", "-", "choose group_norm", preset="vanilla_ppo"),
    _spoken("trl", "clip_higher", "log_ratio_bound", "leave log_ratio_bound out", clip_higher={"log_ratio_bound": 5.0}),
    _spoken("trl", "kl_loss", "gradient=k2", "leave gradient out, set gradient=own", kl_loss={"gradient": "k2"}),
    _spoken(
        "roll", "overlong_filter", "truncation", "leave truncation out", overlong_filter={"truncation": "last_token"}
    ),
    _spoken("roll", "reward_clip", "-", "choose advantage_clip", reward_clip={}),
    _spoken("openrlhf", "constant_length", "-", "choose token_mean, or sequence_mean", preset="dr_grpo"),
    _spoken("openrlhf", "policy_gradient", "-", "choose clip", policy_gradient={}),
    _spoken("areal", "sequence_mean", "-", "choose token_mean"),
    _spoken("areal", "loss_weights", "-", "choose token_mean", sequence_mean=None),
    _spoken("nemo_rl", "kl_loss", "gradient", "leave gradient out", kl_loss={"gradient": "k2"}),
    _spoken("nemo_rl", "gspo", "-", "choose sequence_mean", gspo={}, sequence_mean=None, token_mean={}),
    _spoken("open_instruct", "overlong_filter", "-", "choose soft_overlong", preset="dapo_static"),
    _spoken("open_instruct", "dual_clip", "dual_clip", "choose clip", preset="dapo", clip_higher=None, dual_clip={}),
    _spoken("oat", "cispo", "-", "choose clip", cispo={}),
    _spoken("oat", "token_mean", "-", "choose sequence_mean, or constant_length", sequence_mean=None, token_mean={}),
    _spoken("prime_rl", "group_norm", "-", "choose group_mean", sequence_mean=None, token_mean={}),
    _spoken(
        "prime_rl",
        "kl_loss",
        "-",
        "leave kl_loss out",
        group_norm=None,
        group_mean={},
        kl_loss={},
        sequence_mean=None,
        token_mean={},
    ),
    _spoken(
        "slime", "group_mean_batch_std", "-", "choose group_norm, or group_mean with token_whitening", preset="liteppo"
    ),
    _spoken("slime", "prompt_mean", "scope=prompt", "choose one of these", sequence_mean=None, prompt_mean={}),
    # Settings that are written out at their defaults, and settings that the framework's own values forbid.
    _spoken("verl", "group_norm", "zero_std", "leave zero_std out", group_norm={"zero_std": "zero"}),
    _spoken("verl", "clip", "dual_clip", "leave dual_clip out", clip={"dual_clip": None}),
    _spoken("verl", "clip", "clip_ratio_high=2.5", "change one of these settings", clip={"clip_ratio_high": 2.5}),
    _spoken("areal", "sequence_mean", "scope", "leave scope out", preset="gspo", sequence_mean={"scope": "update"}),
    _spoken(
        "trl", "group_mean", "mean=none", "leave mean out, choose group_norm", group_mean={"mean": "none"}, **_INSTEAD
    ),
    _spoken("verl", "leave_one_out_norm", "zero_std", "leave std out", leave_one_out_norm={"std": "none"}, **_INSTEAD),
    _spoken(
        "ms_swift",
        "cispo",
        "token_mean.scope=micro_batch",
        "leave token_mean.scope out, choose token_mean",
        cispo={"low": 0.0},
        sequence_mean=None,
        token_mean={"scope": "micro_batch"},
    ),
    *(
        rule(
            {**_TOKENS, "truncated_is": {name: value}},
            "truncated_is",
            name,
            f"set {name} {side} 1",
            preset="grpo",
            emulate="open_instruct",
        )
        for name, value, side in (("cap", 0.9, "above"), ("floor", 1.0, "below"))
    ),
    Refusal("choose no_trick", "-", lambda: parse_advice("choose no_trick"), "write choose A with B"),
    Refusal("mask", "low", lambda: rule_of(mask=ProbabilityMask(low=-0.1)), "at least 0"),
)
