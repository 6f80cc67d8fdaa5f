"""OpenRLHF's options beside the rule: without effect, not modeled, of other programs; and known faults of releases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tricks.frameworks.openrlhf_names import OLD_NAMES
from tricks.frameworks.spelling import NONZERO, OFF, ON, Fault, NotModeled, one_of, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tricks.frameworks.spelling import Loop, Options

# Of Ray's job submission, around the command.
FOREIGN: Final = ("address", "runtime-env-json", "working-dir", "no-wait")

_MODELS: Final = (
    *("actor.model_name_or_path", "pretrain", "critic_pretrain", "reward_pretrain", "reward.model_name_or_path"),
    *("reward.remote_url", "remote_rm_url", "train.agent_func_path", "agent_func_path"),
    *("reward.normalize_enable", "normalize_reward", "value_head_prefix", "critic.model_name_or_path"),
)
_OF_CRITIC: Final = (
    *(
        "critic.*",
        "critic_*",
        "value_clip",
        "lambd",
        "algo.advantage.lambd",
        "save_value_network",
        "freezing_actor_steps",
    ),
)
_DATA: Final = (
    *("data.*", "prompt_data*", "prompt_split", "input_key", "label_key", "input_template", "apply_chat_template"),
    *("max_samples", "image_key", "max_images_per_prompt", "dataloader_num_workers", "disable_fast_tokenizer"),
    *("max_len", "prompt_max_len", "pretrain_split", "pretrain_data_probs", "ptx_coef", "use_ms"),
)
_MACHINE: Final = (
    *("ds.*", "ref.*", "*_num_nodes", "*_num_gpus_per_node", "actor.num_nodes", "actor.num_gpus_per_node"),
    *("reward.num_nodes", "reward.num_gpus_per_node", "reward.offload", "ref_reward_offload", "vllm.*"),
    *("vllm_num_engines", "vllm_tensor_parallel_size", "vllm_sync_backend", "vllm_sync_with_ray", "vllm_enable_sleep"),
    *("vllm_gpu_memory_utilization", "enable_prefix_caching", "enforce_eager", "colocate_*", "train.colocate_*"),
    *("zero_stage", "zpg", "adam_offload", "overlap_comm", "grad_accum_dtype", "bf16", "param_dtype", "flash_attn"),
    *("attn_implementation", "gradient_checkpointing*", "actor.gradient_checkpointing*", "actor_init_on_gpu", "perf"),
    *("deepspeed_enable_sleep", "deepcompile", "torch_compile", "use_liger_kernel", "ring_attn_size"),
    *("ring_head_stride", "ds_tensor_parallel_size", "local_rank", "packing_samples"),
    *("micro_rollout_batch_size", "rollout.micro_batch_size", "micro_train_batch_size", "train.micro_batch_size"),
    *("train_max_tokens_per_gpu", "rollout_max_tokens_per_gpu", "train.max_tokens_per_gpu"),
    *("rollout.max_tokens_per_gpu", "vllm_generate_batch_size", "rollout.vllm_generate_batch_size"),
    *("full_determinism", "train.full_determinism_enable", "seed", "train.seed", "actor.freeze_visual_encoder"),
    "freeze_visual_encoder",
)
_FILES: Final = (
    *("ckpt.*", "ckpt_path", "save_*", "load_checkpoint", "max_ckpt_*", "disable_ds_ckpt", "use_ds_universal_ckpt"),
    *("universal_ckpt", "best_metric_key", "logger.*", "logging_steps", "use_wandb", "wandb_*", "use_tensorboard"),
    *("eval.*", "eval_*", "enable_ema", "ema_beta", "train.enable_ema", "train.ema_beta"),
    *("num_episodes", "train.num_episodes"),
)
_WITHOUT_THEIR_SWITCH: Final = (
    *("kl_horizon", "algo.kl.horizon", "algo.kl.estimator", "kl_estimator", "use_kl_estimator_k3"),
    *("algo.kl.use_loss", "use_kl_loss", "algo.kl.unbiased_gradient", "actor.eps_clip", "eps_clip"),
    *("overlong_penalty_factor", "reward.overlong_penalty_factor", "dynamic_filtering_reward_range"),
    *("algo.dynamic_filtering_range", "vllm_is_*", "use_icepop", "algo.advantage.is_correction_*"),
    *("actor.loss_agg_mode", "actor.dual_clip", "dual_clip", "async_queue_size", "train.async_queue_size"),
    *("lora_alpha", "lora_dropout", "target_modules", "actor.muon.*", "actor.adam.eps"),
    *("max_new_tokens", "generate_max_len", "rollout.max_new_tokens"),
)
NO_EFFECT: Final = (*_MODELS, *_OF_CRITIC, *_DATA, *_MACHINE, *_FILES, *_WITHOUT_THEIR_SWITCH)

_SCHEDULE: Final = "the learning rate changes over the run, which no trick says"
NOT_MODELED: Final = (
    NotModeled("kl_target", "an adaptive coefficient keeps state from step to step"),
    NotModeled("algo.kl.target", "an adaptive coefficient keeps state from step to step"),
    NotModeled("gamma", "rewards of a token are discounted, which no trick does", (None, 1)),
    NotModeled("algo.advantage.gamma", "rewards of a token are discounted, which no trick does", (None, 1)),
    NotModeled("stop_properly_penalty_coef", "truncated responses get a scaled or fixed reward", (None,)),
    NotModeled("reward.stop_properly_penalty_coef", "truncated responses get a scaled or fixed reward", (None,)),
    NotModeled("async_train", "responses may come from older weights than those that start the step"),
    NotModeled("train.async_enable", "responses may come from older weights than those that start the step"),
    NotModeled("partial_rollout", "a response may be sampled by two versions of the weights"),
    NotModeled("train.partial_rollout_enable", "a response may be sampled by two versions of the weights"),
    NotModeled("aux_loss_coef", "a loss that balances experts is added"),
    NotModeled("actor.aux_loss_coef", "a loss that balances experts is added"),
    NotModeled("pretrain_data", "a loss on pretraining text is added"),
    NotModeled("lora_rank", "adapters alone are trained"),
    NotModeled("ds.lora.rank", "adapters alone are trained"),
    NotModeled("load_in_4bit", "the weights are rounded to 4 bits"),
    NotModeled("ds.load_in_4bit", "the weights are rounded to 4 bits"),
    NotModeled("lr_scheduler", _SCHEDULE, (None, "cosine_with_min_lr")),
    NotModeled("actor.lr_scheduler", _SCHEDULE, (None, "cosine_with_min_lr")),
    NotModeled("lr_warmup_ratio", _SCHEDULE, (None, 0.03)),
    NotModeled("actor.lr_warmup_ratio", _SCHEDULE, (None, 0.03)),
    NotModeled("actor.min_lr_ratio", _SCHEDULE, (None, 0.1)),
    NotModeled("adam_betas", "other moments of Adam than 0.9 and 0.95", (None, [0.9, 0.95])),
    NotModeled("actor.adam.betas", "other moments of Adam than 0.9 and 0.95", (None, [0.9, 0.95])),
    NotModeled("actor.optim", "Muon updates matrices in another way than Adam", (None, "adam")),
)

_LAST_OLD, _FIRST_NEW = "0.10.1.post2", "0.10.2"
_LOSS: Final = "openrlhf/models/loss.py"


def _both(name: str, text: str, when: dict[str, Any], since: str, until: str, **others: Any) -> Iterator[Fault]:
    """Yield a fault under the old names and under the dotted ones; releases on one side only give one."""
    old = {OLD_NAMES.get(option, option): value for option, value in when.items()}
    if until == _LAST_OLD or (until and until in _OLD_ENDS):
        yield Fault(name, text, old, since=since, until=until, **others)
    elif since in _NEW_STARTS:
        yield Fault(name, text, when, since=since, until=until, **others)
    else:
        yield Fault(name, text, old, since=since, until=_LAST_OLD, **others)
        yield Fault(f"{name}, new names", text, when, since=_FIRST_NEW, until=until, **others)


_OLD_ENDS: Final = ("0.6.4", "0.7.3", "0.8.4", "0.8.8", "0.10.1.post2")
_NEW_STARTS: Final = ("0.10.2", "0.10.3", "0.10.4", "0.11.0", "0.11.1", "0.11.2")


def _accumulates(options: Options, loop: Loop) -> bool:
    """Return True where an update surely has more than one micro-batch on each of eight devices."""
    whole_batch = whole(options, "train.batch_size", whole(options, "train_batch_size"))
    micro = whole(options, "train.micro_batch_size", whole(options, "micro_train_batch_size"))
    devices = whole(options, "actor.num_gpus_per_node", whole(options, "actor_num_gpus_per_node", 8)) or 8
    nodes = whole(options, "actor.num_nodes", whole(options, "actor_num_nodes", 1)) or 1
    return bool(whole_batch and micro and whole_batch > micro * devices * nodes)


def _faults() -> Iterator[Fault]:
    yield from _both(
        "rloo is whitened",
        "rloo is whitened over the tokens of the batch: its advantages are not the reward less the mean of the others",
        {"algo.advantage.estimator": "rloo"},
        "",
        "0.8.4",
        source="run",
    )
    yield from _both(
        "no_std_norm keeps the mean",
        "without the standard deviation the mean over tokens is still subtracted, so that with unequal lengths the "
        "advantages of a group do not sum to 0",
        {"algo.advantage.no_std_norm": ON, "algo.advantage.estimator": one_of("reinforce_baseline", "reinforce")},
        "0.6.4",
        "",
        source="run",
    )
    yield from _both(
        "token mean of micro-batches",
        "the token mean is taken in each micro-batch and the means are averaged: tokens of short responses weigh more",
        {},
        "0.7.0",
        "0.10.3",
        test=_accumulates,
        source="run",
    )
    yield from _both(
        "KL of packed samples",
        "the KL loss of packed samples has no gradient: the policy is not held to the reference",
        {"algo.kl.use_loss": ON, "ds.packing_samples": ON, "algo.kl.init_coef": NONZERO},
        "0.6.0",
        "0.6.4",
        source="openrlhf/trainer/ray/ppo_actor.py",
    )
    yield from _both(
        "KL loss stops",
        "the first training step with a KL loss stops: 'float' object has no attribute 'mean'",
        {"algo.kl.use_loss": ON},
        "0.7.2",
        "0.7.3",
        source="run",
    )
    yield from _both(
        "k1 as a loss",
        "the gradient of k1 as a loss is that of no KL: its expectation is 0",
        {"algo.kl.use_loss": ON, "algo.kl.estimator": "k1", "algo.kl.init_coef": NONZERO},
        "0.6.0.post1",
        "0.11.0",
        source="openrlhf/models/utils.py",
    )
    yield Fault(
        "k1 as a loss, by choice",
        "the gradient of k1 as a loss is that of no KL: its expectation is 0; unbiased_gradient gives the KL's",
        {
            "algo.kl.use_loss": ON,
            "algo.kl.estimator": "k1",
            "algo.kl.init_coef": NONZERO,
            "algo.kl.unbiased_gradient": OFF,
        },
        since="0.11.1",
        source="openrlhf/models/utils.py:113",
    )
    yield from _both(
        "k3 overflows",
        "a token 89 below the reference makes the gradient of k3 NaN, in spite of the bound on its value",
        {"algo.kl.use_loss": ON, "algo.kl.estimator": "k3", "algo.kl.init_coef": NONZERO},
        "0.8.6",
        "0.11.1",
        source="run",
    )
    yield from _both(
        "gspo over tokens",
        "GSPO is averaged over tokens, so that long responses weigh more; from 0.8.9 on it is averaged over responses",
        {"actor.policy_loss_type": "gspo"},
        "0.8.8",
        "0.8.8",
        source="run",
    )
    yield from _both(
        "gspo with weights",
        "with the correction GSPO's ratio is taken to the sampler's log-probs, and nothing is weighed",
        {"actor.policy_loss_type": "gspo", "algo.advantage.is_correction_enable": ON},
        "0.8.10",
        "0.11.1",
        source=f"{_LOSS}:190",
    )
    yield Fault(
        "gspo with weights, by level",
        "with the correction GSPO's ratio is taken to the sampler's log-probs, and nothing is weighed",
        {"actor.policy_loss_type": "gspo", "algo.advantage.is_correction_level": one_of("token", "seq")},
        since="0.11.2",
        source=f"{_LOSS}:190",
    )
    yield from _both(
        "dynamic batch",
        "micro-batches of unequal size are weighed by their share of responses, not of tokens",
        {"train.dynamic_batch_enable": ON},
        "0.8.6",
        "0.10.2",
        source="openrlhf/trainer/ppo_utils/replay_buffer.py",
    )


FAULTS: Final = tuple(_faults())
