"""The spelling of rules in SkyRL's SkyRLTrainConfig: Hydra-like overrides of a nested configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tricks.frameworks.limits import FifthTake, LimitTake
from tricks.frameworks.spelling import (
    GIVEN,
    OFF,
    ON,
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
    shifted,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_A: Final = "trainer.algorithm."
_CORRECTION: Final = f"{_A}off_policy_correction."
_LIMIT: Final = "generator.sampling_params.max_generate_length"
_TRAINER: Final = "skyrl/train/trainer.py"
_PPO: Final = "skyrl/backends/skyrl_train/utils/ppo_utils.py"
_NO_TRICK: Final = "no trick computes it"


def _advantages() -> Iterator[Spelling]:
    """Yield the estimators, each alone and with advantage_batch_normalize."""
    estimator, normalize = f"{_A}advantage_estimator", f"{_A}advantage_batch_normalize"
    by_std = f"{_A}grpo_norm_by_std"
    for whitened in (False, True):
        more: dict[str, dict[str, Any]] = {"token_whitening": {}} if whitened else {}
        chosen = {normalize: ON if whitened else OFF}
        yield Spelling({estimator: "grpo", by_std: ON, **chosen}, {"group_norm": {}, **more})
        yield Spelling({estimator: "grpo", by_std: OFF, **chosen}, {"group_mean": {}, **more})
        yield Spelling({estimator: "rloo", **chosen}, {"rloo": {}, **more})
    yield Spelling({estimator: "reinforce++", normalize: OFF}, {"token_whitening": {}})
    yield Spelling({estimator: "reinforce++", normalize: ON}, not_modeled="no trick whitens twice")
    yield Spelling({estimator: "maxrl"}, not_modeled="no trick divides by the group mean", since="0.2.0")
    yield Spelling({estimator: "gae"}, not_modeled="it needs a critic")


def _surrogates() -> Iterator[Spelling]:
    """Yield the policy losses."""
    loss = f"{_A}policy_loss_type"
    bounds = {"clip_ratio_low": Take(f"{_A}eps_clip_low"), "clip_ratio_high": Take(f"{_A}eps_clip_high")}
    yield Spelling({loss: "regular"}, {"clip": {**bounds, "dual_clip": None}})
    yield Spelling({loss: "dual_clip"}, {"clip": {**bounds, "dual_clip": Take(f"{_A}clip_ratio_c")}})
    yield Spelling({loss: "gspo"}, {"gspo": bounds})
    weight = {
        "low": shifted(f"{_A}cispo.cispo_eps_clip_low", 1.0, -1),
        "high": shifted(f"{_A}cispo.cispo_eps_clip_high", 1.0),
    }
    yield Spelling({loss: "cispo"}, {"cispo": weight}, note="bounds are 1 - cispo_eps_clip_low and 1 + ..._high")
    for name, since in (("sapo", ""), ("clip_cov", ""), ("kl_cov", ""), ("rollout_is", "0.2.0"), ("dppo", "0.3.0")):
        yield Spelling({loss: name}, not_modeled=_NO_TRICK, since=since)
    yield Spelling({loss: "importance_sampling"}, not_modeled="no trick leaves the ratio without a bound")
    yield Spelling({loss: "cross_entropy"}, not_modeled="it is supervised training")


def _means() -> Iterator[Spelling]:
    """Yield the loss reductions."""
    reduction = f"{_A}loss_reduction"
    yield Spelling({reduction: "token_mean"}, {"token_mean": {}}, since="0.2.0")
    yield Spelling({reduction: "token_mean"}, {"token_mean": {"scope": "micro_batch"}}, until="0.1.0")
    yield Spelling({reduction: "token_mean_legacy"}, {"token_mean": {"scope": "micro_batch"}}, since="0.2.0")
    yield Spelling({reduction: "prompt_mean"}, {"prompt_mean": {}}, since="0.3.0")
    yield Spelling({reduction: "sequence_mean"}, {"sequence_mean": {}})
    length = {"length": LimitTake(f"{_A}max_seq_len", limit=_LIMIT, default=1024)}
    yield Spelling(
        {reduction: "seq_mean_token_sum_norm"}, {"constant_length": length}, note="max_seq_len is the constant"
    )


def _kl() -> Iterator[Spelling]:
    """Yield the places of the KL: nowhere, in the loss, in the reward, or to go with REINFORCE++."""
    in_loss, in_reward, kind = f"{_A}use_kl_loss", f"{_A}use_kl_in_reward", f"{_A}kl_estimator_type"
    taken = {"coef": Take(f"{_A}kl_loss_coef"), "estimator": Take(kind)}
    known = one_of("k3", "k1", "k2")
    yield Spelling({in_loss: OFF, in_reward: OFF})
    yield Spelling({in_loss: ON, in_reward: OFF, kind: known}, {"kl_loss": taken})
    to_go = {in_loss: OFF, in_reward: ON, kind: known, f"{_A}advantage_estimator": "reinforce++"}
    yield Spelling(to_go, {"kl_to_go": taken})
    yield Spelling({in_loss: OFF, in_reward: ON, kind: known}, {"kl_reward": taken})
    yield Spelling({kind: "abs"}, not_modeled="no trick has the absolute log-ratio")


def _corrections() -> Iterator[Spelling]:
    """Yield the corrections for the sampler."""
    kind, metric, old = f"{_CORRECTION}tis_ratio_type", f"{_CORRECTION}sequence_mask_metric", f"{_A}use_tis"
    masks = [
        f"{_CORRECTION}{each}_is_threshold_{end}" for each in ("outlier_token", "token_mask") for end in ("low", "high")
    ]
    cut: dict[str, Any] = {"outside": "truncate", "floor": 0.0}
    yield Spelling({metric: GIVEN}, not_modeled="no trick has a gate apart from its weight")
    for mask in masks:
        yield Spelling({mask: GIVEN}, not_modeled="no trick has a gate apart from its weight")
    cap = Take(f"{_A}tis_imp_ratio_cap")
    yield Spelling({old: ON}, {"truncated_is": {**cut, "level": "token", "cap": cap}}, written=False)
    for level in ("token", "sequence"):
        cap = Take(f"{_CORRECTION}{level}_tis_ratio_clip_high")
        yield Spelling({kind: level}, {"truncated_is": {**cut, "level": level, "cap": cap}})
    yield Spelling({})


def _rounds(batches: Any) -> int:
    """Return the extra rounds of at most that many batches; none is no bound."""
    return int(batches) - 1 if isinstance(batches, int | float) and batches > 0 else 1_000_000


_PARTS: Final = (
    Part("advantages", tuple(_advantages()), registers=("trainer.algorithm.advantage_estimator",)),
    Part("surrogate", tuple(_surrogates()), registers=("trainer.algorithm.policy_loss_type",)),
    Part("mean", tuple(_means())),
    Part("KL", tuple(_kl())),
    Part(
        "entropy",
        (
            Spelling({f"{_A}use_entropy_loss": OFF}),
            Spelling({f"{_A}use_entropy_loss": ON}, {"entropy_bonus": {"coef": Take(f"{_A}entropy_loss_coef")}}),
        ),
    ),
    Part(
        "truncated responses",
        (
            Spelling({"generator.apply_overlong_filtering": OFF}),
            Spelling({"generator.apply_overlong_filtering": ON}, {"overlong_filter": {}}),
        ),
    ),
    Part(
        "equal rewards",
        (
            Spelling({f"{_A}zero_variance_filter": OFF}),
            Spelling(
                {f"{_A}zero_variance_filter": ON},
                {"zero_variance_filter": {"tolerance": Take(f"{_A}zero_variance_filter_tol")}},
                since="0.3.0",
            ),
            Spelling({f"{_A}zero_variance_filter": ON}, {"zero_variance_filter": {}}, until="0.2.0"),
        ),
    ),
    Part(
        "dynamic sampling",
        (
            Spelling(
                {f"{_A}dynamic_sampling.type": "filter"},
                {
                    "dynamic_sampling": {
                        "rounds": Take(
                            f"{_A}dynamic_sampling.max_sample_batches", _rounds, lambda rounds: int(rounds) + 1
                        )
                    }
                },
                note="SkyRL stops the run at the cap",
            ),
            Spelling(
                {f"{_A}dynamic_sampling.type": "replace"}, not_modeled="no trick copies good groups over bad ones"
            ),
            Spelling({}),
        ),
    ),
    Part("sampler correction", tuple(_corrections())),
    Part(
        "length of responses",
        (
            Spelling(
                {f"{_A}overlong_buffer_len": GIVEN},
                {
                    "soft_overlong": {
                        "cache": FifthTake(f"{_A}overlong_buffer_len", limits=(_LIMIT,), default=1024),
                        "weight": Take(f"{_A}overlong_buffer_penalty_factor"),
                    }
                },
                note="of the entry point examples.train.algorithms.dapo.main_dapo alone",
            ),
            Spelling({}),
        ),
    ),
)


def _counts(options: Options) -> Loop:
    prompts, mini = whole(options, "trainer.train_batch_size"), whole(options, "trainer.policy_mini_batch_size")
    epochs = whole(options, "trainer.update_epochs_per_batch", 1)
    return {
        "group_size": whole(options, "generator.n_samples_per_prompt"),
        "prompts_per_batch": prompts,
        "updates_per_rollout": product_of(quotient(prompts, mini), epochs),
        "epochs": epochs,
    }


def _written_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    epochs = loop.get("epochs", 1)
    prompts = loop.get("prompts_per_batch", defaults["trainer.train_batch_size"])
    updates = max(1, loop.get("updates_per_rollout", 1) // epochs)
    return {
        "trainer.train_batch_size": prompts,
        "trainer.policy_mini_batch_size": max(1, prompts // updates),
        "trainer.update_epochs_per_batch": epochs,
        "generator.n_samples_per_prompt": loop.get("group_size", defaults["generator.n_samples_per_prompt"]),
    }


def _top_k(value: Any) -> Any:
    return 0 if value == -1 else value


_OPTIMIZER: Final = "trainer.policy.optimizer_config."
_KEEPS: Final = (
    Keep("temperature", Take("generator.sampling_params.temperature")),
    Keep("top_p", Take("generator.sampling_params.top_p")),
    Keep("top_k", Take("generator.sampling_params.top_k", _top_k, lambda value: value or -1)),
    Keep("max_prompt_length", Take("trainer.max_prompt_length")),
    Keep("max_response_length", Take(_LIMIT)),
    Keep("lr", Take(f"{_OPTIMIZER}lr")),
    Keep("weight_decay", Take(f"{_OPTIMIZER}weight_decay")),
    Keep("max_grad_norm", Take(f"{_OPTIMIZER}max_grad_norm")),
    Keep("warmup_steps", Take(f"{_OPTIMIZER}num_warmup_steps")),
)

_NO_EFFECT: Final = (
    "data.*",
    "environment.*",
    "generator.inference_engine.*",
    "generator.eval_*",
    "generator.append_eos_token_after_stop_str_in_multi_turn",
    "generator.batched",
    "generator.chat_template*",
    "generator.max_input_length",
    "generator.max_turns",
    "generator.rope_*",
    "generator.sampling_params.logprobs",
    "generator.sampling_params.stop",
    "generator.use_*",
    "generator.vision_language_generator",
    "trainer.bf16",
    "trainer.ckpt_*",
    "trainer.critic*",
    "trainer.disable_fast_tokenizer",
    "trainer.dump_*",
    "trainer.enable_ray_gpu_monitor",
    "trainer.epochs",
    "trainer.eval_*",
    "trainer.export_path",
    "trainer.flash_attn",
    "trainer.fully_async.*",
    "trainer.fused_lm_head_logprob*",
    "trainer.gradient_checkpointing*",
    "trainer.hf_save_interval",
    "trainer.log*",
    "trainer.max_ckpts_to_keep",
    "trainer.max_tokens_per_microbatch",
    "trainer.max_training_steps",
    "trainer.micro_forward_batch_size_per_gpu",
    "trainer.micro_train_batch_size_per_gpu",
    "trainer.mtp.*",
    "trainer.num_logger_*",
    "trainer.placement.*",
    "trainer.policy.fsdp_config.*",
    "trainer.policy.inference_only_init",
    "trainer.policy.language_model_only",
    "trainer.policy.megatron_config.*",
    "trainer.policy.model*",
    "trainer.policy.record_memory",
    "trainer.policy.sequence_parallel_size",
    "trainer.policy.torch_profiler_config.*",
    "trainer.policy.use_torch_compile",
    f"{_OPTIMIZER}adam_betas",
    f"{_OPTIMIZER}offload_after_step",
    f"{_OPTIMIZER}scheduler",
    "trainer.print_example_interval",
    "trainer.project_name",
    "trainer.recompute_old_logprobs_per_minibatch",
    "trainer.ref.*",
    "trainer.remove_microbatch_padding",
    "trainer.resume_*",
    "trainer.rope_*",
    "trainer.run_name",
    "trainer.seed",
    "trainer.sequence_parallel_backend",
    "trainer.strategy",
    "trainer.tags",
    "trainer.use_*",
    f"{_A}clip_cov.*",
    f"{_A}clip_ratio_c",
    f"{_A}cispo.*",
    f"{_A}dppo.*",
    f"{_A}dynamic_sampling.*",
    f"{_A}entropy_loss_coef",
    f"{_A}eps_clip_*",
    f"{_A}grpo_norm_by_std",
    f"{_A}kl_cov.*",
    f"{_A}kl_ctrl.*",
    f"{_A}kl_estimator_type",
    f"{_A}kl_loss_coef",
    f"{_A}lambd",
    f"{_A}max_seq_len",
    f"{_A}sapo.*",
    f"{_A}tis_imp_ratio_cap",
    f"{_A}value_*",
    f"{_A}zero_variance_filter_tol",
    f"{_CORRECTION}*",
)

_STALE: Final = "no trick trains on samples of older policies"
_NOT_MODELED: Final = (
    NotModeled(f"{_A}gamma", "no trick discounts rewards", (None, 1.0)),
    NotModeled(f"{_A}kl_ctrl.type", "no trick adapts the coefficient of the KL", (None, "fixed")),
    NotModeled(f"{_A}temperature", "the log-probs have a temperature of their own", (None,)),
    NotModeled("generator.merge_stepwise_output", "no trick merges turns"),
    NotModeled("generator.step_wise_trajectories", "no trick makes each turn a response"),
    NotModeled("generator.sampling_params.additional_kwargs", "the sampler has more settings", (None, {})),
    NotModeled("generator.sampling_params.min_p", "the loop's sampler has no min_p", (None, 0, 0.0)),
    NotModeled("generator.sampling_params.repetition_penalty", "the loop's sampler has none", (None, 1, 1.0)),
    NotModeled("generator.zero_reward_on_non_stop", "no trick zeroes the reward of unfinished responses"),
    NotModeled("trainer.fully_async.enabled", _STALE),
    NotModeled("trainer.fully_async.max_staleness_steps", _STALE, (None, 0, 4)),
    NotModeled("trainer.mtp.enabled", "no trick trains heads for several tokens"),
    NotModeled("trainer.update_ref_every_epoch", "no trick moves the reference model"),
)


def _faults() -> Iterator[Fault]:
    yield Fault(
        "cispo raises small weights",
        "cispo_eps_clip_low is taken from 1: with 0.0 a weight below 1 counts as 1; set it to 1.0 for no lower bound",
        {f"{_A}policy_loss_type": "cispo", f"{_A}cispo.cispo_eps_clip_low": 0.0},
        source=f"{_PPO}:750",
    )
    yield Fault(
        "batch normalization counts padding",
        "advantage_batch_normalize subtracts a mean in which padding counts as zeros",
        {f"{_A}advantage_batch_normalize": ON},
        source=f"{_TRAINER}:1451",
    )
    yield Fault(
        "token mean of micro-batches",
        "token_mean averages over the tokens of each micro-batch and not of the mini-batch; its numbers change with "
        "micro_train_batch_size_per_gpu",
        {f"{_A}loss_reduction": "token_mean"},
        until="0.1.0",
        source=f"{_PPO}:991",
    )
    yield Fault(
        "equal rewards that are rounded",
        "zero_variance_filter keeps groups whose equal rewards have a rounded mean, such as three times 0.1",
        {f"{_A}zero_variance_filter": ON},
        until="0.2.0",
        source="skyrl/train/utils/trainer_utils.py:589",
    )
    yield Fault(
        "the KL has a mean of its own",
        "the KL is averaged over each response and then over responses, whatever loss_reduction is",
        {f"{_A}use_kl_loss": ON, f"{_A}loss_reduction": Match(lambda value: value != "sequence_mean")},
        source="skyrl/backends/skyrl_train/workers/worker.py:977",
    )


TABLE: Final = Framework(
    name="skyrl",
    title="SkyRL",
    parts=_PARTS,
    keeps=_KEEPS,
    counts=Counts(_counts, _written_counts),
    no_effect=_NO_EFFECT,
    not_modeled=_NOT_MODELED,
    faults=tuple(_faults()),
    form="overrides",
    launched=("skyrl.train.entrypoints", "skyrl_train.entrypoints", "main_base"),
    foreign=(
        *("trainer.arctic_rl.*", "trainer.override_entrypoint", "trainer.num_dummy_steps"),
        *("generator.rate_limit.*", "generator.miniswe_*", "generator.task", "generator.*child*"),
        *("harbor_trial_config.*", "env_variant"),
        *("generator.inference_engine.async_engine", "trainer.use_sample_packing"),  # old names that are accepted
    ),
    head="python -m skyrl.train.entrypoints.main_base",
    in_code={
        "length_reward": "the environment's step gives the reward of a response",
        "format_reward": "the environment's step gives the reward of a response",
    },
)
