"""NeMo-RL: leave-one-out mean and standard deviation, and a KL loss with another gradient."""

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.dialects.dialect import (
    BATCH,
    CENTERED,
    GROUP,
    RAW,
    RLOO,
    SINGLE,
    Dialect,
    Pattern,
    Refusal,
    Variant,
    dynamic_sampling,
    refuse_class,
    refuse_mixed_norm,
    reward_functions,
    soft_overlong,
)
from tricks.dialects.own_tricks import NormalizeBySquares, ResponseClip, SampleMean
from tricks.dialects.parts_nemo_rl import ResponseGate
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlReward, KlToGo
from tricks.rewards import AdvantageClip, FormatReward, LengthReward, RewardClip, SoftOverlong
from tricks.surrogates import Clip, ClippedWeight, PolicyGradient, SequenceClip

_ESTIMATOR: Final = "nemo_rl/algorithms/advantage_estimator.py"
_LOSS: Final = "nemo_rl/algorithms/loss/loss_functions.py"
_STATISTICS: Final = "nemo_rl/algorithms/utils.py:104"
_GRPO: Final = "nemo_rl/algorithms/grpo.py"
_WHITENED: Final = (Pattern(Whiten),)
_TOKENS: Final = (Pattern(TokenMean),)
_SEQUENCES: Final = (Pattern(SequenceMean),)
_GSPO: Final = (Pattern(SequenceClip),)
_PUNISHED: Final = (Pattern(SoftOverlong), Pattern(LengthReward), Pattern(FormatReward))
_OTHERS: Final = {"mean": "leave_one_out", "std": "leave_one_out"}
_SWITCH: Final = "use_leave_one_out_baseline is on unless turned off"
_WITHOUT: Final = "use_leave_one_out_baseline=false, where mean or std is written out"
_UNBOUND: Final = {"log_ratio_bound": None}

_ADVANTAGES: Final = (
    Variant(
        Normalize,
        _STATISTICS,
        GROUP,
        {"eps": 1e-6, "zero_std": "keep"},
        asked=("mean", "std"),
        apart=_WHITENED,
        note=f"{_WITHOUT}; sqrt(E[x^2] - E[x]^2) in float32",
        becomes=NormalizeBySquares,
    ),
    *(
        Variant(
            Normalize,
            _STATISTICS,
            when,
            {**_OTHERS, "eps": 1e-6, "zero_std": "keep"},
            apart=_WHITENED,
            note=f"{_SWITCH}; sqrt(E[x^2] - E[x]^2) in float32",
            becomes=NormalizeBySquares,
        )
        for when in (GROUP, _OTHERS)
    ),
    Variant(Normalize, f"{_ESTIMATOR}:235", CENTERED, SINGLE, beside=_WHITENED),
    Variant(Normalize, f"{_ESTIMATOR}:90", CENTERED, asked=("mean",), note=f"normalize_rewards=false; {_WITHOUT}"),
    Variant(Normalize, f"{_ESTIMATOR}:90", CENTERED, RLOO, note=f"normalize_rewards=false; {_SWITCH}"),
    Variant(Normalize, f"{_ESTIMATOR}:90", RLOO, apart=_WHITENED, note="normalize_rewards=false"),
    Variant(Normalize, f"{_ESTIMATOR}:243", RAW, beside=_WHITENED, note="minus_baseline=false"),
    Variant(
        Normalize,
        "nemo_rl/algorithms/ppo.py:1153",
        RAW,
        apart=_WHITENED,
        note="raw_reward, in its PPO trainer alone",
    ),
    Variant(
        Whiten,
        f"{_ESTIMATOR}:263",
        BATCH,
        {"ddof": 0, "eps": 1e-8, "eps_rule": "floored_variance"},
    ),
    Variant(AdvantageClip, f"{_GRPO}:2307", free=("low", "high"), note="advantage_clip_low and advantage_clip_high"),
    Variant(
        RewardClip,
        f"{_GRPO}:1863",
        free=("low", "high"),
        apart=_PUNISHED,
        note="reward_scaling from an interval to itself",
    ),
)

