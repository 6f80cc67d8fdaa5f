from .buckets import (
    SerializedTensors as SerializedTensors,
    WeightBucket as WeightBucket,
    bucket_weights as bucket_weights,
    unpack_bucket as unpack_bucket,
)
from .divergence import (
    ADVANTAGES_NAME as ADVANTAGES_NAME,
    Diverged as Diverged,
    add_step_to_error as add_step_to_error,
    refuse_loss as refuse_loss,
    refuse_norm as refuse_norm,
    refuse_not_finite as refuse_not_finite,
    refuse_weights as refuse_weights,
)
from .log_probs import (
    Scores as Scores,
    compute_logit_gradient as compute_logit_gradient,
    join_scores as join_scores,
    score_logits as score_logits,
    split_rows as split_rows,
    to_float32 as to_float32,
)
from .optimizer_state import (
    FP32MasterWeights as FP32MasterWeights,
    load_tensors as load_tensors,
    save_tensors as save_tensors,
)
from .protocols import (
    ClippedTokens as ClippedTokens,
    Decoding as Decoding,
    Learner as Learner,
    Sampler as Sampler,
    Samples as Samples,
)
from .remote import (
    EngineError as EngineError,
    EngineLost as EngineLost,
    Fingerprint as Fingerprint,
    ParityError as ParityError,
    compute_fingerprint as compute_fingerprint,
    is_node_lost as is_node_lost,
    refuse_mismatch as refuse_mismatch,
    summarize_error as summarize_error,
)
from .samples import (
    DecodeText as DecodeText,
    Sequences as Sequences,
    Vocabulary as Vocabulary,
    assemble_samples as assemble_samples,
    count_tokens as count_tokens,
    is_end as is_end,
    join_samples as join_samples,
    lay_out as lay_out,
    left_pad as left_pad,
    make_blank_row as make_blank_row,
    number_slices as number_slices,
    select_prompts as select_prompts,
    slice_samples as slice_samples,
    split_micro_batches as split_micro_batches,
    unpad_prompts as unpad_prompts,
)
from .sampling import (
    SampledTokens as SampledTokens,
    count_samples_at_once as count_samples_at_once,
    draw_all_uniforms as draw_all_uniforms,
    sample_tokens as sample_tokens,
    split_prompts as split_prompts,
)
from .updates import (
    UpdateMetrics as UpdateMetrics,
    average_updates as average_updates,
    check_rule_inputs as check_rule_inputs,
    compute_learning_rate as compute_learning_rate,
    plan_minibatches as plan_minibatches,
)
