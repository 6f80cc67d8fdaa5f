"""AReaL's options beside the rule: without effect, not modeled, and known faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tricks.frameworks.spelling import NONZERO, OFF, ON, Fault, NotModeled, one_of, whole

if TYPE_CHECKING:
    from tricks.frameworks.spelling import Loop, Options

_RUN: Final = (
    *("experiment_name", "trial_name", "cluster*", "allocation_mode", "seed", "enable_offload", "total_train_*"),
    *("tokenizer_path", "scheduler*", "saver*", "recover*", "evaluator*", "stats_logger*", "perf_tracer*"),
    *("memory_profiler*", "eval_gconfig*", "valid_dataset*", "sglang*", "vllm*", "train_dataset*", "rollout*", "ref*"),
)
_GENERATION: Final = (
    *("gconfig.min_new_tokens", "gconfig.max_tokens", "gconfig.stop*", "gconfig.skip_special_tokens"),
    *("gconfig.lora_name", "gconfig.use_beam_search", "gconfig.ignore_eos"),
)
_MACHINE: Final = (
    *("actor.backend", "actor.experiment_name", "actor.trial_name", "actor.path", "actor.attn_impl"),
    *("actor.init_from_scratch", "actor.disable_dropout", "actor.gradient_checkpointing", "actor.dtype"),
    *("actor.grad_reduce_dtype", "actor.optimizer_dtype", "actor.mb_spec*", "actor.pad_to_maximum"),
    *("actor.weight_update_mode", "actor.fsdp*", "actor.archon*"),
    *("actor.megatron*", "actor.scheduling_spec*", "actor.scheduling_strategy*"),
    *("actor.setup_timeout", "actor.request_timeout", "actor.log_*", "actor._version", "actor.admin_api_key"),
    *("actor.offload", "actor.is_critic", "actor.use_kernels", "actor.enable_tree_training"),
    *("actor.peft_type", "actor.target_modules", "actor.lora_alpha", "actor.optimizer*"),
)
_WITHOUT_THEIR_SWITCH: Final = (
    *("actor.temperature", "actor.recompute_logprob", "actor.kl_estimator", "actor.max_new_tokens"),
    *("actor.sapo_tau_*", "actor.overlong_tokens", "actor.overlong_penalty_factor", "actor.rejection_sampling*"),
    *("actor.reward_norm*", "actor.adv_norm*", "actor.prox_logp_method", "critic*", "teacher*"),
    "actor.eps_clip",
)
NO_EFFECT: Final = (*_RUN, *_GENERATION, *_MACHINE, *_WITHOUT_THEIR_SWITCH)

# Options of the scripts' own configurations, which extend PPOConfig, and of the launchers.
FOREIGN: Final = (
    *("workflow", "eval_workflow", "max_turns", "max_tokens_per_trajectory", "n_trajs", "async_training", "tir.*"),
    *("econfig.*", "launcher.*", "export_style", "agent_run_args.*", "reward_fn_path", "agent_builder_path"),
    *("judge_engine.*", "max_llm_calls_per_run", "log_agent_stats", "config"),
)

_ABSENT: Final = (None, "absent")
_SCHEDULE: Final = "the learning rate changes over the run, which no trick says"
NOT_MODELED: Final = (
    NotModeled(
        "actor.reward_scaling",
        "rewards are scaled before they are bounded and normalized; a standard deviation cancels it",
        (None, 1.0),
    ),
    NotModeled("actor.reward_bias", "rewards are shifted before they are bounded; a mean cancels it", (None, 0.0)),
    NotModeled("actor.mask_no_eos_with_zero", "the normalized reward of responses as long as the padding becomes 0"),
    NotModeled("actor.m2_threshold", "M2PO masks the tokens of the largest squared log-ratios", (None,)),
    NotModeled("actor.discount", "rewards are discounted from token to token", (None, 1.0)),
    NotModeled("actor.gae_lambda", "advantages are discounted from token to token", (None, 1.0)),
    NotModeled(
        "actor.prox_logp_method", "the policy that starts the step is interpolated", (None, "recompute", "metrics")
    ),
    NotModeled("actor.use_lora", "adapters alone are trained"),
    NotModeled("actor.lora_rank", "adapters alone are trained", (None, 0, 32)),
    NotModeled("teacher.path", "a loss that pulls to a teacher is added", _ABSENT),
    NotModeled("dynamic_bs", "a batch ends with fewer groups where some are rejected"),
    NotModeled("rollout.max_head_offpolicyness", "responses may come from weights that are so many updates older"),
    NotModeled("gconfig.greedy", "responses are not sampled"),
    NotModeled(
        "gconfig.frequency_penalty", "the sampler penalizes repeated tokens, and the log-probs do not", (None, 0)
    ),
    NotModeled("actor.optimizer.lr_scheduler_type", _SCHEDULE, (*_ABSENT, "constant")),
    NotModeled("actor.optimizer.warmup_steps_proportion", _SCHEDULE, (*_ABSENT, 0.001, 0)),
    NotModeled("actor.optimizer.beta1", "another moment of Adam than 0.9", (*_ABSENT, 0.9)),
    NotModeled("actor.optimizer.type", "another optimizer than Adam", (*_ABSENT, "adam", "adamw")),
)

_ACTOR: Final = "areal/trainer/ppo/actor.py"


def _other_size(section: str) -> object:
    """Return the test that a section's groups have another size than those that are sampled."""

    def differs(options: Options, loop: Loop) -> bool:
        by_group = "group" in (options.get(f"{section}.mean_level"), options.get(f"{section}.std_level"))
        return by_group and (whole(options, f"{section}.group_size") or 1) != loop.get("group_size")

    return differs


