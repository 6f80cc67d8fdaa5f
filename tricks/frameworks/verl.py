"""The spelling of rules in verl's composed trainer configuration: Hydra overrides, or its YAML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tricks.frameworks.limits import FifthTake
from tricks.frameworks.spelling import (
    ANY,
    GIVEN,
    NONZERO,
    OFF,
    ON,
    ZERO,
    Counts,
    Framework,
    Keep,
    Match,
    Options,
    Part,
    Piece,
    Spelling,
    Take,
    one_of,
    shifted,
)
from tricks.frameworks.verl_rest import FAULTS, FOREIGN, NO_EFFECT, NOT_MODELED, idle, read_counts, write_counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tricks.frameworks.spelling import Loop

_A: Final = "actor_rollout_ref.actor."
_R: Final = "actor_rollout_ref.rollout."
_ALG: Final = "algorithm."
_ESTIMATOR: Final = f"{_ALG}adv_estimator"
_LIMIT: Final = "data.max_response_length"
_OLD: Final = "0.3.0.post1"  # the last release with one clip ratio, one mean and the KL in the reward by default
_NO_TRICK: Final = "no trick computes it"
_NOT_OFF: Final = Match(lambda value: value is None or value is True, True, "true")


def _advantages() -> Iterator[Spelling]:
    """Yield the estimators."""
    by_std = f"{_ALG}norm_adv_by_std_in_grpo"
    grpo = {"grpo": (True, ""), "grpo_vectorized": (False, "0.6.0")}
    for name, (written, since) in grpo.items():
        yield Spelling({_ESTIMATOR: name, by_std: _NOT_OFF}, {"group_norm": {}}, since=since, written=written)
        yield Spelling({_ESTIMATOR: name, by_std: OFF}, {"group_mean": {}}, since=since or "0.4.0", written=written)
    yield Spelling({_ESTIMATOR: "rloo"}, {"rloo": {}})
    yield Spelling({_ESTIMATOR: "rloo_vectorized"}, {"rloo": {"single": "zero"}})
    yield Spelling({_ESTIMATOR: "opo"}, {"group_mean": {"weights": "token"}}, note="the mean is weighed by length")
    yield Spelling({_ESTIMATOR: "reinforce_plus_plus"}, {"token_whitening": {}})
    yield Spelling({_ESTIMATOR: "reinforce_plus_plus_baseline"}, {"group_mean": {}, "token_whitening": {}})
    one = Match(lambda keys: keys is None or (isinstance(keys, list) and len(keys) == 1), ["score"], "one key")
    yield Spelling(
        {_ESTIMATOR: "gdpo", f"{_ALG}gdpo_reward_keys": one, by_std: _NOT_OFF},
        {"group_norm": {}, "token_whitening": {}},
        note="with one reward; the key is that of its number in what compute_score returns",
    )
    yield Spelling(
        {_ESTIMATOR: "gdpo"},
        {"group_norm": {}, "token_whitening": {}},
        not_modeled="no trick normalizes each of several rewards",
    )
    yield Spelling(
        {_ESTIMATOR: one_of("gae", "AdvantageEstimator.GAE")},
        {"token_whitening": {}},
        not_modeled="it needs a critic; the nearest has a value of 0",
    )
    nearest: dict[str, dict[str, Any]] = {"group_mean": {}}
    yield Spelling({_ESTIMATOR: "grpo_passk"}, nearest, not_modeled="no trick rewards the best of a group alone")
    yield Spelling({_ESTIMATOR: "gpg"}, nearest, not_modeled="no trick scales by the share of rewards that are not 0")
    yield Spelling({_ESTIMATOR: "remax"}, nearest, not_modeled="no trick draws a greedy response as the baseline")
    for name in ("optimal_token_baseline", "tir_optimal_token_baseline"):
        yield Spelling({_ESTIMATOR: name}, nearest, not_modeled="no trick has a baseline for each token")


def _surrogates() -> Iterator[Spelling]:
    """Yield the policy losses."""
    mode, low, high, both = (
        f"{_A}{each}" for each in ("policy_loss.loss_mode", "clip_ratio_low", "clip_ratio_high", "clip_ratio")
    )
    yield Spelling({}, {"clip": {"clip_ratio_low": Take(both), "clip_ratio_high": Take(both)}}, until=_OLD)
    bounds = {"clip_ratio_low": Take(low, or_else=both), "clip_ratio_high": Take(high, or_else=both)}
    vanilla = Match(lambda value: value in (None, "vanilla"), "vanilla", "vanilla")
    yield Spelling({mode: vanilla}, {"clip": {**bounds, "dual_clip": Take(f"{_A}clip_ratio_c")}}, since="0.4.0")
    yield Spelling({mode: "gspo"}, {"gspo": bounds}, since="0.4.1")
    floor = Take(low, _floor, lambda value: round(1 - value, 12), or_else=both)
    weight = {"low": floor, "high": shifted(high, 1.0, or_else=both)}
    yield Spelling({mode: "cispo"}, {"cispo": weight}, since="0.4.1", note="bounds are 1 - low and 1 + high")
    yield Spelling({mode: "gpg"}, {"policy_gradient": {}}, since="0.4.1")
    for name in ("clip_cov", "kl_cov", "geo_mean", "sapo", "dppo_tv", "dppo_kl", "dro"):
        yield Spelling({mode: name}, not_modeled=_NO_TRICK, since="0.4.1")
    for name in ("rollout_correction", "bypass_mode"):
        yield Spelling({mode: name}, not_modeled="no trick takes the ratio to the sampler", since="0.4.1")


def _floor(distance: Any) -> Any:
    """Return the smallest weight, which is not below 0."""
    return None if distance is None else max(0.0, round(1 - distance, 12))


def _means() -> Iterator[Spelling]:
    """Yield the aggregations."""
    mode, factor = f"{_A}loss_agg_mode", f"{_A}loss_scale_factor"
    yield Spelling({}, {"token_mean": {}}, until=_OLD)
    rest: dict[str, Any] = {"since": "0.4.0"}
    yield Spelling({mode: "token-mean"}, {"token_mean": {}}, **rest)
    yield Spelling({mode: "seq-mean-token-mean"}, {"sequence_mean": {}}, **rest)
    yield Spelling({mode: "seq-mean-token-sum"}, {"sequence_sum": {}}, **rest)
    yield Spelling(
        {mode: "seq-mean-token-sum-norm", factor: GIVEN},
        {"constant_length": {"length": Take(factor, _whole)}},
        since="0.8.0",
    )
    yield Spelling({mode: "seq-mean-token-sum-norm"}, {"constant_length": {}}, **rest)
    yield Spelling({mode: "token-sum"}, {"constant_length": {"per_response": False, "length": 1}}, **rest)


def _whole(value: Any) -> Any:
    """Return a number as a whole one where it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_READ: Final = {
    "kl": "k1",
    "k1": "k1",
    "mse": "k2",
    "k2": "k2",
    "k2+": "k2",
    "mse+": "k2",
    "low_var_kl": "k3",
    "k3": "k3",
}
_WRITTEN: Final = {"k1": "kl", "k2": "mse", "k3": "low_var_kl"}  # names that every release knows


