"""verl's losses by release: surrogates, weights of the rollout correction, means, KL and entropy in the loss."""

from typing import Any, Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import Pattern, Refusal, Rewrite, Variant
from tricks.dialects.parts_verl import (
    FullSequenceMean,
    GspoToken,
    MicroConstantLength,
    MicroSequenceMean,
    MicroSequenceSum,
    MicroTokenMean,
    StrictMicroTokenMean,
    VetoedImportance,
)
from tricks.importance import TruncatedImportance
from tricks.regularization import EntropyBonus, KlLoss
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

_CORE: Final = "verl/trainer/ppo/core_algos.py"
_ACTOR: Final = "verl/workers/actor/dp_actor.py"
_LOSSES: Final = "verl/workers/utils/losses.py"
_WEIGHTS: Final = "verl/trainer/ppo/rollout_corr_helper.py"
_MISMATCH: Final = "verl/trainer/ppo/mismatch_helper.py"
_OLD: Final = "0.3.0.post1"  # the last release with one clip ratio and one mean
_GSPO: Final = (Pattern(SequenceClip),)
_TERMS: Final = (Pattern(KlLoss), Pattern(EntropyBonus))  # averaged by the chosen aggregation, also with GSPO
_FREE: Final[dict[str, Any]] = {"log_ratio_bound": None, "value_bound": None}
_VALUE: Final[dict[str, Any]] = {"log_ratio_bound": None, "value_bound": 10.0}
_BOUND: Final[dict[str, Any]] = {"log_ratio_bound": 20.0, "value_bound": 10.0}
_BOTH: Final = ("clip_ratio_low", "clip_ratio_high")
_ALWAYS: Final = "dual clip cannot be turned off, only moved (clip_ratio_c)"

_SURROGATES: Final = (
    Variant(
        Clip,
        f"{_CORE}:227",
        then={"log_ratio_bound": None},
        free=_BOTH,
        note="clip_ratio bounds both sides",
        until=_OLD,
    ),
    *(
        Variant(
            Clip,
            f"{_CORE}:1323",
            then={"dual_clip": 3.0, "log_ratio_bound": bound},
            free=(*_BOTH, "dual_clip"),
            required=("dual_clip",),
            note=_ALWAYS,
            since=since,
            until=until,
        )
        for bound, since, until in ((None, "0.4.0", "0.4.0"), (20.0, "0.4.1", ""))
    ),
    Variant(
        SequenceClip,
        f"{_CORE}:1546",
        then={"log_ratio_bound": 10.0},
        free=_BOTH,
        note="the gradient is GSPO-token's, the bound of 10 holds above alone",
        becomes=GspoToken,
        since="0.6.0",
    ),
    Variant(
        ClippedWeight,
        f"{_CORE}:2047",
        free=("low", "high"),
        note="bounds are 1 - clip_ratio_low, 1 + clip_ratio_high",
        since="0.7.0",
    ),
    Variant(PolicyGradient, f"{_CORE}:1707", note="policy loss gpg", since="0.5.0"),
)

_CORRECTIONS: Final = (
    Variant(
        TruncatedImportance,
        f"{_MISMATCH}:90",
        {"outside": "truncate", "floor": 0.0},
        free=("cap", "level"),
        note="rollout_is_mode=truncate; a response with a ratio below 1e-4 has weight 0",
        becomes=VetoedImportance,
        since="0.6.0",
        until="0.6.0",
    ),
    Variant(
        TruncatedImportance,
        f"{_MISMATCH}:90",
        {"outside": "drop"},
        free=("cap", "floor", "level"),
        note="rollout_is_mode=mask; a response with a ratio below 1e-4 has weight 0",
        becomes=VetoedImportance,
        since="0.6.0",
        until="0.6.0",
    ),
    Variant(
        TruncatedImportance,
        f"{_WEIGHTS}:596",
        {"outside": "truncate", "floor": 0.0},
        free=("cap", "level"),
        note="rollout_is_threshold as a number",
        since="0.6.1",
    ),
    Variant(
        TruncatedImportance,
        f"{_WEIGHTS}:602",
        {"outside": "drop"},
        free=("cap", "floor", "level"),
        note='rollout_is_threshold as "floor_cap" (IcePop)',
        since="0.8.0",
    ),
)

_MICRO: Final = "of each micro-batch, weighed by its rows"
_NAN: Final = "; NaN where a micro-batch has no token"