def _other_temperature(options: Options, loop: Loop) -> bool:
    return options.get("actor.temperature") != loop.get("temperature")


def _other_limit(options: Options, loop: Loop) -> bool:
    return whole(options, "actor.max_new_tokens") != loop.get("max_response_length")


def _no_norm(options: Options, loop: Loop) -> bool:
    """Return True where neither rewards nor advantages are normalized and no critic is given."""
    sections = ("actor.reward_norm", "actor.adv_norm")
    options_of = [options.get(f"{section}.{name}") for section in sections for name in ("mean_level", "std_level")]
    sizes = [options.get(f"{section}.group_size") for section in sections]
    return all(value in _ABSENT for value in (*options_of, *sizes, options.get("critic.path")))


FAULTS: Final = (
    Fault(
        "no baseline",
        "neither rewards nor advantages are normalized: the advantage is the reward itself, and every response of a "
        "positive reward is reinforced",
        test=_no_norm,
        source="run",
    ),
    Fault(
        "KL without a reference",
        "kl_ctl is not 0 and no reference model is given: the log-prob itself is subtracted as if the reference gave "
        "every token probability 1, which rewards unlikely tokens",
        {"actor.kl_ctl": NONZERO, "ref.path": one_of("absent")},
        source=f"{_ACTOR}:195",
    ),
    Fault(
        "KL of the sampler",
        "under the decoupled loss the KL in the reward is that of the sampler's log-probs, not of the trained policy's",
        {"actor.kl_ctl": NONZERO, "actor.use_decoupled_loss": ON},
        source="run",
    ),
    Fault(
        "ratio to the sampler",
        "the ratio is taken to the log-probs of the inference engine; recompute_logprob takes the trainer's own",
        {"actor.use_decoupled_loss": OFF, "actor.recompute_logprob": OFF},
        source=f"{_ACTOR}:186",
    ),
    Fault(
        "gspo over tokens",
        "GSPO is averaged over tokens, so that long responses weigh more",
        {"actor.importance_sampling_level": "sequence"},
        source="run",
    ),
    Fault(
        "whitening erases the scale",
        "adv_norm divides by a standard deviation over tokens: any scale of the rewards before it, such as a batch's "
        "or a group's, is lost in part or whole",
        {"actor.adv_norm.std_level": one_of("batch"), "actor.reward_norm.mean_level": one_of("group")},
        source="run",
    ),
    Fault(
        "groups of another size",
        "reward_norm.group_size is not the number of responses of a prompt: groups mix prompts, and responses of an "
        "incomplete last group are divided by eps",
        test=_other_size("actor.reward_norm"),  # type: ignore[arg-type]
        source="areal/utils/data.py:1430",
    ),
    Fault(
        "another temperature",
        "actor.temperature is not the sampler's: the ratio compares log-probs of two distributions",
        test=_other_temperature,
        source=f"{_ACTOR}:62",
    ),
    Fault(
        "another limit",
        "actor.max_new_tokens is not the sampler's limit, and the overlong penalty begins elsewhere",
        {"actor.overlong_reward_penalty": ON},
        test=_other_limit,
        source=f"{_ACTOR}:158",
    ),
)
