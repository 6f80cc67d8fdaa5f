from .tune import run_tuning as run_tuning
