"""TRL's options that change no update, those that no trick computes, and the faults of releases."""

from __future__ import annotations

from typing import Final

from tricks.frameworks.spelling import NONZERO, ON, Fault, Loop, NotModeled, Options, one_of, whole

NO_EFFECT: Final = (
    *("output_dir", "overwrite_output_dir", "run_name", "project", "report_to", "disable_tqdm", "debug", "seed"),
    *("log*", "num_completions_to_print", "wandb_log_unique_prompts", "trackio_*", "hub_*", "push_to_hub*"),
    *("save_*", "eval*", "do_*", "load_best_model_at_end", "metric_for_best_model", "greater_is_better"),
    *("per_device_eval_batch_size", "per_gpu_*", "batch_eval_metrics", "prediction_loss_only", "include_*"),
    *("num_generations_eval", "resume_from_checkpoint", "restore_callback_states_from_checkpoint"),
    *("ignore_data_skip", "skip_memory_metrics", "enable_jit_checkpoint", "label_names", "past_index"),
    *("dataset_*", "data_seed", "dataloader_*", "shuffle_dataset", "remove_unused_columns", "length_column_name"),
    *("group_by_length", "train_sampling_strategy", "dispatch_batches", "split_batches", "accelerator_config"),
    *("num_train_epochs", "max_steps", "model_name_or_path", "model_revision", "model_init_kwargs"),
    *("trust_remote_code", "attn_implementation", "torch_dtype", "dtype", "chat_template_kwargs", "use_cache"),
    *("bf16*", "fp16*", "tf32", "half_precision_backend", "cast_lm_head_to_fp32", "gradient_checkpointing*"),
    *("activation_checkpointing*", "torch_*", "torchdynamo", "use_cpu", "no_cuda", "use_mps_device", "use_ipex"),
    *("jit_mode_eval", "full_determinism", "local_rank", "ddp_*", "deepspeed", "fsdp*", "parallelism_config"),
    *("mp_parameters", "tp_size", "tpu_*", "ray_scope", "auto_find_batch_size"),
    *("average_tokens_across_devices", "ds3_gather_for_generation", "pad_to_multiple_of", "liger_kernel_config"),
    *("ignore_bias_buffers", "use_legacy_prediction_loop", "cache_implementation", "use_transformers_*"),
    *("transformers_continuous_batching_config", "vllm_device", "vllm_dtype", "vllm_enable_*", "vllm_gpu_*"),
    *("vllm_group_port", "vllm_max_model_len*", "vllm_mode", "vllm_model_impl", "vllm_server_*"),
    *("vllm_tensor_parallel_size", "reward_funcs", "reward_model_name_or_path", "use_liger_kernel"),
)

NOT_MODELED: Final = (
    NotModeled("top_entropy_quantile", "no trick masks tokens of low entropy", (None, 1.0)),
    NotModeled("off_policy_mask_threshold", "no trick masks responses that are far off the policy"),
    NotModeled("sapo_*", "no trick computes SAPO", (None, 1.0, 1.05)),
    NotModeled("vespo_*", "no trick computes VESPO", (None, 2.0, 3.0)),
    NotModeled("use_adaptive_entropy", "no trick adapts the weight of the entropy"),
    NotModeled("entropy_*", "only the adaptive weight of the entropy reads it", (None, 0.0, 0.2, 0.0001, 0.005, 1.0)),
    NotModeled("sync_ref_model", "the reference is fixed here"),
    NotModeled("ref_model_*", "the reference is fixed here", (None, 0.6, 512)),
    NotModeled("use_liger_loss", "the fused loss of Liger has been run nowhere here, and not every loss type is in it"),
    NotModeled("reward_weights", "rewards come summed; weigh them in the task's reward"),
    NotModeled("repetition_penalty", "the sampler has no such penalty here", (None, 1.0)),
    NotModeled("min_p", "the sampler has no such cut here"),
    NotModeled("generation_kwargs", "options of the sampler that no table lists"),
    NotModeled("vllm_guided_decoding_regex", "the sampler is not guided here"),
    NotModeled("vllm_structured_outputs_regex", "the sampler is not guided here"),
    NotModeled("max_tool_calling_iterations", "responses with calls of tools are not sampled here"),
    NotModeled("disable_dropout", "models here have no dropout"),
    NotModeled("optim", "the optimizer here is AdamW", (None, "computed", "adamw_torch", "adamw_torch_fused")),
    NotModeled("optim_*", "the optimizer here is AdamW"),
    NotModeled("adafactor", "the optimizer here is AdamW"),
    NotModeled("adam_beta1", "AdamW has 0.9 here", (None, 0.9)),
    NotModeled("adam_beta2", "AdamW has 0.999 here", (None, 0.999)),
    NotModeled("adam_epsilon", "AdamW has 1e-8 here", (None, 1e-8)),
    NotModeled("lr_scheduler_*", "the learning rate is constant after warm-up here", (None, "constant", {})),
    NotModeled("warmup_ratio", "warm-up is counted in updates here", (None, 0.0)),
    NotModeled("label_smoothing_factor", "no labels are read", (None, 0.0)),
    NotModeled("neftune_noise_alpha", "no noise is added to embeddings here"),
    NotModeled("router_aux_loss_coef", "the balance of experts is not in the rule", (None, 0.0, 0.001)),
    NotModeled("use_peft", "every weight is trained here; the rule on log-probs is the same"),
    NotModeled("lora_*", "every weight is trained here", (None, 16, 32, 0.05, "CAUSAL_LM")),
    NotModeled("use_rslora", "every weight is trained here"),
    NotModeled("use_dora", "every weight is trained here"),
    NotModeled("load_in_*", "weights are not quantized here"),
    NotModeled("bnb_*", "weights are not quantized here", (None, "nf4")),
    NotModeled("use_bnb_nested_quant", "weights are not quantized here"),
)


