"""The spelling of rules in the YAML of ROLL's pipelines: the one with verifiable rewards and the one with agents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tricks.frameworks.spelling import (
    ANY,
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
    Match,
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

_TRAIN: Final = "actor_train.training_args"
_WORKER: Final = "actor_train.worker_cls"
_VARIANT: Final = "actor_train.pg_variant"
_WEIGHT: Final = "train_infer_correction.is_weight"
_NORM: Final = "reward_normalization"
_PG_WORKER: Final = "roll.pipeline.rlvr.actor_pg_worker.ActorPGWorker"


def _is_pg_worker(value: Any) -> bool:
    return isinstance(value, str) and "pg_worker" in value


_WITH_VARIANT: Final = Match(_is_pg_worker, _PG_WORKER, "a worker with pg_variant")
_WITHOUT: Final = Match(lambda value: not _is_pg_worker(value), None, "a worker without pg_variant")
_PLAIN_ESTIMATORS: Final = one_of("reinforce", "agentic_reinforce")
_BY_TRAJECTORY: Final = Match(lambda value: value not in (None, "batch"), "traj_group_id", "a key of groups")
_AGENTS: Final = "of the pipeline with agents, where a deviation of 1e-6 and less gives 0"

_TYPES: Final[Mapping[tuple[str | None, str | None], Mapping[str, Mapping[str, Any]]]] = {
    ("group", "group"): {"group_norm": {}},
    ("group", "batch"): {"group_mean_batch_std": {}},
    ("group", None): {"group_mean": {}},
    ("batch", "batch"): {"batch_norm": {}},
    ("batch", None): {"batch_mean": {}},
    (None, "batch"): {"group_norm": {"mean": "none", "std": "batch"}},
    (None, None): {"group_mean": {"mean": "none"}},
}


def _advantages() -> Iterator[Spelling]:
    """Yield what is subtracted from rewards and what divides them, first that of agents."""
    agents = {"adv_estimator": one_of("grpo", "reinforce", "agentic_reinforce")}
    for grouping, unit in ((_BY_TRAJECTORY, "group"), ("batch", "batch")):
        for method, scaled in (("mean_std", True), ("mean", False)):
            yield Spelling(
                {**agents, f"{_NORM}.grouping": grouping, f"{_NORM}.method": method},
                _TYPES[unit, unit if scaled else None],
                note=_AGENTS,
                written=False,
            )
    for (mean, std), tricks in _TYPES.items():
        if mean or std:
            yield Spelling(
                {**agents, f"{_NORM}.norm_mean_type": mean, f"{_NORM}.norm_std_type": std},
                tricks,
                note=_AGENTS,
                written=False,
            )
    yield Spelling(
        {"adv_estimator": "grpo", f"{_NORM}.grouping": _BY_TRAJECTORY, f"{_NORM}.method": "identity"},
        note="of the pipeline with agents: grpo alone normalizes nothing there",
        written=False,
    )
    yield Spelling({"adv_estimator": "grpo"}, _TYPES["group", "group"], note="grpo sets both types to group")
    for (mean, std), tricks in _TYPES.items():
        named = {"adv_estimator": _PLAIN_ESTIMATORS, "norm_mean_type": mean, "norm_std_type": std}
        yield Spelling(named, tricks)
    yield Spelling(
        {"adv_estimator": _PLAIN_ESTIMATORS, "norm_mean_type": ANY, "norm_std_type": ANY},
        not_modeled="no trick keeps running statistics, and a group deviation needs a group mean",
        written=False,
    )
    for estimator, because in (
        ("gae", "no trick learns values (PPO with a critic)"),
        ("gigpo", "no trick compares steps that start in the same state (GiGPO)"),
        ("step_reinforce", "no trick discounts the rewards of steps"),
    ):
        yield Spelling({"adv_estimator": estimator}, not_modeled=because, written=False)


def _whitening() -> Iterator[Spelling]:
    yield Spelling({"whiten_advantages": OFF})
    yield Spelling({"whiten_advantages": ON}, {"token_whitening": {}})


def _negative(value: Any) -> Any:
    return None if value is None else -value


def _bounds(option: str) -> dict[str, dict[str, Take]]:
    return {"advantage_clip": {"low": Take(option, _negative, _negative), "high": Take(option)}}


def _clips() -> Iterator[Spelling]:
    """Yield the bounds of advantages; reward_clip bounds rewards that are normalized already."""
    yield Spelling({"reward_clip": ZERO, "advantage_clip": None})
    yield Spelling({"reward_clip": ZERO, "advantage_clip": GIVEN}, _bounds("advantage_clip"))
    yield Spelling(
        {"reward_clip": GIVEN, "advantage_clip": None, "whiten_advantages": OFF},
        _bounds("reward_clip"),
        note="reward_clip bounds normalized rewards, which are the advantages here",
        written=False,
    )
    yield Spelling(
        {"reward_clip": GIVEN, "advantage_clip": None},
        note="reward_clip bounds normalized rewards before they are whitened; a group of G never exceeds (G-1)/sqrt(G)",
        written=False,
    )
    yield Spelling(
        {"reward_clip": GIVEN, "advantage_clip": GIVEN},
        _bounds("advantage_clip"),
        note="reward_clip bounds normalized rewards before; a group of G never exceeds (G-1)/sqrt(G)",
        written=False,
    )


def _dual(value: Any) -> Any:
    return None if value is None else round(1 + 2 * value, 12)


def _undual(value: Any) -> Any:
    return None if value is None else round((value - 1) / 2, 12)


_RANGES: Final[tuple[tuple[Match, str, str], ...]] = (
    (OFF, "pg_clip", "pg_clip"),
    (ON, "pg_clip_low", "pg_clip_high"),
)


def _surrogates() -> Iterator[Spelling]:
    """Yield the surrogates of the two workers."""
    for ranged, low, high in _RANGES:
        clip = {"clip_ratio_low": Take(low), "clip_ratio_high": Take(high)}
        dual = {**clip, "dual_clip": Take("pg_clip", _dual, _undual)}
        plain = {_WORKER: _WITHOUT, "use_pg_clip_range": ranged, "ratio_type": "token"}
        token, response = {**plain, "importance_sampling": "token"}, {**plain, "importance_sampling": "seq"}
        yield Spelling({**token, "dual_clip_loss": OFF}, {"clip": clip})
        yield Spelling({**token, "dual_clip_loss": ON}, {"clip": dual}, note="dual clip at 1 + 2 pg_clip")
        yield Spelling({**response, "dual_clip_loss": OFF}, {"gspo": clip})
        yield Spelling(
            {**response, "dual_clip_loss": ON},
            {"gspo": clip},
            not_modeled="no trick bounds the ratio of a response under a negative advantage",
            written=False,
        )
        named = {_WORKER: _WITH_VARIANT, _VARIANT: "ppo", "use_pg_clip_range": ranged}
        yield Spelling({**named, "dual_clip_loss": OFF}, {"clip": clip}, written=False)
        yield Spelling({**named, "dual_clip_loss": ON}, {"clip": dual}, written=False)
    yield Spelling({"ratio_type": "segment"}, not_modeled="no trick has one ratio per turn of a conversation")
    variant = {_WORKER: _WITH_VARIANT}
    yield Spelling({**variant, _VARIANT: "vanilla"}, {"policy_gradient": {}})
    yield Spelling({**variant, _VARIANT: "cispo"}, {"cispo": {"low": 0.9, "high": 1.1}})
    yield Spelling({**variant, _VARIANT: "tis"}, {"cispo": {"low": 0.0, "high": 1.0}})
    yield Spelling(
        {**variant, _VARIANT: "topr"}, not_modeled="no trick weighs responses by the sign of the reward (TOPR)"
    )
    yield Spelling({**variant, _VARIANT: "kimi15"}, not_modeled="no trick pulls the policy to the old one (Kimi k1.5)")


_MEANS: Final = tuple(
    Spelling({"loss_agg_mode": mode}, {name: {}})
    for mode, name in (
        ("token-mean", "token_mean"),
        ("seq-mean-token-mean", "sequence_mean"),
        ("seq-mean-token-sum", "sequence_sum"),
        ("seq-mean-token-sum-norm", "constant_length"),
    )
)
_WEIGHTS: Final = (
    Spelling({f"{_WEIGHT}.enabled": OFF}),
    *(
        Spelling(
            {f"{_WEIGHT}.enabled": ON, f"{_WEIGHT}.weight_type": level, f"{_WEIGHT}.upper_bound": GIVEN},
            {"truncated_is": {"level": level, "cap": Take(f"{_WEIGHT}.upper_bound")}},
        )
        for level in ("token", "sequence")
    ),
    Spelling(
        {f"{_WEIGHT}.enabled": ON, f"{_WEIGHT}.weight_type": ANY},
        not_modeled="no trick has weights of turns, geometric means, or weights without a bound",
        written=False,
    ),
)
_KL: Final = (
    Spelling({"use_kl_loss": OFF}),
    Spelling({"use_kl_loss": ON, "kl_loss_coef": ANY}, {"kl_loss": {"coef": Take("kl_loss_coef")}}),
)
_KL_TO_GO: Final = (
    Spelling({"add_token_level_kl": OFF}),
    *(
        Spelling(
            {"add_token_level_kl": ON, "kl_penalty": penalty},
            {"kl_to_go": {"coef": Take("init_kl_coef"), "estimator": estimator}},
        )
        for penalty, estimator in (("kl", "k1"), ("mse", "k2"))
    ),
    Spelling(
        {"add_token_level_kl": ON, "kl_penalty": ANY}, not_modeled="no trick has this estimate of the KL", written=False
    ),
)
_ENTROPY: Final = (
    Spelling({"entropy_loss_coef": ZERO}),
    Spelling({"entropy_loss_coef": NONZERO}, {"entropy_bonus": {"coef": Take("entropy_loss_coef")}}),
)
_OVERLONG: Final = (
    Spelling({"max_len_mask": OFF}),
    Spelling({"max_len_mask": ON}, {"overlong_filter": {}}),
)
_DIFFICULTY: Final = (
    Spelling({"difficulty_mask": OFF}),
    Spelling(
        {"difficulty_mask": ON, "difficulty_low_threshold": 0.0, "difficulty_high_threshold": 1.0},
        {"zero_variance_filter": {}},
        note="by the mean score of a group, so for rewards of 0 and 1",
    ),
    Spelling(
        {"difficulty_mask": ON, "difficulty_low_threshold": ANY, "difficulty_high_threshold": ANY},
        {"zero_variance_filter": {}},
        note="also drops groups by their mean score: those at or beyond the two thresholds",
        written=False,
    ),
)
_DRAWN_AGAIN: Final = (
    Spelling({"is_use_additional_prompts": OFF}),
    Spelling(
        {"is_use_additional_prompts": ON},
        {"dynamic_sampling": {}},
        note="draws other prompts in place of those that query_filter_config of a reward rejects",
    ),
)

_RANGE: Final = re.compile(r"list\(range\((\d+),?\s*(\d+)?\)\)")


def _devices(value: Any) -> int | None:
    """Return how many devices a mapping such as ``list(range(0,8))`` names."""
    if isinstance(value, list):
        return len(value)
    found = _RANGE.fullmatch(value.replace(" ", "")) if isinstance(value, str) else None
    if found is None:
        return None
    first, last = found.groups()
    return int(first) if last is None else int(last) - int(first)


def _parallel(options: Options) -> int | None:
    """Return the number of data-parallel processes of the actor."""
    config = "actor_train.strategy_args.strategy_config"
    names = ("tensor_model_parallel_size", "pipeline_model_parallel_size", "context_parallel_size")
    sizes = [whole(options, f"{config}.{name}", 1) for name in names]
    sizes.append(whole(options, "actor_train.model_args.ulysses_size", 1))
    return quotient(_devices(options.get("actor_train.device_mapping")), product_of(*sizes))


def _counts(options: Options) -> Loop:
    """Return the counts; those of agents are in their environments."""
    prompts, epochs = whole(options, "rollout_batch_size"), whole(options, "ppo_epochs", 1)
    group = whole(options, "num_return_sequences_in_group")
    agents = whole(options, "train_env_manager.group_size", 1)
    if agents and agents > 1:
        group, prompts = agents, quotient(prompts, agents)
    processes = _parallel(options)
    step = product_of(
        whole(options, f"{_TRAIN}.per_device_train_batch_size"),
        whole(options, f"{_TRAIN}.gradient_accumulation_steps", 1),
        processes or 1,
    )
    response = whole(options, "response_length")
    if response is None and (sequence := whole(options, "sequence_length")):
        response = sequence - (whole(options, "prompt_length") or 0)
    return {
        "group_size": group,
        "prompts_per_batch": prompts,
        "updates_per_rollout": product_of(quotient(product_of(prompts, group), step), epochs),
        "epochs": epochs,
        "max_response_length": response,
        "max_prompt_length": whole(options, "prompt_length"),
    }


def _written_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    """Return the options for the counts of a loop on one process, one prompt's group a micro-batch."""
    group = loop.get("group_size", defaults["num_return_sequences_in_group"])
    epochs, prompts = loop.get("epochs", 1), loop.get("prompts_per_batch", 1)
    updates = max(1, loop.get("updates_per_rollout", 1) // epochs)
    lengths = {"prompt_length": "max_prompt_length", "response_length": "max_response_length"}
    return {
        "rollout_batch_size": prompts,
        "num_return_sequences_in_group": group,
        "ppo_epochs": epochs,
        f"{_TRAIN}.per_device_train_batch_size": group,
        f"{_TRAIN}.gradient_accumulation_steps": max(1, prompts // updates),
        **{option: loop[key] for option, key in lengths.items() if key in loop},
    }


def _top_k(value: Any) -> Any:
    return 0 if value in (None, -1) else value


def _rejects(options: Options, _: Loop) -> bool:
    filters = options.get("train_infer_correction.filters")
    return bool(filters) and options.get("loss_agg_mode") == "token-mean"


def _forced(options: Options, _: Loop) -> bool:
    types = (options.get("norm_mean_type"), options.get("norm_std_type"))
    return any(kind not in (None, "group") for kind in types)


def _bounds_dropped(options: Options, _: Loop) -> bool:
    return _is_pg_worker(options.get(_WORKER)) and options.get(_VARIANT) == "cispo"


_FAULTS: Final = (
    Fault(
        "grpo-forces-group",
        "adv_estimator=grpo sets norm_mean_type and norm_std_type to group, whatever is written",
        {"adv_estimator": "grpo"},
        _forced,
        source="roll/utils/functionals.py:656",
    ),
    Fault(
        "batch-mean-group-std",
        "a group deviation without a group mean gives a tensor of another shape, and the step stops",
        {"norm_std_type": "group", "adv_estimator": "reinforce"},
        lambda options, _: options.get("norm_mean_type") != "group",
        source="run",
    ),
    Fault(
        "rejection-in-numerator",
        "tokens that train_infer_correction rejects stay in the numerator of the token mean and leave its denominator: "
        "the loss grows",
        test=_rejects,
        source="run",
    ),
    Fault(
        "cispo-bounds-dropped",
        "cispo_epsilon_low and cispo_epsilon_high are no fields of the configuration and are dropped: 0.9 and 1.1 hold",
        test=_bounds_dropped,
        source="roll/configs/worker_config.py:76",
    ),
    Fault(
        "pg-variant-missing",
        "this worker needs pg_variant; the default of the configuration is null, and the first step stops",
        {_WORKER: _WITH_VARIANT, _VARIANT: None},
        source="roll/pipeline/rlvr/actor_pg_worker.py:85",
    ),
    Fault(
        "reference-by-default",
        "init_kl_coef is 0.2 unless set: the reference model runs although no KL is used",
        {"add_token_level_kl": OFF, "use_kl_loss": OFF, "init_kl_coef": NONZERO},
        source="roll/configs/base_config.py:665",
    ),
    Fault(
        "nucleus",
        "the sampler's defaults are top_p 0.7, top_k 50 and temperature 0.95, and ratios know nothing of the cut",
        {"actor_infer.generating_args.top_p": 0.7, "actor_infer.generating_args.top_k": 50},
        source="roll/configs/generating_args.py:16",
    ),
)

_NOT_MODELED: Final = (
    NotModeled("gamma", "no trick discounts rewards along a response", (None, 1, 1.0)),
    NotModeled("rl_loss_coef", "multiplies policy loss and KL; the entropy bonus stays", (None, 1, 1.0)),
    NotModeled("whiten_rewards", "no trick whitens rewards of tokens before they are summed"),
    NotModeled("difficulty_loss_weight", "no trick weighs responses by the difficulty of their prompt"),
    NotModeled("length_loss_weight", "no trick weighs responses by their length"),
    NotModeled("error_max_len_clip", "no trick drops wrong responses beyond a length"),
    NotModeled("train_infer_correction.filters", "rejected tokens leave the denominator alone", (None, [], {})),
    NotModeled("is_pure_opd", "no trick distills from a teacher"),
    NotModeled("use_opd", "no trick distills from a teacher"),
    NotModeled("teacher", "no trick distills from a teacher", (None, {})),
    NotModeled("target_kl", "no trick adapts the coefficient of the KL"),
    NotModeled(
        "async_generation_ratio", "responses are older than the policy; the ratio is to the trainer's log-probs"
    ),
    NotModeled("dirty_data_mask", "no trick drops responses of failed environments"),
    NotModeled("use_token_reward", "no trick has rewards of tokens"),
    NotModeled("rewards.*.query_filter_config", "groups are filtered by mean or deviation of rewards", (None, {})),
    NotModeled("rewards.*.response_filter_config", "no trick filters responses by their reward", (None, {})),
    NotModeled("rewards.*.response_length_penalty_coef", "a penalty in the reward worker", (None, 0, 0.0)),
    NotModeled("reward_normalization.global_*", "no trick maps rewards linearly"),
    NotModeled("batch_adjust_mode", "trajectories are copied or dropped until they fill the batch", (None, "copy")),
    NotModeled(
        "actor_train.apply_loss_scale", "without it the backend's mean over micro-batches remains", (None, True)
    ),
    NotModeled("actor_train.router_replay", "experts are chosen as the sampler chose them", (None, {})),
    NotModeled("actor_train.training_args.lr_scheduler_type", "a schedule of the learning rate", (None, "constant")),
)

_NO_EFFECT: Final = (
    "exp_name", "seed", "hydra", "defaults", "output_dir", "base_dir", "logging_dir", "rollout_dump_dir", "track_with",
    "tracker_kwargs", "max_steps", "save_steps", "max_ckpt_to_keep", "logging_steps", "eval_steps", "val_*",
    "validation", "checkpoint_config", "resume_from_checkpoint", "rpc_timeout", "profiler_*",
    "report_length_and_rewards",
    "is_offload_*", "length_profiler_dir", "otlp_output_dir", "system_envs", "model_update_buffer_size_mb", "num_nodes",
    "num_gpus_per_node", "model_download_type", "rollout_mock", "transfer_backend", "generate_opt_level",
    "is_num_return_sequences_expand", "max_running_requests", "max_additional_running_prompts",
    "user_defined_rollout_loop_cls", "router_args", "pretrain", "reward_pretrain", "critic", "reference", "reward",
    "reward_model", "rewards", "student_*", "actor_infer.*", "actor_train.*", "lambd", "value_clip", "kl_horizon",
    "use_reward_scaling", "add_len_reward", "use_reward_norm", "critic_warmup", "enable_reference", "l2",
    "*enable_old_logprobs_recompute", "force_disable_old_logprobs_recompute", "pure_opd_pipeline_type",
    "global_template", "tag_to_template", "dataset_filter", "save_logging_board_dir", "postive_loss_coef",
    "use_topr_*", "use_policy_loss_type", "mask_type", "balance_length", "minibatch_data_iter_num", "local_rank",
    "custom_envs", "train_env_manager.*", "env_monitor", "render_save_dir", "open_feedback_turn",
    "episode_reward_weight",
    "step_reward_*", "exp_mode", "partial_gpu_mode", "parse_tool_call_parameter_to_dict", "skip_mock_system_prompt",
    "error_max_len_threshold", "difficulty_*_threshold", "norm_*_type", "reward_normalization.*",
    "train_infer_correction.*", "kl_penalty", "init_kl_coef", "kl_loss_coef", "pg_clip*", "use_pg_clip_range",
    "dual_clip_loss", "importance_sampling", "sequence_length", "prompt_length", "response_length",
)  # fmt: skip

_VARIABLES: Final = (  # of its YAML, which other entries read by reference
    "custom_env", "custom_env.*", "gem_*", "agent_config_common.*", "*_template", "*_pattern", "*_format_penalty",
    "max_actions_per_traj", "max_tokens_per_step", "env_manager_cls", "agent_runner_cls", "default_history_length",
    "model_name", "deepspeed_*", "lora_*", "max_steps_per_*",
)  # fmt: skip

TABLE: Final = Framework(
    name="roll",
    title="ROLL",
    parts=(
        Part("advantages", tuple(_advantages())),
        Part("whitening", tuple(_whitening())),
        Part("bounds of advantages", tuple(_clips())),
        Part("surrogate", tuple(_surrogates())),
        Part("aggregation", _MEANS),
        Part("weights of the sampler", _WEIGHTS),
        Part("KL loss", _KL),
        Part("KL in the reward", _KL_TO_GO),
        Part("entropy", _ENTROPY),
        Part("truncated responses", _OVERLONG),
        Part("groups of equal rewards", _DIFFICULTY),
        Part("prompts drawn again", _DRAWN_AGAIN),
    ),
    keeps=(
        Keep("temperature", Take("actor_infer.generating_args.temperature")),
        Keep("top_p", Take("actor_infer.generating_args.top_p")),
        Keep("top_k", Take("actor_infer.generating_args.top_k", _top_k)),
        Keep("lr", Take(f"{_TRAIN}.learning_rate")),
        Keep("weight_decay", Take(f"{_TRAIN}.weight_decay")),
        Keep("max_grad_norm", Take("max_grad_norm")),
        Keep("warmup_steps", Take(f"{_TRAIN}.warmup_steps")),
    ),
    counts=Counts(_counts, _written_counts),
    no_effect=_NO_EFFECT,
    not_modeled=_NOT_MODELED,
    faults=_FAULTS,
    form="yaml",
    launched=("start_rlvr_pipeline.py", "start_agentic_pipeline.py"),
    foreign=_VARIABLES,
    in_code={
        "soft_overlong": "a reward worker computes it (RewardConfig.worker_cls)",
        "length_reward": "a reward worker computes it (RewardConfig.worker_cls)",
        "format_reward": "a reward worker computes it (RewardConfig.worker_cls)",
    },
)
