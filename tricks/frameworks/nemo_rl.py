"""The spelling of rules in NeMo-RL's YAML for GRPO."""

from __future__ import annotations

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
    NotModeled,
    Options,
    Part,
    Spelling,
    Take,
    equal,
    one_of,
    product_of,
    quotient,
    shifted,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ESTIMATOR: Final = "grpo.adv_estimator"
_SCALING: Final = "grpo.reward_scaling"
_SHAPING: Final = "grpo.reward_shaping"
_LOSS: Final = "loss_fn"
_KL: Final = f"{_LOSS}.reference_policy_kl_penalty"
_TRUNCATED: Final = f"{_LOSS}.truncated_importance_sampling"
_CORRECTED: Final = f"{_LOSS}.use_importance_sampling_correction"
_RESPONSES: Final = f"{_LOSS}.sequence_level_importance_ratios"
_NO_BOUND: Final = 1e9  # above every weight that is not clipped for overflow


def _advantages() -> Iterator[Spelling]:
    """Yield the estimators; the switch of leave-one-out is on unless turned off."""
    for scaled, others, tricks in (
        (ON, ON, {"leave_one_out_norm": {}}),
        (ON, OFF, {"group_norm": {"mean": "group", "std": "group"}}),
        (OFF, ON, {"rloo": {}}),
        (OFF, OFF, {"group_mean": {"mean": "group"}}),
    ):
        yield Spelling(
            {
                f"{_ESTIMATOR}.name": "grpo",
                f"{_ESTIMATOR}.normalize_rewards": scaled,
                f"{_ESTIMATOR}.use_leave_one_out_baseline": others,
            },
            tricks,
        )
    for baseline, mean in ((ON, "group"), (OFF, "none")):
        yield Spelling(
            {f"{_ESTIMATOR}.name": "reinforce_plus_plus", f"{_ESTIMATOR}.minus_baseline": baseline},
            {"group_mean": {"mean": mean}, "token_whitening": {}},
        )
    raw = {"group_mean": {"mean": "none"}}
    for whitened, tricks in ((OFF, raw), (ON, {**raw, "token_whitening": {}})):
        yield Spelling(
            {f"{_ESTIMATOR}.name": "raw_reward", f"{_ESTIMATOR}.normalize_advantages": whitened},
            tricks,
            note="in its PPO trainer alone (run_ppo.py), where the section grpo is named ppo",
            written=whitened is OFF,
        )
    for name, because in (
        ("gdpo", "no trick normalizes several rewards one by one (GDPO)"),
        ("opd", "no trick distills from a teacher"),
        ("gae", "no trick learns values (PPO with a critic)"),
    ):
        yield Spelling({f"{_ESTIMATOR}.name": name}, not_modeled=because, written=False)


_BOUNDS: Final = (
    Spelling({"grpo.advantage_clip_low": None, "grpo.advantage_clip_high": None}),
    Spelling(
        {"grpo.advantage_clip_low": GIVEN, "grpo.advantage_clip_high": GIVEN},
        {"advantage_clip": {"low": Take("grpo.advantage_clip_low"), "high": Take("grpo.advantage_clip_high")}},
    ),
    Spelling(
        {"grpo.advantage_clip_low": ANY, "grpo.advantage_clip_high": ANY},
        not_modeled="advantage_clip has two bounds",
        written=False,
    ),
)


def _scalings() -> Iterator[Spelling]:
    yield Spelling({f"{_SCALING}.enabled": OFF})
    for low, high in ((0.0, 1.0), (-1.0, 1.0)):
        ends = {f"{_SCALING}.{side}_{end}": bound for side in ("source", "target") for end, bound in _ends(low, high)}
        yield Spelling({f"{_SCALING}.enabled": ON, **ends}, {"reward_clip": {"low": low, "high": high}})
    yield Spelling(
        {f"{_SCALING}.enabled": ON},
        not_modeled="no trick maps rewards from one interval to another; a normalization by deviation undoes it",
        written=False,
    )


def _ends(low: float, high: float) -> tuple[tuple[str, float], ...]:
    return ("min", low), ("max", high)


_SOFT: Final = (
    Spelling({f"{_SHAPING}.enabled": OFF}),
    Spelling(
        {f"{_SHAPING}.enabled": ON, f"{_SHAPING}.stop_properly_penalty_coef": None},
        {
            "soft_overlong": {
                "cache": Take(f"{_SHAPING}.overlong_buffer_length"),
                "weight": Take(f"{_SHAPING}.overlong_buffer_penalty"),
                "limit": Take(f"{_SHAPING}.max_response_length"),
            }
        },
    ),
    Spelling(
        {f"{_SHAPING}.enabled": ON, f"{_SHAPING}.stop_properly_penalty_coef": ANY},
        not_modeled="no trick scales the rewards of truncated responses",
        written=False,
    ),
)


