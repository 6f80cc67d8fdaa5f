from .aggregation import (
    ConstantLength as ConstantLength,
    SequenceMean as SequenceMean,
    SequenceSum as SequenceSum,
    TokenMean as TokenMean,
)
from .api import (
    HOOKS as HOOKS,
    TrickError as TrickError,
    TrickSpec as TrickSpec,
    list_needs as list_needs,
    list_packages as list_packages,
)
from .batch import Rollouts as Rollouts, Setup as Setup, Signal as Signal, select_samples as select_samples
from .catalog import (
    DEFAULT_TRICKS as DEFAULT_TRICKS,
    PAPER_TRICKS as PAPER_TRICKS,
    PEER_TRICKS as PEER_TRICKS,
    find_trick as find_trick,
    load_catalog as load_catalog,
)
from .conformance import check_trick as check_trick
from .filtering import OverlongFilter as OverlongFilter, ZeroVarianceFilter as ZeroVarianceFilter
from .fired import (
    AblatedRule as AblatedRule,
    ablate_each_trick as ablate_each_trick,
    compute_token_gradients as compute_token_gradients,
    mask_changes_by_trick as mask_changes_by_trick,
)
from .hints import (
    PLAUSIBLE_RANGES as PLAUSIBLE_RANGES,
    hint_implausible as hint_implausible,
    hint_positive_log_probs as hint_positive_log_probs,
    list_rule_hints as list_rule_hints,
)
from .importance import TruncatedImportance as TruncatedImportance
from .normalization import Normalize as Normalize, Whiten as Whiten
from .presets import PRESETS as PRESETS, find_preset as find_preset
from .regularization import EntropyBonus as EntropyBonus, KlLoss as KlLoss
from .rewards import (
    FormatReward as FormatReward,
    LengthReward as LengthReward,
    RewardClip as RewardClip,
    SoftOverlong as SoftOverlong,
)
from .rule import UpdateRule as UpdateRule
from .settings import make_trick as make_trick
from .surrogates import (
    Clip as Clip,
    ClippedWeight as ClippedWeight,
    PolicyGradient as PolicyGradient,
    SequenceClip as SequenceClip,
)