def _apart(options: Options) -> bool:
    """Return True where updates do not have one generation batch each."""
    accumulation = whole(options, "gradient_accumulation_steps", 1)
    steps = whole(options, "steps_per_generation")
    return steps is not None and steps != accumulation


def _several_steps(options: Options, loop: Loop) -> bool:
    return _apart(options) and options.get("loss_type") in ("dapo", "cispo", "vespo")


def _eval(options: Options, loop: Loop) -> bool:
    accumulation = whole(options, "gradient_accumulation_steps", 1) or 1
    on = options.get("eval_strategy") not in (None, "no", False)
    return on and accumulation > 1 and options.get("loss_type") in ("grpo", "bnpo", "dr_grpo", "sapo", "luspo")


def _small_bound(options: Options, loop: Loop) -> bool:
    high = options.get("epsilon_high")
    bound = options.get("epsilon") if high is None else high
    return isinstance(bound, int | float) and bound < 1


FAULTS: Final = (
    Fault(
        "scale_rewards_inverted",
        "scale_rewards is inverted: group divides by nothing, and none and batch divide by the group's standard "
        "deviation; mended in 0.22.2",
        since="0.22.0",
        until="0.22.1",
        source="run",
    ),
    Fault(
        "divisor_of_the_generation_batch",
        "the loss is divided by the tokens of the whole generation batch, so that the gradient is multiplied by "
        "gradient_accumulation_steps over steps_per_generation; mended in 1.9.1",
        test=_several_steps,
        since="0.22.0",
        until="1.9.0",
        source="run",
    ),
    Fault(
        "masked_tokens_in_the_divisor",
        "truncated responses are masked in the loss and still counted in its divisor; mended in 1.9.0",
        when={"mask_truncated_completions": ON, "loss_type": one_of("dapo", "cispo", "vespo")},
        since="0.22.0",
        until="1.8.0",
        source="run",
    ),
    Fault(
        "luspo_averages_padding",
        "with ratios of tokens the loss is a mean over all positions, padding included, times the length; mended in "
        "1.10.0",
        when={"loss_type": "luspo", "importance_sampling_level": "token"},
        since="0.28.0",
        until="1.9.2",
        source="run",
    ),
    Fault(
        "luspo_kl_averages_padding",
        "a KL of tokens makes the loss a mean over all positions, padding included; mended in 1.10.0",
        when={"loss_type": "luspo", "importance_sampling_level": "sequence", "beta": NONZERO},
        since="0.28.0",
        until="1.9.2",
        source="run",
    ),
    Fault(
        "eval_loss_divided",
        "the evaluation loss is divided by gradient_accumulation_steps; mended in 0.27.1",
        test=_eval,
        since="0.22.0",
        until="0.27.0",
        source="run",
    ),
    Fault(
        "attention_to_padding",
        "log-probs are computed without an attention mask, so that padding of prompts is attended to; mended in 0.15.0",
        until="0.14.0",
        source="run",
    ),
    Fault(
        "log_probs_at_temperature_1",
        "log-probs are those of temperature 1, whatever the temperature of sampling; mended in 0.16.0",
        test=lambda options, loop: options.get("temperature") != 1,
        until="0.15.2",
        source="run",
    ),
    Fault(
        "none_rewards_crash",
        "a response for which every reward function returns None ends the run; mended in 0.22.0",
        since="0.20.0",
        until="0.21.0",
        source="run",
    ),
    Fault(
        "none_rewards_are_zeros",
        "a response for which every reward function returns None counts with reward 0 in its group; from 1.6.0 it is "
        "left out of mean and standard deviation",
        since="0.22.0",
        until="1.5.1",
        source="run",
    ),
    Fault(
        "cispo_bound_below_one",
        "the weight is clamped at epsilon_high itself, below 1, so that every gradient is multiplied by it; TRL's help "
        "recommends epsilon_high=5.0",
        when={"loss_type": "cispo"},
        test=_small_bound,
        since="0.26.0",
        source="run",
    ),
    Fault(
        "one_end_of_sequence",
        "only the tokenizer's own end token counts as an end, so that finished responses of models with several are "
        "masked; mended in 1.14.2",
        when={"mask_truncated_completions": ON},
        since="0.17.0",
        until="1.14.1",
        source="read",
    ),
)
