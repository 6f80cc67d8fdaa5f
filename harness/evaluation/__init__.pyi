from .command import (
    DifficultyOptions as DifficultyOptions,
    EvaluationOptions as EvaluationOptions,
    build_evaluation_config as build_evaluation_config,
    print_evaluation as print_evaluation,
    read_difficulty_request as read_difficulty_request,
    run_command as run_command,
)
from .evaluate import compute_eval_metrics as compute_eval_metrics, evaluate_set as evaluate_set
from .pass_rates import measure_difficulty as measure_difficulty