_SURROGATES: Final = (
    Variant(Clip, f"{_LOSS}:552", then=_UNBOUND, free=("clip_ratio_low", "clip_ratio_high", "dual_clip")),
    Variant(
        SequenceClip,
        f"{_LOSS}:534",
        then=_UNBOUND,
        free=("clip_ratio_low", "clip_ratio_high"),
        note="sequence mean alone",
        becomes=ResponseClip,
    ),
    Variant(ClippedWeight, f"{_LOSS}:545", then=_UNBOUND, free=("low", "high"), beside=_TOKENS),
    Variant(PolicyGradient, f"{_LOSS}:542", note="disable_ppo_ratio"),
    *(
        Variant(
            TruncatedImportance,
            f"{_LOSS}:{line}",
            {"level": level},
            free=("cap", "floor", "outside"),
            beside=beside,
            apart=apart,
            note="tis truncates, icepop drops",
        )
        for level, line, beside, apart in (("token", 597, (), _GSPO), ("sequence", 570, _GSPO, ()))
    ),
    Variant(
        TruncatedImportance,
        f"{_LOSS}:637",
        {"level": "sequence", "outside": "drop"},
        free=("cap", "floor"),
        apart=_GSPO,
        note="seq-mask-tis: responses by the geometric mean of their weights, tokens keep their own",
        becomes=ResponseGate,
    ),
    Variant(OverlongFilter, f"{_GRPO}:3136", {"truncation": "finish_reason"}, note="stays in the baseline"),
)

_LOSSES: Final = (
    Variant(TokenMean, f"{_LOSS}:679", {"scope": "update"}),
    Variant(
        SequenceMean,
        f"{_LOSS}:685",
        {"scope": "update"},
        note="counts a response without any token, and none that is filtered",
        becomes=SampleMean,
    ),
    *(
        Variant(
            KlLoss,
            "nemo_rl/algorithms/utils.py:42",
            {"estimator": estimator},
            {"gradient": "score_function", "log_ratio_bound": 20.0, "value_bound": 10.0},
            ("coef", "log_ratio_bound", "value_bound"),
            note="multiplied by exp(x - sg(x)): k3 has the gradient of k2",
        )
        for estimator in ("k1", "k2", "k3")
    ),
)

_ONLY: Final = "has token means and sequence means alone"
_REFUSALS: Final = (
    refuse_mixed_norm(_STATISTICS, whitens=True),
    *(
        Refusal(
            Pattern(Normalize, when),
            "whitens a group mean or raw rewards alone",
            "choose group_mean",
            f"{_ESTIMATOR}:193",
            beside=_WHITENED,
        )
        for when in (GROUP, RLOO, _OTHERS)
    ),
    Refusal(
        Pattern(SequenceClip),
        "averages GSPO over sequences alone",
        "choose sequence_mean",
        f"{_LOSS}:266",
        apart=_SEQUENCES,
    ),
    Refusal(
        Pattern(ClippedWeight), "averages CISPO over tokens alone", "choose token_mean", f"{_LOSS}:289", apart=_TOKENS
    ),
    Refusal(
        Pattern(TruncatedImportance, {"level": "token"}),
        "weighs whole responses beside GSPO",
        "set level=sequence",
        f"{_LOSS}:570",
        beside=_GSPO,
    ),
    Refusal(
        Pattern(TruncatedImportance, {"level": "sequence", "outside": "truncate"}),
        "weighs whole responses beside GSPO alone, and otherwise drops them (seq-mask-tis)",
        "set outside=drop, or level=token",
        f"{_LOSS}:637",
        apart=_GSPO,
    ),
    refuse_class(KlReward, "takes from each token only its own KL", f"{_ESTIMATOR}:259", "choose kl_loss"),
    refuse_class(KlToGo, "takes from each token only its own KL", f"{_ESTIMATOR}:259", "choose kl_loss"),
    refuse_class(EntropyBonus, "reports entropy and does not reward it", f"{_LOSS}:712"),
    refuse_class(SequenceSum, _ONLY, f"{_LOSS}:114", "choose token_mean, or sequence_mean"),
    refuse_class(ConstantLength, _ONLY, f"{_LOSS}:114", "choose token_mean, or sequence_mean"),
    refuse_class(
        ZeroVarianceFilter,
        "drops groups of equal rewards only while it draws others",
        f"{_GRPO}:283",
        "choose dynamic_sampling",
    ),
    Refusal(
        Pattern(RewardClip),
        "bounds rewards before anything is added to them",
        "bound the sum in the task's reward",
        f"{_GRPO}:1863",
        beside=_PUNISHED,
    ),
)

NEMO_RL: Final = Dialect(
    "nemo_rl",
    "NVIDIA-NeMo/RL",
    "7ea279a",
    (
        *_ADVANTAGES,
        *_SURROGATES,
        *_LOSSES,
        dynamic_sampling(f"{_GRPO}:283"),
        soft_overlong("nemo_rl/algorithms/reward_functions.py:36"),
        *reward_functions("nemo_rl/environments/math_environment.py:87"),
    ),
    _REFUSALS,
    besides=(f"kl_loss with coef=0.01 ({_LOSS}:128)",),
)
