from .hf_sampler import HfSampler as HfSampler
from .hf_scores import (
    SIMILAR_LENGTH as SIMILAR_LENGTH,
    score_samples_hf as score_samples_hf,
    score_sequences as score_sequences,
)
from .learner import WEIGHTS_FILE as WEIGHTS_FILE, TorchLearner as TorchLearner
from .low_memory import (
    HEAD_ELEMENTS as HEAD_ELEMENTS,
    Head as Head,
    checkpoint_layer as checkpoint_layer,
    score_states as score_states,
)
from .validate import validate_model_support as validate_model_support
