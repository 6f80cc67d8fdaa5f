from .aggregate import iqm_difference as iqm_difference
from .contrasts import (
    Contrast as Contrast,
    Family as Family,
    adjust_p_values as adjust_p_values,
    list_contrasts as list_contrasts,
)
from .effects import (
    Effect as Effect,
    list_effect_sides as list_effect_sides,
    measure_all_effects as measure_all_effects,
)
from .estimates import (
    CONFIDENCE as CONFIDENCE,
    Estimate as Estimate,
    estimate_difference as estimate_difference,
    estimate_mean as estimate_mean,
    format_gap as format_gap,
    format_score as format_score,
    shorten as shorten,
    wilson_interval as wilson_interval,
)
from .evaluation import (
    ShareReader as ShareReader,
    estimate_evaluation_noise as estimate_evaluation_noise,
    make_share_reader as make_share_reader,
)
from .factorial import (
    Factorial as Factorial,
    TermEffect as TermEffect,
    analyze_factorial as analyze_factorial,
    resolution as resolution,
)
from .noise_floor import (
    Kind as Kind,
    NoiseFloor as NoiseFloor,
    check_known_effects as check_known_effects,
    measure_noise_floors as measure_noise_floors,
    pool_noise_floors as pool_noise_floors,
)
from .paired_tests import (
    FailedSeed as FailedSeed,
    Pairs as Pairs,
    is_higher_better as is_higher_better,
    p_different as p_different,
    p_equivalent as p_equivalent,
    p_with_failures as p_with_failures,
    pair_scores as pair_scores,
)
from .twins import (
    Twin as Twin,
    find_twins as find_twins,
    format_twin as format_twin,
    list_twin_notes as list_twin_notes,
)
from .verdict import (
    BOOTSTRAP_SEEDS as BOOTSTRAP_SEEDS,
    MIN_SEEDS as MIN_SEEDS,
    Counted as Counted,
    Verdict as Verdict,
    compute_interval as compute_interval,
    compute_verdicts as compute_verdicts,
    describe_failed_seeds as describe_failed_seeds,
    find_missing as find_missing,
    verdict_word as verdict_word,
)
