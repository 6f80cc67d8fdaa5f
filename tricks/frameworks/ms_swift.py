"""The spelling of rules in ms-swift's RLHFArguments, for ``swift rlhf --rlhf_type grpo`` and Megatron's counterpart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from tricks.frameworks.limits import FifthTake
from tricks.frameworks.options_ms_swift import NO_EFFECT, NOT_MODELED
from tricks.frameworks.spelling import (
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

_TRAINER: Final = "swift/rlhf_trainers/grpo_trainer.py"
_ADVANTAGE: Final = "swift/rl_core/advantage.py"
_BOUNDS: Final = {"clip_ratio_low": Take("epsilon"), "clip_ratio_high": Take("epsilon_high", or_else="epsilon")}
_NO_TRICK: Final = "no trick computes it"
_WHITENED: Final[Mapping[str, Mapping[str, Any]]] = {"group_norm": {}, "token_whitening": {"weights": "sequence"}}
_LATER: Final = one_of("rloo", "reinforce_plus_plus")
_WINDOWS: Final = one_of("dapo", "cispo", "fipo")
_SEQUENCE: Final = one_of("sequence", "sequence_token")


def _names(wanted: str) -> Match:
    """Return the condition that a list of names has one of them."""

    def holds(value: Any) -> bool:
        given = value.split() if isinstance(value, str) else value
        return isinstance(given, Sequence) and wanted in given

    return Match(holds, ["accuracy", wanted], f"with {wanted}")


def _advantages() -> Iterator[Spelling]:
    """Yield the estimators with their scales; a scale of None is the estimator's own."""
    estimator, scale = "advantage_estimator", "scale_rewards"
    yield Spelling({estimator: "grpo", scale: one_of("group", None, True)}, {"group_norm": {}})
    yield Spelling({estimator: "grpo", scale: "batch"}, {"group_mean_batch_std": {"about": "own"}})
    yield Spelling({estimator: "grpo", scale: one_of("none", False)}, {"group_mean": {}})
    yield Spelling({estimator: "grpo", scale: "gdpo"}, _WHITENED, since="4.0.0")
    yield Spelling({estimator: "rloo", scale: one_of("none", None, False)}, {"rloo": {"std": "none"}})
    yield Spelling({estimator: "rloo", scale: one_of("group", True)}, {"rloo": {"std": "group"}})
    yield Spelling({estimator: "rloo", scale: "batch"}, {"rloo": {"std": "batch"}})
    yield Spelling({estimator: "rloo", scale: "gdpo"}, _WHITENED, since="4.0.0", written=False)
    own = {estimator: "reinforce_plus_plus"}
    yield Spelling({**own, scale: one_of("batch", None)}, {"group_mean_batch_std": {"about": "group"}})
    yield Spelling({**own, scale: one_of("group", True)}, {"group_norm": {}}, written=False)
    yield Spelling({**own, scale: one_of("none", False, "gdpo")}, {"group_mean": {}}, written=False)


_MEANS: Final[Mapping[str, tuple[Mapping[str, Mapping[str, Any]], str]]] = {
    "grpo": ({"sequence_mean": {}}, ""),
    "bnpo": ({"token_mean": {"scope": "micro_batch"}}, ""),
    "dr_grpo": ({"constant_length": {}}, ""),
    "dapo": ({"token_mean": {}}, "3.11.0"),
}


def _losses() -> Iterator[Spelling]:
    """Yield the loss types, with the surrogate and the mean that each stands for."""
    level = "importance_sampling_level"
    for loss_type, (mean, since) in _MEANS.items():
        token = {"loss_type": loss_type, level: "token"}
        yield Spelling(token, {"clip": {**_BOUNDS, "dual_clip": Take("delta")}, **mean}, since=since)
        yield Spelling({"loss_type": loss_type, level: _SEQUENCE}, {"gspo": _BOUNDS, **mean}, since=since)
    weight = {"low": 0.0, "high": Take("epsilon_high", or_else="epsilon")}
    token = {"loss_type": "cispo", level: "token"}
    yield Spelling(token, {"cispo": weight, "token_mean": {}}, since="3.11.0")
    yield Spelling({"loss_type": "cispo"}, not_modeled="no trick bounds the weight of a response", since="3.11.0")
    for loss_type, since in (("sapo", "3.11.0"), ("real", "4.1.0"), ("fipo", "4.2.2")):
        yield Spelling({"loss_type": loss_type}, not_modeled=_NO_TRICK, since=since)


