from .files import (
    BusyError as BusyError,
    atomic_write as atomic_write,
    atomic_write_folder as atomic_write_folder,
    flush_to_disk as flush_to_disk,
    hold_lock as hold_lock,
    wait_for_lock as wait_for_lock,
)
from .repository import (
    REFERENCE_RESULTS as REFERENCE_RESULTS,
    choose_command as choose_command,
    find_commit as find_commit,
    find_own_or_reference as find_own_or_reference,
    format_path as format_path,
    format_setup_command as format_setup_command,
    is_reference as is_reference,
    results_folder as results_folder,
    run_git as run_git,
)
from .resources import (
    NO_USE as NO_USE,
    ResourceMeter as ResourceMeter,
    ResourceUse as ResourceUse,
    Stopwatch as Stopwatch,
    deadline as deadline,
    explain_out_of_memory as explain_out_of_memory,
    keep_freed_memory as keep_freed_memory,
    limit_worker as limit_worker,
    measure_lifetime_use as measure_lifetime_use,
    release_freed_memory as release_freed_memory,
)
from .schema import (
    LONGEST_NAME as LONGEST_NAME,
    PositiveFloat as PositiveFloat,
    PositiveInt as PositiveInt,
    SchemaError as SchemaError,
    build_dataclass as build_dataclass,
    build_unique_object as build_unique_object,
    quote_name as quote_name,
    read_json as read_json,
    refuse_constant as refuse_constant,
    suggest as suggest,
)
from .seeds import derive_seed as derive_seed
from .signals import (
    TERMINAL_SIGNALS as TERMINAL_SIGNALS,
    WORKER_SIGNALS as WORKER_SIGNALS,
    Preempted as Preempted,
    StopFlag as StopFlag,
    catch_interrupts as catch_interrupts,
    catch_stop_signals as catch_stop_signals,
)
from .text import (
    format_cell_count as format_cell_count,
    format_duration as format_duration,
    format_gpu_hours as format_gpu_hours,
    format_short_duration as format_short_duration,
    join_limited as join_limited,
    spell_value as spell_value,
)