def _estimator(option: str) -> Take:
    return Take(option, lambda name: _READ.get(name, name), lambda name: _WRITTEN.get(name, name))


def _kl_losses() -> Iterator[Spelling]:
    """Yield the KL in the loss."""
    on, coef, kind = f"{_A}use_kl_loss", f"{_A}kl_loss_coef", f"{_A}kl_loss_type"
    yield Spelling({on: OFF})
    yield Spelling({coef: ZERO}, written=False)
    known = one_of(*_READ)
    chosen = {on: ON, coef: NONZERO}
    yield Spelling({**chosen, kind: known}, {"kl_loss": {"coef": Take(coef), "estimator": _estimator(kind)}})
    for estimator, names in (("k3", ("k3+", "low_var_kl+")), ("k1", ("k1+", "kl+"))):
        settings = {"coef": Take(coef), "estimator": estimator, "gradient": "k2"}
        yield Spelling({**chosen, kind: one_of(*names)}, {"kl_loss": settings})
    yield Spelling({**chosen, kind: ANY}, not_modeled="no trick has the absolute log-ratio or the full KL")


def _kl_rewards() -> Iterator[Spelling]:
    """Yield the KL in the reward: up to 0.3.0 it is there unless it is in the loss."""
    in_reward, in_loss = f"{_ALG}use_kl_in_reward", f"{_A}use_kl_loss"
    coef, kind = f"{_ALG}kl_ctrl.kl_coef", f"{_ALG}kl_penalty"
    taken = {"coef": Take(coef), "estimator": _estimator(kind)}
    yield Spelling({in_loss: ON}, until=_OLD)
    yield Spelling({in_reward: OFF}, since="0.4.0")
    yield Spelling({coef: ZERO}, until=_OLD)
    yield Spelling({coef: ZERO}, since="0.4.0", written=False)
    known = one_of(*_READ)
    for on, since, until in (({in_loss: OFF}, "", _OLD), ({in_reward: ON}, "0.4.0", "")):
        chosen = {**on, coef: NONZERO, kind: known}
        yield Spelling({**chosen, _ESTIMATOR: "reinforce_plus_plus"}, {"kl_to_go": taken}, since=since, until=until)
        yield Spelling(chosen, {"kl_reward": taken}, since=since, until=until)
    yield Spelling({kind: ANY}, not_modeled="no trick has the absolute log-ratio or the full KL")