def _surrogates() -> Iterator[Spelling]:
    """Yield the policy losses; the first switch that is on decides."""
    low, high = f"{_LOSS}.ratio_clip_min", f"{_LOSS}.ratio_clip_max"
    bounds = {"clip_ratio_low": Take(low), "clip_ratio_high": Take(high)}
    force, disable, cispo = (f"{_LOSS}.{name}" for name in ("force_on_policy_ratio", "disable_ppo_ratio", "use_cispo"))
    yield Spelling(
        {force: ON},
        {"policy_gradient": {}},
        note="the ratio is 1 with the gradient of the log-prob",
        written=False,
    )
    yield Spelling({force: OFF, disable: ON}, {"policy_gradient": {}})
    off = {force: OFF, disable: OFF}
    yield Spelling(
        {**off, cispo: ON},
        {"cispo": {"low": shifted(low, 1.0, -1), "high": shifted(high, 1.0)}},
    )
    yield Spelling({**off, cispo: OFF, _RESPONSES: ON, f"{_LOSS}.ratio_clip_c": None}, {"gspo": bounds})
    yield Spelling(
        {**off, cispo: OFF, _RESPONSES: ON, f"{_LOSS}.ratio_clip_c": GIVEN},
        {"gspo": bounds},
        not_modeled="no trick bounds the ratio of a response under a negative advantage",
        written=False,
    )
    yield Spelling(
        {**off, cispo: OFF, _RESPONSES: OFF}, {"clip": {**bounds, "dual_clip": Take(f"{_LOSS}.ratio_clip_c")}}
    )


_MEANS: Final = (
    Spelling({f"{_LOSS}.token_level_loss": ON}, {"token_mean": {}}),
    Spelling({f"{_LOSS}.token_level_loss": OFF}, {"sequence_mean": {}}),
)


def _floor(value: Any) -> Any:
    return 0.0 if value is None else value


def _no_floor(value: Any) -> Any:
    return value or None


def _weights() -> Iterator[Spelling]:
    """Yield the weights learner over sampler, of tokens or beside GSPO of responses."""
    kind, cap, floor = f"{_TRUNCATED}_type", Take(f"{_TRUNCATED}_ratio"), f"{_TRUNCATED}_ratio_min"
    yield Spelling({_CORRECTED: OFF})
    for responses, level in ((OFF, "token"), (ON, "sequence")):
        named = {_CORRECTED: ON, _RESPONSES: responses}
        yield Spelling(
            {**named, kind: None},
            {"truncated_is": {"level": level, "cap": _NO_BOUND}},
            note="the weights have no bound",
        )
        yield Spelling(
            {**named, kind: "tis"},
            {"truncated_is": {"level": level, "cap": cap, "floor": Take(floor, _floor, _no_floor)}},
        )
        yield Spelling(
            {**named, kind: "icepop"},
            {"truncated_is": {"level": level, "cap": cap, "floor": Take(floor), "outside": "drop"}},
        )
    yield Spelling(
        {_CORRECTED: ON, _RESPONSES: OFF, kind: "seq-mask-tis"},
        {"truncated_is": {"level": "sequence", "cap": cap, "floor": Take(floor), "outside": "drop"}},
    )


def _divergences() -> Iterator[Spelling]:
    """Yield the KL from the reference policy."""
    rewarded, approximated = f"{_LOSS}.use_kl_in_reward", f"{_LOSS}.use_on_policy_kl_approximation"
    yield Spelling({_KL: ZERO})
    yield Spelling(
        {_KL: NONZERO, rewarded: ON, f"{_ESTIMATOR}.name": "reinforce_plus_plus"},
        not_modeled="no trick takes from the advantage of each token its own KL alone",
        written=False,
    )
    yield Spelling(
        {_KL: NONZERO, rewarded: ON}, note="nothing reads use_kl_in_reward here: there is no KL", written=False
    )
    yield Spelling(
        {_KL: NONZERO, rewarded: OFF, approximated: ON},
        not_modeled="no trick weighs the KL by the ratio to the sampler",
        written=False,
    )
    for estimator in ("k1", "k2", "k3"):
        yield Spelling(
            {_KL: NONZERO, rewarded: OFF, approximated: OFF, f"{_LOSS}.reference_policy_kl_type": estimator},
            {
                "kl_loss": {
                    "coef": Take(_KL),
                    "estimator": estimator,
                    "log_ratio_bound": Take(f"{_LOSS}.kl_input_clamp_value"),
                    "value_bound": Take(f"{_LOSS}.kl_output_clamp_value"),
                }
            },
            note="times exp(x - sg(x)): k3 has the gradient of k2",
        )


