"""The spelling of rules in AReaL's PPO configuration.

A section that is null by default, such as ``actor.adv_norm``, has options with the value ``absent`` until it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tricks.frameworks.areal_rest import FAULTS, FOREIGN, NO_EFFECT, NOT_MODELED
from tricks.frameworks.spelling import (
    GIVEN,
    NONZERO,
    OFF,
    ON,
    ZERO,
    Counts,
    Framework,
    Keep,
    Loop,
    Match,
    Options,
    Part,
    Spelling,
    Take,
    one_of,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ABSENT: Final = "absent"
_BATCH: Final = one_of("batch", ABSENT)  # the level of a section that does not name it
_FALSE: Final = one_of(False, ABSENT, None)
_SIZE: Final = Match(lambda _: True, "${gconfig.n_samples}", "any")
_KL, _DECOUPLED, _LEVEL = "actor.kl_ctl", "actor.use_decoupled_loss", "actor.importance_sampling_level"
_WEIGHTS: Final = "actor.rejection_sampling"
_PRESENT: Final = Match(lambda value: value != ABSENT, "${actor.path}", "given")


def _number(option: str, default: Any) -> Take:
    """Return the Take of an option that has a default where its section is given without it."""
    return Take(option, lambda value: default if value in (ABSENT, None) else value)


def _ddof(section: str) -> Take:
    return Take(f"{section}.std_unbiased", lambda value: 0 if value is False else 1, lambda value: value == 1)


def _missing(section: str) -> dict[str, Match]:
    """Return the condition that a section is not given."""
    names = ("mean_level", "mean_leave1out", "std_level", "std_unbiased", "eps", "group_size")
    return {f"{section}.{name}": one_of(ABSENT) for name in names}


def _settings(section: str) -> dict[str, Take]:
    """Return the settings of a standard deviation."""
    return {"eps": _number(f"{section}.eps", 1e-5), "ddof": _ddof(section)}


def _advantages() -> Iterator[Spelling]:
    """Yield the pairs of a mean and a standard deviation of rewards."""
    section = "actor.reward_norm"
    mean, others, std, size = (
        f"{section}.{name}" for name in ("mean_level", "mean_leave1out", "std_level", "group_size")
    )
    values = "the advantages of a critic are no trick; leave critic out"
    yield Spelling({"critic.path": _PRESENT}, not_modeled=values, written=False)
    nothing = _missing(section)
    yield Spelling(nothing, note="no baseline: the advantage is the reward", written=False)
    yield Spelling({mean: None, std: None}, written=False)
    scaled = _settings(section)
    grouped = {size: _SIZE}
    rows: tuple[tuple[Any, bool, Any, Mapping[str, Mapping[str, Any]]], ...] = (
        ("group", False, "group", {"group_norm": scaled}),
        ("group", False, _BATCH, {"group_mean_batch_std": scaled}),
        ("group", False, None, {"group_mean": {}}),
        (_BATCH, False, _BATCH, {"batch_norm": scaled}),
        (_BATCH, False, None, {"batch_mean": {}}),
        ("group", True, None, {"rloo": {}}),
        ("group", True, "group", {"rloo": {"std": "group", **scaled}}),
        ("group", True, _BATCH, {"rloo": {"std": "batch", **scaled}}),
        (_BATCH, False, "group", {"group_norm": {"mean": "batch", **scaled}}),
        (None, False, "group", {"group_norm": {"mean": "none", **scaled}}),
        (None, False, _BATCH, {"batch_norm": {"mean": "none", **scaled}}),
    )
    for centre, leave, spread, tricks in rows:
        condition = {mean: centre, others: ON if leave else _FALSE, std: spread}
        by_group = "group" in (centre, spread)
        yield Spelling({**condition, **(grouped if by_group else {})}, tricks)
    yield Spelling({others: ON}, not_modeled="no trick subtracts the mean of the batch's other samples")
    yield Spelling({section: one_of(None)})  # written; read by the rows above


def _whitening() -> Iterator[Spelling]:
    """Yield the norms of advantages over tokens."""
    section = "actor.adv_norm"
    mean, others, std, size = (
        f"{section}.{name}" for name in ("mean_level", "mean_leave1out", "std_level", "group_size")
    )
    nothing = _missing(section)
    yield Spelling(nothing, written=False)
    yield Spelling({mean: None, std: None}, written=False)
    rows: tuple[tuple[Any, str, Any, str], ...] = (
        (_BATCH, "batch", _BATCH, "batch"),
        (_BATCH, "batch", None, "none"),
        ("group", "group", "group", "group"),
        ("group", "group", None, "none"),
    )
    for centre, mean_of, spread, std_of in rows:
        settings: dict[str, Any] = {"mean": mean_of, "std": std_of}
        if std_of != "none":
            settings |= _settings(section)
        grouped = {size: _SIZE} if centre == "group" else {}
        yield Spelling({mean: centre, others: _FALSE, std: spread, **grouped}, {"token_whitening": settings})
    yield Spelling({}, not_modeled="no trick has this pair of a mean and a standard deviation over tokens")
    yield Spelling({section: one_of(None)})  # written; read by the rows above


def _losses() -> Iterator[Spelling]:
    """Yield the surrogates; every one is averaged over tokens."""
    bounds = {
        "clip_ratio_low": Take("actor.eps_clip"),
        "clip_ratio_high": Take("actor.eps_clip_higher", or_else="actor.eps_clip"),
    }
    sapo, dual = "actor.use_sapo_loss", "actor.c_clip"
    yield Spelling({sapo: ON}, {"token_mean": {}}, not_modeled="no trick computes the soft gates of SAPO yet")
    clip = {"clip": {**bounds, "dual_clip": Take(dual)}, "token_mean": {}}
    yield Spelling({sapo: OFF, _LEVEL: "token"}, clip)
    note = "averaged over tokens, so that long responses weigh more"
    gspo = {"gspo": bounds, "token_mean": {}}
    yield Spelling({sapo: OFF, _LEVEL: "sequence", dual: one_of(None)}, gspo, note=note)
    yield Spelling({_LEVEL: "sequence", dual: GIVEN}, gspo, not_modeled="gspo has no dual clip among the tricks")


def _kl() -> Iterator[Spelling]:
    """Yield the KL in the reward; without a reference model it is something else."""
    yield Spelling({_KL: ZERO})
    none = "without a reference model the log-prob itself is subtracted, k1 of a reference of 0"
    yield Spelling({_KL: NONZERO, "ref.path": one_of(ABSENT)}, not_modeled=none)
    to_go = {"kl_to_go": {"coef": Take(_KL), "estimator": Take("actor.kl_estimator")}}
    upper = {f"{_WEIGHTS}.{name}": one_of(ABSENT) for name in ("upper", "metric", "level", "action", "lower", "agg")}
    sampler = "under the decoupled loss without weights the KL is that of the sampler's log-probs"
    given = {_KL: NONZERO, "ref.path": _PRESENT}
    yield Spelling({**given, _DECOUPLED: ON, **upper}, not_modeled=sampler)
    yield Spelling(given, to_go)


def _corrections() -> Iterator[Spelling]:
    """Yield the weights between the policy that starts the step and the sampler."""
    level, action, metric, agg, upper, lower = (
        f"{_WEIGHTS}.{name}" for name in ("level", "action", "metric", "agg", "upper", "lower")
    )
    names = (level, action, metric, agg, upper, lower)
    yield Spelling({_DECOUPLED: OFF}, note="rejection_sampling acts under the decoupled loss alone")
    yield Spelling({_DECOUPLED: ON, **{name: one_of(ABSENT) for name in names}}, written=False)
    ratio = {_DECOUPLED: ON, metric: one_of("ratio", ABSENT)}
    bounds = {
        "cap": _number(upper, 5.0),
        "floor": Take(lower, lambda value: 0.0 if value in (ABSENT, None) else value, lambda value: value or None),
    }
    for outside, chosen in (("drop", one_of("mask", ABSENT)), ("truncate", one_of("clamp"))):
        token = {"truncated_is": {"level": "token", "outside": outside, **bounds}}
        yield Spelling({**ratio, level: one_of("token", ABSENT), action: chosen}, token)
        response = {"truncated_is": {"level": "sequence", "outside": outside, **bounds}}
        mean = {level: "sequence", action: chosen, agg: one_of("mean", ABSENT)}
        yield Spelling({**ratio, **mean}, response)
    other = "no trick drops by another statistic than the ratio and its geometric mean"
    yield Spelling({_DECOUPLED: ON}, not_modeled=other)


def _bounds() -> Iterator[Spelling]:
    clip = "actor.reward_clip"
    yield Spelling({clip: one_of(20.0)})
    both = {"low": Take(clip, lambda value: -value, lambda value: -value), "high": Take(clip)}
    yield Spelling({clip: GIVEN}, {"reward_clip": both})


class _RewardCache(Take):
    """The cache of the overlong penalty; a fifth of the limit is read as our own default."""

    def value(self, options: Options) -> Any:
        """Return the tokens, or None where they are a fifth of the limit."""
        tokens, limit = whole(options, self.option), whole(options, "actor.max_new_tokens")
        return None if limit is not None and tokens == max(1, limit // 5) else tokens

    def written(self, value: Any, loop: Loop) -> Any:
        """Return the tokens; a fifth of the loop's limit for our default."""
        limit = loop.get("max_response_length")
        return max(1, limit // 5) if value is None and limit else value


class _Limit(Take):
    """The limit of the overlong penalty, which is the actor's own number of new tokens."""

    def value(self, options: Options) -> Any:
        """Return the tokens, or None where they are the sampler's limit."""
        limit = whole(options, self.option)
        return None if limit == whole(options, "gconfig.max_new_tokens") else limit

    def written(self, value: Any, loop: Loop) -> Any:
        """Return the tokens; the sampler's limit for our default."""
        return "${gconfig.max_new_tokens}" if value is None else value


def _overlong() -> Iterator[Spelling]:
    flag, cache, weight = "actor.overlong_reward_penalty", "actor.overlong_tokens", "actor.overlong_penalty_factor"
    yield Spelling({flag: OFF})
    soft = {"cache": _RewardCache(cache), "limit": _Limit("actor.max_new_tokens"), "weight": Take(weight)}
    yield Spelling({flag: ON}, {"soft_overlong": soft})


def _read_top_k(value: Any) -> Any:
    return 0 if isinstance(value, int | float) and value >= 100_000_000 else value


_KEEPS: Final = (
    Keep("temperature", Take("gconfig.temperature")),
    Keep("top_p", Take("gconfig.top_p")),
    Keep("top_k", Take("gconfig.top_k", _read_top_k, lambda value: value or 100_000_000)),
    Keep("max_response_length", Take("gconfig.max_new_tokens")),
    Keep("max_prompt_length", Take("train_dataset.max_length")),
    Keep("lr", _number("actor.optimizer.lr", None)),
    Keep("weight_decay", _number("actor.optimizer.weight_decay", None)),
    Keep("max_grad_norm", _number("actor.optimizer.gradient_clipping", None)),
)


def _counts(options: Options) -> Loop:
    return {
        "group_size": whole(options, "gconfig.n_samples"),
        "prompts_per_batch": whole(options, "train_dataset.batch_size"),
        "updates_per_rollout": whole(options, "actor.ppo_n_minibatches"),
        "epochs": 1,
    }


def _written_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    return {
        "gconfig.n_samples": loop.get("group_size", defaults["gconfig.n_samples"]),
        "train_dataset.batch_size": loop.get("prompts_per_batch", defaults["train_dataset.batch_size"]),
        "actor.ppo_n_minibatches": loop.get("updates_per_rollout", defaults["actor.ppo_n_minibatches"]),
        "actor.temperature": "${gconfig.temperature}",
        "actor.recompute_logprob": True,
    }


TABLE: Final = Framework(
    name="areal",
    title="AReaL",
    parts=(
        Part("advantages", tuple(_advantages())),
        Part("bounds of the reward", tuple(_bounds())),
        Part("whitening", tuple(_whitening())),
        Part("loss", tuple(_losses())),
        Part("KL", tuple(_kl())),
        Part("weights for the sampler", tuple(_corrections())),
        Part("overlong penalty", tuple(_overlong())),
    ),
    keeps=_KEEPS,
    counts=Counts(_counts, _written_counts),
    no_effect=NO_EFFECT,
    not_modeled=NOT_MODELED,
    faults=FAULTS,
    form="yaml",
    foreign=FOREIGN,
    launched=("areal.infra.launcher", "areal.launcher", "gsm8k_rl.py"),
    in_code={
        "dynamic_sampling": "the script hands dynamic_filter_fn to trainer.train and sets dynamic_bs to false",
        "format_reward": "the reward function adds it",
        "length_reward": "the reward function adds it",
    },
)
