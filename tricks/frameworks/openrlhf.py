"""The spelling of rules in the command line of OpenRLHF's ``train_ppo_ray``; every name changed in 0.10.2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from tricks.dialects import ALL_RELEASES
from tricks.frameworks.openrlhf_names import OLD_NAMES
from tricks.frameworks.openrlhf_rest import FAULTS, FOREIGN, NO_EFFECT, NOT_MODELED
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
    Piece,
    Spelling,
    Take,
    item,
    one_of,
    product_of,
    quotient,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LAST_OLD, _FIRST_NEW = "0.10.1.post2", "0.10.2"
RELEASES: Final = ALL_RELEASES["openrlhf"].known_releases
_CRITIC: Final = "the advantages of a critic (gae) are no trick; an estimator without critic is"
_ESTIMATOR: Final = "algo.advantage.estimator"
_NO_STD: Final = "algo.advantage.no_std_norm"
_RANGE: Final = "reward.clip_range"
_COEF, _AS_LOSS, _KIND = "algo.kl.init_coef", "algo.kl.use_loss", "algo.kl.estimator"
_UNBIASED: Final = "algo.kl.unbiased_gradient"
_TYPE, _MEAN, _DUAL = "actor.policy_loss_type", "actor.loss_agg_mode", "actor.dual_clip"
_PACKED: Final = "ds.packing_samples"
_IS: Final = "algo.advantage.is_correction_"
_MICRO: Final = {"scope": "micro_batch"}
_SEQ: Final = "seq-mean-token-mean"


def _index(release: str) -> int:
    return RELEASES.index(release)


def spell(
    options: Mapping[str, Any],
    tricks: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    since: str = "",
    until: str = "",
    **others: Any,
) -> Iterator[Spelling]:
    """Yield a spelling under the names of old releases, under the dotted ones of new releases, or both.

    Args:
        options: The condition, by dotted names.
        tricks: The tricks; Takes by dotted names.
        since: First release; "" is the first known one.
        until: Last release; "" is the newest.
        others: Other arguments of ``Spelling``.

    Yields:
        One spelling or two.

    """
    first, last = since or RELEASES[0], until or RELEASES[-1]
    if _index(first) <= _index(_LAST_OLD):
        end = last if _index(last) <= _index(_LAST_OLD) else _LAST_OLD
        old = {
            trick: {key: _old(value) for key, value in settings.items()} for trick, settings in (tricks or {}).items()
        }
        renamed = {OLD_NAMES.get(name, name): value for name, value in options.items()}
        yield Spelling(renamed, old, since=since, until=end, **others)
    if _index(last) >= _index(_FIRST_NEW):
        start = first if _index(first) >= _index(_FIRST_NEW) else _FIRST_NEW
        yield Spelling(options, tricks or {}, since=start, until=until, **others)


def _old(value: Any) -> Any:
    """Return a Take of the option's old name; other values stay."""
    if isinstance(value, _Cache):
        return _Cache(OLD_NAMES[value.option], value.read, value.write)
    if isinstance(value, Take):
        return Take(OLD_NAMES[value.option], value.read, value.write, OLD_NAMES.get(value.or_else, value.or_else))
    return value


def _limit(options: Options) -> int | None:
    """Return the largest number of new tokens of a response, None where the prompt decides it."""
    for name in ("rollout.max_new_tokens", "max_new_tokens", "generate_max_len"):
        if (found := whole(options, name)) is not None:
            return found
    return None


