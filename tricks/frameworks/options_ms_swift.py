"""ms-swift's options that do not change the update rule, and those that no trick computes."""

from __future__ import annotations

from typing import Final

from tricks.frameworks.spelling import NotModeled

_MODEL: Final = (  # what is trained, in which precision and where
    *("model", "model_*", "adapter*", "ref_model*", "ref_adapter*", "ref_load", "mcore_*", "load", "load_*", "attn_*"),
    *("torch_dtype", "tuner_*", "train_type", "lora_*", "lorap_*", "llamapro_*", "lisa_*", "adalora_*", "boft_*"),
    *("fourier_*", "vera_*", "reft_*", "use_dora", "use_rslora", "use_swift_lora", "use_galore", "galore_*"),
    *("target_*", "modules_to_save", "trainable_*", "freeze_*", "init_*", "bf16*", "fp16*", "fp4_*", "fp8_*", "tf32"),
    *("quant_*", "bnb_*", "hqq_*", "rope_scaling", "rotary_*", "device_*", "max_memory", "max_model_len", "task_type"),
    *("num_labels", "problem_type", "local_repo_path", "new_special_tokens", "experts_impl", "vit_*", "aligner_*"),
    *("add_qkv_bias", "apply_query_key_*", "architectures", "csa_*", "disable_bias_linear", "engram_*", "ffn_*"),
    *("glu_linear_offset", "group_query_attention", "hidden_*", "kv_*", "layer_types", "linear_*", "llm_architectures"),
    *("mrope_*", "multi_latent_attention", "norm_epsilon", "normalization", "num_attention_heads", "num_experts"),
    *("num_layers", "num_query_groups", "padded_vocab_size", "partial_rotary_factor", "position_embedding_type"),
    *("q_lora_rank", "qk_*", "quick_geglu", "softmax_type", "swiglu", "untie_*", "window_*", "activation_func_*"),
    *("half_precision_backend", "language_model_only", "mtp_num_layers", "mtp_decoder*", "mtp_shared*", "safe_*"),
)
_DATA: Final = (
    *("dataset*", "val_dataset*", "cached_*", "custom_*", "columns", "split_dataset_ratio", "data_*", "dataloader_*"),
    *("interleave_prob", "stopping_strategy", "shuffle_buffer_size", "streaming", "stream", "download_mode", "strict"),
    *("load_from_cache_file", "packing*", "padding_*", "mlp_padding_free", "lazy_tokenize", "template*", "system"),
    *("truncation_strategy", "max_pixels", "agent_template", "norm_bbox", "use_chat_template", "response_prefix"),
    *("enable_thinking", "add_non_thinking_prefix", "preserve_thinking", "disable_ignore_empty_think", "loss_scale"),
    *("disable_auto_column_mapping", "external_plugins", "remove_unused_columns", "group_by_length", "label_names"),
    *("length_column_name", "decision_*", "train_dataloader_shuffle", "move_model_batches", "num_workers", "seed"),
    *("data_seed", "sortish_sampler", "past_index", "num_train_epochs", "max_epochs", "max_steps", "train_iters"),
)
_SAMPLER: Final = (
    *("use_vllm", "vllm_*", "sleep_level", "async_generate", "stop_words", "num_beams", "generation_config"),
    *("generation_max_length", "generation_num_beams", "predict_with_generate", "structured_outputs_regex"),
    *("logprobs", "top_logprobs", "max_new_tokens", "num_generations_eval", "offload_*", "ds3_gather_for_generation"),
    *("multi_turn_scheduler", "max_turns", "completion_length_limit_scope", "gym_env", "use_gym_env", "log_entropy"),
    *("log_completions", "log_rollout_offpolicy_metrics", "wandb_*", "enable_flattened_weight_sync", "use_ray"),
    "ray_exp_name",
)
_REWARDS: Final = (  # the task's reward
    *("reward_*", "cosine_*", "repetition_n_grams", "repetition_max_penalty", "missing_eos_penalty"),
    *("soft_max_length", "soft_cache_length", "response_length"),
)
_PROCESSES: Final = (
    *("deepspeed*", "zero_hpz_partition_size", "fsdp*", "ddp_*", "sequence_parallel*", "context_parallel_size"),
    *("tensor_model_*", "pipeline_*", "expert_*", "virtual_pipeline_*", "decoder_*", "account_*", "attention_*"),
    *("microbatch_group_*", "num_layers_per_*", "num_virtual_*", "distributed_*", "nccl_*", "tp_comm_overlap"),
    *("overlap_*", "align_*", "accumulate_*", "batch_p2p_comm", "cp_*", "use_distributed_optimizer", "main_*"),
    *("exp_avg_*", "use_precision_aware_optimizer", "optimizer_cpu_offload", "optimizer_offload_fraction"),
    *("optimizer_cuda_graph", "recompute_*", "gradient_checkpointing*", "gradient_accumulation_fusion"),
    *("no_*", "use_cpu*", "use_megatron_fsdp", "use_fused_mhc", "mhc_*", "transformer_impl", "te_rng_tracker"),
    *("manual_gc*", "deterministic_mode", "full_determinism", "torch_compile*", "torchdynamo", "jit_mode_eval"),
    *("torch_empty_cache_steps", "tpu_*", "local_rank", "ray_scope", "parallelism_config", "accelerator_config"),
    *("auto_find_batch_size", "average_tokens_across_devices", "use_mps_device", "mp_parameters", "skip_*"),
    *("use_logits_to_keep", "use_flash_attn", "use_liger_kernel", "liger_kernel_config", "apply_*fusion"),
    *("cross_entropy_*", "bias_*_fusion", "masked_softmax_fusion", "moe_*", "megatron_*", "bridge_backend"),
    *("micro_batch_size", "global_batch_size", "per_device_*", "per_gpu_*", "gradient_accumulation_steps"),
    *("sequence_packing_scheduler", "local_rollout_forward_batch_size", "calculate_per_token_loss"),
    *(
        "use_shared_expert_gate",
        "_teacher_*",
        "enable_npu_model_patch",
        "ckpt_*",
        "init_strategy",
        "router_replay_mode",
    ),
)
_FILES: Final = (
    *("output_dir", "overwrite_output_dir", "add_version", "logging_*", "log_*", "report_to", "run_name", "project"),
    *("save", "save_*", "resume_*", "ignore_data_skip", "push_to_hub*", "hub_*", "use_hf", "swanlab_*", "trackio_*"),
    *("tensorboard_*", "create_checkpoint_symlink", "eval_*", "do_*", "metric*", "greater_is_better", "calculate_KL"),
    *("batch_eval_metrics", "include_*", "prediction_loss_only", "debug", "disable_tqdm", "use_legacy_prediction_loop"),
    *("load_best_model_at_end", "restore_callback_*", "early_stop_interval", "callbacks", "extra_eval_args"),
    *("ignore_args_error", "check_model", "acc_strategy", "finetune", "merge_lora", "max_shard_size", "async_save"),
    *("dist_ckpt_*", "distrib_optim_*", "auto_detect_*", "exit_on_missing_checkpoint", "use_persistent_ckpt_worker"),
    *(
        "use_flash_ckpt",
        "lr_decay_*",
        "lr_wsd_*",
        "_n_gpu",
        "initialize_embedding",
        "perform_initialization",
        "strict_fsdp_*",
    ),
)
_OTHER_TRAINERS: Final = (  # of DPO, KTO, PPO, GKD, reward models and pretraining
    *("rpo_alpha", "ld_alpha", "discopop_tau", "loss_weights", "cpo_alpha", "simpo_gamma", "desirable_weight"),
    *("undesirable_weight", "center_rewards_coefficient", "sft_alpha", "lmbda", "seq_kd", "gkd_logits_topk", "lam"),
    *("num_ppo_epochs", "whiten_rewards", "kl_coef", "cliprange*", "vf_coef", "gamma", "num_mini_batches"),
    *("num_sample_generations", "label_smoothing*", "f_divergence_type", "reference_free", "enable_dft_loss"),
    *("enable_channel_loss", "mrl_dims", "seq_length", "muon_*", "max_position_embeddings", "original_max_*"),
    *("router_aux_loss_coef", "teacher_*", "rlhf_type", "is_binary_loss_scale", "dsa_*", "neftune_*"),
)
_CHOSEN: Final = (  # they act only where another option chooses their method
    *("epsilon", "epsilon_high", "delta", "tau_*", "real_tau", "fipo_*", "rollout_importance_sampling_threshold"),
    *("max_resample_times", "kl_in_reward", "ref_model_*", "rlsd_*", "sdar_gate_beta", "chord_*", "scale_rewards"),
)
NO_EFFECT: Final = (*_MODEL, *_DATA, *_SAMPLER, *_REWARDS, *_PROCESSES, *_FILES, *_OTHER_TRAINERS, *_CHOSEN)

