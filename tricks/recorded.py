"""The spelling of tricks in ids and records, independent of the current class names.

The id of a cell is a hash that includes every trick with all of its settings. A trick is spelled with the class and
field names of the first recorded runs: ``Clip(clip_ratio_low=0.2, clip_ratio_high=0.28, ...)``. Records, MLflow and
``python -m tricks apply`` show the same spelling. It must not change, or finished runs would run again.

A trick is therefore identified by its stable name, not by its class. The stable name is the name in the catalog or, if
only a framework's dialect has the trick, ``stable_name`` of its class. ``RECORDED`` gives for each stable name the
class name and the ordered fields of the spelling. So a class may be renamed or moved, and its fields reordered.

A field that is not listed is spelled only where its value is not its default. A new field therefore changes no id as
long as its default does what the trick did without it. If such a default has to change, list the field first. Names in
``RECORDED`` never change. A new trick gets an entry with its first names.

A trick of another package is spelled as its Python ``repr``, unless its ``TrickSpec`` has ``recorded``. With
``Recorded("OldName", ("old", "fields"))`` it may be renamed and extended as well.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, Final

from tricks.api import Recorded
from tricks.catalog import load_catalog

_NORMALIZE: Final = (
    *("mean", "std", "about", "ddof", "eps", "eps_rule", "weights", "include", "zero_std", "single", "unequal"),
    "precision",
)
_CLIP: Final = Recorded("Clip", ("clip_ratio_low", "clip_ratio_high", "dual_clip", "log_ratio_bound"))
_SEQUENCE_CLIP: Final = ("clip_ratio_low", "clip_ratio_high", "log_ratio_bound")
_KL: Final = ("coef", "estimator", "log_ratio_bound", "value_bound")
_KL_LOSS: Final = ("coef", "estimator", "gradient", "log_ratio_bound", "value_bound")
_WHITEN: Final = ("mean", "std", "weights", "ddof", "eps", "eps_rule", "include")
_IMPORTANCE: Final = ("cap", "floor", "level", "outside")
_GROUPS: Final = Recorded("Normalize", _NORMALIZE)

RECORDED: Final[Mapping[str, Recorded]] = {
    "group_norm": _GROUPS,
    "batch_norm": _GROUPS,
    "group_mean": _GROUPS,
    "group_mean_batch_std": _GROUPS,
    "batch_mean": _GROUPS,
    "rloo": _GROUPS,
    "leave_one_out_norm": _GROUPS,
    "clip_higher": _CLIP,
    "clip": _CLIP,
    "dual_clip": _CLIP,
    "token_mean": Recorded("TokenMean", ("scope", "count")),
    "prompt_mean": Recorded("TokenMean", ("scope", "count")),
    "sequence_mean": Recorded("SequenceMean", ("scope", "count")),
    "sequence_sum": Recorded("SequenceSum", ("scope", "count")),
    "constant_length": Recorded("ConstantLength", ("length", "scope", "count", "per_response")),
    "overlong_filter": Recorded("OverlongFilter", ("truncation", "limit", "numerator")),
    "zero_variance_filter": Recorded("ZeroVarianceFilter", ("tolerance",)),
    "dynamic_sampling": Recorded("DynamicSampling", ("rounds", "at_cap")),
    "token_whitening": Recorded("Whiten", _WHITEN),
    "reward_clip": Recorded("RewardClip", ("low", "high")),
    "advantage_clip": Recorded("AdvantageClip", ("low", "high")),
    "gspo": Recorded("SequenceClip", _SEQUENCE_CLIP),
    "cispo": Recorded("ClippedWeight", ("low", "high", "log_ratio_bound")),
    "policy_gradient": Recorded("PolicyGradient", ()),
    "truncated_is": Recorded("TruncatedImportance", _IMPORTANCE),
    "kl_loss": Recorded("KlLoss", _KL_LOSS),
    "kl_reward": Recorded("KlReward", _KL),
    "kl_to_go": Recorded("KlToGo", _KL),
    "entropy_bonus": Recorded("EntropyBonus", ("coef",)),
    "soft_overlong": Recorded("SoftOverlong", ("cache", "limit", "weight")),
    "length_reward": Recorded("LengthReward", ("weight",)),
    "format_reward": Recorded("FormatReward", ("bonus",)),
    # Tricks that only dialects have, by the ``stable_name`` of the class.
    "norm_about_center": Recorded("NormalizeAboutCentre", _NORMALIZE),
    "norm_by_squares": Recorded("NormalizeBySquares", _NORMALIZE),
    "sample_mean": Recorded("SampleMean", ("scope", "count")),
    "probability_mask": Recorded("ProbabilityMask", ("low", "high", "pull")),
    "response_clip": Recorded("ResponseClip", _SEQUENCE_CLIP),
    "response_mean_clip": Recorded("ResponseMeanClip", _SEQUENCE_CLIP),
    "kept_mean_clip": Recorded("KeptMeanClip", _SEQUENCE_CLIP),
    "sampler_kl_to_go": Recorded("SamplerKlToGo", _KL),
    "mean_gate": Recorded("MeanGate", ("cap", "floor", "level", "outside")),
    "mean_weight": Recorded("MeanWeight", ("cap", "floor", "level", "outside")),
    "weighted_kl_loss": Recorded("WeightedKlLoss", ("coef", "estimator", "gradient", "log_ratio_bound", "value_bound")),
    "bounded_importance": Recorded("BoundedImportance", ("cap", "floor", "level", "outside")),
    "numpy_variance_filter": Recorded("NumpyVarianceFilter", ("tolerance",)),
    "numpy_variance_sampling": Recorded("NumpyVarianceSampling", ("rounds", "at_cap")),
    "zero_advantage_filter": Recorded("ZeroAdvantageFilter", ("tolerance",)),
    "advantage_gate": Recorded("AdvantageGate", ("rounds", "at_cap")),
    "norm_scaled_leave_one_out": Recorded("ScaledLeaveOneOut", _NORMALIZE),
    "norm_about_rounded_mean": Recorded("NormalizeAboutRoundedMean", _NORMALIZE),
    "geometric_importance": Recorded("GeometricImportance", _IMPORTANCE),
    "weighed_kl": Recorded("WeighedKl", _KL_LOSS),
    "window_mean": Recorded("WindowMean", ("scope", "count")),
    "capped_sequence_clip": Recorded("CappedSequenceClip", _SEQUENCE_CLIP),
    "sequence_mean_kl": Recorded("SequenceMeanKl", _KL_LOSS),
    "micro_batch_entropy": Recorded("MicroBatchEntropy", ("coef",)),
    "prompt_mean_of_all": Recorded("PromptMeanOfAll", ("scope", "count")),
    "padded_whiten": Recorded("PaddedWhiten", _WHITEN),
    "live_variance_filter": Recorded("LiveVarianceFilter", ("tolerance",)),
    "ended_variance_filter": Recorded("EndedVarianceFilter", ("tolerance",)),
    "rounded_variance_filter": Recorded("RoundedVarianceFilter", ("tolerance",)),
    "bounded_ratio_kl": Recorded("BoundedRatioKl", ("coef", "estimator", "gradient", "log_ratio_bound", "value_bound")),
    "response_gate": Recorded("ResponseGate", ("cap", "floor", "level", "outside")),
    "micro_token_mean": Recorded("MicroTokenMean", ("scope", "count")),
    "strict_micro_token_mean": Recorded("StrictMicroTokenMean", ("scope", "count")),
    "micro_sequence_mean": Recorded("MicroSequenceMean", ("scope", "count")),
    "full_sequence_mean": Recorded("FullSequenceMean", ("scope", "count")),
    "micro_sequence_sum": Recorded("MicroSequenceSum", ("scope", "count")),
    "micro_constant_length": Recorded("MicroConstantLength", ("length", "scope", "count", "per_response")),
    "gspo_token": Recorded("GspoToken", _SEQUENCE_CLIP),
    "vetoed_importance": Recorded("VetoedImportance", _IMPORTANCE),
    "gapped_whiten": Recorded("GappedWhiten", _WHITEN),
    "rollout_token_mean": Recorded("RolloutTokenMean", ("scope", "count")),
    "mean_token_mean": Recorded("MeanTokenMean", ("scope", "count")),
    "on_policy_ratio": Recorded("OnPolicyRatio", ()),
    "sampler_clip": Recorded("SamplerClip", _CLIP.fields),
    "response_ratio_kl": Recorded(
        "ResponseRatioKl", ("coef", "estimator", "gradient", "log_ratio_bound", "value_bound")
    ),
}


def spell_fully(trick: Any) -> str:
    """Spell a trick with all of its settings, for ids: ``Clip(clip_ratio_low=0.2, ...)``."""
    found = _recorded(type(trick))
    if found is None:
        return repr(trick)
    listed = [f"{name}={getattr(trick, name)!r}" for name in found.fields]
    later = (field for field in fields(trick) if field.name not in found.fields)
    return f"{found.name}({', '.join((*listed, *_changed(trick, later)))})"


def spell_briefly(trick: Any) -> str:
    """Spell a trick with its non-default settings, for people: ``Normalize(mean='group')``."""
    found = _recorded(type(trick))
    known = {field.name: field for field in fields(trick)}
    order = [*(found.fields if found else ()), *known]
    return f"{recorded_name(trick)}({', '.join(_changed(trick, (known[name] for name in dict.fromkeys(order))))})"


def recorded_name(trick: Any) -> str:
    """Return the class name of a trick in records."""
    found = _recorded(type(trick))
    return type(trick).__name__ if found is None else found.name


def stable_name(cls: type[Any]) -> str | None:
    """Return the name of a trick in ``RECORDED``, or None for a trick of another package."""
    own = vars(cls).get("stable_name")  # a subclass that only inherits it is another trick
    if own is not None:
        return str(own)
    return next((name for name, spec in load_catalog().items() if spec.cls is cls and name in RECORDED), None)


def _recorded(cls: type[Any]) -> Recorded | None:
    name = stable_name(cls)
    if name is not None:
        return RECORDED[name]
    return next((spec.recorded for spec in load_catalog().values() if spec.cls is cls), None)


def _changed(trick: Any, some: Iterator[Field[Any]]) -> Iterator[str]:
    for field in some:
        value = getattr(trick, field.name)
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if value != default:
            yield f"{field.name}={value!r}"
