from .dispatch import dispatch_runs as dispatch_runs, parallel_runs as parallel_runs
from .environment import SweepError as SweepError
from .events import (
    Event as Event,
    Failure as Failure,
    RunEnded as RunEnded,
    RunPruned as RunPruned,
    RunStarted as RunStarted,
    RunStepped as RunStepped,
)
from .lease import acquire_lease as acquire_lease, hold_study_lock as hold_study_lock
from .progress import (
    ProgressTable as ProgressTable,
    SweepUsage as SweepUsage,
    open_progress as open_progress,
    print_costs as print_costs,
    print_results as print_results,
    run_names as run_names,
)
from .ready import read_data as read_data, refuse_unready as refuse_unready
from .recorder import Recorder as Recorder, UnrecordedRuns as UnrecordedRuns
from .task import Workload as Workload
