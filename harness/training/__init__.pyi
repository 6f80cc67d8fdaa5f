from .loop import train as train
from .run import FinishedRun as FinishedRun, RunSpec as RunSpec, execute_run as execute_run
from .scores import predict_score_names as predict_score_names
from .session import build_training as build_training
from .single import run_single as run_single