def _kl() -> Iterator[Spelling]:
    """Yield the places of the KL; with kl_in_reward at None the estimator decides."""
    taken = {"coef": Take("beta")}
    yield Spelling({"beta": ZERO})
    for condition in ({"kl_in_reward": ON}, {"kl_in_reward": None, "advantage_estimator": _LATER}):
        gdpo: dict[str, Any] = {"beta": NONZERO, "scale_rewards": "gdpo", **condition}
        yield Spelling(gdpo, {"kl_loss": taken}, note="gdpo turns kl_in_reward off", since="4.0.0", written=False)
    yield Spelling({"beta": NONZERO, "kl_in_reward": ON}, {"kl_reward": taken})
    later = {"beta": NONZERO, "kl_in_reward": None, "advantage_estimator": _LATER}
    yield Spelling(later, {"kl_reward": taken}, written=False)
    yield Spelling({"beta": NONZERO, "kl_in_reward": OFF}, {"kl_loss": taken})


def _corrections() -> Iterator[Spelling]:
    """Yield the corrections for the sampler."""
    cap = Take("rollout_importance_sampling_threshold")
    for level in ("token", "sequence"):
        for mode, outside in (("truncate", "truncate"), ("mask", "drop")):
            settings = {"level": level, "outside": outside, "floor": 0.0, "cap": cap}
            chosen = {"rollout_importance_sampling_mode": f"{level}_{mode}"}
            yield Spelling(chosen, {"truncated_is": settings}, since="3.11.0")
    yield Spelling({})


_LIMITS: Final = ("soft_max_length", "max_completion_length")
_OVERLONG: Final = {
    "soft_overlong": {
        "cache": FifthTake("soft_cache_length", limits=_LIMITS, default=512),
        "limit": Take("soft_max_length"),
        "weight": 1.0,
    }
}
_PARTS: Final = (
    Part("advantages", tuple(_advantages())),
    Part("loss", tuple(_losses())),
    Part("KL", tuple(_kl())),
    Part(
        "delta of responses",
        (
            Spelling(
                {"importance_sampling_level": _SEQUENCE, "delta": GIVEN},
                not_modeled="no trick bounds the ratio of a response twice",
            ),
            Spelling({}),
        ),
    ),
    Part(
        "truncated responses",
        (Spelling({"overlong_filter": OFF}), Spelling({"overlong_filter": ON}, {"overlong_filter": {}})),
    ),
    Part("sampler correction", tuple(_corrections())),
    Part(
        "dynamic sampling",
        (
            Spelling({"dynamic_sample": OFF}),
            Spelling({"dynamic_sample": ON}, {"dynamic_sampling": {"rounds": Take("max_resample_times")}}),
        ),
    ),
    Part(
        "rewards",
        (
            Spelling(
                {"reward_funcs": _names("soft_overlong"), "reward_weights": GIVEN},
                {"soft_overlong": {}},
                not_modeled="the weights of several rewards belong to the task",
            ),
            Spelling(
                {"reward_funcs": _names("soft_overlong")}, _OVERLONG, note="beside the reward function of the task"
            ),
            Spelling({}),
        ),
    ),
)


def _counts(options: Options) -> Loop:
    """Return the counts of one process; more processes multiply the prompts."""
    group, epochs = whole(options, "num_generations"), whole(options, "num_iterations", 1)
    accumulation = whole(options, "gradient_accumulation_steps")
    steps = whole(options, "steps_per_generation", accumulation)
    device = whole(options, "per_device_train_batch_size")
    responses = whole(options, "generation_batch_size", product_of(device, steps))
    return {
        "group_size": group,
        "prompts_per_batch": quotient(responses, group),
        "updates_per_rollout": product_of(quotient(steps, accumulation), epochs),
        "epochs": epochs,
    }


