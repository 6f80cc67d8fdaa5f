from .generate import (
    RolloutSampler as RolloutSampler,
    SampledBatch as SampledBatch,
    Task as Task,
    VerifiedRollouts as VerifiedRollouts,
    build_rollouts as build_rollouts,
    resample as resample,
    verify_samples as verify_samples,
)
from .metrics import (
    METRICS as METRICS,
    compute_mismatch as compute_mismatch,
    decode_token as decode_token,
    describe_text as describe_text,
    is_timing as is_timing,
    split_mismatch as split_mismatch,
    summarize_rollouts as summarize_rollouts,
)
from .problems import (
    RunProblems as RunProblems,
    read_held_out as read_held_out,
    read_run_problems as read_run_problems,
    read_tiers as read_tiers,
    refuse_broken_reward as refuse_broken_reward,
)
from .prompts import EvalSet as EvalSet, Prompts as Prompts, build_training_decoding as build_training_decoding
from .queue import (
    CountingIterator as CountingIterator,
    RolloutBatch as RolloutBatch,
    RolloutQueue as RolloutQueue,
    load_batch as load_batch,
    save_batch as save_batch,
)
from .remarks import list_remarks as list_remarks
