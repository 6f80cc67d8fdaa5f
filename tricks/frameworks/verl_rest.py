"""The counts of verl's loop, its options without effect on the update, those not modeled, and faults of releases."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from tricks.frameworks.spelling import (
    GIVEN,
    ON,
    Fault,
    Loop,
    Match,
    NotModeled,
    Options,
    one_of,
    product_of,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_A: Final = "actor_rollout_ref.actor."
_R: Final = "actor_rollout_ref.rollout."
_ALG: Final = "algorithm."
_CORE: Final = "verl/trainer/ppo/core_algos.py"
_ACTOR: Final = "verl/workers/actor/dp_actor.py"
_MODE: Final = f"{_A}loss_agg_mode"
_POLICY: Final = f"{_A}policy_loss.loss_mode"


def read_counts(options: Options) -> Loop:
    """Return the counts; batch sizes are in prompts, before they are multiplied by rollout.n."""
    prompts, mini = whole(options, "data.train_batch_size"), whole(options, f"{_A}ppo_mini_batch_size")
    epochs = whole(options, f"{_A}ppo_epochs", 1)
    batches = math.ceil(prompts / mini) if prompts and mini else None
    return {
        "group_size": whole(options, f"{_R}n", 1),
        "prompts_per_batch": prompts,
        "updates_per_rollout": product_of(batches, epochs),
        "epochs": epochs,
    }


def write_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    """Return the options for the counts of a loop, one prompt's group a micro-batch."""
    group, epochs = loop.get("group_size", defaults.get(f"{_R}n", 1)), loop.get("epochs", 1)
    prompts, updates = loop.get("prompts_per_batch", 128), loop.get("updates_per_rollout", 1)
    return {
        "data.train_batch_size": prompts,
        f"{_R}n": group,
        f"{_A}ppo_mini_batch_size": max(1, prompts // max(1, updates // epochs)),
        f"{_A}ppo_epochs": epochs,
        f"{_A}ppo_micro_batch_size_per_gpu": group,
        f"{_R}log_prob_micro_batch_size_per_gpu": group,
        "actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu": group,
    }


def idle(options: Options, loop: Loop) -> list[str]:
    """Return what cannot act in a configuration."""
    return list(_idle(options))


def _idle(options: Options) -> Iterator[str]:
    if options.get(f"{_R}n") == 1 and str(options.get(f"{_ALG}adv_estimator")) in ("grpo", "rloo", "opo"):
        yield "rollout.n=1: a response alone in its group has its raw reward as advantage, without a baseline"
    if options.get(f"{_ALG}use_kl_in_reward") is True and options.get(f"{_A}use_kl_loss") is True:
        yield "the KL is both in the reward and in the loss"


NO_EFFECT: Final = (
    "actor_rollout_ref.hybrid_engine",
    "actor_rollout_ref.model.*",
    "actor_rollout_ref.nccl_timeout",
    "actor_rollout_ref.profiler.*",
    "actor_rollout_ref.ref.*",
    *(
        f"{_A}{name}"
        for name in (
            "calculate_*",
            "checkpoint.*",
            "clip_ratio*",
            "data_loader_seed",
            "entropy_checkpointing",
            "entropy_from_logits*",
            "fsdp_config.*",
            "kl_loss_*",
            "load_weight",
            "loss_scale_factor",
            "megatron.*",
            "optim.*",
            "pad_to_length",
            "policy_loss.*",
            "ppo_max_token_len_per_gpu",
            "ppo_micro_batch_size*",
            "profile*",
            "rollout_n",
            "router_replay.*",
            "shuffle",
            "strategy",
            "tau_*",
            "torchtitan.*",
            "ulysses_sequence_parallel_size",
            "use_dynamic_bsz",
            "use_fused_kernels",
            "use_prefix_grouper",
            "use_remove_padding",
            "use_torch_compile",
            "veomni.*",
        )
    ),
    f"{_R}*",
    f"{_ALG}filter_groups.*",
    f"{_ALG}gdpo_reward_*",
    f"{_ALG}kl_ctrl.*",
    f"{_ALG}kl_penalty",
    f"{_ALG}lam",
    f"{_ALG}norm_adv_by_std_in_grpo",
    f"{_ALG}pf_ppo.*",
    f"{_ALG}rollout_correction.*",
    f"{_ALG}rollout_is_*",
    "critic.*",
    "custom_reward_function.*",
    "data.*",
    "distillation.*",
    "global_profiler.*",
    "ray_init.*",
    "ray_kwargs.*",
    "reward.*",
    "reward_manager.*",
    "reward_model.*",
    "sandbox_fusion.*",
    "skip.*",
    "trainer.*",
    "transfer_queue.*",
)

FOREIGN: Final = (  # of other entry points and recipes, or put in with a plus sign; none is a part of the loss
    "actor_rollout_ref.*",
    "actor@*",
    "async_training.*",
    "critic.*",
    "data.*",
    "distillation.*",
    "hydra.*",
    "model_engine*",
    "monkey_patch*",
    "ray_kwargs.*",
    "reward.*",
    "reward_model.*",
    "rollout.*",
    "trainer.*",
    "transfer_queue.*",
)

_STALE: Final = "no trick trains on samples of older policies"
NOT_MODELED: Final = (
    NotModeled(f"{_ALG}gamma", "no trick discounts rewards", (None, 1, 1.0)),
    NotModeled(f"{_ALG}kl_ctrl.type", "no trick adapts the coefficient of the KL", (None, "fixed")),
    NotModeled(f"{_ALG}use_pf_ppo", "no trick draws samples by their reward"),
    NotModeled(f"{_ALG}rollout_is_veto_threshold", "the veto is 1e-4 here", (None, 1e-4)),
    NotModeled(f"{_ALG}rollout_correction.rollout_is_batch_normalize", "no trick divides weights by their mean"),
    NotModeled(f"{_A}freeze_vision_tower", "part of the model is not trained"),
    NotModeled(f"{_A}qat.enable", "the model is trained with quantized weights"),
    NotModeled(f"{_A}use_rollout_log_probs", "no trick takes the ratio to the sampler", given_only=True),
    NotModeled(f"{_R}use_fire_sampling", "the first token has a temperature of its own"),
    NotModeled(f"{_R}repetition_penalty", "the loop's sampler has none", (None, 1, 1.0)),
    NotModeled(f"{_R}do_sample", "the loop always samples", (None, True)),
    NotModeled("distillation.enabled", "no trick learns from a teacher"),
    NotModeled("trainer.v1.trainer_mode", _STALE, (None, "sync")),
    NotModeled("async_training.*", _STALE, given_only=True),
    NotModeled("reward.reward_model.enable", "the reward is that of a model"),
    NotModeled("reward_model.enable", "the reward is that of a model"),
)


def _clip_alone(options: Options, _: Loop) -> bool:
    ends = (options.get(f"{_A}clip_ratio_low"), options.get(f"{_A}clip_ratio_high"))
    return options.get(f"{_A}clip_ratio") != 0.2 and ends == (0.2, 0.2)


def _several_epochs(_: Options, loop: Loop) -> bool:
    return int(loop.get("epochs") or 1) > 1


_OTHER_MEAN: Final = Match(lambda mode: mode != "seq-mean-token-mean", None, "another mean")
_GSPO: Final[Mapping[str, Any]] = {_POLICY: "gspo", _MODE: _OTHER_MEAN}

FAULTS: Final = (
    Fault(
        "token mean of micro-batches",
        "the token mean is that of each micro-batch, so tokens of micro-batches with short responses weigh more; "
        "from 0.8.0 it is that of the mini-batch",
        {_MODE: one_of("token-mean", None)},
        until="0.7.1",
        source=f"run, {_ACTOR}",
    ),
    Fault(
        "sum over the padded width",
        "seq-mean-token-sum-norm is not divided by the number of responses; from 0.7.1 it is, and the gradient is "
        "smaller by that factor",
        {_MODE: "seq-mean-token-sum-norm"},
        since="0.4.0",
        until="0.7.0",
        source=f"run, {_CORE}",
    ),
    Fault(
        "an empty response is NaN",
        "a response without a token makes the gradient NaN",
        {_MODE: "seq-mean-token-mean"},
        since="0.4.0",
        until="0.6.0",
        source=f"run, {_CORE}",
    ),
    Fault(
        "an empty micro-batch is NaN",
        "a micro-batch without a token makes the gradient NaN",
        until="0.2.0.post2",
        source=f"run, {_CORE}",
    ),
    Fault(
        "GSPO ignores loss_agg_mode",
        "GSPO is averaged over responses, whatever loss_agg_mode says; 0.9.1 obeys it",
        _GSPO,
        since="0.6.0",
        until="0.9.0",
        source=f"run, {_CORE}:1603",
    ),
    Fault(
        "GSPO in the token mean",
        "GSPO is averaged as loss_agg_mode says, by default over tokens; the paper and releases before average over "
        "responses: set loss_agg_mode=seq-mean-token-mean",
        _GSPO,
        since="0.9.1",
        source=f"run, {_CORE}:1603",
    ),
    Fault(
        "clip_ratio has no effect",
        "clip_ratio changes nothing while clip_ratio_low and clip_ratio_high have their defaults of 0.2",
        test=_clip_alone,
        since="0.4.0",
        source="verl/trainer/config/actor/actor.yaml:36",
    ),
    Fault(
        "ppo_epochs has no effect",
        "the actor makes one pass over the batch, whatever ppo_epochs says",
        test=_several_epochs,
        since="0.2",
        until="0.2.0.post2",
        source=f"read, {_ACTOR}",
    ),
    Fault(
        "loss_scale_factor has no effect",
        "the FSDP actor divides by the padded width, whatever loss_scale_factor says",
        {f"{_A}loss_scale_factor": GIVEN},
        since="0.7.0",
        until="0.7.1",
        source=f"read, {_ACTOR}",
    ),
    Fault(
        "grpo_vectorized fails",
        "the estimator raises TypeError (device=module) unless VERL_FORCE_DEVICE is set",
        {f"{_ALG}adv_estimator": "grpo_vectorized"},
        since="0.6.0",
        until="0.7.0",
        source="run",
    ),
    Fault(
        "k3+ fails",
        "kl_loss_type with a plus sign is documented and raises NotImplementedError",
        {f"{_A}kl_loss_type": one_of("k3+", "low_var_kl+", "k1+", "kl+", "k2+", "mse+"), f"{_A}use_kl_loss": ON},
        since="0.6.0",
        until="0.7.1",
        source="run",
    ),
    Fault(
        "returns before a gap are lost",
        "tokens before a masked part, such as the output of a tool, get no reward",
        {f"{_ALG}adv_estimator": "reinforce_plus_plus", f"{_R}multi_turn.enable": ON},
        since="0.4.0",
        until="0.8.0",
        source=f"run, {_CORE}",
    ),
    Fault(
        "veto",
        "a response with one token whose ratio to the sampler is below 1e-4 has weight 0",
        {f"{_ALG}rollout_is": ON, f"{_ALG}rollout_is_threshold": GIVEN},
        since="0.6.0",
        until="0.6.0",
        source="run",
    ),
    Fault(
        "filter_groups of the recipe alone",
        "verl.trainer.main_ppo does not read filter_groups; recipe.dapo.main_dapo does",
        {f"{_ALG}filter_groups.enable": ON},
        since="0.4.0",
        until="0.8.0",
        source="read",
    ),
)
