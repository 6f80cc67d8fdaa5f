from .gpu import DEFAULTS as DEFAULTS, GpuCost as GpuCost, GpuSpeed as GpuSpeed
from .inputs import (
    FITTED as FITTED,
    SHAPES as SHAPES,
    Cluster as Cluster,
    Fitted as Fitted,
    find_shape as find_shape,
    parse_cluster as parse_cluster,
)
from .memory import RUNTIME as RUNTIME, estimate_memory as estimate_memory
from .setup import assume_setup as assume_setup
from .step_time import estimate_step_time as estimate_step_time, update_seconds as update_seconds
from .work import (
    BASE_TOKENS as BASE_TOKENS,
    Lengths as Lengths,
    ResponseLengths as ResponseLengths,
    Work as Work,
    count_sampled_batches as count_sampled_batches,
    estimate_cpu_seconds as estimate_cpu_seconds,
    find_evaluation_limit as find_evaluation_limit,
    is_base as is_base,
    read_recorded_length as read_recorded_length,
)