_OVERLONG: Final = (
    Spelling({"grpo.overlong_filtering": OFF}),
    Spelling({"grpo.overlong_filtering": ON}, {"overlong_filter": {}}),
)
_DRAWN_AGAIN: Final = (
    Spelling({"grpo.use_dynamic_sampling": OFF}),
    Spelling({"grpo.use_dynamic_sampling": ON}, {"dynamic_sampling": {}}),
)


def _counts(options: Options) -> Loop:
    """Return the counts; each batch of rollouts is seen once."""
    prompts, group = whole(options, "grpo.num_prompts_per_step"), whole(options, "grpo.num_generations_per_prompt")
    batch = whole(options, "policy.train_global_batch_size")
    found: dict[str, Any] = {
        "group_size": group,
        "prompts_per_batch": prompts,
        "updates_per_rollout": quotient(product_of(prompts, group), batch),
        "epochs": 1,
        "max_response_length": whole(options, "policy.generation.max_new_tokens"),
    }
    if options.get("policy.megatron_cfg.enabled") is True:
        found |= {
            "lr": options.get("policy.megatron_cfg.optimizer.lr"),
            "weight_decay": options.get("policy.megatron_cfg.optimizer.weight_decay"),
        }
    return found


def _written_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    """Return the options for the counts of a loop."""
    group = loop.get("group_size", defaults["grpo.num_generations_per_prompt"])
    prompts = loop.get("prompts_per_batch", defaults["grpo.num_prompts_per_step"])
    found = {
        "grpo.num_prompts_per_step": prompts,
        "grpo.num_generations_per_prompt": group,
        "policy.train_global_batch_size": max(1, prompts * group // loop.get("updates_per_rollout", 1)),
    }
    if "max_response_length" in loop:
        response = loop["max_response_length"]
        found["policy.generation.max_new_tokens"] = response
        found["policy.max_total_sequence_length"] = response + loop.get("max_prompt_length", 0)
    return found


def _top_k(value: Any) -> Any:
    return 0 if value in (None, -1) else value


def _all_k(value: Any) -> Any:
    return value or None


def _pairs(_: Options, loop: Loop) -> bool:
    return loop.get("group_size") == 2


def _several(_: Options, loop: Loop) -> bool:
    return (loop.get("updates_per_rollout") or 1) > 1


def _with_padding(options: Options, _: Loop) -> bool:
    return not equal(options.get(f"{_SHAPING}.max_response_length"), options.get("policy.generation.max_new_tokens"))


_LEFT_OUT: Final = {
    f"{_ESTIMATOR}.name": "grpo",
    f"{_ESTIMATOR}.normalize_rewards": ON,
    f"{_ESTIMATOR}.use_leave_one_out_baseline": ON,
}
_FAULTS: Final = (
    Fault(
        "leave-one-out",
        "the mean and the deviation are of the group's other samples unless use_leave_one_out_baseline is false: "
        "advantages of a group do not sum to 0, one right of eight gets 1.0 and not 2.47",
        _LEFT_OUT,
        source="nemo_rl/algorithms/utils.py:104, run",
    ),
    Fault(
        "groups-of-two",
        "in a group of two the deviation of the other sample is 0, and the advantage stays unscaled",
        _LEFT_OUT,
        _pairs,
        source="run",
    ),
    Fault(
        "almost-equal-rewards",
        "the deviation is sqrt(E[x^2] - E[x]^2) in float32: where rewards are almost equal this is rounding, and an "
        "advantage may reach thousands (issues 1518, 4161); rewards of 0 and 1 are safe",
        {f"{_ESTIMATOR}.name": "grpo", f"{_ESTIMATOR}.normalize_rewards": ON},
        source="nemo_rl/algorithms/utils.py:187, run",
    ),
    Fault(
        "kl-lost",
        "use_kl_in_reward takes the KL out of the loss, and this estimator does not read it: there is no KL",
        {f"{_LOSS}.use_kl_in_reward": ON, _KL: NONZERO, f"{_ESTIMATOR}.name": one_of("grpo", "gdpo")},
        source="nemo_rl/algorithms/loss/loss_functions.py:222",
    ),
    Fault(
        "forced-ratio",
        "force_on_policy_ratio is for one update a rollout; with several, later updates are off policy and nothing "
        "corrects it",
        {f"{_LOSS}.force_on_policy_ratio": ON},
        _several,
        source="nemo_rl/algorithms/loss/loss_functions.py:157",
    ),
    Fault(
        "overlong-limit",
        "the soft overlong limit is max_total_sequence_length, prompt included, unless written; responses end before",
        {f"{_SHAPING}.enabled": ON},
        _with_padding,
        source="examples/configs/grpo_math_1B.yaml:33",
    ),
)
_NOT_MODELED: Final = (
    NotModeled(
        "grpo.async_grpo.enabled", "responses are older than the policy; the ratio is to the trainer's log-probs"
    ),
    NotModeled("grpo.seq_logprob_error_threshold", "drops responses on which trainer and sampler disagree"),
    NotModeled("grpo.invalid_tool_call_advantage", "another advantage for tokens of invalid tool calls"),
    NotModeled("grpo.malformed_thinking_advantage", "another advantage for tokens of malformed thoughts"),
    NotModeled("reward_penalties.penalize_*", "rewards become 0 where the answer has the fault"),
    NotModeled("loss_fn.positive_example_nll_weight", "no trick adds the likelihood of right answers", (None, 0, 0.0)),
    NotModeled("policy.scheduler", "a schedule of the learning rate", (None, {})),
    NotModeled("policy.optimizer.name", "another optimizer", (None, "torch.optim.AdamW")),
    NotModeled("policy.megatron_cfg.scheduler", "a schedule of the learning rate", (None, {})),
    NotModeled("on_policy_distillation", "no trick distills from a teacher", (None, {})),
    NotModeled("draft", "a draft model is trained beside the policy", (None, {})),
)
_NO_EFFECT: Final = (
    "defaults", "checkpointing", "data", "env", "logger", "cluster", "policy", "data_plane", "async_rl", "modelopt",
    "value", "grpo.max_num_*", "grpo.max_rollout_turns", "grpo.val_*", "grpo.max_val_samples", "grpo.stop_at_*",
    "grpo.seed", "grpo.dynamic_sampling_max_gen_batches", "grpo.batch_multiplier", "grpo.calculate_advantages_on_gpu",
    "grpo.skip_reference_policy_logprobs_calculation", "grpo.deduplicate_multimodal_data", "grpo.debug_payload_metrics",
    "grpo.async_grpo*", "grpo.normalize_rewards", "grpo.use_leave_one_out_baseline", "grpo.adv_estimator.*",
    "grpo.reward_shaping.*", "grpo.reward_scaling.*", "reward_penalties.token_ids", "loss_fn.kl_*",
    "loss_fn.reference_policy_kl_type", "loss_fn.use_kl_in_reward", "loss_fn.truncated_importance_sampling_*",
    "loss_fn.ratio_clip_*", "loss_fn.use_on_policy_kl_approximation", "loss_fn.use_cispo", "loss_fn.disable_ppo_ratio",
    "loss_fn.sequence_level_importance_ratios",
)  # fmt: skip


def _section(name: str) -> str:
    """Return the name of an option of the PPO trainer as that of GRPO."""
    return f"grpo.{name.removeprefix('ppo.')}" if name.startswith("ppo.") else name


TABLE: Final = Framework(
    name="nemo_rl",
    title="NeMo-RL",
    parts=(
        Part("advantages", tuple(_advantages())),
        Part("bounds of advantages", _BOUNDS),
        Part("scaling of rewards", tuple(_scalings())),
        Part("soft overlong punishment", _SOFT),
        Part("surrogate", tuple(_surrogates())),
        Part("aggregation", _MEANS),
        Part("weights of the sampler", tuple(_weights())),
        Part("KL", tuple(_divergences())),
        Part("truncated responses", _OVERLONG),
        Part("prompts drawn again", _DRAWN_AGAIN),
    ),
    keeps=(
        Keep("temperature", Take("policy.generation.temperature")),
        Keep("top_p", Take("policy.generation.top_p")),
        Keep("top_k", Take("policy.generation.top_k", _top_k, _all_k)),
        Keep("lr", Take("policy.optimizer.kwargs.lr")),
        Keep("weight_decay", Take("policy.optimizer.kwargs.weight_decay")),
        Keep("max_grad_norm", Take("policy.max_grad_norm")),
    ),
    counts=Counts(_counts, _written_counts),
    no_effect=_NO_EFFECT,
    not_modeled=_NOT_MODELED,
    faults=_FAULTS,
    form="yaml",
    launched=("run_grpo.py", "run_grpo_single_controller.py", "run_vlm_grpo.py", "run_grpo_nemo_gym.py"),
    rename=_section,
    foreign=("sif_dir", "_teachers.*"),  # variables of its YAML
    in_code={
        "length_reward": "an environment computes it (env.*)",
        "format_reward": "an environment computes it (env.*)",
    },
)
