"""How TRL's GRPOConfig spells rules."""

from __future__ import annotations

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
    NotModeled,
    Options,
    Part,
    Spelling,
    Take,
    one_of,
    product_of,
    quotient,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BOUNDS: Final = {"clip_ratio_low": Take("epsilon"), "clip_ratio_high": Take("epsilon_high", or_else="epsilon")}
_GROUP: Final = one_of("group", True)
_NONE: Final = one_of("none", False)

_ADVANTAGES: Final = Part(
    "advantages",
    (
        Spelling({"scale_rewards": _GROUP}, {"group_norm": {}}),
        Spelling({"scale_rewards": "batch"}, {"group_mean_batch_std": {}}),
        Spelling({"scale_rewards": _NONE}, {"group_mean": {}}),
    ),
)
_MEANS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "grpo": {"sequence_mean": {}},
    "bnpo": {"token_mean": {"scope": "micro_batch"}},
    "dr_grpo": {"constant_length": {}},
    "dapo": {"token_mean": {}},
}


def _losses() -> Iterator[Spelling]:
    """Yield the loss types, with the surrogate and the mean that each stands for."""
    for loss_type, mean in _MEANS.items():
        token = {"loss_type": loss_type, "importance_sampling_level": "token"}
        yield Spelling(token, {"clip": {**_BOUNDS, "dual_clip": Take("delta")}, **mean})
        yield Spelling({**token, "importance_sampling_level": "sequence"}, {"gspo": _BOUNDS, **mean})
    high = Take("epsilon_high", or_else="epsilon")
    yield Spelling({"loss_type": "cispo"}, {"cispo": {"low": 0.0, "high": high}, "token_mean": {}})
    yield Spelling({"loss_type": "sapo"}, not_modeled="no trick computes the soft gates of SAPO yet")


_KL: Final = Part(
    "KL",
    (Spelling({"beta": ZERO}), Spelling({"beta": NONZERO}, {"kl_loss": {"coef": Take("beta")}})),
)
_FILTER: Final = Part(
    "truncated responses",
    (
        Spelling({"mask_truncated_completions": OFF}),
        Spelling({"mask_truncated_completions": ON}, {"overlong_filter": {}}),
    ),
)


def _counts(options: Options) -> Loop:
    """Return the counts of one process; more processes multiply the prompts."""
    accumulation = whole(options, "gradient_accumulation_steps", 1)
    steps = whole(options, "steps_per_generation", accumulation)
    group, epochs = whole(options, "num_generations"), whole(options, "num_iterations", 1)
    return {
        "group_size": group,
        "prompts_per_batch": quotient(product_of(whole(options, "per_device_train_batch_size"), steps), group),
        "updates_per_rollout": product_of(quotient(steps, accumulation), epochs),
        "epochs": epochs,
    }


def _written_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    """Return the options for the counts of a loop on one process, one prompt's group a micro-batch."""
    group, epochs = loop.get("group_size", defaults["num_generations"]), loop.get("epochs", 1)
    prompts, updates = loop.get("prompts_per_batch", 1), loop.get("updates_per_rollout", 1) // epochs
    return {
        "num_generations": group,
        "num_iterations": epochs,
        "per_device_train_batch_size": group,
        "gradient_accumulation_steps": prompts // updates,
        "steps_per_generation": prompts,
    }


TABLE: Final = Framework(
    name="trl",
    title="TRL",
    parts=(_ADVANTAGES, Part("loss", tuple(_losses())), _KL, _FILTER),
    keeps=(
        Keep("temperature", Take("temperature")),
        Keep("top_p", Take("top_p")),
        Keep("top_k", Take("top_k")),
        Keep("max_response_length", Take("max_completion_length")),
        Keep("lr", Take("learning_rate")),
    ),
    counts=Counts(_counts, _written_counts),
    no_effect=("output_dir", "bf16"),
    not_modeled=(NotModeled("top_entropy_quantile", "no trick masks tokens of low entropy yet", (None, 1.0)),),
    launched=("trl grpo",),
    head="trl grpo",
    in_code={"soft_overlong": "trl.rewards.get_soft_overlong_punishment gives the reward function"},
)