def _written_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    """Return the options for the counts of a loop on one process, one prompt's group a micro-batch."""
    group, epochs = loop.get("group_size", defaults["num_generations"]), loop.get("epochs", 1)
    prompts, updates = loop.get("prompts_per_batch", 1), max(1, loop.get("updates_per_rollout", 1) // epochs)
    return {
        "num_generations": group,
        "num_iterations": epochs,
        "per_device_train_batch_size": group,
        "gradient_accumulation_steps": max(1, prompts // updates),
        "steps_per_generation": prompts,
    }


def _top_k(value: Any) -> Any:
    return 0 if value == -1 else value


def _number(value: Any) -> Any:
    """Return a number that a script wrote as text."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


_KEEPS: Final = (
    Keep("temperature", Take("temperature")),
    Keep("top_p", Take("top_p")),
    Keep("top_k", Take("top_k", _top_k, lambda value: value or -1)),
    Keep("max_prompt_length", Take("max_length")),
    Keep("max_response_length", Take("max_completion_length")),
    Keep("lr", Take("learning_rate", _number, or_else="lr")),
    Keep("weight_decay", Take("weight_decay")),
    Keep("max_grad_norm", Take("max_grad_norm")),
)


def _accumulates(options: Options, _: Loop) -> bool:
    return (whole(options, "gradient_accumulation_steps", 1) or 1) > 1


def _generates_more(options: Options, _: Loop) -> bool:
    steps = whole(options, "steps_per_generation")
    return steps is not None and steps > (whole(options, "gradient_accumulation_steps", 1) or 1)


def _faults() -> Iterator[Fault]:
    yield Fault(
        "accumulation divides twice",
        "the loss is divided by the tokens of the whole window and then by gradient_accumulation_steps: the gradient "
        "is too small by that factor",
        {"loss_type": _WINDOWS},
        _accumulates,
        "3.11.0",
        "4.5.3",
        f"{_TRAINER}:1142, run",
    )
    yield Fault(
        "divides by the tokens of all updates",
        "the loss is divided by the tokens of steps_per_generation micro-batches and not of one update's: the gradient "
        "is too small by steps_per_generation / gradient_accumulation_steps",
        {"loss_type": _WINDOWS},
        _generates_more,
        "3.11.0",
        source=f"{_TRAINER}:799",
    )
    yield Fault(
        "cispo shrinks every weight",
        "epsilon_high is the largest weight itself: below 1 it shrinks the weight of tokens that have not moved; 5.0 "
        "is usual",
        {"loss_type": "cispo"},
        lambda options, _: (options.get("epsilon_high") or options.get("epsilon") or 0) < 1,
        "3.11.0",
        source=f"{_TRAINER}:1037, run",
    )
    yield Fault(
        "gdpo without a scale",
        "reinforce_plus_plus with scale_rewards=gdpo scales nothing and says nothing",
        {"advantage_estimator": "reinforce_plus_plus", "scale_rewards": "gdpo"},
        since="4.0.0",
        source=f"{_ADVANTAGE}:73, run",
    )
    yield Fault(
        "gdpo scales rounding errors",
        "equal rewards whose float32 mean is rounded, such as three times 0.1, get advantages far from 0",
        {"advantage_estimator": one_of("grpo", "rloo"), "scale_rewards": "gdpo"},
        since="4.0.0",
        source=f"{_ADVANTAGE}:89, run",
    )
    yield Fault(
        "KL without a bound",
        "the KL of a token far from the reference model is not bounded; later releases bound it by 10",
        {"beta": NONZERO},
        until="4.0.3",
        source=f"{_TRAINER}:1135, run",
    )
    yield Fault(
        "sampler correction weighs the KL",
        "the weights of the sampler correction multiply the KL too",
        {"beta": NONZERO, "rollout_importance_sampling_mode": GIVEN},
        since="3.11.0",
        source=f"{_TRAINER}:1067, run",
    )
    yield Fault(
        "sapo without its factor",
        "the soft gate lacks the factor 4 / tau: the gradient is a quarter of the paper's",
        {"loss_type": "sapo"},
        since="3.11.0",
        until="3.12.2",
        source="swift/trainers/rlhf_trainer/grpo_trainer.py:1091",
    )


def _idle(options: Options, _: Loop) -> Iterator[str]:
    """Yield what is given and cannot act."""
    mode = options.get("rollout_importance_sampling_mode")
    if mode is not None and options.get("use_vllm") is not True:
        yield f"rollout_importance_sampling_mode={mode} acts with use_vllm alone"


def _renamed(name: str) -> str:
    """Return the name of the file; Ray's YAML has it in a section of the trainer or the sampler."""
    section, _, inner = name.partition(".")
    return (inner if section in ("train", "rollout") and inner else name).replace("-", "_")


TABLE: Final = Framework(
    name="ms_swift",
    title="ms-swift",
    parts=_PARTS,
    keeps=_KEEPS,
    counts=Counts(_counts, _written_counts),
    no_effect=NO_EFFECT,
    not_modeled=NOT_MODELED,
    faults=tuple(_faults()),
    form="flags",
    launched=("swift rlhf", "megatron rlhf", "swift/cli/rlhf.py", "swift/cli/_megatron/rlhf.py"),
    head="swift rlhf --rlhf_type grpo",
    foreign=("gpus", "colocate_groups"),
    rename=_renamed,
    idle=lambda options, loop: tuple(_idle(options, loop)),
    in_code={
        "length_reward": "a function for --reward_funcs gives it",
        "format_reward": "--reward_funcs format gives 1 for a format of its own",
    },
)
