from .answers import find_answer_difference as find_answer_difference
from .canonical import compute_canonical_key as compute_canonical_key
from .constants import rename_bound_variables as rename_bound_variables, rename_constants as rename_constants
from .fast_path import (
    judge_fast as judge_fast,
    normalize_answer as normalize_answer,
    normalize_spelling as normalize_spelling,
    parse_exact_number as parse_exact_number,
)
