"""NeMo-RL: leave-one-out mean and deviation, a KL loss whose gradient is another's."""

from __future__ import annotations

from typing import Final

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.bounds import AdvantageClip, RewardClip
from tricks.clipping import Clip
from tricks.dialects.dialect import Dialect, Pattern, Refusal, Variant
from tricks.dialects.nemo_tricks import NormalizeBySquares, SampleMean
from tricks.dialects.rows import (
    BATCH,
    CENTRED,
    GROUP,
    RAW,
    RLOO,
    SINGLE,
    dynamic_sampling,
    lacks,
    lacks_mixed,
    reward_functions,
    soft_overlong,
)
from tricks.dialects.sequence_clip import ResponseClip
from tricks.entropy import EntropyBonus
from tricks.filtering import OverlongFilter, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.kl import KlLoss, KlReward, KlToGo
from tricks.normalization import Normalize
from tricks.ratios import ClippedWeight, PolicyGradient, SequenceClip
from tricks.whitening import Whiten

_ESTIMATOR: Final = "nemo_rl/algorithms/advantage_estimator.py"
_LOSS: Final = "nemo_rl/algorithms/loss/loss_functions.py"
_WHITENED: Final = (Pattern(Whiten),)
_TOKENS: Final = (Pattern(TokenMean),)
_OTHERS: Final = {"mean": "leave_one_out", "std": "leave_one_out"}
_SWITCH: Final = "use_leave_one_out_baseline is on unless turned off"
_WITHOUT: Final = "use_leave_one_out_baseline=false, where mean or std is written out"
_UNBOUND: Final = {"log_ratio_bound": None}

_ADVANTAGES: Final = (
    Variant(
        Normalize,
        f"{_ESTIMATOR}:49",
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
            f"{_ESTIMATOR}:49",
            when,
            {**_OTHERS, "eps": 1e-6, "zero_std": "keep"},
            apart=_WHITENED,
            note=f"{_SWITCH}; sqrt(E[x^2] - E[x]^2) in float32",
            becomes=NormalizeBySquares,
        )
        for when in (GROUP, _OTHERS)
    ),
    Variant(Normalize, f"{_ESTIMATOR}, ReinforcePlusPlusAdvantageEstimator", CENTRED, SINGLE, beside=_WHITENED),
    Variant(Normalize, f"{_ESTIMATOR}:86", CENTRED, asked=("mean",), note=f"normalize_rewards=false; {_WITHOUT}"),
    Variant(Normalize, f"{_ESTIMATOR}:86", CENTRED, RLOO, note=f"normalize_rewards=false; {_SWITCH}"),
    Variant(Normalize, f"{_ESTIMATOR}:86", RLOO, apart=_WHITENED, note="normalize_rewards=false"),
    Variant(Normalize, f"{_ESTIMATOR}, ReinforcePlusPlusAdvantageEstimator", RAW, beside=_WHITENED),
    Variant(
        Whiten,
        f"{_ESTIMATOR}, ReinforcePlusPlusAdvantageEstimator",
        BATCH,
        {"ddof": 0, "eps": 1e-8, "eps_rule": "floored_variance"},
    ),
)

_SURROGATES: Final = (
    Variant(Clip, _LOSS, then=_UNBOUND, free=("clip_ratio_low", "clip_ratio_high", "dual_clip")),
    Variant(
        SequenceClip,
        _LOSS,
        then=_UNBOUND,
        free=("clip_ratio_low", "clip_ratio_high"),
        becomes=ResponseClip,
        note="sequence mean alone",
    ),
    Variant(ClippedWeight, _LOSS, then=_UNBOUND, free=("low", "high"), beside=_TOKENS),
    Variant(PolicyGradient, _LOSS, note="disable_ppo_ratio"),
    Variant(
        TruncatedImportance,
        f"{_LOSS}:292",
        {"level": "token"},
        free=("cap", "floor", "outside"),
        note="tis truncates, icepop drops",
    ),
    Variant(
        OverlongFilter, "nemo_rl/algorithms/grpo.py:3136", {"truncation": "finish_reason"}, note="stays in the baseline"
    ),
)

_LOSSES: Final = (
    Variant(TokenMean, f"{_LOSS}:114", {"scope": "update"}),
    Variant(
        SequenceMean,
        f"{_LOSS}:114",
        {"scope": "update"},
        note="counts a response without any token, and none that is filtered",
        becomes=SampleMean,
    ),
    *(
        Variant(
            KlLoss,
            _LOSS,
            {"estimator": estimator},
            {"gradient": "score_function", "log_ratio_bound": 20.0, "value_bound": 10.0},
            ("coef", "log_ratio_bound", "value_bound"),
            note="multiplied by exp(x - sg(x)): k3 has the gradient of k2",
        )
        for estimator in ("k1", "k2", "k3")
    ),
)

_SEQUENCES: Final = (Pattern(SequenceMean),)
_REFUSALS: Final = (
    lacks_mixed(whitens=True),
    Refusal(
        Pattern(Normalize, RAW), "leaves rewards as they are only to whiten them", "choose group_mean", apart=_WHITENED
    ),
    *(
        Refusal(Pattern(Normalize, when), "whitens after a group mean alone", "choose group_mean", beside=_WHITENED)
        for when in (GROUP, RLOO, _OTHERS)
    ),
    Refusal(Pattern(SequenceClip), "averages GSPO over sequences alone", "choose sequence_mean", apart=_SEQUENCES),
    Refusal(Pattern(ClippedWeight), "averages CISPO over tokens alone", "choose token_mean", apart=_TOKENS),
    lacks(KlReward, "takes from each token its own divergence alone", "choose kl_loss", _ESTIMATOR),
    lacks(KlToGo, "takes from each token its own divergence alone", "choose kl_loss", _ESTIMATOR),
    lacks(EntropyBonus, "has no entropy term"),
    lacks(SequenceSum, "has token means and sequence means alone", "choose token_mean or sequence_mean"),
    lacks(ConstantLength, "has token means and sequence means alone", "choose token_mean or sequence_mean"),
    lacks(ZeroVarianceFilter, "drops groups of equal rewards only while it draws others", "choose dynamic_sampling"),
    lacks(RewardClip, "does not bound rewards", "bound them in the task's reward"),
    lacks(AdvantageClip, "does not bound advantages"),
)

NEMO_RL: Final = Dialect(
    "nemo_rl",
    "NVIDIA-NeMo/RL",
    "7ea279a",
    (
        *_ADVANTAGES,
        *_SURROGATES,
        *_LOSSES,
        dynamic_sampling("nemo_rl/algorithms/grpo.py:283"),
        soft_overlong("nemo_rl/algorithms/reward_functions.py:36"),
        *reward_functions("nemo_rl/environments"),
    ),
    _REFUSALS,
    besides=("kl_loss with coef=0.01 (nemo_rl/algorithms/loss/loss_functions.py, reference_policy_kl_penalty)",),
)
