"""The spelling of rules in TRL's GRPOConfig, in every release from 0.14.0 on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from tricks.frameworks.spelling import (
    NONZERO,
    OFF,
    ON,
    ZERO,
    Counts,
    Framework,
    Keep,
    Loop,
    Match,
    Options,
    Part,
    Spelling,
    Take,
    one_of,
    product_of,
    quotient,
    whole,
)
from tricks.frameworks.trl_options import FAULTS, NO_EFFECT, NOT_MODELED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_BOUNDS: Final = {"clip_ratio_low": Take("epsilon"), "clip_ratio_high": Take("epsilon_high", or_else="epsilon")}
_CLIP: Final = {"clip": _BOUNDS}
_TWO_SIDED: Final = {"clip": {**_BOUNDS, "dual_clip": Take("delta")}}
_ANY_GROUP: Final = one_of("group", True)
_ANY_NONE: Final = one_of("none", False)

_ADVANTAGES: Final = Part(
    "advantages",
    (
        Spelling({}, {"group_norm": {}}, until="0.15.2"),
        Spelling({"scale_rewards": one_of(True)}, {"group_norm": {}}, since="0.16.0", until="0.21.0"),
        Spelling({"scale_rewards": one_of(False)}, {"group_mean": {}}, since="0.16.0", until="0.21.0"),
        Spelling(
            {"scale_rewards": one_of("none", False, "batch")},
            {"group_norm": {}},
            note="this release divides by the group's standard deviation where it is told not to",
            since="0.22.0",
            until="0.22.1",
        ),
        Spelling(
            {"scale_rewards": _ANY_GROUP},
            {"group_mean": {}},
            note="this release divides by nothing where it is told to divide by the group's standard deviation",
            since="0.22.0",
            until="0.22.1",
        ),
        Spelling(
            {"multi_objective_aggregation": "normalize_then_sum"},
            {"group_norm": {}, "token_whitening": {"weights": "sequence"}},
            note="scale_rewards is not read",
            since="0.27.0",
        ),
        Spelling({"scale_rewards": _ANY_GROUP}, {"group_norm": {}}, since="0.22.2"),
        Spelling({"scale_rewards": "batch"}, {"group_mean_batch_std": {}}, since="0.22.2"),
        Spelling({"scale_rewards": _ANY_NONE}, {"group_mean": {}}, since="0.22.2"),
    ),
)
_MEANS: Final[Mapping[str, tuple[Mapping[str, Mapping[str, Any]], str]]] = {
    "grpo": ({"sequence_mean": {}}, "0.17.0"),
    "bnpo": ({"token_mean": {"scope": "micro_batch"}}, "0.17.0"),
    "dr_grpo": ({"constant_length": {}}, "0.17.0"),
    "dapo": ({"token_mean": {}}, "0.22.0"),
    "luspo": ({"sequence_sum": {}}, "0.28.0"),
}
_RELEASES: Final = ("0.17.0", "0.20.0", "0.22.0", "0.28.0")  # of loss types and levels, in order


def _losses() -> Iterator[Spelling]:
    """Yield the loss types, with the surrogate and the mean that each stands for."""
    micro = {"token_mean": {"scope": "micro_batch"}}
    yield Spelling({}, {"sequence_mean": {}}, note="no ratio and no clip", until="0.15.2")
    yield Spelling({}, {**_CLIP, **micro}, since="0.16.0", until="0.16.1")
    for loss_type, (mean, since) in _MEANS.items():
        name, later = {"loss_type": loss_type}, max(since, "0.20.0", key=_RELEASES.index)
        if since == "0.17.0":
            yield Spelling(name, {**_CLIP, **mean}, since=since, until="0.17.0")
            yield Spelling(name, {**_TWO_SIDED, **mean}, since="0.18.0", until="0.19.1")
        yield Spelling({**name, "importance_sampling_level": "token"}, {**_TWO_SIDED, **mean}, since=later)
        yield Spelling({**name, "importance_sampling_level": "sequence"}, {"gspo": _BOUNDS, **mean}, since=later)
    high = Take("epsilon_high", or_else="epsilon")
    cispo = {"loss_type": "cispo", "importance_sampling_level": "token"}
    yield Spelling(cispo, {"cispo": {"low": 0.0, "high": high}, "token_mean": {}}, since="0.26.0")
    because = "no trick clips the weight of a response, only those of tokens"
    yield Spelling({**cispo, "importance_sampling_level": "sequence"}, not_modeled=because, since="0.26.0")
    yield Spelling({"loss_type": "sapo"}, not_modeled="no trick computes the soft gates of SAPO", since="0.26.0")
    yield Spelling({"loss_type": "vespo"}, not_modeled="no trick computes the gamma weights of VESPO", since="1.0.0")


_COEF: Final = {"coef": Take("beta")}
_KL: Final = Part(
    "KL",
    (
        Spelling({"beta": ZERO}),
        Spelling({"beta": NONZERO}, {"kl_loss": _COEF}, until="0.25.1"),
        Spelling(
            {"beta": NONZERO, "use_bias_correction_kl": OFF}, {"kl_loss": {**_COEF, "gradient": "own"}}, since="0.26.0"
        ),
        Spelling(
            {"beta": NONZERO, "use_bias_correction_kl": ON}, {"kl_loss": {**_COEF, "gradient": "ratio"}}, since="0.26.0"
        ),
    ),
)
_FILTER: Final = Part(
    "truncated responses",
    (
        Spelling({}, until="0.16.1"),
        Spelling({"mask_truncated_completions": OFF}, since="0.17.0"),
        Spelling({"mask_truncated_completions": ON}, {"overlong_filter": {}}, since="0.17.0"),
    ),
)
_ENTROPY: Final = Part(
    "entropy",
    (
        Spelling({}, until="1.7.1"),
        Spelling({"use_adaptive_entropy": ON}, not_modeled="no trick adapts the weight of the entropy", since="1.8.0"),
        Spelling({"entropy_coef": ZERO}, since="1.8.0"),
        Spelling({"entropy_coef": NONZERO}, {"entropy_bonus": {"coef": Take("entropy_coef")}}, since="1.8.0"),
    ),
)


def _unbounded(value: Any) -> Any:
    return math.inf if value is None else value


def _bounded(value: Any) -> Any:
    return None if value == math.inf else value


def _corrections() -> Iterator[Spelling]:
    """Yield the corrections for the gap between vLLM and the trainer, which hold where vLLM samples."""
    switch, cap = "vllm_importance_sampling_correction", "vllm_importance_sampling_cap"
    yield Spelling({}, until="0.22.2")
    yield Spelling({switch: OFF}, since="0.23.0")
    yield Spelling({"use_vllm": OFF}, since="0.23.0", written=False)
    on = {"use_vllm": ON, switch: ON}
    token = {"level": "token", "outside": "truncate", "floor": 0.0}
    yield Spelling(on, {"truncated_is": {**token, "cap": Take(cap)}}, since="0.23.0", until="0.25.1")
    for level in ("sequence", "token"):
        for word, outside in (("mask", "drop"), ("truncate", "truncate")):
            mode = {**on, "vllm_importance_sampling_mode": f"{level}_{word}"}
            kind = {"level": level, "outside": outside}
            below = {"floor": Take("vllm_importance_sampling_clip_min", lambda value: value or 0.0)}
            old = {**kind, "floor": 0.0, "cap": Take(cap, _unbounded, _bounded)}
            yield Spelling(mode, {"truncated_is": old}, since="0.26.0", until="1.5.1")
            given = {**mode, cap: Match(lambda value: value is not None, None, "given")}
            yield Spelling(given, {"truncated_is": {**kind, **below, "cap": Take(cap)}}, since="1.6.0", written=False)
            high = Take("vllm_importance_sampling_clip_max", _unbounded, _bounded)
            yield Spelling(mode, {"truncated_is": {**kind, **below, "cap": high}}, since="1.6.0")


def _counts(options: Options) -> Loop:
    """Return the counts of one process; more processes multiply the prompts."""
    accumulation = whole(options, "gradient_accumulation_steps", 1)
    group, epochs = whole(options, "num_generations"), whole(options, "num_iterations", 1)
    device, steps = whole(options, "per_device_train_batch_size"), whole(options, "steps_per_generation")
    if steps is None:
        steps = quotient(whole(options, "generation_batch_size"), device) or accumulation
    of_prompts = "reward_weights" not in options  # 0.14.0 counts prompts, later releases count responses
    return {
        "group_size": group,
        "prompts_per_batch": product_of(device, steps) if of_prompts else quotient(product_of(device, steps), group),
        "updates_per_rollout": product_of(quotient(steps, accumulation), epochs),
        "epochs": epochs,
    }


def _written_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    """Return the options for the counts of a loop on one process, one prompt's group a micro-batch."""
    group, epochs = loop.get("group_size", defaults["num_generations"]), loop.get("epochs", 1)
    prompts, updates = loop.get("prompts_per_batch", 1), max(1, loop.get("updates_per_rollout", 1) // epochs)
    apart = "steps_per_generation" in defaults
    return {
        "num_generations": group,
        "num_iterations": epochs,
        "per_device_train_batch_size": group if "reward_weights" in defaults else 1,
        "gradient_accumulation_steps": max(1, prompts // updates) if apart else prompts,
        "steps_per_generation": prompts,
    }


def _idle(options: Options, loop: Loop) -> Sequence[str]:
    """Return sentences on given options that cannot act."""
    found = []
    accumulation = whole(options, "gradient_accumulation_steps", 1) or 1
    steps = (whole(options, "steps_per_generation") or accumulation) * (whole(options, "num_iterations", 1) or 1)
    if accumulation % steps == 0 and options.get("epsilon") is not None:
        found.append(
            f"epsilon and epsilon_high: gradient_accumulation_steps={accumulation} is a multiple of the {steps} steps "
            "of a generation, so the old policy is the current one, every ratio is 1 and no clip can bind"
        )
    if options.get("use_vllm") is False and options.get("vllm_importance_sampling_correction"):
        found.append("vllm_importance_sampling_correction: nothing is corrected where vLLM does not sample")
    return found


def _number(value: Any) -> Any:
    """Return a number, or None for an expression that only running the script gives."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _top_k(value: Any) -> Any:
    return 0 if value is None else _number(value)


TABLE: Final = Framework(
    name="trl",
    title="TRL",
    parts=(
        _ADVANTAGES,
        Part("loss", tuple(_losses())),
        _KL,
        _FILTER,
        Part("correction", tuple(_corrections())),
        _ENTROPY,
    ),
    keeps=(
        Keep("temperature", Take("temperature", _number)),
        Keep("top_p", Take("top_p", _number), since="0.16.0"),
        Keep("top_k", Take("top_k", _top_k), since="0.16.0"),
        Keep("max_prompt_length", Take("max_prompt_length", _number), until="0.27.2"),
        Keep("max_response_length", Take("max_completion_length", _number)),
        Keep("lr", Take("learning_rate", _number)),
        Keep("weight_decay", Take("weight_decay", _number)),
        Keep("max_grad_norm", Take("max_grad_norm", _number)),
        Keep("warmup_steps", Take("warmup_steps", _number)),
    ),
    counts=Counts(_counts, _written_counts),
    no_effect=NO_EFFECT,
    not_modeled=NOT_MODELED,
    faults=FAULTS,
    launched=("trl grpo", "grpo.py"),
    head="trl grpo",
    idle=_idle,
    in_code={"soft_overlong": "trl.rewards.get_soft_overlong_punishment gives the reward function (from 0.22.0)"},
)