@dataclass(frozen=True, slots=True)
class _Bound(Take):
    """One of the two numbers of ``"0.5_2.0"``."""

    index: int = 0

    def value(self, options: Options) -> Any:
        """Return the number."""
        return float(str(options.get(self.option)).split("_")[self.index])

    def written(self, value: Any, loop: Loop) -> Any:
        """Return the number as a part of the word."""
        return Piece(self.index, 2, value, "_")


@dataclass(frozen=True, slots=True)
class _Lower(Take):
    """The lower bound of 0.6.0, which is one over the upper one where it is not given."""

    upper: str = ""

    def value(self, options: Options) -> Any:
        """Return the bound."""
        given, upper = options.get(self.option), options.get(self.upper)
        return 1 / float(upper) if given is None and upper else given


_NUMBER: Final = Match(lambda value: isinstance(value, int | float) and not isinstance(value, bool), None, "a number")
_TWO: Final = Match(lambda value: isinstance(value, str) and value.count("_") == 1, None, '"floor_cap"')


def _corrections() -> Iterator[Spelling]:
    """Yield the corrections for the sampler."""
    level, cap = f"{_ALG}rollout_is_level", f"{_ALG}rollout_is_threshold"
    mode, lower = f"{_ALG}rollout_is_mode", f"{_ALG}rollout_is_threshold_lower"
    older: dict[str, Any] = {"since": "0.6.0", "until": "0.6.0"}
    yield Spelling({}, until="0.5.0")
    yield Spelling({f"{_ALG}rollout_is": OFF}, **older)
    yield Spelling({cap: ZERO}, written=False, **older)
    taken: dict[str, Any] = {"level": Take(level), "cap": Take(cap)}
    chosen = {f"{_ALG}rollout_is": ON, cap: NONZERO, level: one_of("token", "sequence")}
    yield Spelling(
        {**chosen, mode: "truncate"}, {"truncated_is": {**taken, "outside": "truncate", "floor": 0.0}}, **older
    )
    drop = {**taken, "outside": "drop", "floor": _Lower(lower, upper=cap)}
    yield Spelling({**chosen, mode: "mask"}, {"truncated_is": drop}, **older)
    yield Spelling({level: "geometric"}, not_modeled="no trick weighs by the geometric mean of a response", **older)
    yield from _newer_corrections()


def _newer_corrections() -> Iterator[Spelling]:
    place = f"{_ALG}rollout_correction."
    level, cap = f"{place}rollout_is", f"{place}rollout_is_threshold"
    gate = "no trick has a gate apart from its weight"
    yield Spelling({f"{place}bypass_mode": ON}, not_modeled="no trick takes the ratio to the sampler", since="0.6.1")
    yield Spelling({f"{place}rollout_rs": GIVEN}, not_modeled=gate, since="0.6.1")
    yield Spelling({f"{place}rollout_token_veto_threshold": GIVEN}, not_modeled=gate, since="0.6.1", until="0.7.0")
    yield Spelling({level: one_of(None, "null", "none")}, since="0.6.1")
    known = {level: one_of("token", "sequence")}
    truncated = {"level": Take(level), "cap": Take(cap), "outside": "truncate", "floor": 0.0}
    yield Spelling({**known, cap: _NUMBER}, {"truncated_is": truncated}, since="0.6.1")
    drop = {"level": Take(level), "cap": _Bound(cap, index=1), "floor": _Bound(cap, index=0), "outside": "drop"}
    yield Spelling({**known, cap: _TWO}, {"truncated_is": drop}, since="0.8.0")


def _rounds(batches: Any) -> int:
    """Return the extra rounds of at most that many batches; 0 or less is no bound."""
    return int(batches) - 1 if isinstance(batches, int | float) and batches > 0 else 1_000_000