def _token_means() -> tuple[Variant, ...]:
    """Return the rows of the token mean: of a micro-batch up to 0.7.1, of the mini-batch from 0.8.0."""
    spans = (
        (StrictMicroTokenMean, "", "0.2.0.post2", _NAN),
        (MicroTokenMean, "0.3.0.post0", "0.7.1", ""),
    )
    rows = [
        Variant(
            TokenMean,
            f"{_ACTOR}:268",
            {"scope": scope},
            {"scope": "micro_batch"},
            note=_MICRO + nan,
            becomes=cls,
            since=since,
            until=until,
        )
        for scope in ("update", "micro_batch")
        for cls, since, until, nan in spans
    ]
    return (*rows, Variant(TokenMean, f"{_CORE}:1170", {"scope": "update"}, since="0.8.0"))


def _sequence_means() -> tuple[Variant, ...]:
    """Return the rows of the sequence mean: rows without a token NaN, then left out, then counted."""
    update = {"scope": "update"}
    micro = {"scope": "micro_batch"}
    return (
        Variant(
            SequenceMean,
            f"{_CORE}:440",
            update,
            {"count": "all"},
            note="NaN where a response has no token",
            becomes=FullSequenceMean,
            since="0.4.0",
            until="0.6.0",
        ),
        *(
            Variant(
                SequenceMean,
                f"{_CORE}:795",
                {"scope": scope},
                micro,
                note=_MICRO,
                becomes=cls,
                since=since,
                until=until,
            )
            for scope in ("update", "micro_batch")
            for cls, since, until in ((MicroSequenceMean, "0.6.1", "0.7.1"),)
        ),
        Variant(SequenceMean, f"{_CORE}:1194", update, {"count": "all"}, since="0.8.0"),
        Variant(SequenceSum, f"{_CORE}:437", update, {"count": "all"}, since="0.4.0", until="0.6.0"),
        *(
            Variant(
                SequenceSum, f"{_CORE}:790", {"scope": scope}, micro, note=_MICRO, becomes=cls, since=since, until=until
            )
            for scope in ("update", "micro_batch")
            for cls, since, until in ((MicroSequenceSum, "0.6.1", "0.7.1"),)
        ),
        Variant(SequenceSum, f"{_CORE}:1181", update, {"count": "all"}, since="0.8.0"),
    )


_CONSTANTS: Final = (
    Variant(
        ConstantLength,
        f"{_CORE}:1176",
        {"scope": "update", "per_response": False, "length": 1},
        {"count": "all"},
        note="token-sum, which divides by nothing",
        since="0.9.0",
    ),
    *(
        Variant(
            ConstantLength,
            f"{_CORE}:444",
            {"scope": scope},
            {"scope": "micro_batch", "per_response": False, "length": "padded"},
            note=f"the sum over the padded width {_MICRO}: not divided by the number of responses",
            becomes=MicroConstantLength,
            since="0.4.0",
            until="0.7.0",
        )
        for scope in ("update", "micro_batch")
    ),
    *(
        Variant(
            ConstantLength,
            f"{_CORE}:1185",
            {"scope": scope},
            {"scope": "micro_batch", "length": "padded"},
            note=f"over the padded width and the responses with a token {_MICRO}",
            becomes=MicroConstantLength,
            since="0.7.1",
            until="0.7.1",
        )
        for scope in ("update", "micro_batch")
    ),
    Variant(
        ConstantLength,
        f"{_CORE}:1189",
        {"scope": "update"},
        {"length": "padded", "count": "all"},
        ("length",),
        note="the padded width unless loss_scale_factor is set",
        since="0.8.0",
    ),
)


def _penalties() -> tuple[Variant, ...]:
    """Return the rows of the KL as a loss; the k2 gradient of other estimators works from 0.8.0."""
    k3 = tuple(
        Variant(
            KlLoss,
            f"{_CORE}:2187",
            {"estimator": "k3", "gradient": gradient},
            bounds,
            ("coef",),
            note="k3+, whose gradient no bound holds" if gradient == "k2" else "",
            since=since,
            until=until,
        )
        for gradient, bounds, since, until in (
            ("own", _VALUE, "0.2", "0.4.0"),
            ("own", _BOUND, "0.4.1", ""),
            ("k2", _BOUND, "0.8.0", ""),
        )
    )
    plain = tuple(
        Variant(
            KlLoss,
            f"{_CORE}:2187",
            {"estimator": estimator, "gradient": gradient},
            _FREE,
            ("coef",),
            since="0.8.0" if (estimator, gradient) == ("k1", "k2") else "0.2",
        )
        for estimator in ("k1", "k2")
        for gradient in ("own", "k2")
    )
    return k3 + plain


