from .compare import run_replay as run_replay