def _sampling() -> Iterator[Spelling]:
    """Yield the group filter: of the recipe dapo up to 0.8.0, then of the package."""
    groups = f"{_ALG}filter_groups."
    yield Spelling({}, until=_OLD)
    yield Spelling({f"{groups}enable": OFF}, since="0.4.0")
    for metric, since, until in (("acc", "0.4.0", "0.8.0"), ("acc", "0.9.0", "0.9.0"), ("reward", "0.9.1", "")):
        named = Match(lambda _: True, metric, "the name of a number that the reward function returns")
        batches = Take(f"{groups}max_num_gen_batches", _rounds, lambda rounds: int(rounds) + 1)
        rounds = {"rounds": batches} if until == "0.8.0" else {}
        yield Spelling(
            {f"{groups}enable": ON, f"{groups}metric": named},
            {"dynamic_sampling": rounds},
            note="of the recipe dapo (recipe.dapo.main_dapo)" if until == "0.8.0" else "",
            since=since,
            until=until,
        )


def _overlong() -> Iterator[Spelling]:
    """Yield the soft overlong punishment, which is an option of the reward manager dapo."""
    written = Match(lambda _: True, "${data.max_response_length}", "the limit")
    places = (
        ("reward.reward_kwargs.overlong_buffer_cfg", "reward.reward_manager.name", "reward.reward_kwargs", "0.7.1", ""),
        (
            "reward_model.reward_kwargs.overlong_buffer_cfg",
            "reward_model.reward_manager",
            "reward_model.reward_kwargs",
            "0.4.0",
            "",
        ),
        ("reward_model.overlong_buffer", "reward_model.reward_manager", "", "0.4.0", ""),
    )
    for buffer, manager, limit, since, until in places:
        cache = FifthTake(f"{buffer}.len", limits=(_LIMIT,))
        condition: dict[str, Any] = {f"{buffer}.enable": ON, manager: "dapo"}
        yield Spelling(
            condition | ({f"{limit}.max_resp_len": written} if limit else {}),
            {"soft_overlong": {"cache": cache, "weight": Take(f"{buffer}.penalty_factor")}},
            since=since,
            until=until,
            written=bool(limit),
        )
    yield Spelling({})


def _top_k(value: Any) -> Any:
    return 0 if value in (-1, None) else value


_KEEPS: Final = (
    Keep("temperature", Take(f"{_R}temperature")),
    Keep("top_p", Take(f"{_R}top_p")),
    Keep("top_k", Take(f"{_R}top_k", _top_k, lambda value: value or -1)),
    Keep("max_prompt_length", Take("data.max_prompt_length")),
    Keep("max_response_length", Take(_LIMIT)),
    Keep("lr", Take(f"{_A}optim.lr")),
    Keep("weight_decay", Take(f"{_A}optim.weight_decay"), since="0.4.0"),
    Keep("max_grad_norm", Take(f"{_A}grad_clip")),
    Keep(
        "warmup_steps", Take(f"{_A}optim.lr_warmup_steps", lambda value: max(0, int(value or 0))), since="0.3.0.post0"
    ),
)

_PARTS: Final = (
    Part("advantages", tuple(_advantages())),
    Part("surrogate", tuple(_surrogates())),
    Part("mean", tuple(_means())),
    Part("KL in the loss", tuple(_kl_losses())),
    Part("KL in the reward", tuple(_kl_rewards())),
    Part(
        "entropy",
        (
            Spelling({f"{_A}entropy_coeff": ZERO}),
            Spelling({f"{_A}entropy_coeff": NONZERO}, {"entropy_bonus": {"coef": Take(f"{_A}entropy_coeff")}}),
        ),
    ),
    Part("correction for the sampler", tuple(_corrections())),
    Part("dynamic sampling", tuple(_sampling())),
    Part("overlong punishment", tuple(_overlong())),
)

_BY_USER: Final = "custom_reward_function.path names a file of yours whose compute_score may add it"

TABLE: Final = Framework(
    name="verl",
    title="verl",
    compared={"algorithm.adv_estimator": "grpo", "actor_rollout_ref.rollout.n": 8},
    parts=_PARTS,
    keeps=_KEEPS,
    counts=Counts(read_counts, write_counts),
    no_effect=NO_EFFECT,
    not_modeled=NOT_MODELED,
    faults=FAULTS,
    form="overrides",
    launched=(
        "verl.trainer.main_ppo",
        "verl.trainer.main_ppo_sync",
        "recipe.dapo.main_dapo",
        "recipe.dapo.src.main_dapo",
        "verl.experimental.fully_async_policy.fully_async_main",
        "verl.experimental.one_step_off_policy.main_ppo",
        "verl.experimental.separation.main_ppo",
        "verl.experimental.transfer_queue.main_ppo",
    ),
    head="python3 -m verl.trainer.main_ppo",
    foreign=FOREIGN,
    idle=idle,
    in_code={"format_reward": _BY_USER, "length_reward": _BY_USER},
)
