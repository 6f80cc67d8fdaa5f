"""The spelling of rules in the flags of slime's training scripts."""

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

_ESTIMATOR: Final = "advantage-estimator"
_PLUS: Final = "reinforce_plus_plus"
_BASELINE: Final = "reinforce_plus_plus_baseline"
_RAW_REWARDS: Final = "disable-rewards-normalization"
_NO_STD: Final = "disable-grpo-std-normalization"
_OWN_ADVANTAGES: Final = "custom-advantage-function-path"
_OWN_TIS: Final = "custom-tis-function-path"
_FILTER: Final = "dynamic-sampling-filter-path"
_GROUPS: Final = ("grpo", "gspo", "cispo")
_RAW: Final[Mapping[str, Mapping[str, Any]]] = {"group_mean": {"mean": "none"}}


def _named(text: str, written: str) -> Match:
    """Return the condition that a path names a function."""
    return Match(lambda value: isinstance(value, str) and text in value, written, text)


def _advantages() -> Iterator[Spelling]:
    yield Spelling({_OWN_ADVANTAGES: GIVEN}, not_modeled="the user's own function gives the advantages", written=False)
    for estimator in _GROUPS:
        named = {_ESTIMATOR: estimator}
        yield Spelling({**named, _RAW_REWARDS: OFF, _NO_STD: OFF}, {"group_norm": {}})
        yield Spelling({**named, _RAW_REWARDS: OFF, _NO_STD: ON}, {"group_mean": {}})
        yield Spelling({**named, _RAW_REWARDS: ON}, _RAW)
    yield Spelling({_ESTIMATOR: _BASELINE, _RAW_REWARDS: OFF}, {"group_mean": {}})
    yield Spelling({_ESTIMATOR: _BASELINE, _RAW_REWARDS: ON}, _RAW, written=False)
    yield Spelling({_ESTIMATOR: _PLUS}, _RAW)
    yield Spelling({_ESTIMATOR: "ppo"}, not_modeled="no trick learns values (PPO with a critic)", written=False)


def _surrogates() -> Iterator[Spelling]:
    low, high = Take("eps-clip"), Take("eps-clip-high", or_else="eps-clip")
    bounds = {"clip_ratio_low": low, "clip_ratio_high": high}
    for estimator in ("grpo", _PLUS, _BASELINE, "ppo"):
        yield Spelling(
            {_ESTIMATOR: estimator}, {"clip": {**bounds, "dual_clip": Take("eps-clip-c")}}, written=estimator != "ppo"
        )
    yield Spelling({_ESTIMATOR: "gspo", "eps-clip-c": None}, {"gspo": bounds})
    yield Spelling(
        {_ESTIMATOR: "gspo", "eps-clip-c": GIVEN},
        {"gspo": bounds},
        not_modeled="no trick bounds the ratio of a response under a negative advantage",
        written=False,
    )
    yield Spelling(
        {_ESTIMATOR: "cispo"},
        {"cispo": {"low": shifted("eps-clip", 1.0, -1), "high": shifted("eps-clip-high", 1.0, or_else="eps-clip")}},
    )


_WHITENING: Final = (
    Spelling({"normalize-advantages": OFF}),
    Spelling({"normalize-advantages": ON}, {"token_whitening": {}}),
)
_MEANS: Final = (
    Spelling(
        {"custom-pg-loss-reducer-function-path": GIVEN},
        not_modeled="the user's own function sums the policy loss",
        written=False,
    ),
    Spelling({"calculate-per-token-loss": ON}, {"token_mean": {}}),
    Spelling({"calculate-per-token-loss": OFF}, {"sequence_mean": {}}),
)


