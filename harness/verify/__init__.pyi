from .grader import read_gold as read_gold
from .lines import judge_lines as judge_lines
from .process_pool import (
    Verifier as Verifier,
    WorkerProcess as WorkerProcess,
    compute_vote_key as compute_vote_key,
    get_shared_verifier as get_shared_verifier,
)