class _Cache(Take):
    """The cache of the overlong penalty; a fifth of the limit is read as our own default."""

    def value(self, options: Options) -> Any:
        """Return the tokens, or None where they are a fifth of the limit."""
        tokens, limit = whole(options, self.option), _limit(options)
        return None if limit is not None and tokens == max(1, limit // 5) else tokens

    def written(self, value: Any, loop: Loop) -> Any:
        """Return the tokens; a fifth of the loop's limit for our default."""
        limit = loop.get("max_response_length")
        return max(1, limit // 5) if value is None and limit else value


def _advantages() -> Iterator[Spelling]:
    """Yield the estimators; most are whitened over tokens after their baseline."""
    yield from spell({_ESTIMATOR: "gae"}, {"token_whitening": {}}, not_modeled=_CRITIC)
    whitened: tuple[tuple[str, Mapping[str, Any], str, str], ...] = (
        ("reinforce", {}, "", ""),
        ("reinforce_baseline", {"group_mean": {}}, "0.6.0", ""),
        ("rloo", {"rloo": {}}, "", "0.8.4"),
        ("dr_grpo", {"group_mean": {}}, "", ""),
    )
    for name, baseline, since, until in whitened:
        if name == "dr_grpo":
            continue
        flagged = since if since and _index(since) > _index("0.6.4") else "0.6.4"
        chosen = {_ESTIMATOR: name}
        yield from spell(chosen, {**baseline, "token_whitening": {}}, since=since, until="0.6.3.post2")
        yield from spell({**chosen, _NO_STD: OFF}, {**baseline, "token_whitening": {}}, since=flagged, until=until)
        yield from spell(
            {**chosen, _NO_STD: ON},
            {**baseline, "token_whitening": {"std": "none"}},
            since=flagged,
            until=until,
            note="the mean over tokens is subtracted all the same",
        )
    yield from spell({_ESTIMATOR: "rloo"}, {"rloo": {}}, since="0.8.5")
    yield from spell({_ESTIMATOR: "group_norm"}, {"group_norm": {}}, since="0.6.0")
    yield from spell({_ESTIMATOR: "dr_grpo"}, {"group_mean": {}}, since="0.6.3.post2")
    yield from spell({_ESTIMATOR: "flash_reinforce"}, {"batch_mean": {}}, since="0.11.2")


def _bounds() -> Iterator[Spelling]:
    """Yield the bounds of what the baseline leaves of the reward."""
    yield from spell({_RANGE: one_of([-10, 10], None)})
    clipped = {"advantage_clip": {"low": item(_RANGE, 0, 2), "high": item(_RANGE, 1, 2)}}
    plain = {_RANGE: GIVEN, _COEF: ZERO}
    for names, since in (("group_norm", "0.6.0"), ("dr_grpo", "0.6.3.post2"), ("flash_reinforce", "0.11.2")):
        yield from spell({**plain, _ESTIMATOR: names}, clipped, since=since)
    yield from spell({**plain, _ESTIMATOR: "rloo"}, clipped, since="0.8.5")
    for names, since in (("group_norm", "0.6.0"), ("dr_grpo", "0.6.3.post2"), ("flash_reinforce", "0.11.2")):
        loss = {_RANGE: GIVEN, _ESTIMATOR: names, _AS_LOSS: ON}
        yield from spell(loss, clipped, since=since)
    yield from spell(
        {_RANGE: GIVEN}, not_modeled="the bounds act before KL and whitening, and advantage_clip after them"
    )


def _losses() -> Iterator[Spelling]:
    """Yield the surrogates with the mean of each release."""
    one = {"clip_ratio_low": Take("actor.eps_clip"), "clip_ratio_high": Take("actor.eps_clip")}
    low_high, or_else = "actor.eps_clip_low_high", "actor.eps_clip"
    two = {
        "clip_ratio_low": item(low_high, 0, 2, or_else),
        "clip_ratio_high": item(low_high, 1, 2, or_else),
    }
    three = {**two, "dual_clip": Take(_DUAL)}
    yield from spell({_PACKED: OFF}, {"clip": one, "sequence_mean": _MICRO}, until="0.6.4")
    packed = "packed samples have no mask, so that the mean is over the tokens of a micro-batch"
    yield from spell({_PACKED: ON}, {"clip": one, "token_mean": _MICRO}, until="0.6.4", note=packed)
    yield from spell({}, {"clip": one, "token_mean": _MICRO}, since="0.7.0", until="0.8.1.post1")
    yield from spell({}, {"clip": two, "token_mean": _MICRO}, since="0.8.2", until="0.8.5")
    yield from spell({}, {"clip": three, "token_mean": _MICRO}, since="0.8.6", until="0.8.7")
    ppo = {_TYPE: "ppo"}
    yield from spell(ppo, {"clip": three, "token_mean": _MICRO}, since="0.8.8", until="0.10.3")
    yield from spell(ppo, {"clip": three, "token_mean": {}}, since="0.10.4", until="0.11.1")
    yield from spell({**ppo, _MEAN: "token-mean"}, {"clip": three, "token_mean": {}}, since="0.11.2")
    yield from spell({**ppo, _MEAN: _SEQ}, {"clip": three, "sequence_mean": {}}, since="0.11.2")
    forced = "averaged over responses whatever was chosen"
    means: tuple[tuple[Mapping[str, Any], str, str, str], ...] = (
        ({"token_mean": _MICRO}, "0.8.8", "0.8.8", "averaged over tokens in this release alone"),
        ({"sequence_mean": _MICRO}, "0.8.9", "0.10.3", forced),
        ({"sequence_mean": {}}, "0.10.4", "", forced),
    )
    for mean, since, until, note in means:
        gspo = {"gspo": two, **mean}
        yield from spell({_TYPE: "gspo", _DUAL: one_of(None)}, gspo, since=since, until=until, note=note)
        dual = "gspo has no dual clip among the tricks; without it"
        yield from spell({_TYPE: "gspo", _DUAL: GIVEN}, gspo, since=since, until=until, not_modeled=dual)


def _kl() -> Iterator[Spelling]:
    """Yield the KL: none, to go in the reward, or as a loss."""
    yield from spell({_COEF: ZERO})
    coef, kind = Take(_COEF), Take(_KIND)
    early = {"kl_to_go": {"coef": coef, "estimator": "k1"}}
    third = {"kl_to_go": {"coef": coef, "estimator": "k3"}}
    k3 = "use_kl_estimator_k3"
    yield Spelling({"init_kl_coef": NONZERO, k3: OFF}, _renamed(early), until="0.5.9.post1")
    yield Spelling({"init_kl_coef": NONZERO, k3: ON}, _renamed(third), until="0.5.9.post1")
    for estimator, on, to_go in (("k1", OFF, early), ("k3", ON, third)):
        flags = {"init_kl_coef": NONZERO, k3: on, "use_kl_loss": OFF}
        yield Spelling(flags, _renamed(to_go), since="0.6.0", until="0.6.0")
        as_loss = {"kl_loss": {"coef": coef, "estimator": estimator}}
        loss = {"init_kl_coef": NONZERO, k3: on, "use_kl_loss": ON}
        yield Spelling({**loss, "packing_samples": OFF}, _renamed(as_loss), since="0.6.0", until="0.6.0")
        yield Spelling({**loss, "packing_samples": ON}, note=_DETACHED, since="0.6.0", until="0.6.0", written=False)
    chosen = {_COEF: NONZERO, _AS_LOSS: OFF}
    yield from spell(chosen, {"kl_to_go": {"coef": coef, "estimator": kind}}, since="0.6.0.post1")
    as_loss = {"kl_loss": {"coef": coef, "estimator": kind}}
    loss = {_COEF: NONZERO, _AS_LOSS: ON}
    first = "0.6.0.post1"
    yield from spell({**loss, _PACKED: OFF}, as_loss, since=first, until="0.6.4")
    yield from spell({**loss, _PACKED: ON}, since=first, until="0.6.4", note=_DETACHED, written=False)
    apart = "the KL is averaged over responses and the loss over tokens"
    yield from spell(loss, since="0.7.0", until="0.7.1.post2", not_modeled=apart)
    yield from spell(loss, since="0.7.2", until="0.7.3", not_modeled="a KL loss stops the first training step")
    yield from spell(loss, as_loss, since="0.7.4", until="0.8.8")
    other = "the KL is averaged over tokens and the loss over responses"
    yield from spell({**loss, _TYPE: "gspo"}, since="0.8.9", not_modeled=other)
    yield from spell({**loss, _MEAN: _SEQ}, since="0.11.2", not_modeled=other)
    yield from spell(loss, as_loss, since="0.8.9", until="0.11.0")
    yield from spell({**loss, _UNBIASED: OFF}, as_loss, since="0.11.1")
    weighted = {"kl_loss": {"coef": coef, "estimator": kind, "gradient": "k2"}}
    yield from spell({**loss, _UNBIASED: ON}, weighted, since="0.11.1")


_DETACHED: Final = "the KL of packed samples has no gradient in this release"


def _renamed(tricks: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {trick: {key: _old(value) for key, value in settings.items()} for trick, settings in tricks.items()}


def _entropy() -> Iterator[Spelling]:
    name = "actor.entropy_coef"
    yield from spell({}, until="0.7.1.post2")
    yield from spell({name: ZERO}, since="0.7.2")
    other = "entropy is averaged over tokens and the loss over responses"
    yield from spell({name: NONZERO, _TYPE: "gspo"}, since="0.8.9", not_modeled=other)
    yield from spell({name: NONZERO, _MEAN: _SEQ}, since="0.11.2", not_modeled=other)
    yield from spell({name: NONZERO}, {"entropy_bonus": {"coef": Take(name)}}, since="0.7.2")


def _edge(index: int) -> Take:
    """Return the Take of a bound of the weights; one number alone is the upper bound."""
    name = f"{_IS}threshold"

    def read(value: Any) -> Any:
        given = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        return given[-1] if index else given[0] if len(given) > 1 else 0.0

    return Take(name, read, lambda value: Piece(index, 2, value))


def _corrections() -> Iterator[Spelling]:
    """Yield the weights for the gap between trainer and vLLM."""
    enable, kind, icepop = f"{_IS}enable", f"{_IS}type", "use_icepop"
    yield from spell({}, until="0.8.8")
    yield from spell({enable: OFF}, since="0.8.9", until="0.11.1")
    other = "GSPO's ratio is then taken to the sampler's log-probs and nothing is weighed"
    gspo = {_TYPE: "gspo"}
    yield from spell({enable: ON, **gspo}, since="0.8.10", until="0.11.1", not_modeled=other)
    one = {"cap": Take(f"{_IS}threshold"), "floor": 0.0, "outside": "truncate", "level": "token"}
    yield from spell({enable: ON}, {"truncated_is": one}, since="0.8.9", until="0.9.0")
    bounds = {"cap": _edge(1), "floor": _edge(0)}
    clipped = {"truncated_is": {**bounds, "outside": "truncate", "level": "token"}}
    dropped = {"truncated_is": {**bounds, "outside": "drop", "level": "token"}}
    gated = {"truncated_is": {**bounds, "outside": "drop", "level": "sequence"}}
    yield from spell({enable: ON, icepop: OFF}, clipped, since="0.9.1", until="0.9.2")
    yield from spell({enable: ON, icepop: ON}, dropped, since="0.9.1", until="0.9.2")
    yield from spell({enable: ON, kind: "tis"}, clipped, since="0.9.3", until="0.11.1")
    yield from spell({enable: ON, kind: "icepop"}, dropped, since="0.9.3", until="0.11.1")
    yield from spell({enable: ON, kind: "mis"}, gated, since="0.9.3", until="0.9.3")
    yield from spell({enable: ON, kind: "seq-mask-tis"}, gated, since="0.9.4", until="0.11.1")
    level, mode, gating = f"{_IS}level", f"{_IS}mode", f"{_IS}gating"
    yield from spell({level: "off"}, since="0.11.2")
    yield from spell({level: one_of("token", "seq"), **gspo}, since="0.11.2", not_modeled=other)
    ratio = {gating: "ratio"}
    yield from spell({level: "token", mode: "clip", **ratio}, clipped, since="0.11.2")
    yield from spell({level: "token", mode: "mask", **ratio}, dropped, since="0.11.2")
    yield from spell({level: "seq", mode: "mask", **ratio}, gated, since="0.11.2")
    divergence = "no trick drops tokens or responses by a divergence of one token's probability"
    yield from spell({gating: one_of("binary_kl", "tv")}, since="0.11.2", not_modeled=divergence)


def _sampling() -> Iterator[Spelling]:
    flag, name = "algo.dynamic_filtering_enable", "algo.dynamic_filtering_range"
    yield from spell({}, until="0.8.0.post1")
    yield from spell({flag: OFF}, since="0.8.1")
    yield from spell({flag: ON, name: one_of([0, 1])}, {"dynamic_sampling": {}}, since="0.8.1")
    band = "groups are kept by another band of their mean reward than 0 to 1"
    yield from spell({flag: ON}, {"dynamic_sampling": {}}, since="0.8.1", not_modeled=band)


def _overlong() -> Iterator[Spelling]:
    cache, weight = "reward.overlong_buffer_len", "reward.overlong_penalty_factor"
    yield from spell({}, until="0.8.6")
    yield from spell({cache: one_of(None)}, since="0.8.7")
    soft = {"soft_overlong": {"cache": _Cache(cache), "weight": Take(weight)}}
    yield from spell({cache: GIVEN}, soft, since="0.8.7")


def _dynamic() -> Iterator[Spelling]:
    flag = "train.dynamic_batch_enable"
    uneven = "micro-batches of unequal size are weighed by their share of responses"
    whole_step = "micro-batches of unequal size are averaged over the tokens of the update"
    yield from spell({}, until="0.8.5")
    yield from spell({flag: OFF}, since="0.8.6", until="0.10.3")
    yield from spell({flag: ON}, since="0.8.6", until="0.10.2", not_modeled=uneven)
    yield from spell({flag: ON}, since="0.10.3", until="0.10.3", not_modeled=whole_step)
    yield from spell({flag: Match(lambda _: True, False, "any")}, since="0.10.4")


def _keeps() -> Iterator[Keep]:
    """Yield what has to be kept, under the names of each release."""
    simple = {
        "temperature": "rollout.temperature",
        "top_p": "rollout.top_p",
        "lr": "actor.adam.lr",
        "weight_decay": "actor.adam.weight_decay",
        "max_grad_norm": "actor.max_norm",
        "max_response_length": "rollout.max_new_tokens",
    }
    for key, name in simple.items():
        if key != "max_response_length":
            yield Keep(key, Take(OLD_NAMES[name]), until=_LAST_OLD)
        yield Keep(key, Take(name), since=_FIRST_NEW)
    yield Keep("max_response_length", Take("generate_max_len"), until="0.9.7")
    yield Keep("max_response_length", Take("max_new_tokens"), since="0.9.8", until=_LAST_OLD)
    yield Keep("max_prompt_length", Take("prompt_max_len"), until="0.9.7")


def _value(options: Options, name: str) -> int | None:
    """Return a count by its dotted name or by the old one."""
    found = whole(options, name)
    return whole(options, OLD_NAMES[name]) if found is None else found


def _counts(options: Options) -> Loop:
    group, prompts = _value(options, "rollout.n_samples_per_prompt"), _value(options, "rollout.batch_size")
    epochs = _value(options, "train.max_epochs")
    updates = quotient(product_of(group, prompts), _value(options, "train.batch_size"))
    return {
        "group_size": group,
        "prompts_per_batch": prompts,
        "updates_per_rollout": product_of(updates, epochs),
        "epochs": epochs,
    }


def _written_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    dotted = "rollout.batch_size" in defaults
    group, prompts, epochs = loop.get("group_size", 1), loop.get("prompts_per_batch", 1), loop.get("epochs", 1)
    updates = max(1, loop.get("updates_per_rollout", 1) // epochs)
    found = {
        "rollout.batch_size": prompts,
        "rollout.n_samples_per_prompt": group,
        "train.batch_size": group * prompts // updates,
        "train.max_epochs": epochs,
    }
    return found if dotted else {OLD_NAMES[name]: value for name, value in found.items()}


def _idle(options: Options, loop: Loop) -> Sequence[str]:
    """Say which given settings cannot act: a clip with one update, a temperature that nobody divides by."""
    found = []
    gamma = options.get("algo.advantage.gamma", options.get("gamma"))
    estimator = options.get(_ESTIMATOR, options.get("advantage_estimator"))
    if gamma not in (None, 1, 1.0) and estimator not in ("gae", "reinforce"):
        found.append(f"gamma={gamma}: {estimator} takes 1 whatever is given")
    return found


TABLE: Final = Framework(
    name="openrlhf",
    title="OpenRLHF",
    compared={
        "advantage_estimator": "group_norm",
        "n_samples_per_prompt": 8,
        "algo.advantage.estimator": "group_norm",
        "rollout.n_samples_per_prompt": 8,
    },
    parts=(
        Part("advantages", tuple(_advantages())),
        Part("bounds of the reward", tuple(_bounds())),
        Part("loss", tuple(_losses())),
        Part("KL", tuple(_kl())),
        Part("entropy", tuple(_entropy())),
        Part("weights for vLLM", tuple(_corrections())),
        Part("sampling", tuple(_sampling())),
        Part("overlong penalty", tuple(_overlong())),
        Part("dynamic batch", tuple(_dynamic())),
    ),
    keeps=tuple(_keeps()),
    counts=Counts(_counts, _written_counts),
    no_effect=NO_EFFECT,
    not_modeled=NOT_MODELED,
    faults=FAULTS,
    form="flags",
    launched=("openrlhf.cli.train_ppo_ray",),
    head="python3 -m openrlhf.cli.train_ppo_ray",
    foreign=FOREIGN,
    idle=_idle,
    in_code={
        "format_reward": "a reward function (--reward.remote_url own.py) adds it",
        "length_reward": "a reward function (--reward.remote_url own.py) adds it",
    },
)
