"""OpenRLHF 0.5.9 to 0.11.2: epsilon 1e-9 in float32, whitening with n in the variance, KL-to-go.

What changed between its releases, in short:

    advantages   every estimator but group_norm and dr_grpo is whitened up to 0.8.4, rloo no longer from 0.8.5
    aggregation  mean of responses up to 0.6.4, token mean from 0.7.0; of each micro-batch up to 0.10.3
    KL           estimates bounded by 10 from 0.8.6; as a loss from 0.6.0
    weights      truncated at 2 in 0.8.9, within 0.5 and 5 from 0.9.1, dropped outside by default in 0.11.2
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tricks.aggregation import SequenceMean, TokenMean
from tricks.dialects.dialect import (
    CENTERED,
    GROUP,
    RAW,
    RESIDUE,
    RLOO,
    SINGLE,
    Dialect,
    Pattern,
    Rewrite,
    Variant,
    dynamic_sampling,
    reward_functions,
    soft_overlong,
)
from tricks.dialects.openrlhf_refusals import (
    ACTOR,
    BATCH_MEAN,
    GSPO,
    KL,
    LOSS,
    MAKER,
    REFUSALS,
    SEQUENCES,
    TOKENS,
    WHITENED,
)
from tricks.dialects.own_tricks import ResponseClip
from tricks.dialects.parts_openrlhf import MeanGate, WeightedKlLoss
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize, Whiten
from tricks.regularization import EntropyBonus, KlLoss, KlToGo
from tricks.rewards import AdvantageClip
from tricks.surrogates import Clip, SequenceClip

_FREE: Final = {"log_ratio_bound": None, "value_bound": None}
_BOUND: Final = {"log_ratio_bound": None, "value_bound": 10.0}
_FLOORED: Final = {"ddof": 0, "eps": 1e-8, "eps_rule": "floored_variance"}
_CLIPS: Final = ("clip_ratio_low", "clip_ratio_high")

_ADVANTAGES: Final = (
    Variant(Normalize, f"{MAKER}:274", GROUP, {**RESIDUE, "eps": 1e-9}, apart=WHITENED, since="0.6.0"),
    Variant(Normalize, f"{MAKER}:271", CENTERED, SINGLE, beside=WHITENED, note="reinforce_baseline", since="0.6.0"),
    Variant(Normalize, f"{MAKER}:271", CENTERED, SINGLE, apart=WHITENED, note="dr_grpo", since="0.6.3.post2"),
    Variant(Normalize, f"{MAKER}:268", RLOO, beside=WHITENED, until="0.8.4"),
    Variant(Normalize, f"{MAKER}:268", RLOO, apart=WHITENED, since="0.8.5"),
    Variant(Normalize, f"{MAKER}:325", RAW, beside=WHITENED, note="reinforce"),
    Variant(Normalize, f"{MAKER}:278", BATCH_MEAN, SINGLE, apart=WHITENED, note="flash_reinforce", since="0.11.2"),
    Variant(Whiten, f"{MAKER}:333", {"mean": "batch", "std": "batch"}, _FLOORED, note="over response tokens"),
    Variant(
        Whiten,
        f"{MAKER}:335",
        {"mean": "batch", "std": "none"},
        _FLOORED,
        note="no_std_norm keeps the mean over tokens",
        since="0.6.4",
    ),
    Variant(
        AdvantageClip,
        f"{MAKER}:289",
        free=("low", "high"),
        apart=(*WHITENED, Pattern(KlToGo)),
        note="reward.clip_range, of what the baseline leaves of the reward; plus and minus 10 unless set",
    ),
)


def _weights() -> Iterator[Variant]:
    """Yield the rows of the weights for the gap between trainer and vLLM."""
    clip, where = (Pattern(Clip),), f"{LOSS}:216"
    one = {"cap": 2.0, "floor": 0.0, "outside": "truncate"}
    two = {"cap": 5.0, "floor": 0.5}
    bounds = ("cap", "floor")
    token, response = {"level": "token"}, {"level": "sequence"}
    gate = "seq-mask-tis: the geometric mean decides which responses stay, tokens keep their own weights"
    yield Variant(
        TruncatedImportance,
        where,
        token,
        one,
        ("cap",),
        note="vllm_is_truncated_threshold, also for GSPO",
        since="0.8.9",
        until="0.8.9.post1",
    )
    yield Variant(
        TruncatedImportance,
        where,
        token,
        one,
        ("cap",),
        beside=clip,
        note="vllm_is_truncated_threshold",
        since="0.8.10",
        until="0.9.0",
    )
    yield Variant(
        TruncatedImportance,
        where,
        token,
        {**two, "outside": "truncate"},
        (*bounds, "outside"),
        beside=clip,
        note="tis truncates, icepop drops",
        since="0.9.1",
        until="0.11.1",
    )
    yield Variant(
        TruncatedImportance,
        where,
        token,
        {**two, "outside": "drop"},
        (*bounds, "outside"),
        beside=clip,
        note="is_correction_mode mask drops and is the default, clip truncates",
        since="0.11.2",
    )
    yield Variant(
        TruncatedImportance,
        f"{LOSS}:223",
        response,
        {**two, "outside": "drop"},
        bounds,
        beside=clip,
        note=gate,
        becomes=MeanGate,
        since="0.9.3",
    )


_SURROGATES: Final = (
    Variant(Clip, f"{LOSS}:201", then={"log_ratio_bound": None}, free=_CLIPS, until="0.8.5"),
    Variant(
        Clip,
        f"{LOSS}:201",
        then={"log_ratio_bound": None},
        free=(*_CLIPS, "dual_clip"),
        since="0.8.6",
        until="0.10.2",
    ),
    Variant(Clip, f"{LOSS}:187", then={"log_ratio_bound": 20.0}, free=(*_CLIPS, "dual_clip"), since="0.10.3"),
    Variant(
        SequenceClip,
        f"{LOSS}:190",
        then={"log_ratio_bound": None},
        free=_CLIPS,
        becomes=ResponseClip,
        since="0.8.8",
    ),
    *_weights(),
)


def _divergences() -> Iterator[Variant]:
    """Yield the rows of the KL: to go at all releases, as a loss from 0.6.0."""
    for estimator in ("k1", "k2", "k3"):
        first = "0.6.0.post1" if estimator == "k2" else "0.6.0"
        when = {"estimator": estimator, "gradient": "own"}
        yield Variant(KlLoss, KL, when, _FREE, ("coef",), beside=SEQUENCES, since=first, until="0.6.4")
        yield Variant(KlLoss, KL, when, _FREE, ("coef",), beside=TOKENS, since="0.7.4", until="0.8.5")
        yield Variant(KlLoss, KL, when, _BOUND, ("coef",), beside=TOKENS, since="0.8.6")
        yield Variant(
            KlLoss,
            "openrlhf/models/utils.py:125",
            {"estimator": estimator, "gradient": "k2"},
            _BOUND,
            ("coef",),
            beside=TOKENS,
            note="unbiased_gradient: k2's gradient times the ratio, at most 10",
            becomes=WeightedKlLoss,
            since="0.11.1",
        )
        to_go = {"estimator": estimator}
        first = "0.6.0.post1" if estimator == "k2" else ""
        yield Variant(KlToGo, KL, to_go, _FREE, ("coef",), since=first, until="0.8.5")
        yield Variant(KlToGo, KL, to_go, _BOUND, ("coef",), since="0.8.6")


_LOSSES: Final = (
    Variant(SequenceMean, f"{LOSS}:35", then={"scope": "micro_batch"}, until="0.6.4"),
    Variant(
        TokenMean,
        f"{LOSS}:30",
        then={"scope": "micro_batch"},
        note="with packing_samples, which leaves the mask out",
        until="0.6.4",
    ),
    Variant(TokenMean, f"{LOSS}:30", then={"scope": "micro_batch"}, since="0.7.0", until="0.10.3"),
    Variant(TokenMean, f"{LOSS}:32", {"scope": "update"}, since="0.10.4"),
    Variant(SequenceMean, f"{LOSS}:35", then={"scope": "micro_batch"}, beside=GSPO, since="0.8.9", until="0.10.3"),
    Variant(SequenceMean, f"{LOSS}:35", {"scope": "update"}, beside=GSPO, since="0.10.4", until="0.11.1"),
    Variant(SequenceMean, f"{LOSS}:35", {"scope": "update"}, note="loss_agg_mode", since="0.11.2"),
    *_divergences(),
    Variant(EntropyBonus, f"{ACTOR}:347", free=("coef",), beside=TOKENS, since="0.7.2"),
)

_FORCED: Final = "GSPO is averaged over responses whatever was chosen"
_REWRITES: Final = (
    Rewrite(
        "loss_weights",
        SequenceMean(scope="micro_batch"),
        f"{LOSS}:152",
        GSPO,
        note=_FORCED,
        since="0.8.9",
        until="0.10.3",
    ),
    Rewrite("loss_weights", SequenceMean(), f"{LOSS}:152", GSPO, note=_FORCED, since="0.10.4"),
    *(
        Rewrite("loss_weights", mean, f"{LOSS}:30", filler=True, apart=apart, since=first, until=last)
        for mean, apart, first, last in (
            (TokenMean(scope="micro_batch"), (), "0.7.0", "0.8.8"),
            (TokenMean(scope="micro_batch"), GSPO, "0.8.9", "0.10.3"),
            (TokenMean(), GSPO, "0.10.4", ""),
        )
    ),
)

_NAMES: Final = (
    "0.5.9 0.5.9.post1 0.6.0 0.6.0.post1 0.6.0.post2 0.6.0.post3 0.6.1 0.6.1.post1 0.6.2 0.6.3 0.6.3.post1 "
    "0.6.3.post2 0.6.4 0.7.0 0.7.0.post1 0.7.1 0.7.1.post1 0.7.1.post2 0.7.2 0.7.2.post1 0.7.3 0.7.4 0.7.4.post1 "
    "0.7.4.post2 0.7.5 0.8.0 0.8.0.post1 0.8.1 0.8.1.post1 0.8.2 0.8.3 0.8.4 0.8.5 0.8.6 0.8.7 0.8.8 0.8.9 "
    "0.8.9.post1 0.8.10 0.8.11 0.9.0 0.9.1 0.9.1.post1 0.9.2 0.9.3 0.9.4 0.9.5 0.9.6 0.9.7 0.9.8 0.9.9 0.9.10 "
    "0.10.0 0.10.1 0.10.1.post1 0.10.1.post2 0.10.2 0.10.3 0.10.4 0.11.0 0.11.1 0.11.2"
)

RELEASES: Final = tuple(_NAMES.split())

OPENRLHF: Final = Dialect(
    "openrlhf",
    "OpenRLHF/OpenRLHF",
    "v0.11.2",
    (
        *_ADVANTAGES,
        *_SURROGATES,
        *_LOSSES,
        replace(
            dynamic_sampling(
                "openrlhf/trainer/ppo_utils/samples_generator.py:173", "by the mean reward, strictly between 0 and 1"
            ),
            since="0.8.1",
        ),
        replace(soft_overlong("openrlhf/trainer/ppo_utils/length_penalty.py:16"), since="0.8.7"),
        *reward_functions("openrlhf/cli/train_ppo_ray.py:558"),
    ),
    REFUSALS,
    _REWRITES,
    besides=(
        "rewards less their baseline are held within plus and minus 10 (openrlhf/cli/train_ppo_ray.py:474), "
        "unless advantage_clip is chosen",
    ),
    releases=RELEASES,
)
