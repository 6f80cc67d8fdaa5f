"""The spelling of rules in the flags of oat's learner of math: two flags each undo one bias of GRPO."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tricks.frameworks.spelling import (
    GIVEN,
    NONZERO,
    OFF,
    ON,
    ZERO,
    Counts,
    Fault,
    Framework,
    Keep,
    Loop,
    NotModeled,
    Options,
    Part,
    Spelling,
    Take,
    product_of,
    quotient,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CLIP: Final = {"clip": {"clip_ratio_low": Take("cliprange"), "clip_ratio_high": Take("cliprange")}}
_GRPO: Final = {"critic_type": "grpo", "remove_std_bias": OFF, "remove_len_bias": OFF}
_REFERENCE: Final = "needs ref_pretrain, the reference model"

_ADVANTAGES: Final = Part(
    "advantages and mean",
    (
        Spelling({"critic_type": "drgrpo"}, {"group_mean": {}, "constant_length": {}}),
        Spelling(_GRPO, {"group_norm": {}, "sequence_mean": {}}),
        Spelling({**_GRPO, "remove_std_bias": ON}, {"group_mean": {}, "sequence_mean": {}}),
        Spelling({**_GRPO, "remove_len_bias": ON}, {"group_norm": {}, "constant_length": {}}),
        Spelling(
            {**_GRPO, "remove_std_bias": ON, "remove_len_bias": ON},
            {"group_mean": {}, "constant_length": {}},
            written=False,
        ),
        Spelling({"critic_type": "ppo"}, not_modeled="no trick learns values (PPO with a critic)", written=False),
    ),
)
_LOSS: Final = Part(
    "loss",
    (
        Spelling({"reinforce_update": OFF, "tis_c": None}, _CLIP),
        Spelling({"reinforce_update": OFF, "tis_c": GIVEN}, {**_CLIP, "truncated_is": {"cap": Take("tis_c")}}),
        Spelling({"reinforce_update": ON}, {"policy_gradient": {}}, note="tis_c and cliprange are not read"),
    ),
)
_KL_LOSS: Final = Part(
    "KL loss",
    (Spelling({"beta": ZERO}), Spelling({"beta": NONZERO}, {"kl_loss": {"coef": Take("beta")}}, note=_REFERENCE)),
)
_KL_REWARD: Final = Part(
    "KL in the reward",
    (
        Spelling({"kl_penalty_coef": ZERO}),
        Spelling({"kl_penalty_coef": NONZERO}, {"kl_reward": {"coef": Take("kl_penalty_coef")}}, note=_REFERENCE),
    ),
)
_TRUNCATED: Final = Part(
    "truncated responses",
    (Spelling({"ignore_no_eos": OFF}), Spelling({"ignore_no_eos": ON}, {"overlong_filter": {}})),
)


def _counts(options: Options) -> Loop:
    """Return the counts; train_batch_size counts responses and rollout_batch_size prompts, on all devices."""
    group, epochs = whole(options, "num_samples"), whole(options, "num_ppo_epochs", 1)
    prompts = whole(options, "rollout_batch_size")
    updates = quotient(product_of(prompts, group), whole(options, "train_batch_size"))
    return {
        "group_size": group,
        "prompts_per_batch": prompts,
        "updates_per_rollout": product_of(updates, epochs),
        "epochs": epochs,
    }


def _written_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    group, epochs = loop.get("group_size", defaults["num_samples"]), loop.get("epochs", 1)
    prompts, updates = loop.get("prompts_per_batch", defaults["rollout_batch_size"]), loop.get("updates_per_rollout", 1)
    devices = defaults["gpus"]
    return {
        "num_samples": group,
        "num_ppo_epochs": epochs,
        "rollout_batch_size": prompts,
        "rollout_batch_size_per_device": max(1, prompts // devices),
        "pi_buffer_maxlen_per_device": max(1, prompts * group // devices),
        "train_batch_size": prompts * group * epochs // updates,
    }


def _idle(options: Options, loop: Loop) -> Iterator[str]:
    """Yield options that the kind of critic does not read."""
    del loop
    kind = options.get("critic_type")
    for name, readers in _READERS.items():
        if options.get(name) and kind not in readers:
            yield f"{name}: {f'only critic_type={readers[0]} reads it' if readers else 'no learner reads it'}"


_READERS: Final[Mapping[str, tuple[str, ...]]] = {
    "whiten_adv": ("ppo",),
    "remove_std_bias": ("grpo",),
    "remove_len_bias": ("grpo", "ppo"),
    "whiten_rewards": (),
}


def _all(value: Any) -> Any:
    """Return top-k with 0 for all tokens, which vLLM writes as -1."""
    return 0 if value == -1 else value


TABLE: Final = Framework(
    name="oat",
    title="oat",
    parts=(_ADVANTAGES, _LOSS, _KL_LOSS, _KL_REWARD, _TRUNCATED),
    keeps=(
        Keep("temperature", Take("temperature")),
        Keep("top_p", Take("top_p")),
        Keep("top_k", Take("top_k", _all, lambda value: value or -1)),
        Keep("max_response_length", Take("generate_max_length")),
        Keep("max_prompt_length", Take("prompt_max_length")),
        Keep("lr", Take("learning_rate")),
        Keep("weight_decay", Take("l2")),
        Keep("max_grad_norm", Take("max_norm")),
    ),
    counts=Counts(_counts, _written_counts),
    no_effect=(
        *("activation_offloading", "adam_*", "algo", "apply_chat_template", "asynchronous", "best_of_n_eval", "bf16"),
        *("bon_temperature", "bt_sample", "buffer_clear_every", "burn_in_period", "cliprange", "cliprange_value"),
        *("collocate", "critic_*", "debug", "disable_*", "dpo_positive_lambda", "dry_run*", "dump_*", "encoding_dim"),
        *(
            "enable_prefix_caching",
            "enn_*",
            "eval_*",
            "exp_*",
            "flash_attn",
            "fp16",
            "gamma",
            "gamma_beta_ratio",
            "gpus",
        ),
        *("grad_accum_dtype", "gradient_checkpointing*", "group_rank", "input_key", "label_smoothing", "lam"),
        *("launch_type", "learn_rm*", "len_reg_alpha", "load_in_4bit", "local_rank", "logging_steps", "lora_alpha"),
        *("lora_dropout", "lora_sync_only", "lr_*", "master_*", "max_epochs", "max_eval", "max_model_*", "max_queries"),
        *("max_save_*", "max_sgd_steps", "max_step_adjustment", "max_train", "model_*", "num_bon", "num_ensemble"),
        *("num_gpus_per_actor", "num_groups", "num_prompt_epoch", "online_evaluation", "oracle*", "output_key"),
        *("pi_buffer_maxlen_per_device", "preference_flip_prob", "pretrain", "prompt_data", "prompt_template"),
        *("pure_model_based", "r_buffer_maxlen", "ref_*", "remote_rm_*", "remove_*", "resume_*", "rm_*", "rnd_seed"),
        *("rollout_batch_size_per_device", "save_*", "seed", "sft_*", "shm_size_mb", "target_modules", "test_split"),
        *("tis_c", "tokenizer", "train_batch_size_per_device", "train_split", "use_fused_lm_head", "use_wb"),
        *("verifier_version", "vf_coef", "vllm_*", "wb_*", "whiten_*", "zero_stage", "zpg"),
    ),
    not_modeled=(
        NotModeled("reward_scale", "scales the rewards; give rewards of this scale", (None, 1.0)),
        NotModeled("non_stop_penalty", "adds to the reward of a response that did not stop"),
        NotModeled("non_stop_fixed_reward", "replaces the reward of a response that did not stop", (None,)),
        NotModeled("correct_reward", "the reward of a right answer; give rewards of this size", (None, 1.0)),
        NotModeled("incorrect_reward", "the reward of a wrong answer; give rewards of this size", (None, 0.0)),
        NotModeled("sync_params_every", "responses may be that many updates old", (None, 1)),
        NotModeled("lora_rank", "only adapters are trained; the rule on tokens is the same"),
    ),
    faults=(
        Fault(
            "reinforce_stops",
            "with reinforce_update the metrics divide by a count of tokens that stays 0: the run stops after its first "
            "learning step, in which the weights were updated",
            when={"reinforce_update": True},
            source="run; oat/algorithms/ppo.py:671",
        ),
        Fault(
            "masked_rows_count",
            "responses that ignore_no_eos masks stay in the mean and in the baseline: the gradient shrinks with the "
            "share of truncated responses",
            when={"ignore_no_eos": True},
            source="run; oat/algorithms/ppo.py:568",
        ),
    ),
    form="flags",
    launched=("oat.experiment.run_math_rl", "run_math_rl.py", "oat.experiment.run_ppo"),
    head="python -m oat.experiment.run_math_rl",
    rename=lambda name: name.replace("-", "_"),
    idle=lambda options, loop: tuple(_idle(options, loop)),
    in_code={"soft_overlong": "the reward of an oracle is its own code"},
)
