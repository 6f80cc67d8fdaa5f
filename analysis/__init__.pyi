from .commands import (
    StudySelection as StudySelection,
    find_cell_settings as find_cell_settings,
    run_figures as run_figures,
    run_guide as run_guide,
    run_replays as run_replays,
    run_report as run_report,
    run_summary as run_summary,
    run_tables as run_tables,
    run_takeaways as run_takeaways,
    run_trace as run_trace,
)