_DISTILLS: Final = "no trick learns from a teacher"
_SCHEDULE: Final = "the loop's learning rate stays as it is after the warmup"
_OPTIMIZER: Final = "the loop's AdamW has its own"
NOT_MODELED: Final = (
    NotModeled("off_policy_sequence_mask_delta", "no trick masks responses that moved far", (None,)),
    NotModeled("top_entropy_quantile", "no trick masks tokens of low entropy", (None, 1, 1.0)),
    NotModeled("advantage_reweight", _DISTILLS),
    NotModeled("sdar_loss_coef", _DISTILLS, (None, 0, 0.0)),
    NotModeled("teacher_model", _DISTILLS),
    NotModeled("teacher_model_server", _DISTILLS),
    NotModeled("chord_sft_dataset", "no trick adds supervised samples", (None, [])),
    NotModeled("sync_ref_model", "no trick moves the reference model"),
    NotModeled("min_p", "the loop's sampler has no min_p", (None, 0, 0.0)),
    NotModeled("repetition_penalty", "the loop's sampler has none", (None, 1, 1.0)),
    NotModeled("neftune_noise_alpha", "no trick adds noise to embeddings", (None, 0, 0.0)),
    NotModeled("mtp_loss_scaling_factor", "no trick trains heads for several tokens", (None, 0, 0.1)),
    NotModeled("optim", "the loop's optimizer is AdamW", (None, "adamw_torch", "adamw_torch_fused", "adamw")),
    NotModeled("optimizer", "the loop's optimizer is AdamW", (None, "adam")),
    NotModeled("adam_*", _OPTIMIZER, (None, 0.9, 0.95, 0.999, 1e-8)),
    NotModeled("adafactor", "the loop's optimizer is AdamW"),
    NotModeled("sgd_momentum", _OPTIMIZER, (None, 0.9)),
    NotModeled("optim_*", _OPTIMIZER, (None,)),
    NotModeled("apply_wd_to_qk_layernorm", "the loop's weight decay is on all weights"),
    NotModeled("*_weight_decay", "the loop's weight decay stays as it is", (None,)),
    NotModeled("weight_decay_incr_style", "the loop's weight decay stays as it is", (None, "constant")),
    NotModeled("muon_lr", _OPTIMIZER),
    NotModeled("lr_scheduler_*", _SCHEDULE, (None, 0, 0.0, "constant", "constant_with_warmup")),
    NotModeled("lr_warmup_*", "its warmup is a share of the run, or its own number of steps", (None, 0, 0.0)),
    NotModeled("warmup_*", "its warmup is a share of the run, or its own number of steps", (None, 0, 0.0)),
    NotModeled("min_lr", _SCHEDULE, (None, 0, 0.0)),
    NotModeled("clip_grad", "it is Megatron's name of max_grad_norm", (None, 1.0)),
)