LOSSES: Final = (
    *_SURROGATES,
    *_CORRECTIONS,
    *_token_means(),
    *_sequence_means(),
    *_CONSTANTS,
    *_penalties(),
    Variant(EntropyBonus, f"{_ACTOR}:272", free=("coef",), until="0.7.1"),
    Variant(EntropyBonus, f"{_LOSSES}:124", free=("coef",), since="0.8.0"),
)


def _absent(cls: type[Any], because: str, instead: str, where: str, until: str) -> Refusal:
    return Refusal(Pattern(cls), because, instead, where, until=until)


LOSS_REFUSALS: Final = (
    Refusal(
        Pattern(Clip, test=lambda trick: trick.clip_ratio_low != trick.clip_ratio_high),
        "has one clip_ratio for both sides",
        "choose clip",
        f"{_CORE}:227",
        until=_OLD,
    ),
    _absent(SequenceClip, "has no gspo (from 0.6.0)", "choose clip", f"{_CORE}:227", "0.5.0"),
    _absent(ClippedWeight, "has no cispo (from 0.7.0)", "choose clip", f"{_CORE}:227", "0.6.1"),
    _absent(PolicyGradient, "has no policy_gradient (gpg, from 0.5.0)", "choose clip", f"{_CORE}:227", "0.4.1"),
    _absent(TruncatedImportance, "does not correct for the sampler (from 0.6.0)", "", f"{_ACTOR}:200", "0.5.0"),
    _absent(SequenceMean, "has the token mean alone", "choose token_mean", f"{_CORE}:227", _OLD),
    _absent(SequenceSum, "has the token mean alone", "choose token_mean", f"{_CORE}:227", _OLD),
    _absent(ConstantLength, "has the token mean alone", "choose token_mean", f"{_CORE}:227", _OLD),
    Refusal(
        Pattern(TokenMean, {"scope": "prompt"}),
        "averages over no prompts",
        "choose token_mean",
        f"{_CORE}:227",
        until="0.7.1",
    ),
    Refusal(
        Pattern(KlLoss, {"gradient": "k2"}, test=lambda trick: trick.estimator != "k2"),
        "documents k3+ from 0.6.0 and raises NotImplementedError (works from 0.8.0)",
        "set gradient=own",
        f"{_CORE}:1417",
        until="0.7.1",
    ),
    Refusal(
        Pattern(SequenceClip),
        "averages GSPO over responses, and KL and entropy by the chosen aggregation",
        "choose sequence_mean",
        f"{_CORE}:1603",
        beside=_TERMS,
        apart=(Pattern(SequenceMean),),
        until="0.9.0",
    ),
    Refusal(
        Pattern(TruncatedImportance, {"outside": "drop"}),
        "truncates the weights; what it rejects leaves the denominators too",
        "set outside=truncate",
        f"{_WEIGHTS}:349",
        since="0.6.1",
        until="0.7.1",
    ),
    Refusal(
        Pattern(TruncatedImportance, {"outside": "drop", "floor": 0.0}),
        "drops outside of two bounds, both above 0",
        "set floor=0.5",
        f"{_WEIGHTS}:125",
        since="0.8.0",
    ),
    Refusal(
        Pattern(TruncatedImportance, {"outside": "truncate"}, test=lambda trick: trick.floor != 0.0),
        "bounds the weight above alone unless it drops",
        "set outside=drop",
        f"{_WEIGHTS}:596",
    ),
    Refusal(
        Pattern(ConstantLength, {"per_response": False, "length": 1}),
        "has no token-sum (from 0.9.0)",
        "choose constant_length",
        f"{_CORE}:1136",
        since="0.4.0",
        until="0.8.0",
    ),
    Refusal(
        Pattern(ConstantLength, {"per_response": False}, test=lambda trick: trick.length != 1),
        "has token-sum, which divides by nothing",
        "set length=1",
        f"{_CORE}:1176",
        since="0.9.0",
    ),
)

LOSS_REWRITES: Final = (
    Rewrite(
        "loss_weights",
        SequenceMean(),
        f"{_CORE}:1603",
        _GSPO,
        note="GSPO ignores the aggregation chosen",
        apart=_TERMS,
        since="0.6.0",
        until="0.9.0",
    ),
)
