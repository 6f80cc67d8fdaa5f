"""The spelling of rules in the flags of open-instruct's grpo_fast."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from tricks.frameworks.spelling import (
    ANY,
    NONZERO,
    OFF,
    ON,
    ZERO,
    Counts,
    Fault,
    Framework,
    Keep,
    Loop,
    Match,
    NotModeled,
    Options,
    Part,
    Spelling,
    Take,
    product_of,
    shifted,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NORM: Final = "advantage_normalization_type"
_DENOMINATOR: Final = "loss_denominator"
_CLAMP: Final = "rho_clamp"
_MASK: Final = "rho_mask"


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _whole_number(value: Any) -> Any:
    found = _number(value)
    return int(found) if found is not None and found.is_integer() else value


def _unbounded(value: Any) -> Any:
    """Return an upper bound, infinite where 0 turns it off."""
    return value or math.inf


def _bounded(value: Any) -> Any:
    return 0.0 if value == math.inf else value


_ADVANTAGES: Final = Part(
    "advantages",
    (Spelling({_NORM: "centered"}, {"group_mean": {}}), Spelling({_NORM: "standard"}, {"group_norm": {}})),
)
_LOSS: Final = Part(
    "loss",
    (
        Spelling(
            {"loss_fn": "dapo"},
            {"clip": {"clip_ratio_low": Take("clip_lower"), "clip_ratio_high": Take("clip_higher")}},
        ),
        Spelling(
            {"loss_fn": "cispo"},
            {"cispo": {"low": 0.0, "high": shifted("clip_higher", 1.0)}},
            note="clip_lower is not read",
        ),
    ),
)
_MEAN: Final = Part(
    "mean",
    (
        Spelling({_DENOMINATOR: "token"}, {"token_mean": {}}),
        Spelling(
            {_DENOMINATOR: Match(lambda value: (_number(value) or 0) >= 1, None, "a number")},
            {"constant_length": {"length": Take(_DENOMINATOR, _whole_number, str), "per_response": False}},
            note="one constant for the tokens of all responses of an update",
        ),
    ),
)


def _divergences() -> Iterator[Spelling]:
    yield Spelling({"beta": ZERO})
    stops = "a KL needs load_ref_policy, and the run stops"
    for off in ({"load_ref_policy": OFF}, {"no_load_ref_policy": ON}):
        yield Spelling({"beta": NONZERO, **off}, not_modeled=stops, written=False)
    for number, settings in enumerate(
        ({"estimator": "k1"}, {"estimator": "k2"}, {"estimator": "k3"}, {"estimator": "k1", "gradient": "ratio"})
    ):
        yield Spelling(
            {"beta": NONZERO, "kl_estimator": number, "load_ref_policy": ON},
            {"kl_loss": {"coef": Take("beta"), **settings}},
        )


def _corrections() -> Iterator[Spelling]:
    """Yield the weights of trainer over engine. A bound of 0 is none."""
    on = {"use_rho_correction": ON, f"{_MASK}_sequence_level": OFF, f"{_MASK}_tv_divergence": OFF}
    ends = ("upper_bound", "lower_bound")
    yield Spelling({"use_rho_correction": OFF})
    yield Spelling({"no_use_rho_correction": ON}, written=False)
    yield Spelling({"use_rho_correction": ON, f"{_MASK}_sequence_level": ON}, not_modeled=_GEOMETRIC, written=False)
    yield Spelling({"use_rho_correction": ON, f"{_MASK}_tv_divergence": ON}, not_modeled=_VACO, written=False)
    for used, other, outside in ((_CLAMP, _MASK, "truncate"), (_MASK, _CLAMP, "drop")):
        cap, floor = Take(f"{used}_upper_bound", _unbounded, _bounded), Take(f"{used}_lower_bound")
        yield Spelling(
            {**on, **{f"{other}_{end}": ZERO for end in ends}},
            {"truncated_is": {"cap": cap, "floor": floor, "level": "token", "outside": outside}},
        )
    yield Spelling({**on, **{f"{_MASK}_{end}": ANY for end in ends}}, not_modeled=_BOTH, written=False)


_GEOMETRIC: Final = "no trick weighs a response by the geometric mean of its tokens' weights"
_VACO: Final = "no trick drops tokens by the total variation of their response (VACO)"
_BOTH: Final = "no trick truncates weights at some bounds and drops them at others; set the bounds of one kind to 0"
_GROUPS: Final = Part(
    "groups of equal rewards",
    (
        Spelling({"no_filter_zero_std_samples": ON, "active_sampling": OFF}, written=False),
        Spelling({"filter_zero_std_samples": ON, "active_sampling": OFF}, {"zero_variance_filter": {}}),
        Spelling({"filter_zero_std_samples": OFF, "active_sampling": OFF}),
        Spelling({"filter_zero_std_samples": ON, "active_sampling": ON}, {"dynamic_sampling": {}}),
        Spelling(
            {"filter_zero_std_samples": OFF, "active_sampling": ON},
            not_modeled="active_sampling needs filter_zero_std_samples, and the run stops",
            written=False,
        ),
    ),
)
_TRUNCATED: Final = Part(
    "truncated responses",
    (
        Spelling({"mask_truncated_completions": OFF}),
        Spelling(
            {"mask_truncated_completions": ON},
            not_modeled="truncated responses are dropped before groups are formed, which mixes groups or stops the run",
            written=False,
        ),
    ),
)


def _counts(options: Options) -> Loop:
    """Return the counts; a rollout is split into minibatches of packed sequences."""
    epochs, parts = whole(options, "num_epochs", 1), whole(options, "num_mini_batches", 1)
    return {
        "group_size": whole(options, "num_samples_per_prompt_rollout"),
        "prompts_per_batch": whole(options, "num_unique_prompts_rollout"),
        "updates_per_rollout": product_of(epochs, parts),
        "epochs": epochs,
    }


def _written_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    epochs = loop.get("epochs", 1)
    prompt, response = (
        loop.get(key, defaults[name])
        for key, name in (("max_prompt_length", "max_prompt_token_length"), ("max_response_length", "response_length"))
    )
    return {
        "num_samples_per_prompt_rollout": loop.get("group_size", defaults["num_samples_per_prompt_rollout"]),
        "num_unique_prompts_rollout": loop.get("prompts_per_batch", defaults["num_unique_prompts_rollout"]),
        "num_mini_batches": loop.get("updates_per_rollout", 1) // epochs,
        "num_epochs": epochs,
        "pack_length": prompt + response,
    }


def _idle(options: Options, loop: Loop) -> Iterator[str]:
    """Yield options that other options turn off."""
    del loop
    if options.get("beta") == 0 and options.get("kl_estimator") != 2:
        yield "kl_estimator: with beta=0 no KL is added"
    if options.get("loss_fn") == "cispo" and options.get("clip_lower") != 0.2:
        yield "clip_lower: cispo has no lower bound"
    if not options.get("use_rho_correction") and options.get(f"{_CLAMP}_upper_bound") != 2.0:
        yield f"{_CLAMP}_upper_bound: use_rho_correction is off"


def _has_truncation(options: Options, loop: Loop) -> bool:
    del loop
    return bool(options.get("mask_truncated_completions"))


_MASON: Final = (  # options of mason.py, which starts a training on a cluster
    *("cluster", "hostname", "max_retries", "budget", "gpus", "shared_memory", "image", "workspace", "beaker_datasets"),
    *("description", "task_name", "priority", "preemptible", "pure_docker_mode", "mount_docker_socket"),
    *(
        "no_hf_cache_env",
        "no_mount_nfs",
        "non_resumable",
        "no_auto_dataset_cache",
        "auto_*_path",
        "artifact_ttl",
        "env",
    ),
    *("secret", "timeout", "gs_model_name"),
)


TABLE: Final = Framework(
    name="open_instruct",
    title="open-instruct",
    parts=(
        _ADVANTAGES,
        _LOSS,
        _MEAN,
        Part("KL", tuple(_divergences())),
        Part("trainer over engine", tuple(_corrections())),
        _GROUPS,
        _TRUNCATED,
    ),
    keeps=(
        Keep("temperature", Take("temperature")),
        Keep("top_p", Take("vllm_top_p")),
        Keep("max_response_length", Take("response_length")),
        Keep("max_prompt_length", Take("max_prompt_token_length")),
        Keep("lr", Take("learning_rate")),
        Keep("weight_decay", Take("weight_decay")),
        Keep("max_grad_norm", Take("max_grad_norm")),
    ),
    counts=Counts(_counts, _written_counts),
    no_effect=(
        *(
            "activation_*",
            "add_bos",
            "alpha",
            "attn_implementation",
            "backend_timeout",
            "cache_*",
            "chat_template_name",
        ),
        *("checkpoint*", "code_api_url", "code_max_execution_time", "compile_model", "config_name", "cp_*"),
        *(
            "data_loader_seed",
            "dataset_*",
            "deepspeed_*",
            "enable_queue_dashboard",
            "ephemeral_save_interval",
            "eval_*",
        ),
        *(
            "exp_name",
            "fsdp_*",
            "fused_optimizer",
            "gather_whole_model",
            "get_tokenizer_fn",
            "ground_truths_key",
            "gs_*",
        ),
        *("gradient_accumulation_steps", "hf_*", "keep_last_n_checkpoints", "llm_judge_*", "local_eval_every"),
        *("logging_steps", "loss_implementation", "low_cpu_mem_usage", "max_active_rubrics", "max_possible_score"),
        *("max_length_verifier_max_length", "max_seq_length", "max_steps", "max_train_steps", "model_*", "num_nodes"),
        *(
            "num_learners_per_node",
            "num_training_steps",
            "oe_eval_*",
            "output_dir",
            "pack_length",
            "per_turn_max_tokens",
        ),
        *("pass_tools_to_chat_template", "per_device_train_batch_size", "pool_size", "push_to_hub"),
        *("queue_dashboard_port", "record_entropy", "report_to", "resume_from_checkpoint", "rollouts_save_path"),
        *("rope_scaling_*", "run_name", "save_*", "seed", "send_slack_alerts", "sequence_parallel_size"),
        *("set_weight_decay_on_bias_and_norm", "sft_messages_key", "single_gpu_mode", "stop_strings"),
        *("system_prompt_override_file", "tokenizer_*", "tool_*", "tools", "_parsed_tools", "total_episodes"),
        *("trust_remote_code", "try_*", "use_fast", "use_slow_tokenizer", "verbose", "vllm_*", "wandb_*"),
        *("with_tracking", "world_size", "remap_verifier", "r1_style_format_reward", "non_stop_penalty_value"),
        *("additive_format_reward", "apply_verifiable_reward", "lr_scheduler_type", "warmup_ratio"),
        *(
            "no_*",
            "gradient_checkpointing",
            "use_cache",
            "dtype",
            "lora_*",
            "clip_lower",
            "kl_estimator",
            "load_ref_policy",
            "rho_*",
            "inflight_updates",
        ),
    ),
    not_modeled=(
        NotModeled("use_vllm_logprobs", "no surrogate of the catalog measures ratios from the engine"),
        NotModeled("async_steps", "responses may be that many updates old"),
        NotModeled("verification_reward", "the reward of a right answer; give rewards of this size", (None, 1.0)),
        NotModeled("apply_r1_style_format_reward", "adds a reward for the format; give rewards that hold it"),
        NotModeled("non_stop_penalty", "no trick replaces the reward of a response that did not stop"),
        NotModeled("reward_aggregator", "a response has one reward here", (None, "last")),
        NotModeled("only_reward_good_outputs", "rewards depend on the result of tools"),
        NotModeled("apply_evolving_rubric_reward", "rubrics change the rewards during training"),
        NotModeled("code_*", "part of the rewards of code", (None, False, 0, 1.0)),
        NotModeled("mask_tool_use", "a response has no tokens of tools here", (None, True, False)),
        NotModeled("no_resampling_pass_rate", "no trick leaves out prompts that are solved so often"),
        NotModeled("use_peft", "only adapters are trained; the rule on tokens is the same"),
        NotModeled("ref_policy_update_freq", "no trick moves the reference policy"),
    ),
    faults=(
        Fault(
            "truncation_mixes_groups",
            "mask_truncated_completions drops responses before rewards are reshaped into groups: groups mix where the "
            "number that is left divides by the group size, else the run stops",
            test=_has_truncation,
            source="open_instruct/data_loader.py:1453, open-instruct#1794",
        ),
    ),
    foreign=_MASON,
    form="flags",
    launched=("open_instruct/grpo_fast.py", "open_instruct/grpo.py", "grpo_fast.py"),
    head="python open_instruct/grpo_fast.py",
    rename=lambda name: name.replace("-", "_"),
    idle=lambda options, loop: tuple(_idle(options, loop)),
    in_code={
        "constant_length": "loss_denominator is one number for an update: its responses times the length",
        "soft_overlong": "a verifier in open_instruct/ground_truth_utils.py gives the reward",
    },
)