def _weights() -> Iterator[Spelling]:
    bounds = {"cap": Take("tis-clip"), "floor": Take("tis-clip-low")}
    icepop = "slime.backends.megatron_utils.loss.icepop_function"
    yield Spelling({"use-tis": OFF})
    yield Spelling({"use-tis": ON, _OWN_TIS: None}, {"truncated_is": bounds})
    yield Spelling(
        {"use-tis": ON, _OWN_TIS: _named("icepop_function", icepop)}, {"truncated_is": {**bounds, "outside": "drop"}}
    )
    yield Spelling({"use-tis": ON, _OWN_TIS: ANY}, not_modeled="the user's own function weighs tokens", written=False)


_TYPES: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("k1", {"estimator": "k1"}),
    ("k2", {"estimator": "k2"}),
    ("k3", {"estimator": "k3"}),
    ("low_var_kl", {"estimator": "k3", "value_bound": 10.0}),
)


def _kl_losses() -> Iterator[Spelling]:
    yield Spelling({"use-kl-loss": OFF})
    yield Spelling({"use-kl-loss": ON, "kl-loss-coef": ZERO}, note="the KL is only measured", written=False)
    for kind, settings in _TYPES:
        for weighted, gradient in ((OFF, "own"), (ON, "ratio")):
            yield Spelling(
                {"use-kl-loss": ON, "kl-loss-coef": NONZERO, "kl-loss-type": kind, "use-unbiased-kl": weighted},
                {"kl_loss": {"coef": Take("kl-loss-coef"), "gradient": gradient, **settings}},
            )


def _kl_to_go() -> Iterator[Spelling]:
    yield Spelling({"kl-coef": ZERO})
    for kind in ("k1", "k2", "k3"):
        yield Spelling(
            {_ESTIMATOR: _PLUS, "kl-coef": NONZERO, "kl-loss-type": kind},
            {"kl_to_go": {"coef": Take("kl-coef"), "estimator": kind}},
        )
    yield Spelling(
        {_ESTIMATOR: one_of(_PLUS, _BASELINE), "kl-coef": NONZERO},
        not_modeled="no trick takes from each token its own KL alone, or bounds the KL-to-go",
        written=False,
    )
    yield Spelling({"kl-coef": NONZERO}, note="this estimator does not read kl-coef", written=False)


_ENTROPY: Final = (
    Spelling({"entropy-coef": ZERO}),
    Spelling({"entropy-coef": NONZERO}, {"entropy_bonus": {"coef": Take("entropy-coef")}}),
)
_DRAWN_AGAIN: Final = (
    Spelling({_FILTER: None}),
    Spelling(
        {
            _FILTER: _named(
                "check_reward_nonzero_std", "slime.rollout.filter_hub.dynamic_sampling_filters.check_reward_nonzero_std"
            )
        },
        {"dynamic_sampling": {}},
    ),
    Spelling({_FILTER: GIVEN}, not_modeled="the user's own function rejects groups", written=False),
)


def _counts(options: Options) -> Loop:
    """Return the counts; each batch of rollouts is seen once."""
    prompts, group = whole(options, "rollout-batch-size"), whole(options, "n-samples-per-prompt", 1)
    batch, steps = whole(options, "global-batch-size"), whole(options, "num-steps-per-rollout")
    return {
        "group_size": group,
        "prompts_per_batch": prompts,
        "updates_per_rollout": steps or quotient(product_of(prompts, group), batch),
        "epochs": 1,
    }


