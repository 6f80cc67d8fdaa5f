"""The spelling of rules in the AsyncGRPOConfig of TRL's asynchronous trainer, in every release that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tricks.frameworks.spelling import (
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
    from collections.abc import Iterator, Mapping, Sequence

_TRAINER: Final = "trl/experimental/async_grpo/async_grpo_trainer.py"
_TOKENS: Final[Mapping[str, Mapping[str, Any]]] = {"group_norm": {}, "token_mean": {}}
_BOUNDS: Final = {"clip_ratio_low": Take("epsilon"), "clip_ratio_high": Take("epsilon_high", or_else="epsilon")}
_RULE: Final = Part(
    "rule",
    (
        Spelling(
            {},
            {**_TOKENS, "clip": _BOUNDS},
            note="the ratio is to the sampler's log-probs, and a micro-batch counts once, whatever it holds",
        ),
    ),
)


def _counts(options: Options) -> Loop:
    """Return the counts of one process; a batch is what one update trains on, and is used once."""
    accumulation = whole(options, "gradient_accumulation_steps", 1)
    group, device = whole(options, "num_generations"), whole(options, "per_device_train_batch_size")
    budgeted = "token_budget" in options and not _off(options.get("token_budget"))
    found: dict[str, Any] = {"group_size": group, "updates_per_rollout": 1, "epochs": 1}
    return found | ({} if budgeted else {"prompts_per_batch": quotient(product_of(device, accumulation), group)})


def _off(budget: Any) -> bool:
    return isinstance(budget, int | float) and budget <= 0


def _written_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    """Return the options for the counts of a loop on one process, one prompt's group a micro-batch."""
    group = loop.get("group_size", defaults["num_generations"])
    return {
        "num_generations": group,
        "per_device_train_batch_size": group,
        "gradient_accumulation_steps": loop.get("prompts_per_batch", 1),
        **({"token_budget": 0} if "token_budget" in defaults else {}),
    }


def _idle(options: Options, loop: Loop) -> Iterator[str]:
    """Yield sentences on given options that cannot act."""
    del loop
    if "token_budget" in options and not _off(options["token_budget"]) and options.get("per_device_train_batch_size"):
        yield (
            "per_device_train_batch_size: micro-batches are filled up to token_budget tokens; set token_budget=0 to "
            "have a fixed number of responses"
        )


def _number(value: Any) -> Any:
    """Return a number, or None for an expression that only running the script gives."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _sentences(options: Options, loop: Loop) -> Sequence[str]:
    return tuple(_idle(options, loop))


NO_EFFECT: Final = (
    *("output_dir", "run_name", "project", "report_to", "disable_tqdm", "debug", "seed", "log*", "trackio_*"),
    *("num_completions_to_print", "hub_*", "push_to_hub*", "save_*", "eval*", "do_*", "load_best_model_at_end"),
    *("metric_for_best_model", "greater_is_better", "per_device_eval_batch_size", "batch_eval_metrics"),
    *("prediction_loss_only", "include_*", "resume_from_checkpoint", "restore_callback_states_from_checkpoint"),
    *("ignore_data_skip", "enable_jit_checkpoint", "label_names", "data_seed", "dataloader_*"),
    *("remove_unused_columns", "length_column_name", "train_sampling_strategy", "accelerator_config"),
    *("num_train_epochs", "max_steps", "model_init_kwargs", "trust_remote_code", "dtype", "chat_template_kwargs"),
    *("use_cache", "bf16*", "fp16*", "tf32", "gradient_checkpointing*", "torch_*", "use_cpu", "full_determinism"),
    *("ddp_*", "deepspeed", "fsdp*", "parallelism_config", "auto_find_batch_size", "liger_kernel_config"),
    *("average_tokens_across_devices", "use_liger_kernel", "vllm_server_*", "request_timeout", "queue_maxsize"),
    *("max_inflight_tasks", "heartbeat_stale_after_s", "weight_sync_timeout"),
)

NOT_MODELED: Final = (
    NotModeled(
        "max_staleness",
        "responses of weights that are older are left out, and no batch here holds their age",
        (None, 4),
    ),
    NotModeled(
        "weight_sync_steps", "the sampler is that many updates behind; here each batch is of the newest", (None, 1)
    ),
    NotModeled("token_budget", "micro-batches of so many tokens have no fixed number of responses", (None, 0, -1)),
    NotModeled("fork_threshold_tokens", "responses of several turns are not sampled here", (None, 1024)),
    NotModeled("max_tool_calling_iterations", "responses with calls of tools are not sampled here"),
    NotModeled("repetition_penalty", "the sampler has no such penalty here", (None, 1.0)),
    NotModeled("min_p", "the sampler has no such cut here"),
    NotModeled("optim", "the optimizer here is AdamW", (None, "computed", "adamw_torch", "adamw_torch_fused")),
    NotModeled("optim_*", "the optimizer here is AdamW"),
    NotModeled("adam_beta1", "AdamW has 0.9 here", (None, 0.9)),
    NotModeled("adam_beta2", "AdamW has 0.999 here", (None, 0.999)),
    NotModeled("adam_epsilon", "AdamW has 1e-8 here", (None, 1e-8)),
    NotModeled("lr_scheduler_*", "the learning rate is constant after warm-up here", (None, "constant", {})),
    NotModeled("label_smoothing_factor", "no labels are read", (None, 0.0)),
    NotModeled("neftune_noise_alpha", "no noise is added to embeddings here"),
    NotModeled("router_aux_loss_coef", "the balance of experts is not in the rule", (None, 0.0, 0.001)),
)

FAULTS: Final = (
    Fault(
        "none_rewards_are_zeros",
        "a response for which every reward function returns None counts with reward 0 in its group; from 1.6.0 it is "
        "left out of mean and standard deviation and has advantage 0",
        until="1.5.1",
        source="read; trl/experimental/async_grpo/async_rollout_worker.py:676",
    ),
    Fault(
        "micro_batches_count_once",
        "the loss of each micro-batch is divided by its own tokens and then by gradient_accumulation_steps, so that a "
        "token of a short micro-batch weighs more than one of a long one",
        test=lambda options, loop: (whole(options, "gradient_accumulation_steps", 1) or 1) > 1,
        source=f"run; {_TRAINER}:1541",
    ),
)

TABLE: Final = Framework(
    name="trl_async",
    title="TRL (AsyncGRPOTrainer)",
    parts=(_RULE,),
    keeps=(
        Keep("temperature", Take("temperature", _number)),
        Keep("top_p", Take("top_p", _number), since="1.10.0"),
        Keep("top_k", Take("top_k", _number), since="1.10.0"),
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
    form="keywords",
    constructors=("AsyncGRPOConfig",),
    head="AsyncGRPOConfig",
    idle=_sentences,
    in_code={"soft_overlong": "trl.rewards.get_soft_overlong_punishment gives the reward function"},
)
