"""The formula of each trick of the catalog, with the numbers in effect.

The words are those of ``tricks.formula``. A part that only a dialect has writes its own: a method ``formula(setup)``
of its class that yields lines in the same words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.filtering import DynamicSampling, OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, FormatReward, LengthReward, RewardClip, SoftOverlong
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tricks.batch import Setup

_SCOPES: Final = {"group": "group", "batch": "batch", "leave_one_out": "others"}
_DDOF: Final = {0: "n", 1: "n - 1"}


def number(value: float) -> str:
    """Return a number as it stands in a formula."""
    return f"{value:.10g}"


def formula_of(trick: Any, setup: Setup) -> tuple[str, ...]:
    """Return the formula of a trick, or nothing for a class that has none."""
    if "formula" in vars(type(trick)):
        return tuple(trick.formula(setup))
    write = _WRITERS.get(type(trick))
    return () if write is None else tuple(write(trick, setup))


def _normalize(trick: Normalize, setup: Setup) -> Iterator[str]:
    each = ", each token" * (trick.weights == "token")
    comma = f"; {each[2:]}" if each else ""
    centred = "r_i" if trick.mean == "none" else f"r_i - mean_{_SCOPES[trick.mean]}(r{comma})"
    notes = [*_remarks(trick)]
    if trick.std == "none":
        yield f"A_i = {centred}{noted(notes)}"
        return
    scope, divisor = _SCOPES[trick.std], f"{_DDOF[trick.ddof]}{each}"
    inner = f"r - mean_group(r{comma})" if trick.about == "group" else "r"
    about = f"{'rms' if trick.about == 'group' else 'std'}_{scope}({inner}; {divisor})"
    zero = {"zero": "0 where the std is 0", "keep": "not divided where the std is 0", "eps": ""}[trick.zero_std]
    over = centred if trick.mean == "none" else f"({centred})"
    yield f"A_i = {over} / {divided(about, trick.eps, trick.eps_rule)}{noted([zero, *notes])}"


def _remarks(trick: Normalize) -> Iterator[str]:
    if trick.include == "kept":
        yield "statistics of kept responses"
    if "group" in (trick.mean, trick.std) and trick.single == "raw":
        yield "alone in its group: mean 0, std 1"
    if trick.unequal == "one_group":
        yield "groups of unequal size count as one group"
    if trick.precision == "single" and trick.mean != "none":
        yield "mean in float32"


def divided(std: str, eps: float, rule: str) -> str:
    """Return the divisor: a standard deviation kept away from 0."""
    match rule:
        case "added":
            return f"({std} + {number(eps)})"
        case "floored":
            return f"max({std}, {number(eps)})"
        case "added_to_variance":
            return f"sqrt({std}^2 + {number(eps)})"
    return f"sqrt(max({std}^2, {number(eps)}))"


def noted(notes: list[str]) -> str:
    """Return remarks in square brackets, or nothing."""
    found = "; ".join(note for note in notes if note)
    return f"  [{found}]" if found else ""


def _whiten(trick: Whiten, setup: Setup) -> Iterator[str]:
    each = "each token" if trick.weights == "token" else "each response"
    centred = "A_i" if trick.mean == "none" else f"(A_i - mean_{trick.mean}(A; {each}))"
    notes = noted(["statistics of filtered responses too"] * (trick.include == "all"))
    if trick.std == "none":
        yield f"A_i <- {centred}{notes}"
        return
    std = f"std_{trick.std}(A; {_DDOF[trick.ddof]}, {each})"
    yield f"A_i <- {centred} / {divided(std, trick.eps, trick.eps_rule)}{notes}"


def _reward_clip(trick: RewardClip, setup: Setup) -> Iterator[str]:
    yield f"r_i <- clip(r_i, {number(trick.low)}, {number(trick.high)})"


def _advantage_clip(trick: AdvantageClip, setup: Setup) -> Iterator[str]:
    yield f"A_i <- clip(A_i, {number(trick.low)}, {number(trick.high)})"


def _soft_overlong(trick: SoftOverlong, setup: Setup) -> Iterator[str]:
    limit = trick.limit or setup.max_response_length
    cache = max(1, limit // 5) if trick.cache is None else trick.cache
    yield f"r_i <- r_i + {number(trick.weight)} clip(({limit - cache} - |o_i|) / {cache}, -1, 0)"


def _length_reward(trick: LengthReward, setup: Setup) -> Iterator[str]:
    weight, shortest = number(trick.weight), "min_group |o|"
    yield f"r_i <- r_i + {weight} lambda_i where R_i > 0, + {weight} min(0, lambda_i) elsewhere"
    yield f"lambda_i = 0.5 - (|o_i| - {shortest}) / (max_group |o| - {shortest})"


def _format_reward(trick: FormatReward, setup: Setup) -> Iterator[str]:
    yield f"r_i <- r_i + {number(trick.bonus)} where the answer has the requested format"


def _kl_reward(trick: KlReward, setup: Setup) -> Iterator[str]:
    yield f"r_i <- r_i - {number(trick.coef)} sum_t k_it"
    yield _estimate(trick, "pi_old")


def _kl_to_go(trick: KlToGo, setup: Setup) -> Iterator[str]:
    yield f"A_it = A_i - {number(trick.coef)} sum_(s >= t) k_is"
    yield _estimate(trick, "pi_old")


def _kl_loss(trick: KlLoss, setup: Setup) -> Iterator[str]:
    ratio = "rho_it " if trick.gradient == "ratio" else ""
    yield f"l_it <- l_it + {number(trick.coef)} {ratio}k_it"
    notes = {"own": "", "score_function": "gradient of (pi / sg(pi)) k_it", "k2": "gradient of x_it^2 / 2", "ratio": ""}
    yield f"{_estimate(trick, 'pi')}{noted([notes[trick.gradient]])}"


def _estimate(trick: KlLoss | KlReward | KlToGo, policy: str) -> str:
    estimate = {"k1": "-x_it", "k2": "x_it^2 / 2", "k3": "exp(x_it) - 1 - x_it"}[trick.estimator]
    return f"k_it = {_bounded(estimate, trick.value_bound)}, x_it = " + _bounded(
        f"log(pi_ref(o_it) / {policy}(o_it))", trick.log_ratio_bound
    )


def _bounded(text: str, bound: float | None) -> str:
    return text if bound is None else f"clip({text}, {number(-bound)}, {number(bound)})"


def _entropy_bonus(trick: EntropyBonus, setup: Setup) -> Iterator[str]:
    yield f"l_it <- l_it - {number(trick.coef)} H(pi(. | o_i<t))"


def _overlong_filter(trick: OverlongFilter, setup: Setup) -> Iterator[str]:
    cut = {
        "finish_reason": "the length limit stopped it",
        "last_token": "its last token is not EOS",
        "length": f"|o_i| >= {trick.limit or setup.max_response_length}",
        "padded_length": "|o_i| is the largest of the batch",
    }[trick.truncation]
    leaves = "leaves the loss" if trick.numerator == "out" else "leaves the denominators and stays in the loss"
    yield f"response i {leaves} where {cut}"


def _zero_variance_filter(trick: ZeroVarianceFilter, setup: Setup) -> Iterator[str]:
    yield f"response i leaves the loss where max_group R - min_group R <= {number(trick.tolerance)}"


def _dynamic_sampling(trick: DynamicSampling, setup: Setup) -> Iterator[str]:
    end = "rejected groups fill the batch" if trick.at_cap == "fill" else "the batch is smaller"
    yield f"groups of equal R are sampled again, up to {trick.rounds} rounds, then {end}"


def _truncated_importance(trick: TruncatedImportance, setup: Setup) -> Iterator[str]:
    ratio = "pi_old(o_it) / pi_sampler(o_it)" if trick.level == "token" else "pi_old(o_i) / pi_sampler(o_i)"
    low, high = number(trick.floor), number(trick.cap)
    if trick.outside == "drop":
        yield f"w_it = {ratio}, 0 outside {low} to {high}"
    elif trick.floor:
        yield f"w_it = clip({ratio}, {low}, {high})"
    else:
        yield f"w_it = min({ratio}, {high})"


def _ratio(bound: float | None) -> str:
    if bound is None:
        return "rho_it = pi(o_it) / pi_old(o_it)"
    return f"rho_it = exp({_bounded('log(pi(o_it) / pi_old(o_it))', bound)})"


def _clip(trick: Clip, setup: Setup) -> Iterator[str]:
    yield _ratio(trick.log_ratio_bound)
    low, high = number(1 - trick.clip_ratio_low), number(1 + trick.clip_ratio_high)
    gain = f"min(rho_it A_i, clip(rho_it, {low}, {high}) A_i)"
    if trick.dual_clip is not None:
        yield f"l_it = -{gain} where A_i >= 0, -max({gain}, {number(trick.dual_clip)} A_i) elsewhere"
    else:
        yield f"l_it = -{gain}"


def response_ratio(bound: float | None) -> str:
    """Return the formula of the ratio of a response, with the bound of its logarithm."""
    return f"s_i = exp({_bounded('mean_t log(pi(o_it) / pi_old(o_it))', bound)})"


def response_loss(trick: SequenceClip) -> str:
    """Return the formula of the loss that the clipped ratio of a response gives its tokens."""
    low, high = number(1 - trick.clip_ratio_low), number(1 + trick.clip_ratio_high)
    return f"l_it = -min(s_i A_i, clip(s_i, {low}, {high}) A_i)"


def _sequence_clip(trick: SequenceClip, setup: Setup) -> Iterator[str]:
    yield response_ratio(trick.log_ratio_bound)
    yield f"{response_loss(trick)}  [gradient through the token's own ratio where A_it differ in a response]"


def _clipped_weight(trick: ClippedWeight, setup: Setup) -> Iterator[str]:
    yield _ratio(trick.log_ratio_bound)
    weight = (
        f"clip(rho_it, {number(trick.low)}, {number(trick.high)})"
        if trick.low
        else f"min(rho_it, {number(trick.high)})"
    )
    yield f"l_it = -sg({weight}) A_i log(pi(o_it))"


def _policy_gradient(trick: PolicyGradient, setup: Setup) -> Iterator[str]:
    yield "l_it = -A_i log(pi(o_it))"


def _token_mean(trick: TokenMean, setup: Setup) -> Iterator[str]:
    tokens = {
        "kept": "kept tokens",
        "all": "sampled tokens",
        "at_least_one": "kept tokens, at least 1 a response",
    }[trick.count]
    yield _over_units(trick.scope, f"sum_it l_it / ({tokens})")


def _sequence_mean(trick: SequenceMean, setup: Setup) -> Iterator[str]:
    yield _over_units(trick.scope, f"sum_i (sum_t l_it / |o_i|) / {_responses(trick.count)}")


def _sequence_sum(trick: SequenceSum, setup: Setup) -> Iterator[str]:
    yield _over_units(trick.scope, f"sum_i (sum_t l_it) / {_responses(trick.count)}")


def _constant_length(trick: ConstantLength, setup: Setup) -> Iterator[str]:
    length = {"limit": str(setup.max_response_length), "padded": "(padded width)"}.get(
        str(trick.length), str(trick.length)
    )
    averaged = f" / {_responses(trick.count)}" if trick.per_response else ""
    yield _over_units(trick.scope, f"sum_i (sum_t l_it / {length}){averaged}")


def _responses(count: str) -> str:
    return "(kept responses)" if count == "kept" else "(sampled responses)"


def _over_units(scope: str, text: str) -> str:
    match scope:
        case "update":
            return f"L = {text}"
        case "micro_batch":
            return f"L = mean over micro-batches [{text}]"
    return f"L = mean over prompts [{text}]"


_WRITERS: Final[Mapping[type[Any], Callable[[Any, Setup], Iterator[str]]]] = {
    Normalize: _normalize,
    Whiten: _whiten,
    RewardClip: _reward_clip,
    AdvantageClip: _advantage_clip,
    SoftOverlong: _soft_overlong,
    LengthReward: _length_reward,
    FormatReward: _format_reward,
    KlReward: _kl_reward,
    KlToGo: _kl_to_go,
    KlLoss: _kl_loss,
    EntropyBonus: _entropy_bonus,
    OverlongFilter: _overlong_filter,
    ZeroVarianceFilter: _zero_variance_filter,
    DynamicSampling: _dynamic_sampling,
    TruncatedImportance: _truncated_importance,
    Clip: _clip,
    SequenceClip: _sequence_clip,
    ClippedWeight: _clipped_weight,
    PolicyGradient: _policy_gradient,
    TokenMean: _token_mean,
    SequenceMean: _sequence_mean,
    SequenceSum: _sequence_sum,
    ConstantLength: _constant_length,
}
