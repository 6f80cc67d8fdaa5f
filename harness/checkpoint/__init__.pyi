from .export import EXPORT_FOLDER as EXPORT_FOLDER, export_model as export_model, export_run as export_run
from .manager import (
    LEARNER_FOLDER as LEARNER_FOLDER,
    MODEL_FILE as MODEL_FILE,
    CheckpointManager as CheckpointManager,
    compute_identity as compute_identity,
    describe_resume as describe_resume,
)
