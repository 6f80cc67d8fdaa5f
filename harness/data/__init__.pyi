from .benchmarks import (
    BENCHMARKS as BENCHMARKS,
    count_expected_problems as count_expected_problems,
    load_benchmark as load_benchmark,
    sample_problems as sample_problems,
)
from .cache import Tier as Tier, encode_problems as encode_problems
from .card import (
    Card as Card,
    TierSettings as TierSettings,
    compute_length_percentiles as compute_length_percentiles,
    count_answer_kinds as count_answer_kinds,
)
from .catalog import (
    ALL_PARTS as ALL_PARTS,
    DataError as DataError,
    Part as Part,
    Problem as Problem,
    is_in_part as is_in_part,
)
from .command import build_tiers as build_tiers, describe_own_files as describe_own_files
from .files import (
    FILE_PREFIX as FILE_PREFIX,
    FILE_SOURCE as FILE_SOURCE,
    OwnFile as OwnFile,
    read_own_file as read_own_file,
    resolve_files as resolve_files,
)
from .own import (
    build_own_tier as build_own_tier,
    is_tier as is_tier,
    read_held_out_problems as read_held_out_problems,
    read_own_table as read_own_table,
)
from .rows import DataRow as DataRow
from .sources import LoadedTable as LoadedTable, ProblemSource as ProblemSource, load_table as load_table
from .synthetic import (
    DIFFICULTIES as DIFFICULTIES,
    Difficulty as Difficulty,
    OperandChain as OperandChain,
    Operator as Operator,
    apply_operator as apply_operator,
    build_evaluation_set as build_evaluation_set,
    pose_problem as pose_problem,
    sample_in_words as sample_in_words,
    sample_training_chain as sample_training_chain,
    stream_problems as stream_problems,
)
from .tiers import (
    SOURCES as SOURCES,
    TIERS as TIERS,
    load_custom_tier as load_custom_tier,
    load_tier as load_tier,
    save_custom_tier as save_custom_tier,
)
