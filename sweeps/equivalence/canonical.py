"""Bring an update rule into a canonical form, with the reason for each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Self

from sweeps.equivalence.batches import BatchShape
from tricks import (
    DEFAULT_TRICKS,
    HOOKS,
    ClippedWeight,
    ConstantLength,
    FormatReward,
    LengthReward,
    Normalize,
    OverlongFilter,
    RewardClip,
    SequenceClip,
    SequenceMean,
    SequenceSum,
    SoftOverlong,
    TokenMean,
    Whiten,
    ZeroVarianceFilter,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sweeps.equivalence.gradients import GradientSide


REWARD: Final = "reward"  # the slot of the reward scale; the others are hooks


@dataclass(frozen=True, slots=True)
class CanonicalRule:
    """The computation of a rule in batches of one shape, by hook."""

    slots: Mapping[str, tuple[Any, ...]]  # tricks by hook; REWARD: reward if correct, if incorrect
    shape: BatchShape
    because: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # reasons by slot

    @classmethod
    def of(cls, side: GradientSide, shape: BatchShape) -> Self:
        """Return the rule as given: every hook with its tricks and fillers."""
        slots: dict[str, tuple[Any, ...]] = {REWARD: (side.right, side.wrong)}
        for hook in HOOKS:
            found = tuple(trick for _, trick in sorted(side.rule.tricks.items()) if hasattr(trick, hook))
            slots[hook] = found or ((side.rule.fillers[hook],) if hook in side.rule.fillers else ())
        return cls(slots, shape)

    def put(self, slot: str, value: tuple[Any, ...], reason: str) -> Self:
        """Return the form with another value in a slot.

        Args:
            slot: a hook, or REWARD
            value: the new tricks of the slot
            reason: why the change has no effect; kept if the value differs

        Returns:
            The changed form, or this one if the value is the same.

        """
        if self.slots[slot] == value:
            return self
        because = {**self.because, slot: (*self.because.get(slot, ()), reason)}
        return replace(self, slots={**self.slots, slot: value}, because=because)

    def set(self, slot: str, reason: str, **settings: Any) -> Self:
        """Return the form with changed settings of the tricks in a slot that have these settings.

        Args:
            slot: a hook
            reason: why the change has no effect
            settings: the new values by name

        Returns:
            The changed form.

        """
        return self.put(slot, tuple(_changed(trick, settings) for trick in self.slots[slot]), reason)

    def only(self, slot: str, kind: type[Any]) -> Any:
        """Return the trick of this kind in a slot that holds nothing else, or None."""
        tricks = self.slots[slot]
        return tricks[0] if len(tricks) == 1 and type(tricks[0]) is kind else None

    def words(self) -> dict[str, list[str]]:
        """Return the form as text; equal text means equal forms."""
        return {slot: sorted(map(repr, values)) for slot, values in self.slots.items()}


def _changed(trick: Any, settings: Mapping[str, Any]) -> Any:
    return replace(trick, **{name: value for name, value in settings.items() if hasattr(trick, name)})


def _no_weight(form: CanonicalRule) -> CanonicalRule:
    """Remove rewards that are added with weight 0."""
    left = tuple(trick for trick in form.slots["shape_rewards"] if not _weightless(trick))
    return form.put("shape_rewards", left, "with weight 0 nothing is added to the reward")


def _weightless(trick: Any) -> bool:
    weight = trick.bonus if isinstance(trick, FormatReward) else getattr(trick, "weight", 1)
    return isinstance(trick, FormatReward | LengthReward | SoftOverlong) and weight == 0


def _one_update(form: CanonicalRule) -> CanonicalRule:
    """Replace surrogates that equal the clipped ratio at ratio 1.

    Tricks that know this themselves have been removed before.
    """
    trick = form.slots["surrogate"][0]
    weight_free = isinstance(trick, ClippedWeight) and trick.low <= 1 <= trick.high
    whole = isinstance(trick, SequenceClip) and not form.slots["token_weights"]
    if whole and type(trick) is not SequenceClip:  # a dialect's uses all advantages of the response
        whole = not form.slots["shape_advantages"]
    if form.shape.moved or not (weight_free or whole):
        return form
    reason = "with optim.updates_per_rollout=1 every ratio is 1 and the gradient is that of the clipped ratio"
    return form.put("surrogate", (DEFAULT_TRICKS["surrogate"],), reason)


def _truncation(form: CanonicalRule) -> CanonicalRule:
    """Unify settings that define truncation in the same way."""
    trick = form.only("keep_samples", OverlongFilter)
    if trick is None:
        return form
    if trick.truncation == "last_token":
        reason = "the sampler ends a response without EOS exactly where it is truncated"
        return form.set("keep_samples", reason, truncation="finish_reason")
    if trick.truncation == "length":
        return form.set("keep_samples", "null is the limit of the run", limit=trick.limit or form.shape.limit)
    return form.set("keep_samples", "a limit counts with truncation=length alone", limit=None)


def _nothing_filtered(form: CanonicalRule) -> CanonicalRule:
    """Remove settings about filtered samples where there are none."""
    if form.slots["keep_samples"]:
        return form
    reason = "no sample is filtered"
    form = form.set("advantages", reason, include="all").set("whiten", reason, include="all")
    return form.set("loss_weights", reason, count="kept")


def _equal_groups(form: CanonicalRule) -> CanonicalRule:
    """Remove settings about unequal groups and single samples where there are none."""
    form = form.set("advantages", "all groups are of one size", unequal="own")
    trick = form.only("advantages", Normalize)
    if trick is None or trick.include == "kept" or form.shape.group_size < 2:
        return form
    return form.set("advantages", "no sample is alone in its group", single="zero")


def _one_prompt(form: CanonicalRule) -> CanonicalRule:
    """Unify batch and group where the batch is one group."""
    if form.shape.prompts > 1:
        return form
    for slot in ("advantages", "whiten"):
        if (trick := form.only(slot, Normalize) or form.only(slot, Whiten)) is not None:
            scopes = {name: "group" for name in ("mean", "std") if getattr(trick, name) == "batch"}
            form = form.set(slot, "the batch is one group", about="own", **scopes)
    return form


def _scope(form: CanonicalRule) -> CanonicalRule:
    """Unify scopes of an aggregation that are the same here."""
    scope = getattr(form.slots["loss_weights"][0], "scope", None)
    if scope == "prompt" and form.shape.groups == 1:
        return form.set("loss_weights", "an update has one prompt", scope="update")
    if scope == "micro_batch" and not form.shape.split:
        return form.set("loss_weights", "an update is one micro-batch", scope="update")
    return form


def _one_token(form: CanonicalRule) -> CanonicalRule:
    """Unify weights by length where every response has one token."""
    trick = form.slots["loss_weights"][0]
    if form.shape.limit > 1:
        return form
    reason = "every response has one token"
    form = form.set("advantages", reason, weights="sequence").set("whiten", reason, weights="sequence")
    alike = isinstance(trick, TokenMean | SequenceSum) or (
        isinstance(trick, ConstantLength) and trick.length in (1, "limit", "padded") and trick.per_response
    )
    if alike and getattr(trick, "count", "") != "at_least_one":
        return form.put("loss_weights", (SequenceMean(scope=trick.scope, count=trick.count),), reason)
    return form


def _constant(form: CanonicalRule) -> CanonicalRule:
    """Replace a constant length that equals the limit by "limit"."""
    trick = form.only("loss_weights", ConstantLength)
    if trick is None or trick.length != form.shape.limit:
        return form
    return form.set("loss_weights", f"the limit is {form.shape.limit} tokens", length="limit")


def _reward_bounds(form: CanonicalRule) -> CanonicalRule:
    """Remove bounds that no reward reaches."""
    trick, rewards = form.only("clip_rewards", RewardClip), form.slots[REWARD]
    if trick is None or form.slots["shape_rewards"] or not (trick.low <= min(rewards) and max(rewards) <= trick.high):
        return form
    return form.put("clip_rewards", (), "both rewards lie within the bounds")


def _zero_deviation(form: CanonicalRule) -> CanonicalRule:
    """Unify ``zero_std`` where a standard deviation of 0 implies a centered reward of 0."""
    trick = form.only("advantages", Normalize)
    if trick is None or not _centred(trick) or trick.precision == "single":
        return form
    return form.set("advantages", "where the deviation is 0, so is the centred reward", zero_std="zero")


def _before_whitening(form: CanonicalRule) -> CanonicalRule:
    """Remove what whitening over the batch cancels."""
    first, second = form.only("advantages", Normalize), form.only("whiten", Whiten)
    if first is None or second is None or form.slots["shape_advantages"]:
        return form
    if second.std == "batch" and first.std == "batch":
        form = form.set("advantages", "whitening divides by a deviation, which cancels the one before", std="none")
    if second.mean == "batch" and first.mean == "batch":
        form = form.set("advantages", "whitening subtracts a mean, which cancels the one before", mean="none")
    return form


def _unused(form: CanonicalRule) -> CanonicalRule:
    """Remove settings of a mean or standard deviation that is not used."""
    trick = form.only("advantages", Normalize)
    if trick is None or trick.std != "none":
        return form
    plain, reason = Normalize(), "nothing is divided by a deviation"
    names = ("about", "ddof", "eps", "eps_rule", "zero_std")
    form = form.set("advantages", reason, **{name: getattr(plain, name) for name in names})
    if trick.mean != "none":
        return form
    return form.put("advantages", (plain,), "rewards are taken as they are")


def _reward_scale(form: CanonicalRule) -> CanonicalRule:
    """Normalize the reward scale as far as a mean and a standard deviation cancel it."""
    trick, (right, wrong) = form.only("advantages", Normalize), form.slots[REWARD]
    tolerant = any(isinstance(kept, ZeroVarianceFilter) and kept.tolerance > 0 for kept in form.slots["keep_samples"])
    if trick is None or trick.mean == "none" or form.slots["shape_rewards"] or form.slots["clip_rewards"]:
        return form
    divided = trick.std != "none" and (trick.zero_std == "zero" or _centred(trick))
    whitened = form.only("whiten", Whiten) is not None and form.slots["whiten"][0].std == "batch"
    if right == wrong or tolerant or not (divided or (whitened and not form.slots["shape_advantages"])):
        return form.put(REWARD, (right - wrong, 0.0), "a mean cancels what right and wrong earn alike")
    return form.put(REWARD, (1.0 if right > wrong else -1.0, 0.0), "dividing by a deviation cancels the reward scale")


def _centred(trick: Normalize) -> bool:
    """Return True if the subtracted mean makes equal rewards 0.

    Equal means equal within the scope of the standard deviation.
    """
    return trick.mean != "none" and trick.std in ("batch", trick.mean) and trick.std != "leave_one_out"


REWRITES: Final[tuple[Callable[[CanonicalRule], CanonicalRule], ...]] = (
    _no_weight,
    _one_update,
    _truncation,
    _nothing_filtered,
    _equal_groups,
    _one_prompt,
    _scope,
    _one_token,
    _constant,
    _reward_bounds,
    _zero_deviation,
    _reward_scale,
    _before_whitening,
    _unused,
)


def canonicalize(side: GradientSide, shape: BatchShape) -> CanonicalRule:
    """Return the canonical form, without anything that has no effect in batches of this shape."""
    form = _without_inert(side, CanonicalRule.of(side, shape))
    for rewrite in REWRITES:
        form = rewrite(form)
    return form


def explain_equivalence(one: GradientSide, other: GradientSide, shape: BatchShape) -> tuple[str, ...]:
    """Return the reasons why two rules are equivalent.

    Args:
        one: a rule with its rewards
        other: another one
        shape: the shape of the batches

    Returns:
        The reasons in words; empty where the canonical forms differ.

    """
    forms = [canonicalize(side, shape) for side in (one, other)]
    if forms[0].words() != forms[1].words():
        return ()
    given = [CanonicalRule.of(side, shape).words() for side in (one, other)]
    apart = [slot for slot in given[0] if given[0][slot] != given[1][slot]]
    return tuple(dict.fromkeys(why for slot in apart for form in forms for why in form.because.get(slot, ())))


def _without_inert(side: GradientSide, form: CanonicalRule) -> CanonicalRule:
    for name, why in side.rule.no_effect_reasons().items():
        trick = side.rule.tricks[name]
        for hook in (hook for hook in HOOKS if hasattr(trick, hook)):
            left = tuple(other for other in form.slots[hook] if other is not trick)
            filler = (side.rule.fillers[hook],) if hook in side.rule.fillers else ()
            form = form.put(hook, left or filler, "; ".join(why))
    return form
