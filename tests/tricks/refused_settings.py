"""Settings out of range, of another type, or without a meaning beside another."""

from __future__ import annotations

from math import inf, nan
from typing import Final

from tests.tricks.batches import ALONE
from tests.tricks.refused import Refusal, rule, setting

_TYPES: Final = (
    setting("group_norm", "epsilon", 1e-6, "did you mean 'eps'?"),
    setting("clip_higher", "zzz", 1, "known: clip_ratio_high"),
    setting("clip_higher", "clip_ratio_hi", 0.3, "did you mean 'clip_ratio_high'?"),
    setting("group_norm", "eps", "small", "takes a number"),
    setting("group_norm", "eps", nan, "takes a number"),
    setting("reward_clip", "high", 1e300, "takes a number"),  # an infinite float32
    setting("overlong_filter", "limit", 1 << 63, "takes a whole number"),  # more than 64 bits
    setting("group_norm", "eps", True, "takes a number"),
    setting("group_norm", "ddof", 2, "takes 1 or 0"),
    setting("group_norm", "mean", "prompt", "takes none or group or batch or leave_one_out"),
    setting("dynamic_sampling", "rounds", 1.5, "takes a whole number"),
    setting("constant_length", "length", "longest", "takes a whole number or limit or padded"),
    setting("constant_length", "per_response", 1, "takes true or false"),
    setting("clip", "dual_clip", "none", "takes a number or null"),
)
_NORMALIZATION: Final = (
    rule({"group_norm": {}}, "group_norm", "group", "set it higher, or single=raw without emulate", setup=ALONE),
    rule({"rloo": {}}, "rloo", "leave_one_out", "set it higher", setup=ALONE),
    setting("group_norm", "eps", -1e-6, "a finite number of at least 0"),
    setting("group_norm", "eps", inf, "a finite number of at least 0"),
    setting("group_norm", "eps", 0.0, "set eps or choose zero_std=zero", zero_std="eps"),
    setting("group_norm", "about", "group", "set std=batch or leave about out"),
    setting("token_whitening", "eps", 0.0, "a finite number above 0"),
    setting("token_whitening", "eps", inf, "a finite number above 0"),
    setting("reward_clip", "low", 2.0, "low must be below high"),
    setting("advantage_clip", "high", -5.0, "low must be below high"),
)
_SURROGATES: Final = (
    setting("clip_higher", "clip_ratio_low", 1.2, "between 0 and 1"),
    setting("clip_higher", "clip_ratio_high", -0.1, "at least 0"),
    setting("clip_higher", "log_ratio_bound", 0.0, "null turns it off"),
    setting("dual_clip", "dual_clip", 1.1, "above 1.2"),
    setting("gspo", "clip_ratio_low", -0.1, "between 0 and 1"),
    setting("gspo", "clip_ratio_high", -0.1, "at least 0"),
    setting("gspo", "log_ratio_bound", -1.0, "null turns it off"),
    setting("cispo", "low", 6.0, "0 <= low < high"),
    setting("cispo", "log_ratio_bound", -1.0, "null turns it off"),
    setting("truncated_is", "floor", 3.0, "0 <= floor < cap"),
    setting("truncated_is", "cap", 0.0, "0 <= floor < cap"),
)
_TERMS: Final = (
    *(setting(name, "coef", -1.0, "a finite number of at least 0") for name in ("kl_loss", "kl_reward", "kl_to_go")),
    *(setting(name, "log_ratio_bound", 0.0, "null turns it off") for name in ("kl_loss", "kl_reward", "kl_to_go")),
    *(setting(name, "value_bound", -1.0, "null turns it off") for name in ("kl_loss", "kl_reward", "kl_to_go")),
    setting("kl_loss", "coef", inf, "a finite number of at least 0"),
    setting("entropy_bonus", "coef", inf, "a finite number"),
)
_SAMPLES: Final = (
    setting("constant_length", "length", 0, "at least 1"),
    setting("overlong_filter", "limit", 100, "leave one out"),
    setting("overlong_filter", "limit", 0, "at least 1", truncation="length"),
    rule({"zero_variance_filter": {}}, "zero_variance_filter", "group_size", "set it higher", setup=ALONE),
    setting("zero_variance_filter", "tolerance", -0.1, "a finite number of at least 0"),
    rule({"dynamic_sampling": {}}, "dynamic_sampling", "group_size", "set it higher", setup=ALONE),
    setting("zero_variance_filter", "tolerance", inf, "a finite number of at least 0"),
    setting("dynamic_sampling", "rounds", -1, "at least 0"),
    setting("soft_overlong", "cache", 9, "between 1 and the limit of 8 tokens"),
    setting("soft_overlong", "weight", -1.0, "a finite number of at least 0"),
    setting("soft_overlong", "weight", inf, "a finite number of at least 0"),
    setting("length_reward", "weight", inf, "a finite number"),
    setting("format_reward", "bonus", inf, "a finite number"),
)

SETTINGS: Final[tuple[Refusal, ...]] = (*_TYPES, *_NORMALIZATION, *_SURROGATES, *_TERMS, *_SAMPLES)