def _written_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    """Return the options for the counts of a loop."""
    group = loop.get("group_size", defaults["n-samples-per-prompt"])
    prompts = loop.get("prompts_per_batch", 1)
    return {
        "rollout-batch-size": prompts,
        "n-samples-per-prompt": group,
        "global-batch-size": max(1, prompts * group // loop.get("updates_per_rollout", 1)),
    }


def _top_k(value: Any) -> Any:
    return 0 if value in (None, -1) else value


def _all_k(value: Any) -> Any:
    return value or -1


def _narrow(options: Options, _: Loop) -> bool:
    low = options.get("eps-clip")
    return isinstance(low, int | float) and low < 1


_FAULTS: Final = (
    Fault(
        "one-group",
        "where the number of samples is not n-samples-per-prompt times rollout-batch-size, as with a generate function "
        "that returns several samples, the whole batch is normalized as one group (slime 1414, 2230)",
        {_ESTIMATOR: one_of(*_GROUPS, _BASELINE), _RAW_REWARDS: OFF, "custom-generate-function-path": GIVEN},
        source="slime/ray/rollout.py:608, run",
    ),
    Fault(
        "kl-coef-ignored",
        "the KL of kl-coef is computed and no advantage of this estimator reads it; use-kl-loss does",
        {_ESTIMATOR: one_of(*_GROUPS), "kl-coef": NONZERO},
        source="slime/backends/megatron_utils/loss.py:762",
    ),
    Fault(
        "k1-loss",
        "kl-loss-type is k1 unless written: as a loss its gradient is that of no KL; low_var_kl is GRPO's",
        {"use-kl-loss": ON, "kl-loss-coef": NONZERO, "kl-loss-type": "k1", "use-unbiased-kl": OFF},
        source="slime/utils/ppo_utils.py:29",
    ),
    Fault(
        "kl-measured",
        "use-kl-loss with a coefficient of 0 runs the reference model for a number in the log",
        {"use-kl-loss": ON, "kl-loss-coef": ZERO},
        source="slime/backends/megatron_utils/loss.py:1113",
    ),
    Fault(
        "cispo-bounds",
        "eps-clip below 1 bounds the weights of CISPO from below, and eps-clip-high is eps-clip unless written: the "
        "defaults give 0.8 and 1.2, the paper has no lower bound",
        {_ESTIMATOR: "cispo"},
        _narrow,
        source="slime/utils/arguments.py:1871",
    ),
    Fault(
        "token-of-masked",
        "each response without a kept token adds one token to the denominator",
        {"calculate-per-token-loss": ON, "rollout-sample-filter-path": GIVEN},
        source="slime/backends/megatron_utils/loss.py:1317, run",
    ),
)
_NOT_MODELED: Final = (
    NotModeled("use-rollout-logprobs", "ratios are to the sampler's log-probs"),
    NotModeled("use-opsm", "no trick drops responses of negative advantage that moved far (OPSM)"),
    NotModeled("use-opd", "no trick distills from a teacher"),
    NotModeled("loss-type", "another loss than that of the policy", (None, "policy_loss")),
    NotModeled("custom-loss-function-path", "the user's own loss"),
    NotModeled("custom-reward-post-process-path", "the user's own normalization of rewards"),
    NotModeled("custom-convert-samples-to-train-data-path", "the user's own data for training"),
    NotModeled("custom-megatron-before-*", "the user's own hook before a step"),
    NotModeled("custom-config-path", "a file of further options, which is not read"),
    NotModeled("rollout-sample-filter-path", "the user's own function drops samples from the loss"),
    NotModeled("rollout-data-postprocess-path", "the user's own function changes the data"),
    NotModeled("buffer-filter-path", "the user's own choice of buffered samples"),
    NotModeled("gamma", "no trick discounts rewards along a response", (None, 1, 1.0)),
    NotModeled("ref-update-interval", "the reference model follows the policy"),
    NotModeled("update-weights-interval", "responses are older than the policy", (None, 1)),
    NotModeled("keep-old-actor", "ratios are to a policy before the last updates"),
    NotModeled("partial-rollout", "responses begin under an older policy"),
    NotModeled("mask-offpolicy-in-partial-rollout", "tokens of older policies leave the loss"),
    NotModeled("use-routing-replay", "experts are chosen as before the update"),
    NotModeled("use-rollout-routing-replay", "experts are chosen as the sampler chose them"),
    NotModeled("reset-optimizer-states", "the optimizer forgets after each rollout"),
    NotModeled("use-stateless-adam", "another optimizer"),
    NotModeled("optimizer", "another optimizer", (None, "adam")),
    NotModeled("lr-decay-style", "a schedule of the learning rate", (None, "constant")),
    NotModeled("lr-warmup-*", "a schedule of the learning rate", (None, 0, 0.0)),
    NotModeled("enable-mtp-training", "heads for several tokens are trained beside the policy"),
    NotModeled("*-params-name-list", "some parameters are not trained"),
)
_NO_EFFECT: Final = (
    "actor-*", "adam-*", "add-qkv-bias", "allgather-cp", "apply-*", "async-save", "attention-*", "balance-*", "bf16",
    "ci-*", "check-weight-update-*", "colocate", "context-parallel-size", "data-*", "debug-*", "decoder-*",
    "deterministic-mode", "disable-*", "distributed-*", "dump-details", "enable-*", "eps-clip*", "eval-*", "expert-*",
    "ffn-hidden-size", "fp8-*", "group-query-attention", "group-rm", "hf-checkpoint", "hidden-*", "input-key",
    "label-key", "kl-*", "kv-*", "lambd", "load*", "log-*", "make-vocab-*", "max-*", "megatron-*", "memory-*",
    "metadata-key", "micro-batch-size", "min-lr", "model-*", "moe-*", "mscale*", "mtp-*", "multi*",
    "n-samples-per-eval*", "no-*", "norm*", "num-*", "offload*", "opd-*", "opsm-*", "optimizer-*", "over-sampling-*",
    "overlap-*", "padded-*",
    "pipeline-*", "position-*", "post-*", "prefill-*", "profile-*", "prompt-data", "q-lora-rank", "qk-*", "qwen-*",
    "recompute-*", "record-*", "ref-*", "release-train", "reward-key", "rm-*", "rollout-*", "rotary-*", "save*", "seed",
    "seq-length", "sequence-parallel", "skip-*", "spec", "start-*", "swiglu", "tb-*", "tensor-*", "tis-*",
    "tool-key", "train-*", "transformer-*", "update-weight*", "use-*", "value-clip", "vocab-size", "wandb-*",
    "get-mismatch-metrics",
    "v-head-dim", "custom-*", "accumulate-*", "untie-*",
)  # fmt: skip


def _spelled(name: str) -> str:
    """Return the name of a flag with dashes; argparse and its scripts also write underscores."""
    return name.replace("_", "-")


TABLE: Final = Framework(
    name="slime",
    title="slime",
    parts=(
        Part("advantages", tuple(_advantages())),
        Part("surrogate", tuple(_surrogates())),
        Part("whitening", _WHITENING),
        Part("aggregation", _MEANS),
        Part("weights of the sampler", tuple(_weights())),
        Part("KL loss", tuple(_kl_losses())),
        Part("KL in the reward", tuple(_kl_to_go())),
        Part("entropy", _ENTROPY),
        Part("prompts drawn again", _DRAWN_AGAIN),
    ),
    keeps=(
        Keep("temperature", Take("rollout-temperature")),
        Keep("top_p", Take("rollout-top-p")),
        Keep("top_k", Take("rollout-top-k", _top_k, _all_k)),
        Keep("max_response_length", Take("rollout-max-response-len")),
        Keep("max_prompt_length", Take("rollout-max-prompt-len")),
        Keep("lr", Take("lr")),
        Keep("weight_decay", Take("weight-decay")),
        Keep("max_grad_norm", Take("clip-grad")),
    ),
    counts=Counts(_counts, _written_counts),
    no_effect=_NO_EFFECT,
    not_modeled=_NOT_MODELED,
    faults=_FAULTS,
    form="flags",
    launched=("train.py", "train_async.py"),
    head="python3 train.py",
    foreign=("sglang-*", "router-*"),
    rename=_spelled,
    in_code={
        "overlong_filter": "a function of rollout-sample-filter-path sets remove_sample on truncated samples",
        "soft_overlong": "a function of custom-rm-path computes it",
        "length_reward": "a function of custom-rm-path computes it",
        "format_reward": "a function of custom-rm-path computes it",
        "sequence_sum": "a function of custom-pg-loss-reducer-function-path sums token losses",
        "constant_length": "a function of custom-pg-loss-reducer-function-path divides by a constant",
    },
)
