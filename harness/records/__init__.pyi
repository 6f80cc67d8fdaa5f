from .failures import (
    FailureReason as FailureReason,
    build_failed_record as build_failed_record,
    classify_failure as classify_failure,
    describe_error as describe_error,
)
from .outcomes import (
    TOO_LONG as TOO_LONG,
    Evaluation as Evaluation,
    Evaluations as Evaluations,
    Measure as Measure,
    compute_measures as compute_measures,
    compute_pass_at_ks as compute_pass_at_ks,
    encode_outcomes as encode_outcomes,
    join_evaluations as join_evaluations,
    mean_over_benchmarks as mean_over_benchmarks,
    pass_at_k as pass_at_k,
    standard_error as standard_error,
)
from .power import (
    ALPHA as ALPHA,
    LEAST_SEEDS as LEAST_SEEDS,
    find_detectable_effect as find_detectable_effect,
    find_seeds_needed as find_seeds_needed,
)
from .provenance import (
    CLONE_KEYS as CLONE_KEYS,
    ENGINE_KEYS as ENGINE_KEYS,
    MACHINE_KEYS as MACHINE_KEYS,
    collect_provenance as collect_provenance,
    find_engine_versions as find_engine_versions,
)
from .record import (
    AD_HOC_PREFIX as AD_HOC_PREFIX,
    AUDIT_NAME as AUDIT_NAME,
    CONTROL_AXIS as CONTROL_AXIS,
    CONTROL_OFF as CONTROL_OFF,
    DATA_PREFIX as DATA_PREFIX,
    FIRED_PREFIX as FIRED_PREFIX,
    REPLAY_FOLDER as REPLAY_FOLDER,
    ArmResult as ArmResult,
    AuditCount as AuditCount,
    AuditCounts as AuditCounts,
    AuditReport as AuditReport,
    Control as Control,
    Mistake as Mistake,
    Replay as Replay,
    RunHead as RunHead,
    RunRecord as RunRecord,
    Skipped as Skipped,
    Study as Study,
    suggest_scores as suggest_scores,
)
